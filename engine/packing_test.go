package engine

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"unsafe"

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
						bytes += int64(4*len(w.data) + 2*len(w.half))
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
	require.Equal(t, name == "dense" && source[name+".weight"].DType == F16, w.f16)
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
					i := p.offset + (tap*s.cin+c)*p.nr + col
					got := float32(0)
					if w.f16 {
						kernels.Generic.WidenF16(unsafe.Slice(&got, 1), binary.LittleEndian.AppendUint16(nil, w.half[i]))
					} else {
						got = w.data[i]
					}
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

// Weights that stay float16 give the bits of the same weights as float32, on every instruction set, with any batch and number of threads.
func TestFloat16WeightsGiveTheSameBits(t *testing.T) {
	for _, layout := range []Layout{NCHW, NHWC} {
		g := &Graph{Layout: layout, Input: Shape{H: 6, W: 5, C: 384}}
		x := g.Add("conv", &Conv2D{Window: Square(1, 1, 0), OutC: 390, Groups: 1, Weight: "conv.weight"}, InputName)
		x = g.Add("strided", &Conv2D{Window: Square(3, 2, 1), OutC: 102, Groups: 2, Weight: "strided.weight"}, x)
		x = g.Add("flatten", &Flatten{}, x)
		g.Add("dense", &Dense{Out: 300, Weight: "dense.weight"}, x)
		r := rand.New(rand.NewPCG(9, 10))
		half := randomWeights(t, g, r, true)
		wide := WeightMap{}
		for name, w := range half {
			full := Weight{DType: F32, Shape: w.Shape}
			for _, v := range w.Float32s() {
				full.Data = binary.LittleEndian.AppendUint32(full.Data, math.Float32bits(v))
			}
			wide[name] = full
		}
		input := make([]float32, 3*g.Input.Elements())
		for i := range input {
			input[i] = float32(r.NormFloat64())
		}
		run := func(source WeightSource, isa kernels.ISA, batch, threads int) (out [][]float32, f16 int) {
			m, err := NewModel(g, source, isa)
			require.NoError(t, err)
			p, err := m.Plan(PlanOptions{Batch: batch, Layers: []string{"conv", "strided", "dense"}})
			require.NoError(t, err)
			runner := p.NewRunner(threads)
			defer runner.Close()
			require.NoError(t, runner.Run(batch, input[:batch*g.Input.Elements()]))
			for i := range p.Outputs() {
				out = append(out, append([]float32(nil), runner.Output(i)...))
			}
			for _, w := range p.weights {
				if w.f16 {
					f16++
				}
			}
			return out, f16
		}
		want, f16 := run(wide, kernels.Generic, 3, 1)
		require.Zero(t, f16)
		for _, isa := range kernels.All() {
			for _, batch := range []int{1, 2, 3} {
				got, f16 := run(half, isa, batch, 1+batch%2)
				require.Equal(t, map[int]int{1: 3, 2: 3, 3: 2}[batch], f16, "batch %d: weights that stay float16", batch)
				for i, values := range got {
					for j, v := range values {
						if math.Float32bits(v) != math.Float32bits(want[i][j]) {
							t.Fatalf("%s, %s, batch %d: value %d of output %d is %v, want %v", layout, isa, batch, j, i, v, want[i][j])
						}
					}
				}
			}
		}
	}
}
