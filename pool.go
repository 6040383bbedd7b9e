package featx

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/internal/brief"
)

// Pool says what becomes of a map: one value per channel, or all its values as one vector. A layer that is a vector stays as it is.
type Pool string

const (
	None Pool = "none" // the map as it is; "" is the same
	Avg  Pool = "avg"  // the mean
	Max  Pool = "max"  // the largest value
	GeM  Pool = "gem"  // the generalised mean of Radenovic et al. 2018: (mean of max(x, 1e-6)^3)^(1/3)

	Flatten Pool = "flatten" // the map's values, in its order, as one vector
)

// PoolModes are all kinds of pooling.
var PoolModes = []Pool{None, Avg, Max, GeM, Flatten}

// LayerPool is the pooling of the layers that Layer means: a name, an alias, a glob or an index, as in Options.Layers.
type LayerPool struct {
	Layer string
	Pool  Pool
}

func (p Pool) reduce() (func(x []float32, at, step, n int) float32, error) {
	switch p {
	case None, Flatten:
		return nil, nil
	case Avg:
		return mean, nil
	case Max:
		return largest, nil
	case GeM:
		return generalisedMean, nil
	}
	return nil, fmt.Errorf("unknown pooling %q: want %s, %s, %s, %s or %s", string(p), None, Avg, Max, GeM, Flatten)
}

// pools gives the pooling of each layer that is asked for.
func (o *Options) pools(g *engine.Graph) ([]Pool, error) {
	layers, err := g.Resolve(o.Layers)
	if err != nil {
		return nil, err
	}
	pools := slices.Repeat([]Pool{cmp.Or(o.Pool, None)}, len(layers))
	if _, err := pools[0].reduce(); err != nil {
		return nil, err
	}
	for _, one := range o.Pools {
		if _, err := one.Pool.reduce(); err != nil {
			return nil, fmt.Errorf("layer %q: %w", one.Layer, err)
		}
		meant, err := g.Resolve([]string{one.Layer})
		if err != nil {
			return nil, fmt.Errorf("pooling: %w", err)
		}
		used := false
		for i, l := range layers {
			if slices.ContainsFunc(meant, func(m engine.Layer) bool { return m.Node == l.Node }) {
				pools[i], used = one.Pool, true
			}
		}
		if !used {
			names := make([]string, len(layers))
			for i, l := range layers {
				names[i] = l.Name
			}
			return nil, fmt.Errorf("pooling of layer %q, which is not asked for; those that are: %s", one.Layer, brief.List(names, 10))
		}
	}
	return pools, nil
}

// poolMap reduces n maps of src, in the layout's order, to n vectors of channels.
func poolMap(dst, src []float32, s engine.Shape, layout engine.Layout, reduce func(x []float32, at, step, n int) float32) {
	pixels := s.H * s.W
	next, step := pixels, 1 // from channel to channel, from pixel to pixel
	if layout == engine.NHWC {
		next, step = 1, s.C
	}
	for i := range dst {
		dst[i] = reduce(src[i/s.C*s.Elements():], i%s.C*next, step, pixels)
	}
}

// The sums are float64, in the order of rows and columns. The explicit conversions keep compilers from fusing, so that the bits are the same everywhere.

func mean(x []float32, at, step, n int) float32 {
	sum := 0.0
	for i := range n {
		sum += float64(x[at+i*step])
	}
	return float32(sum / float64(n))
}

// largest is NaN if any value is.
func largest(x []float32, at, step, n int) float32 {
	m := x[at]
	for i := range n {
		if v := x[at+i*step]; v > m || v != v {
			m = v
		}
	}
	return m
}

func generalisedMean(x []float32, at, step, n int) float32 {
	sum := 0.0
	for i := range n {
		v := x[at+i*step]
		if v < 1e-6 {
			v = 1e-6
		}
		square := float64(v) * float64(v) // exact
		sum += float64(square * float64(v))
	}
	return float32(cubeRoot(sum / float64(n)))
}

// cubeRoot is the root of a positive number, by Halley's method from an estimate that a third of the exponent gives. math.Cbrt may round differently from one
// architecture to another.
func cubeRoot(v float64) float64 {
	if !(v < math.Inf(1)) {
		return v
	}
	t := math.Float64frombits(math.Float64bits(v)/3 + 715094163<<32)
	for range 3 { // 5 bits, 15, 45, all
		cube := float64(float64(t*t) * t)
		t = float64(t*float64(cube+float64(2*v))) / float64(float64(2*cube)+v)
	}
	return t
}
