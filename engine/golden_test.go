package engine_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/kernels"
)

// goldenNetworks are those with a golden. The first ones are run by every `go test`, all of them by `make golden-check`.
var goldenNetworks, goldenMore = []string{
	"alexnet", "vgg16", "vgg11_bn", "resnet18", "resnet50", "resnet50d", "resnext50_32x4d", "squeezenet1_0", "squeezenet1_1", "inception_v3_google",
	"googlenet_transform_input", "densenet121", "mobilenet_v2", "mobilenet_v3_large", "efficientnet_b0", "shufflenet_v2_x1_0", "mnasnet1_0", "regnet_y_400mf",
	"convnext_tiny",
}, []string{
	"vgg11", "vgg13", "vgg19", "vgg13_bn", "vgg16_bn", "vgg19_bn", "timm_vgg11_bn", "resnet34", "resnet101", "resnet152", "resnext101_32x8d", "resnext101_64x4d",
	"wide_resnet50_2", "wide_resnet101_2", "mobilenet_v3_small", "efficientnet_v2_s", "regnet_x_400mf",
}

var goldenFolder = filepath.Join("..", "testdata", "golden")

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

// goldenFile is a .safetensors file that a script under testdata/golden made.
type goldenFile struct {
	header map[string]json.RawMessage
	meta   map[string]string
	data   []byte
}

func openGolden(t *testing.T, name string) goldenFile {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(goldenFolder, name))
	require.NoError(t, err)
	size := 8 + binary.LittleEndian.Uint64(file)
	f := goldenFile{data: file[size:]}
	require.NoError(t, json.Unmarshal(file[8:size], &f.header))
	require.NoError(t, json.Unmarshal(f.header["__metadata__"], &f.meta))
	delete(f.header, "__metadata__")
	return f
}

// bytes gives a tensor's bytes, little-endian.
func (f goldenFile) bytes(t *testing.T, tensor, dtype string) []byte {
	t.Helper()
	var entry struct {
		Dtype   string
		Offsets [2]int `json:"data_offsets"`
	}
	require.NoError(t, json.Unmarshal(f.header[tensor], &entry))
	require.Equal(t, dtype, entry.Dtype)
	return f.data[entry.Offsets[0]:entry.Offsets[1]]
}

// readGolden gives the layers of a network in the graph's order, without the input (torchvision's node x).
func readGolden(t *testing.T, network string) []goldenLayer {
	t.Helper()
	f := openGolden(t, network+".safetensors")
	var layers []goldenLayer
	require.NoError(t, json.Unmarshal([]byte(f.meta["layers"]), &layers))
	require.Equal(t, "x", layers[0].Name)
	for i := range layers {
		raw := f.bytes(t, layers[i].Name, "F64")
		require.GreaterOrEqual(t, len(raw)/8, min(layers[i].N, 32))
		for ; len(raw) > 0; raw = raw[8:] {
			layers[i].Samples = append(layers[i].Samples, math.Float64frombits(binary.LittleEndian.Uint64(raw)))
		}
	}
	return layers[1:]
}

// samplePositions says where a golden samples a layer of n values (seeded.py): everywhere, or at that many places by hash.
func samplePositions(layer string, n, samples int) []int {
	positions := make([]int, samples)
	h := fnv.New64a()
	h.Write([]byte("sample:" + layer))
	state := h.Sum64()
	for j := range positions {
		positions[j] = j
		if n > samples {
			state += 0x9E3779B97F4A7C15
			z := (state ^ state>>30) * 0xBF58476D1CE4E5B9
			z = (z ^ z>>27) * 0x94D049BB133111EB
			positions[j] = int((z ^ z>>31) % uint64(n))
		}
	}
	return positions
}

// goldenSize is the input's height and width that a golden was made for, if not the network's own.
func goldenSize(t *testing.T, network string, g *engine.Graph) (input engine.Shape) {
	t.Helper()
	input = g.Input
	if size := openGolden(t, network+".safetensors").meta["size"]; size != "" {
		edge, err := strconv.Atoi(size)
		require.NoError(t, err)
		input.H, input.W = edge, edge
	}
	return input
}

// Each network has exactly torchvision's graph nodes, under their names and with their shapes; its modules' names mean the nodes with their outputs.
func TestGoldenNames(t *testing.T) {
	for _, network := range slices.Concat(goldenNetworks, goldenMore) {
		t.Run(network, func(t *testing.T) {
			g, err := arch.Build(network, arch.Options{})
			require.NoError(t, err)
			shapes, err := g.Infer(goldenSize(t, network, g))
			require.NoError(t, err)
			ours, theirs := map[string]string{}, map[string]string{}
			for i, n := range g.Nodes {
				ours[n.Name] = fmt.Sprint(append([]int{1}, shapes[i].Dims(g.Layout)...))
			}
			for _, l := range readGolden(t, network) {
				name := l.Name
				if network == "resnet50d" { // timm's names are aliases here
					name = nodeOf(t, g, name)
				}
				theirs[name] = fmt.Sprint(l.Shape)
			}
			require.Equal(t, theirs, ours)

			var modules map[string]string
			require.NoError(t, json.Unmarshal([]byte(openGolden(t, network+".safetensors").meta["modules"]), &modules))
			for module, node := range modules {
				require.Equal(t, nodeOf(t, g, node), nodeOf(t, g, module), module)
			}
		})
	}
}

// nodeOf is the node that a name or alias means.
func nodeOf(t *testing.T, g *engine.Graph, name string) string {
	t.Helper()
	layers, err := g.Resolve([]string{name})
	require.NoError(t, err)
	require.Len(t, layers, 1)
	return g.Nodes[layers[0].Node].Name
}

// goldenTolerance is the largest error of a layer, over that layer's largest value.
const goldenTolerance = 1e-5

// fastISA is the instruction set under test; it skips the test where whole networks would take too long.
func fastISA(t *testing.T) kernels.ISA {
	t.Helper()
	isa, err := kernels.Select("")
	require.NoError(t, err)
	if isa == kernels.Generic {
		t.Skip("generic: whole networks at 224x224 take minutes in portable Go")
	}
	if testing.Short() {
		t.Skip("-short: whole networks with full-size weights")
	}
	return isa
}

// Every layer of each network, all asked for in one run, against PyTorch in float64. With -v it prints the errors beside those of PyTorch's own float32.
func TestGolden(t *testing.T) {
	isa := fastISA(t)
	for _, network := range goldenNetworks {
		t.Run(network, func(t *testing.T) {
			golden := readGolden(t, network)
			outputs := runSeeded(t, network, isa, golden)
			var table strings.Builder
			fmt.Fprintf(&table, "%s, %v\n%-24s %9s %15s\n", network, isa, "layer", "error", "PyTorch float32")
			worst := 0.0
			for i, l := range golden {
				e := l.error(outputs[i])
				worst = max(worst, e)
				fmt.Fprintf(&table, "%-24s %9.2g %15.2g\n", l.Name, e, l.TorchError)
				if !(e <= goldenTolerance) { // also true of NaN
					t.Errorf("layer %s: error %.3g of its largest value, at most %g is allowed", l.Name, e, goldenTolerance)
				}
			}
			fmt.Fprintf(&table, "worst %.2g", worst)
			t.Log(table.String())
		})
	}
}

func seededModel(t *testing.T, network string, isa kernels.ISA) *engine.Model {
	t.Helper()
	g, err := arch.Build(network, arch.Options{})
	require.NoError(t, err)
	weights, err := arch.Seeded(g, 0)
	require.NoError(t, err)
	m, err := engine.NewModel(g, weights, isa)
	require.NoError(t, err)
	return m
}

// runSeeded gives each layer's values for the seeded picture, NCHW.
func runSeeded(t *testing.T, network string, isa kernels.ISA, layers []goldenLayer) [][]float32 {
	m := seededModel(t, network, isa)
	names := make([]string, len(layers))
	for i, l := range layers {
		names[i] = l.Name
	}
	g := *m.Graph()
	g.Input = goldenSize(t, network, &g)
	p, err := m.Plan(engine.PlanOptions{Layers: names, Size: [2]int{g.Input.H, g.Input.W}})
	require.NoError(t, err)
	r := p.NewRunner(0)
	defer r.Close()
	require.NoError(t, r.Run(1, arch.SeededInput(&g, 0)))
	outputs := make([][]float32, len(layers))
	for i, o := range p.Outputs() {
		require.Equal(t, layers[i].Shape, append([]int{1}, o.Dims...), o.Name)
		outputs[i] = r.Output(i)
		require.Len(t, outputs[i], layers[i].N, o.Name)
	}
	return outputs
}

// error is the largest difference of a sample, the mean, the standard deviation, the minimum or the maximum, over the layer's largest value.
func (l *goldenLayer) error(values []float32) float64 {
	var sum, squares float64
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		x := float64(v)
		sum += x
		lo, hi = min(lo, x), max(hi, x)
	}
	mean := sum / float64(len(values))
	for _, v := range values {
		squares += (float64(v) - mean) * (float64(v) - mean)
	}
	worst := max(math.Abs(mean-l.Mean), math.Abs(math.Sqrt(squares/float64(len(values)))-l.Std), math.Abs(lo-l.Min), math.Abs(hi-l.Max))
	for j, at := range samplePositions(l.Name, len(values), len(l.Samples)) {
		worst = max(worst, math.Abs(float64(values[at])-l.Samples[j]))
	}
	return worst / l.AbsMax
}
