package onnx

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/weights"
)

const exports = "../../../testdata/onnx" // written by make.py there

// Small networks as PyTorch's two exporters, tf2onnx and Keras 3 write them, against ONNX Runtime; all outputs, at the size they were exported for or, where that is open, at another one.
func TestExports(t *testing.T) {
	testExports(t, exports)
}

// testExports compares every NAME.onnx of a folder that has a NAME.expected.safetensors.
func testExports(t *testing.T, folder string) {
	files, err := filepath.Glob(filepath.Join(folder, "*.expected.safetensors"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, expected := range files {
		name := strings.TrimSuffix(filepath.Base(expected), ".expected.safetensors")
		t.Run(name, func(t *testing.T) { testExport(t, filepath.Join(folder, name+".onnx"), expected) })
	}
}

func testExport(t *testing.T, path, expected string) {
	data, release, err := weights.MapFile(path)
	require.NoError(t, err)
	defer release()
	m, err := Parse(data, func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(filepath.Dir(path), name)) })
	require.NoError(t, err)
	golden, release, err := weights.MapFile(expected)
	require.NoError(t, err)
	defer release()
	container, err := weights.ParseSafetensors(golden)
	require.NoError(t, err)
	want := map[string][]float32{}
	var shape []int
	for _, tensor := range container.Tensors {
		w, err := tensor.Weight()
		require.NoError(t, err)
		want[tensor.Name] = w.Float32s()
		if tensor.Name == "featx:input" {
			shape = tensor.Shape
		}
	}
	h, w := shape[2], shape[3]
	if m.nhwc {
		h, w = shape[1], shape[2]
	}
	n, err := m.Import(h, w)
	require.NoError(t, err)
	pictures := picturesOf(m, n, want["featx:input"])
	delete(want, "featx:input")
	require.NotEmpty(t, want)
	worst := 0.0
	for name, values := range want {
		r := newRunner(t, n, shape[0], name)
		require.NoError(t, r.Run(shape[0], pictures))
		got := r.Output(0)
		require.Len(t, got, len(values), name)
		largest, difference := 0.0, 0.0
		for i, v := range values {
			largest = max(largest, math.Abs(float64(v)))
			difference = max(difference, math.Abs(float64(v)-float64(got[i])))
		}
		require.Greater(t, largest, 0.0)
		worst = max(worst, difference/largest)
	}
	t.Logf("%s, opset %d, %d layers: worst difference over the largest value %.2g", m.Producer(), m.Opset(), len(n.Graph.Nodes), worst)
	// Both sides round each operation in float32.
	require.LessOrEqual(t, worst, 2e-5)
}
