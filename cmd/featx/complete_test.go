package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/kernels"
	"github.com/featx-go/featx/sink"
)

// offered is what the shell is told for the last of the arguments, without the descriptions, and cobra's directive.
func offered(t *testing.T, dir string, args ...string) (list []string, directive string) {
	t.Helper()
	r := command(t, dir, append([]string{"__complete"}, args...)...)
	require.Zero(t, r.status)
	lines := strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n")
	for _, l := range lines[:len(lines)-1] {
		value, _, _ := strings.Cut(l, "\t")
		list = append(list, value)
	}
	return list, lines[len(lines)-1]
}

func TestComplete(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "models"), 0o777))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "resin"), 0o777))
	embedded, err := os.ReadFile(filepath.Join("..", "..", "weights", "embedded.safetensors"))
	require.NoError(t, err)
	write(t, dir, "resnet-mine.safetensors", embedded)
	write(t, dir, "models/broken.safetensors", []byte("broken"))
	write(t, dir, "notes.txt", nil)

	for _, c := range []struct {
		args      []string
		directive string   // :4 no files, :6 nor a space, :8 files with these endings, 32 in this order
		has, not  []string // of what is offered
	}{
		{[]string{"extract", "-m", ""}, ":4", []string{"cifar10-resnet20", "torchvision/", "keras/", "models/", "resnet-mine.safetensors"}, []string{"resnet50", "notes.txt"}},
		{[]string{"extract", "-m", "res"}, ":4", []string{"resnet50", "resnet50-v2", "resnet-mine.safetensors", "resin/"}, []string{"torchvision/resnet50", "models/"}},
		{[]string{"extract", "--model=torchvision/resnet5"}, ":4", []string{"torchvision/resnet50"}, []string{"resnet50", "keras/resnet50"}},
		{[]string{"extract", "-m", "tor"}, ":6", []string{"torchvision/"}, nil},
		{[]string{"extract", "-m", "models/"}, ":8", []string{"safetensors"}, nil},
		{[]string{"extract", "-l", ""}, ":38", []string{"conv1", "layer3.2"}, nil},
		{[]string{"extract", "-m", "resnet-mine.safetensors", "-l", "conv1,lay"}, ":38", []string{"conv1,layer3.2"}, []string{"conv1,conv1"}},
		{[]string{"extract", "-m", "resnet50", "-l", "lay"}, ":38", []string{"layer4.2"}, nil}, // which is not in the cache
		{[]string{"extract", "-m", "keras/vgg16", "-l", ""}, ":38", []string{"block5_pool", "fc1"}, nil},
		{[]string{"extract", "-m", "models/broken.safetensors", "-l", ""}, ":38", nil, []string{"conv1"}},
		{[]string{"extract", "--pool", ""}, ":4", []string{"none", "avg", "max", "gem"}, nil},
		{[]string{"extract", "--interpolation", "b"}, ":4", []string{"box", "bilinear", "bicubic"}, []string{"mean"}},
		{[]string{"extract", "--channels", ""}, ":4", []string{"rgb", "bgr"}, nil},
		{[]string{"extract", "--isa", ""}, ":38", []string{"generic", kernels.Best().String()}, nil},
		{[]string{"extract", "--batch", ""}, ":4", nil, []string{"notes.txt"}},
		{[]string{"extract", "-o", ""}, ":8", strings.Split(strings.TrimPrefix(strings.Join(sink.Endings, ""), "."), "."), nil},
		{[]string{"extract", ""}, ":8", []string{"jpg", "JPG", "npy"}, nil},
		{[]string{"layers", "resnet50", ""}, ":4", nil, []string{"resnet50"}},
		{[]string{"bench", "--seeded", ""}, ":4", []string{"resnet50"}, []string{"cifar10-resnet20"}},
		{[]string{"pull", "vgg16", "keras/v"}, ":4", []string{"keras/vgg16"}, nil},
		{[]string{"convert", "--arch", "keras/res"}, ":4", []string{"keras/resnet50"}, nil},
		{[]string{"convert", ""}, ":8", []string{"pth", "onnx", "keras"}, nil},
		{[]string{"convert", "a.pth", ""}, ":8", []string{"safetensors"}, []string{"pth"}},
		{[]string{"verify", "resnet50", ""}, ":8", []string{"npz"}, nil},
		{[]string{"models", "rm", ""}, ":4", nil, []string{"resnet50"}},
		{[]string{"e"}, ":4", []string{"extract"}, []string{"pull"}},
	} {
		list, directive := offered(t, dir, c.args...)
		require.Equal(t, c.directive, directive, "%q", c.args)
		if len(c.has) > 0 {
			require.Subset(t, list, c.has, "%q", c.args)
		}
		for _, n := range c.not {
			require.NotContains(t, list, n, "%q", c.args)
		}
	}
}

// Every verb says what its arguments are, and no flag or verb of the tables is one that is gone.
func TestCompleteIsComplete(t *testing.T) {
	flags, verbs := map[string]bool{}, map[string]bool{}
	var each func(*cobra.Command)
	each = func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) { flags[f.Name] = true })
		_, verb, _ := strings.Cut(c.CommandPath(), " ")
		verbs[verb] = true
		if verb != "" {
			require.NotNil(t, c.ValidArgsFunction, "complete.go does not say what %q takes", verb)
		}
		for _, below := range c.Commands() {
			each(below)
		}
	}
	each(newRoot())
	for name := range flagValues {
		require.True(t, flags[name], "no verb has --%s", name)
	}
	for verb := range verbArguments {
		require.True(t, verbs[verb], "there is no verb %q", verb)
	}
}

// In a real shell: what stands on the line behind the last word when Tab is pressed.
func TestCompleteInBash(t *testing.T) {
	const library = "/usr/share/bash-completion/bash_completion"
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here")
	}
	if _, err := os.Stat(library); err != nil {
		t.Skip("no bash-completion here: ", err)
	}
	dir := pictures(t, "ship.jpg")
	write(t, dir, "weights.safetensors", nil)
	for _, c := range []struct{ line, want string }{
		{"featx extract -m torchvision/resnet101-", "torchvision/resnet101-v2"},
		{"featx extract -m resnet50 -l layer4.2,flat", `layer4.2\,flatten`}, // the backslash does no harm
		{`featx extract -m resnet50 -l layer4.2\,flatten,f`, `layer4.2\,flatten\,fc`},
		{"featx extract -m resnet50 --layer layer4.2.conv2", "layer4.2.conv2"},
		{"featx extract -m weigh", "weights.safetensors"},
		{"featx extract --pool=g", "gem"},
		{"featx extract --interpolation lan", "lanczos"},
		{"featx extract p/sh", "p/ship.jpg"},
		{"featx ext", "extract"},
	} {
		// As bash itself calls the function that `complete -p` shows, with = and : as words of their own.
		script := `source ` + library + `; source <(featx completion bash); complete -p featx
			COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9
			read -r -a COMP_WORDS <<<"${1//=/ = }"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
			__start_featx featx "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}" 2>/dev/null
			printf '%s\n' "${COMPREPLY[@]}"`
		shell := exec.Command(bash, "--norc", "-c", script, "bash", c.line)
		var stderr bytes.Buffer
		shell.Dir, shell.Stderr, shell.Env = dir, &stderr, append(os.Environ(), "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"))
		out, err := shell.Output()
		require.NoError(t, err, "%s: %s", c.line, stderr.String())
		registered, list, _ := strings.Cut(string(out), "\n")
		require.Contains(t, registered, "-F __start_featx featx")
		require.Equal(t, c.want, strings.TrimSpace(list), c.line)
	}
}
