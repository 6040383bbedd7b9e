package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/kernels"
	"github.com/featx-go/featx/tools/convert"
	"github.com/featx-go/featx/weights"
)

// model writes a network with seeded weights to a model file.
func model(t *testing.T, dir, network string) string {
	t.Helper()
	return modelAs(t, dir, network, engine.F32)
}

func modelAs(t *testing.T, dir, network string, dtype engine.DType) string {
	t.Helper()
	g, err := arch.Build(network, arch.Options{})
	require.NoError(t, err)
	w, err := arch.Seeded(g, 1)
	require.NoError(t, err)
	path := filepath.Join(dir, network+".safetensors")
	require.NoError(t, weights.Write(t.Context(), path, weights.Info{Graph: g, Recipe: convert.Recipe(g)}, w, dtype))
	return path
}

func TestLayers(t *testing.T) {
	dir := t.TempDir()
	model(t, dir, "resnet18")
	table := ok(t, dir, "layers", "resnet18.safetensors")
	// torchvision's own numbers: shape, parameters; 1,814,073,344 multiply-adds of convolutions and the classifier, and one per value of a batch norm.
	require.Regexp(t, `(?m)^\d+ +layer4\.1\.relu_1 +layer4 layer4\.1 layer4\.1\.act2 +ReLU +512x7x7 +0 +0 +100,352$`, table)
	require.Regexp(t, `(?m)^0 +conv1 +Conv2D +64x112x112 +9,408 +118,013,952 +3,211,264$`, table)
	require.Regexp(t, `(?m)^\d+ +flatten \* +global_pool global_pool\.flatten +Flatten +512 `, table)
	require.Regexp(t, `(?m)^ +total +11,689,512 +1,816,557,056 +\d`, table)

	var got struct {
		Arch   string
		Size   [2]int
		Layers []engine.NodeInfo
		Total  map[string]int64
	}
	require.NoError(t, json.Unmarshal([]byte(ok(t, dir, "layers", "--json", "--size", "256x128", "resnet18.safetensors")), &got))
	require.Equal(t, "resnet18", got.Arch)
	require.Equal(t, [2]int{256, 128}, got.Size)
	require.Equal(t, int64(11689512), got.Total["parameters"])
	require.Equal(t, strings.Count(table, "\n")-4, len(got.Layers))
	require.Equal(t, []int{64, 128, 64}, got.Layers[0].Dims)
	require.Equal(t, []string{"input"}, got.Layers[0].Inputs)

	require.Contains(t, ok(t, dir, "layers"), "cifar_resnet20, ")
	require.Equal(t, ok(t, dir, "layers"), ok(t, dir, "layers", "cifar10-resnet20"))
}

func TestConvert(t *testing.T) {
	dir := pictures(t, "ship.jpg")
	model(t, dir, "resnet18")
	report := ok(t, dir, "convert", "--dtype", "f16", "--size", "64", "--channels", "bgr", "resnet18.safetensors", "small.safetensors")
	require.Contains(t, report, "small.safetensors: resnet18")
	require.Regexp(t, `tensors +102, 11,699,112 values, stored as F16, 23,\d\d\d,\d\d\d bytes`, report)
	require.Regexp(t, `recipe +size 64x64, resize 73, bilinear, crop center, .*, bgr`, report)
	// The recipe is stored: flags of a run undo it.
	a := ok(t, dir, "extract", "-m", "small.safetensors", "p")
	require.Equal(t, a, ok(t, dir, "extract", "-m", "small.safetensors", "--size", "64", "--resize", "73", "--channels", "bgr", "p"))
	require.NotEqual(t, a, ok(t, dir, "extract", "-m", "small.safetensors", "--channels", "rgb", "p"))

	write(t, dir, "classes.txt", []byte("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n"))
	model(t, dir, "cifar_resnet20")
	for _, classes := range []string{"classes.txt", "airplane,automobile,bird,cat,deer,dog,frog,horse,ship,truck"} {
		report := ok(t, dir, "convert", "--classes", classes, "cifar_resnet20.safetensors", "named.safetensors")
		require.Regexp(t, `classes +10: airplane, automobile, bird, cat and 6 more`, report)
	}
	m, err := weights.Open(filepath.Join(dir, "named.safetensors"))
	require.NoError(t, err)
	defer m.Close()
	require.Equal(t, "truck", m.Classes[9])

	write(t, dir, "text.pth", []byte("just some text, and no weights at all"))
	for _, c := range []struct{ args, reason string }{
		{"missing.pth out.safetensors", "missing.pth: no such file"},
		{"text.pth out.safetensors", "text.pth: is of no known format"},
		{"p out.safetensors", "p: is a directory"},
		{"--dtype f64 resnet18.safetensors out.safetensors", `--dtype "f64": must be f32 or f16`},
		{"--arch resnet19 resnet18.safetensors out.safetensors", `unknown network "resnet19"; nearest are`},
		{"--arch resnet34 resnet18.safetensors out.safetensors", "80 missing: layer1.2.conv1.weight, layer1.2.bn1.weight"},
		{"--arch resnet34 resnet18.safetensors out.safetensors", "layer2.2.bn2.running_var and 60 more"},
		{"--size 0 resnet18.safetensors out.safetensors", `size "0"`},
		{"--classes a,b resnet18.safetensors out.safetensors", "2 class names for 1000 outputs"},
		{"--classes none.txt resnet18.safetensors out.safetensors", "none.txt: no such file"},
		{"resnet18.safetensors no/out.safetensors", "no/out.safetensors: "},
		{"resnet18.safetensors resnet18.safetensors", "is the source itself"},
		{"resnet18.safetensors", "want SRC and DST"},
	} {
		r := command(t, dir, append([]string{"convert"}, strings.Fields(c.args)...)...)
		require.Equal(t, statusFailed, r.status, c.args)
		requireLine(t, r.stderr, c.reason)
		require.NoFileExists(t, filepath.Join(dir, "out.safetensors"))
	}
}

// A conversion that is interrupted, here of 268 MB of zeros, leaves nothing behind and what was there alone.
func TestConvertInterrupt(t *testing.T) {
	dir := t.TempDir()
	g, err := arch.Build("cifar_resnet20", arch.Options{Classes: 1 << 20})
	require.NoError(t, err)
	params, err := g.Params()
	require.NoError(t, err)
	header, end := map[string]any{}, 0
	for _, p := range params {
		size := 4 * engine.Weight{Shape: p.Shape}.Elements()
		header[p.Tensor] = map[string]any{"dtype": "F32", "shape": p.Shape, "data_offsets": []int{end, end + size}}
		end += size
	}
	text, err := json.Marshal(header)
	require.NoError(t, err)
	write(t, dir, "zeros.safetensors", append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...))
	require.NoError(t, os.Truncate(filepath.Join(dir, "zeros.safetensors"), int64(8+len(text)+end)))
	write(t, dir, "old.safetensors", []byte("old"))

	for dst, signal := range map[string]os.Signal{"new.safetensors": os.Interrupt, "old.safetensors": syscall.SIGTERM} {
		var stderr bytes.Buffer
		c := exec.Command(program, "convert", "--dtype", "f16", "zeros.safetensors", dst)
		c.Dir, c.Stderr = dir, &stderr
		require.NoError(t, c.Start())
		require.Eventually(t, func() bool {
			begun, err := filepath.Glob(filepath.Join(dir, ".featx-*"))
			return err == nil && len(begun) == 1
		}, 20e9, 1e6)
		require.NoError(t, c.Process.Signal(signal))
		require.Error(t, c.Wait())
		require.Equal(t, statusInterrupted, c.ProcessState.ExitCode(), stderr.String())
		requireLine(t, stderr.String(), "interrupted: nothing is written")
		requireOnly(t, dir, "zeros.safetensors", "old.safetensors")
		require.Equal(t, "old", string(read(t, dir, "old.safetensors")))
	}
}

func TestInfo(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(kernels.EnvISA, "")
	os.Unsetenv(kernels.EnvISA)
	out := ok(t, dir, "info")
	require.Contains(t, out, "chosen     "+kernels.Best().String()+", the best")
	for _, f := range kernels.Catalogue {
		require.Regexp(t, `(?m)^  `+f.Name+` +`+f.Runs(kernels.Best()).String()+" ", out)
	}
	require.Regexp(t, `embedded model  cifar10-resnet20: cifar_resnet20, input 32 x 32, 10 classes\n  from +\S+, sha256 [0-9a-f]{64}`, out)
	isas := strings.Fields(ok(t, dir, "info", "--isas"))
	require.Equal(t, "generic", isas[0])
	require.Equal(t, kernels.Best().String(), isas[len(isas)-1])
	require.Contains(t, ok(t, dir, "info", "--isa", "generic"), "chosen     generic, because of --isa")
	r := commandEnv(t, dir, []string{"FEATX_ISA=generic"}, "info")
	require.Contains(t, r.stdout, "chosen     generic, because of FEATX_ISA")
}
