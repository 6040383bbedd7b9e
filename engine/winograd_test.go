package engine_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/kernels"
)

var winogradKernels = []struct {
	kernel, size [2]int
	algorithm    string // at these sizes
}{
	{[2]int{3, 3}, [2]int{17, 18}, "F(4x4,3x3)"},
	{[2]int{3, 3}, [2]int{14, 13}, "F(2x4,3x3)"},
	{[2]int{3, 3}, [2]int{8, 7}, "F(2x2,3x3)"},
	{[2]int{1, 3}, [2]int{5, 9}, "F(1x2,1x3)"},
	{[2]int{3, 1}, [2]int{9, 4}, "F(2x1,3x1)"},
	{[2]int{1, 7}, [2]int{5, 21}, "F(1x6,1x7)"},
	{[2]int{7, 1}, [2]int{20, 6}, "F(6x1,7x1)"},
	{[2]int{5, 5}, [2]int{15, 18}, "F(4x4,5x5)"},
}

// Winograd's steps in a group that goes through the pictures by bands of any height, cut for any number of threads, between others and with all that an epilogue has: the bytes are those of the
// run in which every layer is asked for.
func TestWinogradBands(t *testing.T) {
	defer engine.SetBandRows(0)
	const batch = 2
	for i, c := range winogradKernels {
		r := rand.New(rand.NewPCG(uint64(i), 12))
		w := engine.Window{Kernel: c.kernel, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1},
			Pad: engine.Pad{Top: c.kernel[0] / 2, Left: c.kernel[1] / 3, Bottom: c.kernel[0] / 3, Right: c.kernel[1] / 2}}
		same := w
		same.Pad = engine.Pad{Top: c.kernel[0] / 2, Left: c.kernel[1] / 2, Bottom: c.kernel[0] / 2, Right: c.kernel[1] / 2}
		one := engine.Window{Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
		g := &engine.Graph{Layout: engine.NHWC, Input: engine.Shape{H: 3*c.size[0] + 1, W: c.size[1], C: 33}}
		g.Add("a", &engine.Conv2D{Window: w, OutC: 40, Groups: 1, Weight: "a.w", Bias: "a.b"}, engine.InputName)
		g.Add("b", &engine.Activation{Func: engine.SiLU}, "a")
		g.Add("c", &engine.Conv2D{Window: same, OutC: 40, Groups: 1, Weight: "c.w"}, "b")
		g.Add("d", &engine.Add{}, "c", "b")
		g.Add("e", &engine.ReLU{}, "d")
		g.Add("f", &engine.Conv2D{Window: one, OutC: 5, Groups: 1, Weight: "f.w"}, "e")
		weights := randomWeights(r, g)
		pictures := randomPictures(r, batch*g.Input.Elements())
		m, err := engine.NewModel(g, weights, kernels.Best())
		require.NoError(t, err)
		base := runModel(t, m, 1, batch, [2]int{}, []string{"a", "b", "c", "d", "e", "f"}, pictures)
		for _, rows := range []int{1, 2, 5, 100} {
			engine.SetBandRows(rows)
			p, err := m.Plan(engine.PlanOptions{Layers: []string{"f"}})
			require.NoError(t, err)
			require.GreaterOrEqual(t, engine.LongestBand(p), 3, c.algorithm)
			for _, threads := range []int{1, 2, 3} {
				got := runModel(t, m, threads, batch, [2]int{}, []string{"f"}, pictures)
				sameBits(t, fmt.Sprintf("%s, bands of %d rows, %d threads", c.algorithm, rows, threads), base[5:], got)
			}
		}
		engine.SetBandRows(0)
	}
}

// Every kernel that a Winograd algorithm serves, on maps whose last tiles are cut, with padding of its own on each side, channels that fill no
// vector, an epilogue with everything and a place in a concatenation: against the float64 oracle, and the same bytes for every instruction set,
// batch and thread count.
func TestWinogradConvolutions(t *testing.T) {
	const batch = 5
	for i, c := range winogradKernels {
		for _, layout := range []engine.Layout{engine.NCHW, engine.NHWC} {
			t.Run(fmt.Sprint(c.algorithm, layout), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(i), 11))
				w := engine.Window{Kernel: c.kernel, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1},
					Pad: engine.Pad{Top: c.kernel[0] / 2, Left: c.kernel[1] / 3, Bottom: c.kernel[0] / 3, Right: c.kernel[1] / 2}}
				same := w
				same.Pad = engine.Pad{Top: c.kernel[0] / 2, Left: c.kernel[1] / 2, Bottom: c.kernel[0] / 2, Right: c.kernel[1] / 2}
				g := &engine.Graph{Layout: layout, Input: engine.Shape{H: c.size[0], W: c.size[1], C: 99}}
				g.Add("a", &engine.Conv2D{Window: w, OutC: 85, Groups: 1, Weight: "a.w", Bias: "a.b"}, engine.InputName)
				g.Add("b", &engine.Conv2D{Window: same, OutC: 85, Groups: 1, Weight: "b.w"}, "a")
				g.Add("c", &engine.Add{}, "b", "a")
				g.Add("d", &engine.ReLU{}, "c")
				g.Add("e", &engine.Concat{}, "d", "a")
				weights := randomWeights(r, g)
				shapes, err := g.Infer(g.Input)
				require.NoError(t, err)
				m, err := engine.NewModel(g, weights, kernels.Best())
				require.NoError(t, err)
				p, err := m.Plan(engine.PlanOptions{Layers: []string{"e"}})
				require.NoError(t, err)
				steps, err := p.Steps(1)
				require.NoError(t, err)
				require.Equal(t, "input", steps[0].Algorithm)
				require.Equal(t, "winograd", steps[1].Kernel)
				require.Equal(t, c.algorithm, steps[1].Algorithm)

				pictures := randomPictures(r, batch*g.Input.Elements())
				all := []string{"a", "b", "c", "d", "e"}
				base := run(t, g, weights, kernels.Generic, 1, batch, all, pictures)
				in := make([]float64, g.Input.Elements())
				for i := range in {
					in[i] = float64(pictures[i])
				}
				given := make([][]float64, len(all))
				for i, s := range shapes {
					given[i] = fromLayout(g.Layout, s, base[i][:s.Elements()])
				}
				for i, want := range oracle(g, weights, shapes, g.Input, in, given) {
					var largest, worst float64
					for j, v := range want {
						largest, worst = max(largest, math.Abs(v)), max(worst, math.Abs(given[i][j]-v))
					}
					require.Less(t, worst, 4e-6*largest, "layer %s", all[i])
				}
				for _, isa := range kernels.All() {
					for _, threads := range []int{1, 2, 3} {
						got := run(t, g, weights, isa, threads, threads, []string{"e"}, pictures)
						sameBits(t, fmt.Sprintf("%v, %d threads", isa, threads), base[4:], got)
					}
				}
			})
		}
	}
}
