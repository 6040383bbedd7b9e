package engine_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/kernels"
)

// randomGraph grows a small network of every operation, with branches, joins, values read twice and odd attributes.
func randomGraph(r *rand.Rand) *engine.Graph {
	layout := engine.NCHW
	if r.IntN(2) == 0 {
		layout = engine.NHWC
	}
	g := &engine.Graph{Layout: layout, Input: engine.Shape{H: 5 + r.IntN(14), W: 5 + r.IntN(14), C: []int{1, 3, 4, 9, 16}[r.IntN(5)]}}
	maps := []string{engine.InputName}
	window := func() engine.Window {
		w := engine.Window{Kernel: [2]int{1 + r.IntN(4), 1 + r.IntN(4)}, Stride: [2]int{1 + r.IntN(2), 1 + r.IntN(2)}, Dilation: [2]int{1, 1},
			Pad: engine.Pad{Top: r.IntN(3), Left: r.IntN(3), Bottom: r.IntN(3), Right: r.IntN(3)}}
		if r.IntN(3) == 0 {
			w.Kernel = [2]int{3, 3}
			w.Stride = [2]int{1, 1}
		}
		return w
	}
	try := func(op engine.Op, inputs ...string) {
		name := fmt.Sprintf("n%d", len(g.Nodes))
		g.Add(name, op, inputs...)
		if _, err := g.Infer(g.Input); err != nil {
			g.Nodes = g.Nodes[:len(g.Nodes)-1] // does not fit here
			return
		}
		maps = append(maps, name)
	}
	channels := func(name string) int {
		if name == engine.InputName {
			return g.Input.C
		}
		shapes, err := g.Infer(g.Input)
		if err != nil {
			panic(err)
		}
		for i, n := range g.Nodes {
			if n.Name == name {
				return shapes[i].C
			}
		}
		panic(name)
	}
	pick := func() string { return maps[len(maps)-1-min(r.IntN(len(maps)), r.IntN(len(maps)))] }
	axis := func() (list []int) { // 1 to 3
		for range 3 {
			list = append(list, 1+r.IntN(3))
		}
		return list
	}
	for range 8 + r.IntN(20) {
		name, x := fmt.Sprintf("n%d", len(g.Nodes)), pick()
		optional := func(suffix string) string {
			if r.IntN(3) == 0 {
				return ""
			}
			return name + suffix
		}
		switch r.IntN(27) {
		case 0, 1, 2:
			c := &engine.Conv2D{Window: window(), OutC: []int{1, 4, 8, 17, 32, 48, 60}[r.IntN(7)], Groups: 1, Weight: name + ".w"}
			if r.IntN(3) == 0 {
				c.Dilation = [2]int{1 + r.IntN(2), 1 + r.IntN(3)}
			}
			if r.IntN(3) == 0 {
				c.Groups = 2 + r.IntN(3)
				c.OutC = c.Groups * (1 + r.IntN(20))
			}
			if r.IntN(2) == 0 {
				c.Bias = name + ".b"
			}
			if width := 4 << r.IntN(2); r.IntN(3) == 0 && channels(x)%width == 0 {
				c.Groups, c.OutC = channels(x)/width, channels(x)
			}
			if r.IntN(4) == 0 { // depthwise
				c.Groups = channels(x)
				c.OutC = c.Groups
			}
			try(c, x)
		case 3, 4:
			b := &engine.BatchNorm{Eps: 1e-3, Mean: name + ".m", Var: name + ".v"}
			if r.IntN(3) > 0 {
				b.Gamma, b.Beta = name+".g", name+".b"
			}
			try(b, x)
		case 5:
			try(&engine.ReLU{}, x)
		case 6:
			try(&engine.ReLU{Max: 6}, x)
		case 7:
			w := window()
			w.Ceil = r.IntN(2) == 0
			if r.IntN(3) == 0 {
				w.Dilation = [2]int{2, 1}
			}
			try(&engine.MaxPool{Window: w}, x)
		case 8:
			w := window()
			w.Ceil = r.IntN(2) == 0
			try(&engine.AvgPool{Window: w, CountPad: r.IntN(2) == 0}, x)
		case 9, 10:
			for range 20 { // look for a partner of the same shape
				try(&engine.Add{}, x, pick())
			}
		case 11:
			parts := []string{x}
			for range 1 + r.IntN(3) {
				parts = append(parts, pick())
			}
			try(&engine.Concat{}, parts...)
			try(&engine.Concat{}, x, x)
		case 12:
			try(&engine.ZeroPad{Pad: engine.Pad{Top: r.IntN(2), Right: r.IntN(3)}, ChannelsBefore: r.IntN(3), ChannelsAfter: r.IntN(3)}, x)
		case 13:
			try([]engine.Op{&engine.Identity{}, &engine.Softmax{}, &engine.AdaptivePool{OutH: 1 + r.IntN(4), OutW: 1 + r.IntN(4), Max: r.IntN(2) == 0}}[r.IntN(3)], x)
		case 15, 16, 17, 18, 19:
			f := []string{engine.Sigmoid, engine.HardSigmoid, engine.SiLU, engine.HardSwish, engine.Tanh, engine.GELU, engine.GELUTanh, engine.LeakyReLU, engine.ELU, engine.Softplus}[r.IntN(10)]
			try(&engine.Activation{Func: f, Alpha: 0.25, Beta: 0.5}, x)
		case 20:
			try(&engine.Arithmetic{Func: []string{engine.Mul, engine.Sub, engine.Max, engine.Min, engine.Mean}[r.IntN(5)]}, x, pick())
			pooled := len(g.Nodes) // squeeze and excitation
			try(&engine.AdaptivePool{OutH: 1, OutW: 1}, x)
			if len(g.Nodes) > pooled {
				try(&engine.Arithmetic{Func: engine.Mul}, fmt.Sprintf("n%d", pooled), x)
			}
		case 21:
			try(&engine.Scale{Scale: name + ".s", Shift: optional(".t")}, x)
			try(&engine.PReLU{Slope: fmt.Sprintf("n%d.p", len(g.Nodes)), Shared: r.IntN(2) == 0}, x)
			try(&engine.Clip{Lo: -0.5, Hi: float32(math.Inf(1))}, pick())
		case 22:
			try([]engine.Op{&engine.LayerNorm{Eps: 1e-2, Gamma: optional(".g"), Beta: optional(".b")}, &engine.GroupNorm{Eps: 1e-2, Groups: 1 + r.IntN(3), Gamma: optional(".g"), Beta: optional(".b")},
				&engine.InstanceNorm{Eps: 1e-2, Gamma: optional(".g"), Beta: optional(".b")}, &engine.LogSoftmax{}, &engine.L2Normalize{Eps: 1e-3}}[r.IntN(5)], x)
		case 23:
			try([]engine.Op{&engine.ChannelShuffle{Groups: 1 + r.IntN(4)}, &engine.Permute{Axes: [3]int(r.Perm(3))},
				&engine.Slice{Start: [3]int{r.IntN(3), r.IntN(3), r.IntN(3)}, Step: [3]int(axis())}, &engine.Slice{Start: [3]int{0, 0, r.IntN(3)}, Step: [3]int{1, 1, 1}}}[r.IntN(4)], x)
		case 24:
			try(&engine.Resize{H: 3 + r.IntN(12), W: 3 + r.IntN(12), Mode: engine.ResizeNearest}, x)
		case 25:
			c := &engine.ConvTranspose2D{Window: window(), Groups: 1, OutC: 1 + r.IntN(40), Weight: name + ".w", Bias: optional(".b")}
			if r.IntN(3) == 0 {
				c.Groups, c.OutC = 2, 2*c.OutC
			}
			try(c, x)
		case 26:
			try(&engine.Dense{Out: 1 + r.IntN(40), Weight: name + ".w", Bias: optional(".b")}, x)
			try(&engine.Reduce{Func: engine.ReduceMean, Axes: []string{"HW", "C", "H", "HWC"}[r.IntN(4)], KeepDims: true}, x)
		case 14:
			a := &engine.Affine{}
			for range 64 { // the number of channels is among them
				a.Scale, a.Shift = append(a.Scale, 2*r.Float64()-1), append(a.Shift, 2*r.Float64()-1)
				try(&engine.Affine{Scale: a.Scale, Shift: a.Shift}, x)
			}
		}
	}
	g.Add("flat", &engine.Flatten{}, maps[len(maps)-1])
	g.Add("fc", &engine.Dense{Out: 1 + r.IntN(40), Weight: "fc.w", Bias: "fc.b"}, "flat")
	g.Add("fc.bn", &engine.BatchNorm{Eps: 1e-5, Mean: "fc.m", Var: "fc.v"}, "fc")
	g.Add("prob", &engine.Softmax{}, "fc.bn")
	return g
}

func randomWeights(r *rand.Rand, g *engine.Graph) engine.WeightMap {
	params, err := g.Params()
	if err != nil {
		panic(err)
	}
	m := engine.WeightMap{}
	for _, p := range params {
		n := 1
		for _, d := range p.Shape {
			n *= d
		}
		data := make([]byte, 4*n)
		for i := range n {
			v := r.Float32()*2 - 1
			if p.Tensor[len(p.Tensor)-1] == 'v' {
				v = 0.5 + r.Float32()
			} else if len(p.Shape) > 1 {
				v *= float32(math.Sqrt(3 * float64(max(p.Shape[0], p.Shape[len(p.Shape)-1])) / float64(n)))
			}
			binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(v))
		}
		m[p.Tensor] = engine.Weight{DType: engine.F32, Shape: p.Shape, Data: data}
	}
	return m
}

func randomPictures(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = r.Float32()*4 - 2
	}
	return x
}

// Random graphs against the float64 oracle, every layer; and the same bytes for every instruction set, thread count, batch and set of layers.
func TestRandomGraphs(t *testing.T) {
	const batch = 3
	defer engine.SetBandRows(0)
	seeds := uint64(120)
	if raceDetector {
		seeds = 30
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 7))
		g := randomGraph(r)
		weights := randomWeights(r, g)
		shapes, err := g.Infer(g.Input)
		require.NoError(t, err)
		pictures := randomPictures(r, batch*g.Input.Elements())
		all := make([]string, len(g.Nodes))
		for i, n := range g.Nodes {
			all[i] = n.Name
		}
		base := run(t, g, weights, kernels.Generic, 1, batch, all, pictures)
		engine.SetBandRows(int(seed % 4))

		for picture := range batch {
			in := make([]float64, g.Input.Elements())
			for i := range in {
				in[i] = float64(pictures[picture*len(in)+i])
			}
			given := make([][]float64, len(all))
			for i, s := range shapes {
				given[i] = fromLayout(g.Layout, s, base[i][picture*s.Elements():][:s.Elements()])
			}
			for i, want := range oracle(g, weights, shapes, g.Input, in, given) {
				largest := 1e-3
				for _, v := range want {
					largest = max(largest, math.Abs(v))
				}
				for j := range want {
					if !(math.Abs(given[i][j]-want[j]) <= 1e-5*largest) {
						t.Fatalf("seed %d, picture %d, %s %s[%d] = %v, want %v", seed, picture, g.Nodes[i].Op.Kind(), g.Nodes[i].Name, j, given[i][j], want[j])
					}
				}
			}
		}
		for _, isa := range kernels.All() {
			some := []int{r.IntN(len(all)), r.IntN(len(all)), len(all) - 1}
			var names []string
			for _, s := range some {
				names = append(names, all[s])
			}
			sameBits(t, fmt.Sprintf("seed %d %v all", seed, isa), base, run(t, g, weights, isa, 2, batch, all, pictures))
			got := run(t, g, weights, isa, 3, batch, unique(names), pictures)
			for i, name := range unique(names) {
				sameBits(t, fmt.Sprintf("seed %d %v %s", seed, isa, name), base[indexOf(all, name):][:1], got[i:i+1])
			}
			got = run(t, g, weights, isa, 2, batch, all[len(all)-1:], pictures) // the longest groups of steps
			sameBits(t, fmt.Sprintf("seed %d %v last", seed, isa), base[len(all)-1:], got)
		}
	}
}

func unique(names []string) (out []string) {
	for _, n := range names {
		if indexOf(out, n) < 0 {
			out = append(out, n)
		}
	}
	return out
}

func indexOf(list []string, name string) int {
	for i, n := range list {
		if n == name {
			return i
		}
	}
	return -1
}

// run gives the layers' outputs for the pictures, batch at a time; the last run may be smaller.
func run(t testing.TB, g *engine.Graph, weights engine.WeightSource, isa kernels.ISA, threads, batch int, layers []string, pictures []float32) [][]float32 {
	t.Helper()
	m, err := engine.NewModel(g, weights, isa)
	require.NoError(t, err)
	return runModel(t, m, threads, batch, [2]int{}, layers, pictures)
}

func runModel(t testing.TB, m *engine.Model, threads, batch int, size [2]int, layers []string, pictures []float32) [][]float32 {
	t.Helper()
	p, err := m.Plan(engine.PlanOptions{Layers: layers, Batch: batch, Size: size})
	require.NoError(t, err)
	r := p.NewRunner(threads)
	defer r.Close()
	outputs := make([][]float32, len(p.Outputs()))
	for per := p.InputShape().Elements(); len(pictures) > 0; {
		n := min(batch, len(pictures)/per)
		require.NoError(t, r.Run(n, pictures[:n*per]))
		pictures = pictures[n*per:]
		for i := range outputs {
			outputs[i] = append(outputs[i], r.Output(i)...)
		}
	}
	return outputs
}

// sameBits compares bytes; a NaN equals a NaN.
func sameBits(t testing.TB, what string, want, got [][]float32) {
	t.Helper()
	require.Equal(t, len(want), len(got), what)
	for i := range want {
		require.Equal(t, len(want[i]), len(got[i]), what)
		for j, v := range want[i] {
			if math.Float32bits(v) != math.Float32bits(got[i][j]) && (v == v || got[i][j] == got[i][j]) {
				t.Fatalf("%s: output %d [%d] = %v (%08x), want %v (%08x)", what, i, j, got[i][j], math.Float32bits(got[i][j]), v, math.Float32bits(v))
			}
		}
	}
}
