package keras

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/kernels"
	"github.com/featx-go/featx/weights"
)

// unzipped reads a file that testdata/make_models.py made.
func unzipped(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", path))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	data, err := io.ReadAll(z)
	require.NoError(t, err)
	return data
}

var Unzipped = unzipped // for package keras_test

// weightMap fetches all tensors of a file.
func weightMap(t testing.TB, f *File) engine.WeightMap {
	t.Helper()
	m := engine.WeightMap{}
	for _, x := range f.Tensors {
		w, err := x.Fetch()
		require.NoError(t, err)
		m[x.Name], err = w.Weight()
		require.NoError(t, err)
	}
	return m
}

// compute gives all layers of pictures of the given height and width.
func compute(t testing.TB, f *File, size [2]int, layers []string, input []float32) []([]float32) {
	t.Helper()
	isa, err := kernels.Select("")
	require.NoError(t, err)
	m, err := engine.NewModel(f.Graph, weightMap(t, f), isa)
	require.NoError(t, err)
	n := len(input) / (size[0] * size[1] * f.Graph.Input.C)
	p, err := m.Plan(engine.PlanOptions{Layers: layers, Size: size, Batch: n})
	require.NoError(t, err)
	r := p.NewRunner(2)
	defer r.Close()
	require.NoError(t, r.Run(n, input))
	out := make([][]float32, len(p.Outputs()))
	for i := range out {
		out[i] = slices.Clone(r.Output(i))
	}
	return out
}

// expectation is what Keras computed: layer -> values.
type expectation struct {
	input  weights.Tensor
	layers map[string]weights.Tensor
}

func expectations(t testing.TB, dir string) map[string]*expectation {
	t.Helper()
	c, err := weights.ParseSafetensors(unzipped(t, filepath.Join(dir, "expected.safetensors.gz")))
	require.NoError(t, err)
	all := map[string]*expectation{}
	for _, x := range c.Tensors {
		model, layer, _ := strings.Cut(x.Name, ":")
		if all[model] == nil {
			all[model] = &expectation{layers: map[string]weights.Tensor{}}
		}
		if layer == "input" {
			all[model].input = x
		} else {
			all[model].layers[layer] = x
		}
	}
	return all
}

func floats(t testing.TB, x weights.Tensor) []float32 {
	t.Helper()
	w, err := x.Weight()
	require.NoError(t, err)
	return w.Float32s()
}

// worst is the largest difference over the largest value.
func worst(t testing.TB, want, got []float32) float64 {
	t.Helper()
	require.Len(t, got, len(want))
	var largest, e float64
	for i, v := range want {
		largest = max(largest, math.Abs(float64(v)))
		if d := math.Abs(float64(v) - float64(got[i])); !(d <= e) {
			e = d
		}
	}
	return e / max(largest, math.SmallestNonzeroFloat32)
}

// check compares every layer that Keras gave values of.
func (e *expectation) check(t *testing.T, f *File, tolerance float64) {
	t.Helper()
	size := [2]int{e.input.Shape[1], e.input.Shape[2]}
	var names []string
	for name := range e.layers {
		if name != "output" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if _, ok := e.layers["output"]; ok {
		names = append(names, f.Graph.Nodes[len(f.Graph.Nodes)-1].Name)
	}
	for i, got := range compute(t, f, size, names, floats(t, e.input)) {
		want, ok := e.layers[names[i]]
		if !ok {
			want = e.layers["output"]
		}
		if d := worst(t, floats(t, want), got); !(d <= tolerance) {
			t.Errorf("layer %s: error %.3g of its largest value", names[i], d)
		}
	}
}

// Every layer of every model, in every format, against Keras.
func TestModels(t *testing.T) {
	for _, dir := range []string{"keras2", "keras3"} {
		all := expectations(t, dir)
		require.Len(t, all, 9)
		for model, e := range all {
			for _, ending := range []string{"h5", "keras"} {
				t.Run(fmt.Sprintf("%s/%s.%s", dir, model, ending), func(t *testing.T) {
					f, err := Read(unzipped(t, fmt.Sprintf("%s/%s.%s.gz", dir, model, ending)), Options{})
					require.NoError(t, err)
					require.Equal(t, engine.NHWC, f.Graph.Layout)
					e.check(t, f, 3e-6)
				})
			}
		}
	}
}

func TestTFJS(t *testing.T) {
	all := expectations(t, "keras2")
	for name, tolerance := range map[string]float64{"conv.tfjs": 3e-6, "norm.tfjs": 3e-6, "sequential.tfjs": 3e-6, "conv.float16": 4e-3, "conv.uint16": 4e-4, "conv.uint8": 6e-2} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata", "keras2", name)
			data, err := os.ReadFile(filepath.Join(dir, "model.json"))
			require.NoError(t, err)
			require.True(t, IsTFJS(data))
			f, err := Read(data, Options{Open: func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, name)) }})
			require.NoError(t, err)
			model, _, _ := strings.Cut(name, ".")
			all[model].check(t, f, tolerance)
		})
	}
	t.Run("shards", func(t *testing.T) {
		dir := filepath.Join("testdata", "keras2", "conv.tfjs")
		data, err := os.ReadFile(filepath.Join(dir, "model.json"))
		require.NoError(t, err)
		open := func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, name)) }
		_, err = Read(bytes.ReplaceAll(data, []byte(`"group1-shard1of`), []byte(`"../shard1of`)), Options{Open: open})
		require.ErrorContains(t, err, `does not lie beside the model`)
		_, err = Read(data, Options{Open: func(name string) ([]byte, error) { b, err := open(name); return b[:len(b)-4], err }})
		require.ErrorContains(t, err, "truncated")
		_, err = Read(data, Options{Open: func(name string) ([]byte, error) { b, err := open(name); return append(b, 0), err }})
		require.ErrorContains(t, err, "longer than the weights")
	})
}
