package onnx_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/tools/convert"
	"github.com/featx-go/featx/weights"
)

// shared is a file of the shared data; the test is skipped without it.
func shared(t testing.TB, name string) string {
	t.Helper()
	data := os.Getenv("FEATX_DATA")
	if data == "" {
		data = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	path := filepath.Join(data, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%v (FEATX_DATA names the folder of the shared data)", err)
	}
	return path
}

// A real network, from the JPEG files to the probabilities, against ONNX Runtime (testdata/golden/make_onnx_mobilenet.py).
func TestMobileNet(t *testing.T) {
	src, photographs := shared(t, "weights/imagenet-mobilenet-v1-075-192.onnx"), shared(t, "images")
	dst := filepath.Join(t.TempDir(), "m.safetensors")
	r, err := convert.Convert(t.Context(), src, dst, convert.Options{Recipe: func(r *image.Recipe) error {
		for _, f := range [][2]string{{"scale", "1/127.5"}, {"mean", "1,1,1"}, {"std", "1,1,1"}} {
			if err := r.Set(f[0], f[1]); err != nil {
				return err
			}
		}
		return nil
	}})
	require.NoError(t, err)
	require.Equal(t, "onnx", r.Source.Format)
	require.Empty(t, r.Dropped)
	require.Equal(t, image.Resize{Edge: 219}, r.Recipe.Resize)
	m, err := featx.Open(dst)
	require.NoError(t, err)
	defer m.Close()
	require.Equal(t, "/AveragePool_output_0", m.Graph().Features)
	x, err := m.Extractor(featx.Options{Layers: []string{"probabilities"}})
	require.NoError(t, err)
	defer x.Close()

	data, err := os.ReadFile("../../../testdata/golden/onnx-mobilenet.safetensors")
	require.NoError(t, err)
	golden, err := weights.ParseSafetensors(data)
	require.NoError(t, err)
	require.Len(t, golden.Tensors, 60)
	worst := 0.0
	for _, want := range golden.Tensors {
		out, err := x.Files(filepath.Join(photographs, want.Name))
		require.NoError(t, err)
		w, err := want.Weight()
		require.NoError(t, err)
		probabilities := w.Float32s()
		require.Len(t, out[0].Data, len(probabilities))
		for i, p := range probabilities {
			worst = max(worst, math.Abs(float64(p)-float64(out[0].Data[i])))
		}
		require.Equal(t, largest(probabilities), largest(out[0].Data), want.Name)
	}
	t.Logf("largest difference %.2g", worst)
	require.LessOrEqual(t, worst, 1e-4)
}

func largest(values []float32) (at int) {
	for i, v := range values {
		if v > values[at] {
			at = i
		}
	}
	return at
}
