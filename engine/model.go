package engine

import (
	"fmt"
	"sync"

	"github.com/featx-go/featx/kernels"
)

// Model is a graph with its weights, packed for one instruction set. Weights are packed once, when the first runner needs them, and shared by
// all plans and runners. The source must stay as it is until the last runner is closed. It is safe for concurrent use.
type Model struct {
	graph   *Graph
	source  WeightSource
	isa     kernels.ISA
	mu      sync.Mutex
	weights map[packKey]*packedWeights
}

// NewModel checks that the source has every tensor that the graph needs, in the right shape. The error is a *MismatchError if not.
// The graph and the source must not change afterwards.
func NewModel(g *Graph, source WeightSource, isa kernels.ISA) (*Model, error) {
	params, err := g.Params()
	if err != nil {
		return nil, err
	}
	stored := map[string][]int{}
	for _, p := range params {
		w, ok := source.Weight(p.Tensor)
		if !ok {
			continue
		}
		if w.DType != F32 && w.DType != F16 {
			return nil, fmt.Errorf("tensor %q is %s: want F32 or F16", p.Tensor, w.DType)
		}
		if len(w.Data) != w.Elements()*w.DType.Size() {
			return nil, fmt.Errorf("tensor %q: %d bytes for %v of %s", p.Tensor, len(w.Data), w.Shape, w.DType)
		}
		stored[p.Tensor] = w.Shape
	}
	if err := g.CheckWeights(stored); err != nil {
		return nil, err
	}
	return &Model{graph: g, source: source, isa: isa, weights: map[packKey]*packedWeights{}}, nil
}

// NewSketch is a model whose weights are not there: those that the graph needs, stored as dtype. Its plans tell what they need of memory, to the byte, and cannot run.
func NewSketch(g *Graph, dtype DType, isa kernels.ISA) (*Model, error) {
	params, err := g.Params()
	if err != nil {
		return nil, err
	}
	packed := map[string]bool{}
	for _, n := range g.Nodes {
		packed[weightName(n.Op)] = true
	}
	source := WeightMap{}
	for _, p := range params {
		w := Weight{DType: dtype, Shape: p.Shape}
		if !packed[p.Tensor] { // a plan reads it
			w.DType, w.Data = F32, make([]byte, 4*w.Elements())
		}
		source[p.Tensor] = w
	}
	return &Model{graph: g, source: source, isa: isa, weights: map[packKey]*packedWeights{}}, nil
}

// Stored tells how many bytes the graph's tensors have as they are stored, and whether any that can stay float16 in memory is.
func (m *Model) Stored() (bytes int64, f16 bool) {
	params, _ := m.graph.Params() // has been checked
	for _, p := range params {
		w, _ := m.source.Weight(p.Tensor)
		bytes += int64(w.Elements()) * int64(w.DType.Size())
		f16 = f16 || w.DType == F16
	}
	return bytes, f16
}

// Graph is the model's graph. It must not be changed.
func (m *Model) Graph() *Graph { return m.graph }

// ISA is the instruction set that the model's kernels use.
func (m *Model) ISA() kernels.ISA { return m.isa }

// vector reads a tensor of n values; NewModel has checked that it is there.
func (m *Model) vector(name string) []float32 {
	w, _ := m.source.Weight(name)
	return w.Float32s()
}
