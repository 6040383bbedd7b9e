package weights

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
)

// FuzzModelFile: whatever the bytes, Parse gives an error or a model whose every tensor can be read.
func FuzzModelFile(f *testing.F) {
	info, source := tiny(f)
	for _, dtype := range []engine.DType{engine.F32, engine.F16} {
		f.Add(written(f, info, source, dtype))
	}
	f.Add(join(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, make([]byte, 4)))
	f.Add(join(`{"__metadata__":{"featx.version":"1","featx.graph":"{}","featx.recipe":"{}"}}`, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := Parse(data); err == nil {
			readAll(t, m)
		}
	})
}

// The goldens' container, in float64, is written by Python.
func TestParseGolden(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "testdata", "golden", "vgg16.safetensors"))
	require.NoError(t, err)
	c, err := ParseSafetensors(data)
	require.NoError(t, err)
	require.NotEmpty(t, c.Metadata["layers"])
	require.NotEmpty(t, c.Tensors)
	for _, x := range c.Tensors {
		values, err := x.Float64s()
		require.NoError(t, err)
		require.Len(t, values, engine.Weight{Shape: x.Shape}.Elements())
	}
}

func TestEmbedded(t *testing.T) {
	m, err := Embedded()
	require.NoError(t, err)
	require.Equal(t, "cifar_resnet20", m.Graph.Arch)
	require.Equal(t, []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}, m.Classes)
	require.Equal(t, engine.Shape{H: 32, W: 32, C: 3}, m.Graph.Input)
	readAll(t, m)
	w, ok := m.Weight("layer3.2.conv2.weight")
	require.True(t, ok)
	require.Equal(t, engine.F16, w.DType)
	require.NoError(t, m.Close())
}
