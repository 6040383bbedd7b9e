package engine

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/kernels"
)

// releasing is a source that keeps account of what comes back.
type releasing struct {
	WeightMap
	mu       sync.Mutex
	released map[*byte]int
}

func (r *releasing) Release(data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.released == nil {
		r.released = map[*byte]int{}
	}
	r.released[&data[0]] = max(len(data), r.released[&data[0]])
}

// packable is a graph with one of each kind of packed weights: direct, several groups, Winograd, depthwise, a dense layer behind a map.
func packable(layout Layout) *Graph {
	g := &Graph{Layout: layout, Input: Shape{H: 13, W: 12, C: 3}}
	conv := func(name string, out, kernel, groups int, from string) string {
		return g.Add(name, &Conv2D{Window: Square(kernel, 1, kernel/2), OutC: out, Groups: groups, Weight: name + ".weight"}, from)
	}
	x := conv("first", 35, 3, 1, InputName)
	x = conv("winograd", 70, 3, 1, x)
	x = conv("winograd5", 33, 5, 1, x)
	x = conv("groups", 42, 3, 3, x)
	x = conv("one", 96, 1, 1, x)
	x = conv("depthwise", 96, 5, 96, x)
	x = g.Add("flatten", &Flatten{}, x)
	g.Add("dense", &Dense{Out: 45, Weight: "dense.weight"}, x)
	return g
}

// randomWeights are tensors for a graph, as float16 if half is set.
func randomWeights(t *testing.T, g *Graph, r *rand.Rand, half bool) WeightMap {
	t.Helper()
	params, err := g.Params()
	require.NoError(t, err)
	m := WeightMap{}
	for _, p := range params {
		w := Weight{DType: F32, Shape: p.Shape}
		if half {
			w.DType = F16
		}
		for range w.Elements() {
			if half {
				w.Data = binary.LittleEndian.AppendUint16(w.Data, uint16(r.Uint32())&^0x4000) // below 2
			} else {
				w.Data = binary.LittleEndian.AppendUint32(w.Data, math.Float32bits(float32(r.NormFloat64())))
			}
		}
		m[p.Tensor] = w
	}
	return m
}

// TestPacking compares each packed value with the definition of the layout.
func TestPacking(t *testing.T) {
	for _, layout := range []Layout{NCHW, NHWC} {
		for _, half := range []bool{false, true} {
			for _, isa := range kernels.All() {
				t.Run(fmt.Sprintf("%s/half=%v/%s", layout, half, isa), func(t *testing.T) {
					g := packable(layout)
					source := &releasing{WeightMap: randomWeights(t, g, rand.New(rand.NewPCG(5, 6)), half)}
					m, err := NewModel(g, source, isa)
					require.NoError(t, err)
					p, err := m.Plan(PlanOptions{Layers: []string{"dense"}})
					require.NoError(t, err)
					var bytes int64
					for _, w := range p.weights {
						require.Nil(t, w.data, "a plan packs nothing")
						bytes += w.bytes()
					}
					require.Equal(t, bytes, p.Memory().Weights)
					r := p.NewRunner(1)
					r.Close()
					require.Len(t, p.weights, 7)
					bytes = 0
					for i, w := range p.weights {
						bytes += int64(4 * len(w.data))
						checkPacked(t, g.Nodes[[]int{0, 1, 2, 3, 4, 5, 7}[i]].Name, layout, w.packedWeights, source.WeightMap)
					}
					require.Equal(t, bytes, p.Memory().Weights, "what the plan says is what is held")
					for name, w := range source.WeightMap {
						require.Equal(t, len(w.Data), source.released[&w.Data[0]], "%s is released", name)
					}
				})
			}
		}
	}
}

func checkPacked(t *testing.T, name string, layout Layout, w *packedWeights, source WeightMap) {
	t.Helper()
	s, values := w.kernel, source[name+".weight"].Float32s()
	taps := s.kh * s.kw
	at := func(o, tap, c int) float32 {
		if layout == NHWC {
			return values[(tap*s.cin+c)*s.outC+o]
		}
		return values[(o*s.cin+c)*taps+tap]
	}
	if w.algorithm.method == depthwise {
		for o := range s.outC {
			for tap := range taps {
				want := values[o*taps+tap]
				if layout == NHWC {
					want = values[tap*s.outC+o]
				}
				require.Equal(t, want, w.data[(o/16*taps+tap)*16+o%16], "%s: channel %d, tap %d", name, o, tap)
			}
		}
		return
	}
	require.Equal(t, strings.HasPrefix(name, "winograd"), w.algorithm.method == winograd)
	transform := func([]float32) []float32 { return nil }
	if how := w.algorithm; how.method == winograd {
		filters, u := kernels.NewWinogradFilters(how.y, how.x, 1), make([]float32, how.y.Products*how.x.Products)
		transform = func(g []float32) []float32 {
			filters.Transform(u, 1, g, 1)
			return u
		}
	}
	seen := 0
	for _, p := range w.panels {
		require.Equal(t, seen, p.outC)
		seen += p.cols
		for col := range p.nr {
			for c := range s.cin {
				g := make([]float32, taps)
				if col < p.cols {
					for tap := range g {
						g[tap] = at(p.outC+col, tap, c)
					}
				}
				u := transform(g)
				if u == nil {
					u = g
				}
				require.Len(t, u, w.k/s.cin)
				for tap, want := range u {
					got := w.data[p.offset+(tap*s.cin+c)*p.nr+col]
					if math.Float32bits(got) != math.Float32bits(want) && (col < p.cols || got != 0) {
						t.Fatalf("%s: output channel %d, tap %d, input channel %d is %v, want %v", name, p.outC+col, tap, c, got, want)
					}
				}
			}
		}
	}
	require.Equal(t, s.outC, seen)
}

// Runners of one model that begin at the same time share the packing, and one that is closed at once leaves the others whole.
func TestPackingIsShared(t *testing.T) {
	g := packable(NCHW)
	source := randomWeights(t, g, rand.New(rand.NewPCG(7, 8)), false)
	m, err := NewModel(g, source, kernels.Best())
	require.NoError(t, err)
	p, err := m.Plan(PlanOptions{})
	require.NoError(t, err)
	input := make([]float32, g.Input.Elements())
	for i := range input {
		input[i] = float32(i%7) - 3
	}
	var wg sync.WaitGroup
	results := make([][]float32, 6)
	for i := range results {
		wg.Go(func() {
			r := p.NewRunner(1 + i%2)
			defer r.Close()
			if i%3 == 2 {
				return
			}
			if err := r.Run(1, input); err == nil {
				results[i] = append([]float32(nil), r.Output(0)...)
			}
		})
	}
	wg.Wait()
	for i, got := range results {
		if i%3 != 2 {
			require.NotEmpty(t, got)
			require.Equal(t, results[0], got)
		}
	}
	for _, w := range p.weights {
		require.Zero(t, w.left.Load())
	}
}
