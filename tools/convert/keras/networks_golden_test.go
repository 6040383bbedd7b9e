package keras

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/weights"
)

// checkNetwork compares every layer that a weights-only file's network has under the name that Keras 3 gives it with Keras's value.
func checkNetwork(t *testing.T, network string, file, expected []byte) {
	t.Helper()
	f, err := Read(file, Options{})
	require.NoError(t, err)
	require.Equal(t, "keras/"+network, f.Graph.Arch)
	arch.Translate(f.Graph, f.Graph.Arch)
	c, err := weights.ParseSafetensors(expected)
	require.NoError(t, err)
	want := map[string][]float32{}
	var input []float32
	var size [2]int
	var names []string
	for _, x := range c.Tensors {
		if x.Name == "input" {
			input, size = floats(t, x), [2]int{x.Shape[0], x.Shape[1]}
			continue
		}
		want[x.Name] = floats(t, x)
		names = append(names, x.Name)
	}
	slices.Sort(names)
	require.Greater(t, len(names), 15)
	largest, at := 0.0, ""
	for i, got := range compute(t, f, size, names, input) {
		e := worst(t, want[names[i]], got)
		if e > largest {
			largest, at = e, names[i]
		}
		require.LessOrEqual(t, e, 2e-5, names[i])
	}
	t.Logf("%d layers, worst %.2g (%s)", len(names), largest, at)
}

// A network from its weights alone (testdata/golden/make_keras_weights.py).
func TestNetworkWeights(t *testing.T) {
	checkNetwork(t, "mobilenet_0.25", unzipped(t, "mobilenet_0.25.keras2.h5.gz"), unzipped(t, "mobilenet_0.25.safetensors.gz"))
}

// All that make_keras_weights.py made in the folder FEATX_KERAS_GOLDENS, in each kind of file.
func TestGoldenNetworkWeights(t *testing.T) {
	folder := os.Getenv("FEATX_KERAS_GOLDENS")
	if folder == "" {
		t.Skip("FEATX_KERAS_GOLDENS names no folder that testdata/golden/make_keras_weights.py wrote")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.safetensors"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		base := strings.TrimSuffix(path, ".safetensors")
		expected, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, ending := range []string{".keras2.h5", ".keras2.weights.h5", ".weights.h5"} {
			t.Run(filepath.Base(base)+ending, func(t *testing.T) {
				data, err := os.ReadFile(base + ending)
				require.NoError(t, err)
				checkNetwork(t, filepath.Base(base), data, expected)
			})
		}
	}
}
