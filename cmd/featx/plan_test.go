package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	stdimage "image"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/pipeline"
)

func TestPlan(t *testing.T) {
	dir := pictures(t, "ship.jpg")
	path := model(t, dir, "resnet18")
	text := ok(t, dir, "plan", "--batch", "8", "resnet18.safetensors")
	require.Regexp(t, `^resnet18.safetensors, input 224 x 224 \(height x width\), batch 8, \d+ thread`, text)
	require.Regexp(t, `(?m)^flatten +512 +2,048$`, text)
	require.Regexp(t, `(?m)^parameters +11,176,512$`, text) // torchvision's 11,689,512 without the classifier's
	require.Regexp(t, `(?m)^multiply-adds +1,816,045,056 for a picture$`, text)
	require.Regexp(t, `(?m)^weights stored +46\.8 MB$`, text)
	require.Regexp(t, `(?m)^weights packed +8\d\.\d MB, of which Winograd's filters \d\d\.\d MB$`, text)

	plan := func(args ...string) (p planReport) {
		require.NoError(t, json.Unmarshal([]byte(ok(t, dir, append([]string{"plan", "--json"}, args...)...)), &p))
		return p
	}
	// The network alone gives the same plan as the weights, and is there under the names of the registry.
	stored := plan("resnet18.safetensors")
	known := plan("resnet18")
	require.Equal(t, "not downloaded", known.State)
	known.Model, known.State = stored.Model, ""
	require.Equal(t, stored, known)
	require.Equal(t, "not downloaded", plan("keras/vgg16-notop").State)
	require.Less(t, plan("--dtype", "f16", "resnet18").Stored, stored.Stored*6/10)
	require.Equal(t, "as if stored as f16", plan("--dtype", "f16", "resnet18.safetensors").State)

	shallow := plan("-l", "layer1,conv1", "--pool", "avg", "--size", "448", "--threads", "3", "--batch", "2", "resnet18")
	require.Equal(t, []planLayer{{"layer1", []int{64}, 256}, {"conv1", []int{64}, 256}}, shallow.Layers)
	require.Less(t, shallow.Parameters, int64(200_000))
	require.Equal(t, [2]int{448, 448}, shallow.Size)
	require.Equal(t, []int{3, 2}, []int{shallow.Threads, shallow.Batch})
	require.Equal(t, "cifar10-resnet20", plan().Model)

	// The queues are what the pipeline will have, and their bytes what the memory is planned for.
	require.Equal(t, []pipeline.Queue{{Name: "waiting", Pictures: 3}, {Name: "decoding", Pictures: 3}, {Name: "ready", Pictures: 6, Bytes: 6 * 448 * 448 * 3 * 4}}, shallow.Queues)
	require.Equal(t, shallow.Memory.Pictures, shallow.Queues[2].Bytes)
	views := plan("--crop", "ten", "--batch", "4", "resnet18")
	require.Equal(t, pipeline.Queue{Name: "ready", Pictures: 3, Bytes: 3 * 10 * 224 * 224 * 3 * 4}, views.Queues[2])
	require.Regexp(t, `(?m)^ready +24 +prepared, 3 batches of 8, one of them in the network: 14\.5 MB$`, text)

	for _, c := range []struct{ args, reason string }{
		{"resnet19", `unknown model "resnet19"; nearest`},
		{"missing.safetensors", "missing.safetensors: no such file"},
		{"hf:timm/resnet18.a1_in1k", "featx pull"},
		{"--dtype f8 resnet18", `--dtype "f8": must be f32 or f16`},
		{"-l nope resnet18", `no layer "nope"`},
		{"--batch 0 resnet18", "--batch 0: must be at least 1"},
		{"--max-memory much resnet18", `--max-memory "much": want bytes`},
		{"--measure p/ship.jpg resnet18", "resnet18 is not downloaded"},
		{"--pool mean resnet18", `unknown pooling "mean"`},
		{"a b", "2 arguments"},
	} {
		r := command(t, dir, append([]string{"plan"}, strings.Fields(c.args)...)...)
		require.Equal(t, statusFailed, r.status, c.args)
		requireLine(t, r.stderr, c.reason)
	}
	require.FileExists(t, path)
}

// Less memory is enough, down to the number that the error tells; the bytes stay.
func TestMaxMemory(t *testing.T) {
	dir := pictures(t, some...)
	model(t, dir, "resnet18")
	args := []string{"extract", "-m", "resnet18.safetensors", "-l", "layer1", "--pool", "avg", "p"}
	want := ok(t, dir, args...)
	r := command(t, dir, append(args, "--max-memory", "20MB")...)
	require.Equal(t, statusFailed, r.status)
	requireLine(t, r.stderr, "at a time on 1 threads need", "but 20 MB are allowed: choose a smaller picture")
	need := regexp.MustCompile(`need (\d+) MB`).FindStringSubmatch(r.stderr)[1]
	require.Equal(t, want, ok(t, dir, append(args, "--max-memory", need+"MB")...))
	require.Equal(t, want, ok(t, dir, append(args, "--max-memory", "1GiB")...))
	least, err := strconv.Atoi(need)
	require.NoError(t, err)
	require.Equal(t, statusFailed, command(t, dir, append(args, "--max-memory", fmt.Sprint(least-1, "MB"))...).status)

	// A picture that would take too much to decode is left out; the others are done.
	var large bytes.Buffer
	require.NoError(t, png.Encode(&large, stdimage.NewRGBA(stdimage.Rect(0, 0, 5000, 4000))))
	write(t, filepath.Join(dir, "p"), "large.png", large.Bytes())
	r = command(t, dir, append(args, "--max-memory", need+"MB")...)
	require.Equal(t, statusPartly, r.status)
	requireLine(t, r.stderr, "large.png: too large for the memory that there is: decoding takes 220.0 MB, of which ")
	require.Equal(t, want, r.stdout)
	rest := ok(t, dir, append(args, "--max-memory", "1GB")...)
	require.Equal(t, strings.Count(want, "\n")+1, strings.Count(rest, "\n"))
}

func TestParseMemory(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "1": 1, "500000000": 500e6, "64MB": 64e6, "64 MB": 64e6, "64M": 64e6, "64MiB": 64 << 20, "1.5GiB": 3 << 29, "2GB": 2e9, "12kB": 12e3, "3kiB": 3 << 10} {
		got, err := parseBytes("max-memory", text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"0", "-1", "MB", "1TB", "1iB", "1e9", "64MB ", "99999999999999999999GB", "0.1B", "1mb", "NaN"} {
		_, err := parseBytes("max-memory", text)
		require.ErrorContains(t, err, "--max-memory", text)
	}
}

// What is expected is what the process takes, within 15 %.
func TestPlanIsHonest(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip(err)
	}
	dir := pictures(t, "ship.jpg")
	for _, network := range []string{"mobilenet_v2", "resnet50"} {
		path := modelAs(t, dir, network, engine.F32)
		for _, flags := range []string{"--batch 1 --threads 1", "--batch 1 --threads 2", "--batch 8 --threads 1", "--batch 8 --threads 2", "--batch 8 --threads 2 --crop ten --l2"} {
			var p planReport
			args := append(append([]string{"plan", "--json", "--measure", "p/ship.jpg"}, strings.Fields(flags)...), path)
			require.NoError(t, json.Unmarshal([]byte(ok(t, dir, args...)), &p))
			t.Logf("%s %s: %.1f MB expected, %.1f measured", network, flags, float64(p.Resident)/1e6, float64(p.Measured)/1e6)
			require.InEpsilon(t, p.Resident, p.Measured, 0.15, "%s %s", network, flags)
		}
	}
}
