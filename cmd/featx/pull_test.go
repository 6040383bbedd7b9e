package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/weights"
)

// seededFile is plain safetensors with a network's seeded weights.
func seededFile(t *testing.T, network string) []byte {
	t.Helper()
	g, err := arch.Build(network, arch.Options{})
	require.NoError(t, err)
	source, err := arch.Seeded(g, 1)
	require.NoError(t, err)
	params, err := g.Params()
	require.NoError(t, err)
	var tensors []weights.Tensor
	for _, p := range params {
		w, _ := source.Weight(p.Tensor)
		tensors = append(tensors, weights.Tensor{Name: p.Tensor, DType: weights.F32, Shape: p.Shape, Data: w.Data})
	}
	var b bytes.Buffer
	require.NoError(t, weights.WriteSafetensors(&b, map[string]string{"format": "pt"}, tensors, nil))
	return b.Bytes()
}

// hub serves the repository some/cifar as Hugging Face would: a CIFAR ResNet-20 with seeded weights. It counts the downloads of the weights.
func hub(t *testing.T) (environment []string, weightsFile []byte, downloads *atomic.Int64) {
	t.Helper()
	data := seededFile(t, "cifar_resnet20")
	files := map[string][]byte{
		"model.safetensors": data,
		"config.json":       []byte(`{"architecture": "resnet20", "pretrained_cfg": {"input_size": [3, 48, 48], "crop_pct": 1, "interpolation": "bicubic", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}`),
	}
	downloads = &atomic.Int64{}
	const commit = "0123456789abcdef"
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/models/some/cifar/revision/main", func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"sha": commit})
	})
	mux.HandleFunc("GET /api/models/some/cifar/tree/"+commit, func(w http.ResponseWriter, r *http.Request) {
		var list []any
		for name, data := range files {
			list = append(list, map[string]any{"type": "file", "path": name, "size": len(data), "lfs": map[string]any{"oid": fmt.Sprintf("%x", sha256.Sum256(data))}})
		}
		json.NewEncoder(w).Encode(list)
	})
	mux.HandleFunc("GET /some/cifar/resolve/"+commit+"/{file}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("file") == "model.safetensors" {
			downloads.Add(1)
		}
		http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader(files[r.PathValue("file")]))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return []string{"HF_ENDPOINT=" + server.URL, "HF_TOKEN=", "FEATX_CACHE=" + t.TempDir(), "FEATX_MIRROR=", "FEATX_OFFLINE="}, data, downloads
}

func TestPull(t *testing.T) {
	env, file, downloads := hub(t)
	dir := pictures(t, "ship.jpg")
	write(t, dir, "source.safetensors", file)
	ok(t, dir, "convert", "--size", "48", "--interpolation", "bicubic", "--resize", "48", "--crop", "center", "--mean", "0.5", "--std", "0.5", "source.safetensors", "local.safetensors")
	want := ok(t, dir, "extract", "-m", "local.safetensors", "p")

	// The first use pulls, the next ones do not.
	const name = "hf:some/cifar"
	r := commandEnv(t, dir, env, "extract", "-m", name, "p")
	require.Zero(t, r.status, r.stderr)
	require.Equal(t, want, r.stdout)
	require.Contains(t, r.stderr, "featx: hf:some/cifar: downloading http://")
	require.Contains(t, r.stderr, "featx: hf:some/cifar: 1.1 of 1.1 MB\n")
	offline := append(env, "FEATX_OFFLINE=1")
	for _, args := range []string{"extract -m hf:some/cifar p", "layers hf:some/cifar", "bench --rounds 1 hf:some/cifar", "pull hf:some/cifar", "models hf:*", "models --cached --json"} {
		r := commandEnv(t, dir, offline, strings.Fields(args)...)
		require.Zero(t, r.status, r.stderr)
		require.Empty(t, r.stderr)
		switch args {
		case "extract -m hf:some/cifar p":
			require.Equal(t, want, r.stdout)
		case "models hf:*":
			require.Regexp(t, `(?m)^hf:some/cifar +cached +1\.1 +48x48 +flatten +model\.safetensors$`, r.stdout)
		case "models --cached --json":
			var list []listedModel
			require.NoError(t, json.Unmarshal([]byte(r.stdout), &list))
			require.Len(t, list, 2)
			require.Equal(t, weights.EmbeddedName, list[0].Name)
			require.Equal(t, "embedded", list[0].State)
			require.Equal(t, fmt.Sprintf("%x", sha256.Sum256(file)), list[1].SHA256)
			require.Equal(t, "cifar_resnet20", list[1].Network)
			require.True(t, strings.HasSuffix(list[1].Source, "/some/cifar/resolve/0123456789abcdef/model.safetensors"), list[1].Source)
			require.FileExists(t, list[1].Path)
		}
	}
	require.EqualValues(t, 1, downloads.Load())
	r = commandEnv(t, dir, env, "pull", "--force", "--keep-source", name)
	require.Zero(t, r.status, r.stderr)
	require.Regexp(t, `^hf:some/cifar: .*cifar@main\.safetensors\n$`, r.stdout)
	require.EqualValues(t, 2, downloads.Load())
	cache := strings.TrimPrefix(env[2], "FEATX_CACHE=")
	kept, err := os.ReadFile(filepath.Join(cache, "sources", "hf", "some", "cifar@main", "model.safetensors"))
	require.NoError(t, err)
	require.Equal(t, file, kept)

	r = commandEnv(t, dir, env, "models", "rm", name)
	require.Zero(t, r.status, r.stderr)
	for args, reason := range map[string]string{
		"extract -m hf:some/cifar p":     "FEATX_OFFLINE forbids to download it",
		"models rm hf:some/cifar":        "model hf:some/cifar is not in the cache",
		"extract -m hf:some/cifar@v9 p":  "FEATX_OFFLINE forbids to download it",
		"extract -m resnet18 p":          "model torchvision/resnet18 is not in the cache",
		"pull resnet51":                  `unknown model "resnet51"; nearest: resnet`,
		"pull resnet18 keras/resnet51":   `unknown model "keras/resnet51"; nearest: keras/resnet50`,
		"pull hf:some":                   "want hf:OWNER/NAME",
		"pull":                           "want names of models",
		"models nonsense":                "no model is called nonsense",
		"models rm":                      "want names of models",
		"bench hf:some/cifar":            "model hf:some/cifar is not in the cache",
		"verify hf:some/cifar dump.npz":  "FEATX_OFFLINE forbids to download it",
		"layers torchvision/no-such-net": `unknown model "torchvision/no-such-net"`,
	} {
		r := commandEnv(t, dir, offline, strings.Fields(args)...)
		require.Equal(t, statusFailed, r.status, args)
		requireLine(t, r.stderr, reason)
	}
	requireOnly(t, dir, "p", "source.safetensors", "local.safetensors")
}

func TestMirror(t *testing.T) {
	dir := pictures(t, "ship.jpg")
	mirror := t.TempDir()
	env := []string{"FEATX_MIRROR=" + mirror, "FEATX_CACHE=" + t.TempDir(), "FEATX_OFFLINE=1"}
	r := commandEnv(t, dir, env, "extract", "-m", "resnet18", "p")
	require.Equal(t, statusFailed, r.status)
	requireLine(t, r.stderr, filepath.Join(mirror, "resnet18-f37072fd.pth")+": no such file in the mirror of FEATX_MIRROR")
	write(t, mirror, "resnet18-f37072fd.pth", []byte("something else"))
	r = commandEnv(t, dir, env, "pull", "resnet18")
	require.Equal(t, statusFailed, r.status)
	requireLine(t, r.stderr, "the published one begins with f37072fd: it is not the file that was published")
	r = commandEnv(t, dir, env, "models", "--cached")
	require.Zero(t, r.status)
	require.Equal(t, 2, strings.Count(r.stdout, "\n"), r.stdout)
}

// A published file becomes a model of the registry's network, with the registry's recipe and its address as the source.
func TestConvertEntry(t *testing.T) {
	for _, name := range []string{"squeezenet1_1", "shufflenet_v2_x0_5"} {
		e, err := weights.Lookup(name)
		require.NoError(t, err)
		dir := t.TempDir()
		data := seededFile(t, e.Network)
		write(t, dir, "download", data)
		require.NoError(t, convertEntry(t.Context(), filepath.Join(dir, "download"), filepath.Join(dir, "model"), e))
		m, err := weights.Open(filepath.Join(dir, "model"))
		require.NoError(t, err)
		require.Equal(t, e.Network, m.Graph.Arch)
		require.Equal(t, e.Recipe, m.Recipe)
		require.Equal(t, weights.Source{File: e.URL, SHA256: fmt.Sprintf("%x", sha256.Sum256(data)), Arch: e.Network, Format: "safetensors"}, m.Source)
		m.Close()

		e.Network, e.URL = "resnet18", "https://weights.invalid/resnet18.pth"
		require.ErrorContains(t, convertEntry(t.Context(), filepath.Join(dir, "download"), filepath.Join(dir, "other"), e), "the weights do not fit the network")
		requireOnly(t, dir, "download", "model")
	}
}

// Proxies are those of the environment.
func TestProxy(t *testing.T) {
	asked := make(chan string, 9)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.String()
		http.NotFound(w, r)
	}))
	defer proxy.Close()
	env := []string{"FEATX_MIRROR=http://weights.invalid/a", "FEATX_CACHE=" + t.TempDir(), "FEATX_OFFLINE=", "HTTP_PROXY=" + proxy.URL, "http_proxy=", "NO_PROXY=", "no_proxy="}
	r := commandEnv(t, t.TempDir(), env, "pull", "resnet18")
	require.Equal(t, statusFailed, r.status)
	require.Contains(t, r.stderr, "featx: http://weights.invalid/a/resnet18-f37072fd.pth: the server answers 404 Not Found: there is no such file\n")
	require.Equal(t, "http://weights.invalid/a/resnet18-f37072fd.pth", <-asked)
}

func TestModels(t *testing.T) {
	t.Setenv("FEATX_CACHE", t.TempDir())
	dir := t.TempDir()
	all := ok(t, dir, "models")
	require.Regexp(t, `(?m)^cifar10-resnet20 +embedded +0\.\d +32x32 +flatten `, all)
	require.Regexp(t, `(?m)^torchvision/resnet50-v2 +available +102\.5 +224x224 +flatten +resnet50-11ad3fa6\.pth$`, all)
	require.Regexp(t, `(?m)^keras/vgg16-notop +(available|unsupported) +58\.9 +224x224 +\S+ +vgg16_weights_tf_dim_ordering_tf_kernels_notop\.h5$`, all)
	require.Equal(t, len(weights.Registry())+2, strings.Count(all, "\n"))
	some := ok(t, dir, "models", "vgg16", "keras/resnet*")
	require.Contains(t, some, "\ntorchvision/vgg16 ")
	require.Contains(t, some, "\nkeras/resnet152v2-notop ")
	require.NotContains(t, some, "torchvision/resnet50")
	require.NotContains(t, some, "inception")
	requireOnly(t, dir)
}

// Ctrl-C during a download: nothing in the cache but what the next pull goes on with.
func TestPullInterrupt(t *testing.T) {
	asked := make(chan bool, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		w.Write(make([]byte, 500_000))
		http.NewResponseController(w).Flush()
		asked <- true
		<-r.Context().Done()
	}))
	defer server.Close()
	cache := t.TempDir()
	var stderr bytes.Buffer
	c := exec.Command(program, "pull", "resnet18")
	c.Env = append(os.Environ(), "FEATX_CACHE="+cache, "FEATX_MIRROR="+server.URL, "FEATX_OFFLINE=")
	c.Stderr = &stderr
	require.NoError(t, c.Start())
	<-asked
	require.NoError(t, c.Process.Signal(os.Interrupt))
	require.Error(t, c.Wait())
	require.Equal(t, statusInterrupted, c.ProcessState.ExitCode(), stderr.String())
	require.Contains(t, stderr.String(), "interrupted")
	require.NoFileExists(t, filepath.Join(cache, "models", "torchvision", "resnet18.safetensors"))
}
