package engine_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine/arch"
)

var goldenNetworks = []string{"vgg16", "vgg19", "vgg11_bn", "resnet18", "resnet50"}

// goldenLayer is what testdata/golden/make_golden.py says of a layer: PyTorch in float64, with the weights of arch.Seeded.
type goldenLayer struct {
	Name       string
	Shape      []int // NCHW
	N          int
	Mean, Std  float64
	Min, Max   float64
	AbsMax     float64
	TorchError float64 `json:"torch_f32_error"` // PyTorch's own float32, largest difference over AbsMax

	Samples []float64 `json:"-"` // at samplePositions
}

// readGolden gives the layers of a network in the graph's order, without the input (torchvision's node x).
func readGolden(t *testing.T, network string) []goldenLayer {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", "golden", network+".safetensors"))
	require.NoError(t, err)
	size := binary.LittleEndian.Uint64(data)
	var header map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(data[8:8+size], &header))
	var meta map[string]string
	require.NoError(t, json.Unmarshal(header["__metadata__"], &meta))
	var layers []goldenLayer
	require.NoError(t, json.Unmarshal([]byte(meta["layers"]), &layers))
	require.Equal(t, "x", layers[0].Name)
	for i := range layers {
		var entry struct {
			Dtype   string
			Offsets [2]int `json:"data_offsets"`
		}
		require.NoError(t, json.Unmarshal(header[layers[i].Name], &entry))
		require.Equal(t, "F64", entry.Dtype)
		raw := data[8+int(size):][entry.Offsets[0]:entry.Offsets[1]]
		for ; len(raw) > 0; raw = raw[8:] {
			layers[i].Samples = append(layers[i].Samples, math.Float64frombits(binary.LittleEndian.Uint64(raw)))
		}
	}
	return layers[1:]
}

// samplePositions says where a golden samples a layer of n values (seeded.py): everywhere up to 256, else at 256 places by hash.
func samplePositions(layer string, n int) []int {
	positions := make([]int, min(n, 256))
	h := fnv.New64a()
	h.Write([]byte("sample:" + layer))
	state := h.Sum64()
	for j := range positions {
		positions[j] = j
		if n > 256 {
			state += 0x9E3779B97F4A7C15
			z := (state ^ state>>30) * 0xBF58476D1CE4E5B9
			z = (z ^ z>>27) * 0x94D049BB133111EB
			positions[j] = int((z ^ z>>31) % uint64(n))
		}
	}
	return positions
}

// Each network has exactly torchvision's graph nodes, under their names and with their shapes.
func TestGoldenNames(t *testing.T) {
	for _, network := range goldenNetworks {
		t.Run(network, func(t *testing.T) {
			g, err := arch.Build(network, arch.Options{})
			require.NoError(t, err)
			shapes, err := g.Infer(g.Input)
			require.NoError(t, err)
			ours, theirs := map[string]string{}, map[string]string{}
			for i, n := range g.Nodes {
				ours[n.Name] = fmt.Sprint(append([]int{1}, shapes[i].Dims(g.Layout)...))
			}
			for _, l := range readGolden(t, network) {
				theirs[l.Name] = fmt.Sprint(l.Shape)
			}
			require.Equal(t, theirs, ours)
		})
	}
}
