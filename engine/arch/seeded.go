package arch

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"strings"

	"github.com/featx-go/featx/engine"
)

// Seeded gives a graph full-size pseudo-random weights that depend on the tensors' names, shapes and the seed alone, so that
// tests and benchmarks need no weight files. testdata/golden/seeded.py computes the same bits for PyTorch; the definition stands there.
//
// Convolution and dense weights are He-uniform (depthwise ones smaller), which keeps the activations of deep networks in float32's comfortable range.
// VGG-19's 143 million values take about a second.
func Seeded(g *engine.Graph, seed uint64) (engine.WeightMap, error) {
	params, err := g.Params()
	if err != nil {
		return nil, err
	}
	ranges := map[string]uniform{}
	unit, batchGamma := uniform{from: 0.5, scale: 1}, uniform{from: 0.5, scale: gain(g.Arch)}
	norm := func(gamma, beta string) {
		ranges[gamma] = unit
		ranges[beta] = symmetric(0.2)
	}
	for _, n := range g.Nodes {
		switch op := n.Op.(type) {
		case *engine.Conv2D:
			ranges[op.Bias] = symmetric(0.1)
		case *engine.ConvTranspose2D:
			ranges[op.Bias] = symmetric(0.1)
		case *engine.Dense:
			ranges[op.Bias] = symmetric(0.1)
		case *engine.BatchNorm:
			norm(op.Gamma, op.Beta)
			ranges[op.Gamma] = batchGamma
			ranges[op.Mean] = symmetric(0.1)
			ranges[op.Var] = unit
		case *engine.LayerNorm:
			norm(op.Gamma, op.Beta)
		case *engine.GroupNorm:
			norm(op.Gamma, op.Beta)
		case *engine.InstanceNorm:
			norm(op.Gamma, op.Beta)
		case *engine.Scale:
			norm(op.Scale, op.Shift)
		case *engine.PReLU:
			ranges[op.Slope] = symmetric(0.2)
		case *engine.Constant:
			ranges[op.Tensor] = symmetric(2)
		}
	}
	weights := engine.WeightMap{}
	for _, p := range params {
		r, ok := ranges[p.Tensor]
		if !ok {
			if len(p.Shape) < 2 {
				return nil, fmt.Errorf("seeded weights: no rule for tensor %q of shape %v", p.Tensor, p.Shape)
			}
			r = symmetric(weightScale(g.Layout, p.Shape))
		}
		weights[p.Tensor] = r.tensor(p.Tensor, seed, p.Shape)
	}
	return weights, nil
}

// gain is the factor of batch normalisation's scale in a network: what keeps the signal above rounding errors, and sigmoids from 0 and 1.
func gain(network string) float32 {
	switch {
	case strings.HasPrefix(network, "efficientnet_b") && network < "efficientnet_b5": // the deeper ones need none
		return 1.25
	case strings.HasPrefix(network, "efficientnet_v2"), strings.HasPrefix(network, "regnet_y"):
		return 0.75
	}
	return 1
}

// SeededInput is one picture to go with Seeded: values in [-2, 2), drawn in the graph's layout for its own input size, given as
// NHWC, as engine.Runner takes it.
func SeededInput(g *engine.Graph, seed uint64) []float32 {
	drawn := symmetric(2).tensor("input", seed, g.Input.Dims(g.Layout)).Float32s()
	if g.Layout == engine.NHWC {
		return drawn
	}
	pixels := g.Input.H * g.Input.W
	picture := make([]float32, len(drawn))
	for i, v := range drawn {
		picture[i%pixels*g.Input.C+i/pixels] = v
	}
	return picture
}

// weightScale is He's sqrt(6 / fan-in), but sqrt(1 / fan-in) for convolutions of one channel.
func weightScale(l engine.Layout, shape []int) float32 {
	inputs := shape[1:] // [out][in]...
	channels := inputs[0]
	if l == engine.NHWC {
		inputs = shape[:len(shape)-1] // ...[in][out]
		channels = inputs[len(inputs)-1]
	}
	fanIn := 1
	for _, d := range inputs {
		fanIn *= d
	}
	if len(inputs) == 3 && channels == 1 {
		return float32(math.Sqrt(1 / float64(fanIn)))
	}
	return float32(math.Sqrt(6 / float64(fanIn)))
}

// uniform is the distribution of (2u-1)*scale with u in [0, 1), or of (from+u)*scale if from is not 0.
type uniform struct{ scale, from float32 }

func symmetric(scale float32) uniform { return uniform{scale: scale} }

// tensor fills a tensor from its own stream. u and 2u-1 are exact, each further operation rounds once.
func (r uniform) tensor(name string, seed uint64, shape []int) engine.Weight {
	h := fnv.New64a()
	h.Write([]byte(name))
	state := h.Sum64() ^ seed
	w := engine.Weight{DType: engine.F32, Shape: shape}
	w.Data = make([]byte, 4*w.Elements())
	for i := 0; i < len(w.Data); i += 4 {
		state += 0x9E3779B97F4A7C15
		u := float32(splitmix64(state)>>40) * (1.0 / (1 << 24))
		v := (u + u - 1) * r.scale
		if r.from != 0 {
			v = (r.from + u) * r.scale
		}
		binary.LittleEndian.PutUint32(w.Data[i:], math.Float32bits(v))
	}
	return w
}

// splitmix64 is the finaliser of Vigna's generator of that name.
func splitmix64(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}
