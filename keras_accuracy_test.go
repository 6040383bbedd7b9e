package featx_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/tools/convert"
	"github.com/featx-go/featx/weights"
)

// converted opens a model made of a file of the shared data.
func converted(t *testing.T, name string) *featx.Model {
	t.Helper()
	file := filepath.Join(t.TempDir(), "model.safetensors")
	_, err := convert.Convert(t.Context(), data(t, name), file, convert.Options{})
	require.NoError(t, err)
	m, err := featx.Open(file)
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	return m
}

// A trained Keras model, a whole one in HDF5, classifies as it does in Keras (testdata/golden/make_keras.py).
func TestAccuracyKeras(t *testing.T) {
	compare(t, converted(t, "weights/mlperf-tiny-resnet8.h5"))
}

// Trained Keras weights without a config give Keras's features of photographs, from the file to the feature.
func TestFeaturesKeras(t *testing.T) {
	m := converted(t, "weights/squeezenet-imagenet-notop.h5")
	golden, err := os.ReadFile("testdata/golden/squeezenet-notop.safetensors")
	require.NoError(t, err)
	c, err := weights.ParseSafetensors(golden)
	require.NoError(t, err)
	want, err := c.Tensors[0].Float64s()
	require.NoError(t, err)
	x, err := m.Extractor(featx.Options{Pool: featx.Avg})
	require.NoError(t, err)
	defer x.Close()
	var paths []string
	for name := range strings.Lines(c.Metadata["names"]) {
		paths = append(paths, data(t, "images/"+strings.TrimSpace(name)))
	}
	require.Len(t, paths, 20)
	out, err := x.Files(paths...)
	require.NoError(t, err)
	require.Equal(t, []int{20, 512}, out[0].Dims)
	// The mean feature is subtracted, as most of a feature is what all photographs have in common.
	mean := make([]float64, 512)
	for i, v := range want {
		mean[i%512] += v / 20
	}
	least, leastCentred := 1.0, 1.0
	for p := range paths {
		var dot, a2, b2, cdot, ca2, cb2 float64
		for i := range 512 {
			a, b := want[p*512+i], float64(out[0].Data[p*512+i])
			dot, a2, b2 = dot+a*b, a2+a*a, b2+b*b
			a, b = a-mean[i], b-mean[i]
			cdot, ca2, cb2 = cdot+a*b, ca2+a*a, cb2+b*b
		}
		least, leastCentred = min(least, dot/math.Sqrt(a2*b2)), min(leastCentred, cdot/math.Sqrt(ca2*cb2))
	}
	t.Logf("least cosine %.7f, with the mean subtracted %.7f", least, leastCentred)
	require.GreaterOrEqual(t, least, 0.9999)
	require.GreaterOrEqual(t, leastCentred, 0.999)
}
