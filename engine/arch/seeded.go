package arch

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"

	"github.com/featx-go/featx/engine"
)

// Seeded gives a graph full-size pseudo-random weights that depend on the tensors' names, shapes and the seed alone, so that
// tests and benchmarks need no weight files. testdata/golden/seeded.py computes the same bits for PyTorch; the definition stands there.
//
// Convolution and dense weights are He-uniform, which keeps the activations of deep networks in float32's comfortable range.
// A tensor is computed each time that it is asked for and not kept; VGG-19's 143 million values take about a second.
func Seeded(g *engine.Graph, seed uint64) (engine.WeightSource, error) {
	params, err := g.Params()
	if err != nil {
		return nil, err
	}
	ranges := map[string]uniform{}
	for _, n := range g.Nodes {
		switch op := n.Op.(type) {
		case *engine.Conv2D:
			ranges[op.Bias] = symmetric(0.1)
		case *engine.Dense:
			ranges[op.Bias] = symmetric(0.1)
		case *engine.BatchNorm:
			ranges[op.Gamma] = uniform{scale: 1, from: 0.5}
			ranges[op.Beta] = symmetric(0.2)
			ranges[op.Mean] = symmetric(0.1)
			ranges[op.Var] = uniform{scale: 1, from: 0.5}
		}
	}
	source := seeded{seed: seed, tensors: map[string]seededTensor{}}
	for _, p := range params {
		r, ok := ranges[p.Tensor]
		if !ok {
			if len(p.Shape) < 2 {
				return nil, fmt.Errorf("seeded weights: no rule for tensor %q of shape %v", p.Tensor, p.Shape)
			}
			r = symmetric(float32(math.Sqrt(6 / float64(fanIn(g.Layout, p.Shape)))))
		}
		source.tensors[p.Tensor] = seededTensor{p.Shape, r}
	}
	return source, nil
}

// SeededInput is one picture to go with Seeded: values in [-2, 2), in the graph's layout, for its own input size.
func SeededInput(g *engine.Graph, seed uint64) []float32 {
	return engine.Weight{
		DType: engine.F32,
		Shape: g.Input.Dims(g.Layout),
		Data:  symmetric(2).fill("input", seed, g.Input.Elements()),
	}.Float32s()
}

type seeded struct {
	seed    uint64
	tensors map[string]seededTensor
}

type seededTensor struct {
	shape  []int
	values uniform
}

// Weight implements engine.WeightSource.
func (s seeded) Weight(name string) (engine.Weight, bool) {
	t, ok := s.tensors[name]
	if !ok {
		return engine.Weight{}, false
	}
	n := 1
	for _, d := range t.shape {
		n *= d
	}
	return engine.Weight{DType: engine.F32, Shape: t.shape, Data: t.values.fill(name, s.seed, n)}, true
}

// fanIn is the number of products that one output sums up.
func fanIn(l engine.Layout, shape []int) int {
	inputs := shape[1:] // [out][in]...
	if l == engine.NHWC {
		inputs = shape[:len(shape)-1] // ...[in][out]
	}
	n := 1
	for _, d := range inputs {
		n *= d
	}
	return n
}

// uniform is the distribution u*scale + from with u in [0, 1), or (2u-1)*scale if signed.
type uniform struct {
	scale, from float32
	signed      bool
}

func symmetric(scale float32) uniform { return uniform{scale: scale, signed: true} }

// fill gives n little-endian float32s of the tensor's stream. Both forms round once: u and 2u-1 are exact.
func (r uniform) fill(name string, seed uint64, n int) []byte {
	h := fnv.New64a()
	h.Write([]byte(name))
	state := h.Sum64() ^ seed
	data := make([]byte, 4*n)
	for i := range n {
		state += 0x9E3779B97F4A7C15
		u := float32(splitmix64(state)>>40) * (1.0 / (1 << 24))
		v := r.from + u
		if r.signed {
			v = (u + u - 1) * r.scale
		}
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(v))
	}
	return data
}

// splitmix64 is the finaliser of Vigna's generator of that name.
func splitmix64(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}
