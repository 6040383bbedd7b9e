package engine

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/kernels"
)

// TensorFlow's own numbers: tf.nn.conv2d(padding="SAME") of a map of that size, kernel, stride and dilation pads so.
func TestSamePadding(t *testing.T) {
	for _, c := range []struct {
		size, k, stride, dilation int
		before, after, positions  int
	}{
		{5, 3, 1, 1, 1, 1, 5}, {5, 3, 2, 1, 1, 1, 3}, {6, 3, 2, 1, 0, 1, 3}, {6, 2, 2, 1, 0, 0, 3}, {7, 2, 2, 1, 0, 1, 4}, {224, 7, 2, 1, 2, 3, 112},
		{6, 2, 1, 1, 0, 1, 6}, {9, 3, 1, 2, 2, 2, 9}, {9, 1, 3, 1, 0, 0, 3}, {8, 1, 3, 1, 0, 0, 3}, {3, 5, 4, 1, 1, 1, 1}, {1, 3, 2, 1, 1, 1, 1},
	} {
		w := Window{Kernel: [2]int{c.k, 1}, Stride: [2]int{c.stride, 1}, Dilation: [2]int{c.dilation, 1}, Same: true}
		in := Shape{H: c.size, W: 4, C: 1}
		require.Equal(t, Pad{Top: c.before, Bottom: c.after}, w.padded(in).Pad, "%+v", c)
		h, wd, err := w.out(in)
		require.NoError(t, err)
		require.Equal(t, []int{c.positions, 4}, []int{h, wd})
	}
}

// One graph, at sizes that need different paddings, gives what the graphs with these paddings written out give.
func TestSameFollowsTheSize(t *testing.T) {
	build := func(windows ...Window) *Graph {
		g := &Graph{Arch: "test", Layout: NHWC, Input: Shape{H: 8, W: 8, C: 3}}
		x := g.Add("conv", &Conv2D{Window: windows[0], OutC: 8, Groups: 1, Weight: "w"}, InputName)
		x = g.Add("depthwise", &Conv2D{Window: windows[1], OutC: 8, Groups: 8, Weight: "d"}, x)
		g.Add("max", &MaxPool{Window: windows[2]}, x)
		g.Add("avg", &AvgPool{Window: windows[2]}, x)
		return g
	}
	values := func(n int) (v []float32) {
		for i := range n {
			v = append(v, float32(i*7919%101)/50-1)
		}
		return v
	}
	tensor := func(shape ...int) Weight {
		w := Weight{DType: F32, Shape: shape}
		for _, v := range values(w.Elements()) {
			w.Data = binary.LittleEndian.AppendUint32(w.Data, math.Float32bits(v))
		}
		return w
	}
	source := WeightMap{
		"w": tensor(3, 3, 3, 8),
		"d": tensor(3, 3, 1, 8),
	}
	result := func(g *Graph, size [2]int) (out [][]float32) {
		m, err := NewModel(g, source, kernels.Generic)
		require.NoError(t, err)
		p, err := m.Plan(PlanOptions{Layers: []string{"conv", "max", "avg"}, Size: size})
		require.NoError(t, err)
		r := p.NewRunner(1)
		defer r.Close()
		require.NoError(t, r.Run(1, values(size[0]*size[1]*3)))
		for i := range 3 {
			out = append(out, append([]float32(nil), r.Output(i)...))
		}
		return out
	}
	same := func(k, stride int) Window {
		w := Square(k, stride, 0)
		w.Same = true
		return w
	}
	explicit := func(k, stride int, p Pad) Window {
		w := Square(k, stride, 0)
		w.Pad = p
		return w
	}
	g := build(same(3, 2), same(3, 1), same(2, 2))
	require.Equal(t, result(build(explicit(3, 2, Pad{Bottom: 1, Right: 1}), explicit(3, 1, Same(1)), explicit(2, 2, Pad{})), [2]int{8, 8}), result(g, [2]int{8, 8}))
	require.Equal(t, result(build(explicit(3, 2, Pad{Top: 1, Bottom: 1, Right: 1}), explicit(3, 1, Same(1)), explicit(2, 2, Pad{Bottom: 1, Right: 1})), [2]int{9, 10}),
		result(g, [2]int{9, 10}))
}
