package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/sink/npy"
)

// array is what a test puts into a dump.
type array struct {
	name   string
	dims   []int
	values []float32
}

// arraysOf reads the dump that PyTorch made of the embedded model (testdata/verify/make.py).
func arraysOf(t *testing.T) (list []array) {
	t.Helper()
	a, err := npy.OpenArchive(testdata(t, "verify/embedded.npz"))
	require.NoError(t, err)
	defer a.Close()
	for _, x := range a.Arrays {
		values, err := x.Values()
		require.NoError(t, err)
		list = append(list, array{x.Name, x.Dims, values})
	}
	return list
}

func writeDump(t *testing.T, dir, name string, list []array) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, x := range list {
		w, err := z.Create(x.name + ".npy")
		require.NoError(t, err)
		_, err = w.Write(npy.AppendFloats(npy.Header("<f4", x.dims...), x.values))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	write(t, dir, name, b.Bytes())
}

func find(t *testing.T, list []array, name string) *array {
	i := slices.IndexFunc(list, func(a array) bool { return a.name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return &list[i]
}

func TestVerify(t *testing.T) {
	dir := t.TempDir()
	dump := testdata(t, "verify/embedded.npz")
	out := ok(t, dir, "verify", "cifar10-resnet20", dump)
	require.Regexp(t, `(?m)^layer2\.0\.conv1 +32x4x2 +[\d.]+ +\d\.\de-0[78] *$`, out)
	require.Regexp(t, `all 49 arrays agree, which are \d\d of the network's 73 layers; the largest error is \d\.\de-0[67]`, out)
	require.NotContains(t, out, "differs")
	require.Equal(t, out, ok(t, dir, "verify", "--threads", "1", "--isa", "generic", "cifar10-resnet20", dump))

	// A layer with the channels last.
	list := arraysOf(t)
	map1 := find(t, list, "layer1.0.conv1")
	n, c, h, w := map1.dims[0], map1.dims[1], map1.dims[2], map1.dims[3]
	moved := make([]float32, 0, len(map1.values))
	for i := range n * h * w * c { // n, row, column, channel
		picture, row, column, channel := i/(h*w*c), i/(w*c)%h, i/c%w, i%c
		moved = append(moved, map1.values[((picture*c+channel)*h+row)*w+column])
	}
	*map1 = array{map1.name, []int{n, h, w, c}, moved}
	writeDump(t, dir, "last.npz", list)
	require.Equal(t, out, ok(t, dir, "verify", "cifar10-resnet20", "last.npz"))

	// One number of one layer.
	list = arraysOf(t)
	writeDump(t, dir, "same.npz", list)
	require.Equal(t, out, ok(t, dir, "verify", "cifar10-resnet20", "same.npz"))
	x := find(t, list, "layer2.1.conv1")
	last := len(x.values) - 1 // of picture 1, channel 31, row 3, column 1
	x.values[last] += 1
	writeDump(t, dir, "one.npz", list)
	r := command(t, dir, "verify", "cifar10-resnet20", "one.npz")
	require.Equal(t, statusPartly, r.status)
	require.Empty(t, r.stderr)
	require.Regexp(t, `1 of 49 layers differ; the first is layer2\.1\.conv1 \(error 0?\.?\d\S*; picture 1, \[31 3 1\]: featx \S+, the dump \S+\); the last before it, \S+, agrees\n$`, r.stdout)
	require.Regexp(t, `(?m)^layer2\.1\.conv1 .* differs$`, r.stdout)
	x.values[last] -= 1
	x.values[0] = float32(math.NaN())
	writeDump(t, dir, "nan.npz", list)
	r = command(t, dir, "verify", "--tolerance", "1e9", "cifar10-resnet20", "nan.npz")
	require.Equal(t, statusPartly, r.status)
	require.Contains(t, r.stdout, "the first is layer2.1.conv1 (error +Inf; picture 0, [0 0 0]")

	// Another input: everything differs, and the first layer of the network is named, whatever the order in the dump.
	list = arraysOf(t)
	find(t, list, "__input__").values[5] += 0.5
	slices.Reverse(list)
	writeDump(t, dir, "input.npz", list)
	r = command(t, dir, "verify", "cifar10-resnet20", "input.npz")
	require.Equal(t, statusPartly, r.status)
	require.Contains(t, r.stdout, "the first is conv1 (")
	require.Contains(t, r.stdout, "no layer of the dump is before it")

	// What is no layer is named, a single picture needs no first axis, a pooled map may keep its axes.
	list = arraysOf(t)
	row := func(name, as string, dims ...int) array {
		x := find(t, list, name)
		return array{as, dims, x.values[:len(x.values)/2]}
	}
	some := []array{row("__input__", "input", 3, 8, 4), row("layer1.0.conv1", "layer1.0.conv1", 16, 8, 4), row("linear", "linear", 1, 10, 1, 1), row("conv1", "nonsense", 16, 8, 4)}
	writeDump(t, dir, "some.npz", some)
	out = ok(t, dir, "verify", "cifar10-resnet20", "some.npz")
	require.Contains(t, out, "1 arrays of the dump are no layers here: nonsense")
	require.Contains(t, out, "all 2 arrays agree, which are 2 of")
	some[1].dims = []int{16, 4, 8}
	writeDump(t, dir, "shape.npz", some)
	r = command(t, dir, "verify", "cifar10-resnet20", "shape.npz")
	require.Equal(t, statusPartly, r.status)
	require.Contains(t, r.stdout, "the first is layer1.0.conv1 (the dump has the shape [16 4 8], featx [1 16 8 4])")

	r = command(t, dir, "verify", "--json", "cifar10-resnet20", "nan.npz")
	require.Equal(t, statusPartly, r.status)
	var report struct {
		First  string `json:"first_difference"`
		Layers []struct {
			Name   string
			Shape  []int
			Error  *float64
			Agrees bool
		}
	}
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &report), r.stdout)
	require.Equal(t, "layer2.1.conv1", report.First)
	require.Len(t, report.Layers, 49)
	require.Nil(t, report.Layers[slices.IndexFunc(report.Layers, func(l struct {
		Name   string
		Shape  []int
		Error  *float64
		Agrees bool
	}) bool {
		return !l.Agrees
	})].Error)

	// A model with one wrong weight against the right dump.
	m := model(t, dir, "cifar_resnet20")
	require.Equal(t, statusPartly, command(t, dir, "verify", filepath.Base(m), dump).status)
}

func TestVerifyErrors(t *testing.T) {
	dir := t.TempDir()
	list := arraysOf(t)
	input := *find(t, list, "__input__")
	layer := *find(t, list, "layer1.0.conv1")
	writeDump(t, dir, "good.npz", []array{input, layer})
	writeDump(t, dir, "noinput.npz", []array{layer})
	writeDump(t, dir, "nolayer.npz", []array{input, {"a", layer.dims, layer.values}})
	writeDump(t, dir, "channels.npz", []array{{"input", []int{2, 8, 4, 3}, input.values}, layer})
	writeDump(t, dir, "rank.npz", []array{{"input", []int{192}, input.values}, layer})
	writeDump(t, dir, "none.npz", []array{{"input", []int{0, 3, 8, 4}, nil}, layer})
	good := read(t, dir, "good.npz")
	write(t, dir, "cut.npz", good[:len(good)/2])
	write(t, dir, "text.npz", []byte("text"))
	for _, c := range []struct{ args, reason string }{
		{"cifar10-resnet20", "want MODEL and DUMP.npz"},
		{"cifar10-resnet20 missing.npz", "missing.npz: no such file"},
		{"cifar10-resnet20 cut.npz", "cut.npz: is no .npz file (a zip archive of arrays), or a truncated one"},
		{"cifar10-resnet20 text.npz", "text.npz: is no .npz file"},
		{"cifar10-resnet20 noinput.npz", "noinput.npz: holds no input: an array called __input__ or input"},
		{"cifar10-resnet20 nolayer.npz", "nolayer.npz: none of its arrays is a layer of cifar_resnet20: a; `featx layers` lists them"},
		{"cifar10-resnet20 channels.npz", `channels.npz: array "input" is [2 8 4 3]: the network takes [3`},
		{"cifar10-resnet20 rank.npz", `array "input" is [192]: want one row per picture`},
		{"cifar10-resnet20 none.npz", `array "input" is [0 3 8 4]: want 1 to 4096 pictures`},
		{"missing.safetensors good.npz", "missing.safetensors: no such file"},
		{"--tolerance -1 cifar10-resnet20 good.npz", "--tolerance -1: must be 0 or more"},
		{"--isa sse9 cifar10-resnet20 good.npz", `unknown instruction set "sse9"`},
	} {
		r := command(t, dir, append([]string{"verify"}, strings.Fields(c.args)...)...)
		require.Equal(t, statusFailed, r.status, c.args)
		requireLine(t, r.stderr, c.reason)
		require.Empty(t, r.stdout)
	}
}
