package engine_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/kernels"
	"github.com/featx-go/featx/weights"
)

// opTolerance is the largest error of an operation, or of a block of a few, over its largest value: 1e-6, and for sums of more than 281
// products the random walk of as many roundings by half a unit in the last place.
func opTolerance(products int) float64 { return max(1e-6, math.Sqrt(float64(products))/(1<<24)) }

// Every operation against references that are not ours: PyTorch's (testdata/golden/make_ops.py, make_more_ops.py) and ONNX's conformance cases (make_onnx_ops.py).
// Each case runs fused and with every node asked for. With -v it prints the error of each.
func TestOpsGolden(t *testing.T) {
	for _, file := range []string{"ops.safetensors", "more_ops.safetensors", "onnx_ops.safetensors"} {
		data, err := os.ReadFile(filepath.Join("..", "testdata", "golden", file))
		require.NoError(t, err)
		container, err := weights.ParseSafetensors(data)
		require.NoError(t, err)
		tensors := map[string]weights.Tensor{}
		for _, tensor := range container.Tensors {
			tensors[tensor.Name] = tensor
		}
		var cases []struct {
			Name      string
			Graph     *engine.Graph
			Tolerance float64
		}
		require.NoError(t, json.Unmarshal([]byte(container.Metadata["cases"]), &cases))
		require.NotEmpty(t, cases)
		for _, c := range cases {
			t.Run(file+"/"+c.Name, func(t *testing.T) { testOpGolden(t, c.Name, c.Graph, c.Tolerance, tensors) })
		}
	}
}

func testOpGolden(t *testing.T, name string, g *engine.Graph, tolerance float64, tensors map[string]weights.Tensor) {
	float32s := func(name string) []float32 {
		w, err := tensors[name].Weight()
		require.NoError(t, err)
		return w.Float32s()
	}
	want := tensors[name]
	pictures := want.Shape[0]

	params, err := arch.Seeded(g, 0)
	require.NoError(t, err)
	products := 1
	for param, w := range params {
		if stored, ok := tensors[name+"."+param]; ok {
			params[param], err = stored.Weight()
			require.NoError(t, err)
		}
		if n := len(w.Shape); n > 1 {
			outputs := w.Shape[0]
			if g.Layout == engine.NHWC {
				outputs = w.Shape[n-1]
			}
			products = max(products, w.Elements()/outputs)
		}
	}
	var in []float32
	if _, ok := tensors[name+".input"]; ok {
		in = float32s(name + ".input")
		if g.Layout == engine.NCHW {
			nchw := in
			in = make([]float32, len(nchw))
			engine.NCHWToNHWC(in, nchw, pictures, g.Input)
		}
	} else {
		for i := range pictures {
			in = append(in, arch.SeededInput(g, uint64(i))...)
		}
	}

	tolerance = max(tolerance, opTolerance(products))
	shapes, err := g.Infer(g.Input)
	require.NoError(t, err)
	last := len(g.Nodes) - 1
	require.Equal(t, want.Shape[1:], shapes[last].Dims(g.Layout))
	for _, isa := range kernels.All() {
		for _, how := range []struct {
			what           string
			threads, batch int
			layers         []string
		}{
			{"fused", 2, pictures, []string{g.Nodes[last].Name}},
			{"every node", 1, 1, []string{"*"}},
		} {
			outputs := run(t, g, params, isa, how.threads, how.batch, how.layers, in)
			e := largestError(t, float32s(name), outputs[len(outputs)-1])
			t.Logf("%-7v %-10s %.2g", isa, how.what, e)
			require.LessOrEqual(t, e, tolerance, "%v, %s", isa, how.what)
		}
	}
}

// largestError is the largest difference over the largest finite value wanted. NaN and infinities must be where they are wanted.
func largestError(t *testing.T, want, got []float32) float64 {
	t.Helper()
	require.Len(t, got, len(want))
	finite := func(v float32) bool { return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) }
	var largest, worst float64
	for _, v := range want {
		if finite(v) {
			largest = max(largest, math.Abs(float64(v)))
		}
	}
	for i, v := range want {
		switch {
		case finite(v) && finite(got[i]):
			worst = max(worst, math.Abs(float64(got[i])-float64(v)))
		case v != got[i] && (v == v || got[i] == got[i]):
			t.Fatalf("value %d is %v, want %v", i, got[i], v)
		}
	}
	return worst / max(largest, math.SmallestNonzeroFloat32)
}
