package engine_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/kernels"
)

func newProfilePlan(t *testing.T, g *engine.Graph, w engine.WeightMap, o engine.PlanOptions) *engine.Plan {
	t.Helper()
	m, err := engine.NewModel(g, w, kernels.Best())
	require.NoError(t, err)
	p, err := m.Plan(o)
	require.NoError(t, err)
	return p
}

// The steps compute what the layers asked for need: every node once, its multiply-adds with it.
func TestStepsCoverGraph(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 7))
		g := randomGraph(r)
		w := randomWeights(r, g)
		taps := []string{"prob"}
		for range r.IntN(4) {
			taps = append(taps, g.Nodes[r.IntN(len(g.Nodes))].Name)
		}
		p := newProfilePlan(t, g, w, engine.PlanOptions{Layers: taps, Batch: 2})
		steps, err := p.Steps(2)
		require.NoError(t, err, "seed %d", seed)

		nodes, err := g.Describe([2]int{})
		require.NoError(t, err)
		live := map[string]bool{}
		for _, t := range taps {
			live[t] = true
		}
		var macs int64
		want := map[string]int{}
		for i := len(nodes) - 1; i >= 0; i-- {
			n := nodes[i]
			if !live[n.Name] {
				continue
			}
			for _, in := range n.Inputs {
				live[in] = true
			}
			switch n.Op {
			case "Conv2D", "ConvTranspose2D", "Dense":
				macs += 2 * n.MACs
			case "Identity", "Flatten", "Concat": // nothing to compute, or copies for some of the inputs
				continue
			}
			want[n.Name] = 1
		}
		got := map[string]int{}
		var sum int64
		outputs := 0
		for _, s := range steps {
			require.NotEmpty(t, s.Name)
			require.NotEmpty(t, s.Kernel)
			require.NotEmpty(t, s.Algorithm)
			require.GreaterOrEqual(t, s.Bytes, int64(2*4*s.Shape.Elements()))
			sum += s.MACs
			for _, n := range s.Nodes {
				if _, ok := want[n]; ok {
					got[n]++
				}
			}
			if len(s.Nodes) == 0 && s.Kernel == "copy" && s.Algorithm == "to "+string(g.Layout) {
				outputs++
			}
		}
		require.Equal(t, want, got, "seed %d", seed)
		require.Equal(t, macs, sum, "seed %d", seed)
		require.Equal(t, len(p.Outputs()), outputs, "seed %d", seed)
	}
}

// ResNet's first block, by hand.
func TestStepsOfResNet(t *testing.T) {
	g, w := build(t, "resnet18")
	p := newProfilePlan(t, g, w, engine.PlanOptions{Layers: []string{"layer1.0"}})
	steps, err := p.Steps(1)
	require.NoError(t, err)
	var names []string
	for _, s := range steps {
		names = append(names, s.Name)
	}
	require.Equal(t, []string{"conv1: pad", "conv1", "maxpool", "layer1.0.conv1", "layer1.0.conv2", "layer1.0.relu_1: output"}, names)
	first := steps[1]
	require.Equal(t, []string{"conv1", "bn1", "relu"}, first.Nodes)
	require.Equal(t, engine.Shape{H: 112, W: 112, C: 64}, first.Shape)
	require.Equal(t, "7x7/2", first.Algorithm)
	require.Equal(t, int64(118013952), first.MACs)
	require.Equal(t, int64(4*(230*230*3+112*112*64+7*7*3*64)), first.Bytes)
	require.Equal(t, []string{"layer1.0.conv2", "layer1.0.bn2", "layer1.0.add", "layer1.0.relu_1"}, steps[4].Nodes)
	// The raw sums are wanted: the convolution alone, then the rest as a pass of its own.
	p = newProfilePlan(t, g, w, engine.PlanOptions{Layers: []string{"conv1", "relu"}})
	steps, err = p.Steps(1)
	require.NoError(t, err)
	require.Equal(t, []string{"conv1"}, steps[1].Nodes)
	require.Equal(t, []string{"bn1", "relu"}, steps[3].Nodes)
	require.Equal(t, "epilogue", steps[3].Kernel)
}

// A profiled run computes what a plain one does, takes time in every step, and allocates nothing.
func TestProfile(t *testing.T) {
	g, w := build(t, "cifar_resnet20")
	p := newProfilePlan(t, g, w, engine.PlanOptions{Layers: []string{"*"}, Batch: 3})
	in := randomPictures(rand.New(rand.NewPCG(3, 4)), 3*32*32*3)
	for _, threads := range []int{1, 2} {
		plain, profiled := p.NewRunner(threads), p.NewRunner(threads)
		defer plain.Close()
		defer profiled.Close()
		steps, err := p.Steps(3)
		require.NoError(t, err)
		times := make([]time.Duration, len(steps))
		require.NoError(t, plain.Run(3, in))
		for range 3 {
			whole, err := profiled.Profile(3, in, times)
			require.NoError(t, err)
			require.Positive(t, whole)
			for i := range p.Outputs() {
				require.Equal(t, plain.Output(i), profiled.Output(i))
			}
			for i, d := range times {
				require.Positive(t, d, steps[i].Name)
			}
		}
		if !raceDetector {
			require.Zero(t, testing.AllocsPerRun(5, func() { _, _ = profiled.Profile(3, in, times) }))
		}
		_, err = profiled.Profile(3, in, times[1:])
		require.ErrorContains(t, err, "times for the")
		_, err = profiled.Profile(4, arch.SeededInput(g, 0), times)
		require.ErrorContains(t, err, "the plan is for 1 to 3")
	}
}

// A first convolution reads the caller's pictures where they lie, or makes its padded copy of them; any other reader has them copied. The results are those of a copy, and the pictures stay as they are.
func TestPicturesInPlace(t *testing.T) {
	conv := func(kernel, stride, pad int) *engine.Conv2D {
		return &engine.Conv2D{Window: engine.Window{Kernel: [2]int{kernel, kernel}, Stride: [2]int{stride, stride}, Dilation: [2]int{1, 1},
			Pad: engine.Pad{Top: pad, Left: pad, Bottom: pad, Right: pad}}, OutC: 20, Groups: 1, Weight: "w"}
	}
	for name, c := range map[string]struct {
		first  engine.Op
		layers []string
		steps  []string
	}{
		"unpadded":  {conv(3, 2, 0), []string{"a"}, []string{"a", "a: output"}},
		"pointwise": {conv(1, 1, 0), []string{"a"}, []string{"a", "a: output"}},
		"padded":    {conv(3, 2, 1), []string{"a"}, []string{"a: pad", "a", "a: output"}},
		"pool":      {&engine.MaxPool{Window: conv(3, 2, 0).Window}, []string{"a"}, []string{"input", "a", "a: output"}},
		"twice":     {conv(3, 2, 0), []string{"a", "b"}, []string{"a", "a: output", "input", "b", "b: output"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := &engine.Graph{Layout: engine.NHWC, Input: engine.Shape{H: 29, W: 31, C: 3}}
			g.Add("a", c.first, engine.InputName)
			g.Add("b", &engine.ReLU{}, engine.InputName)
			r := rand.New(rand.NewPCG(5, 6))
			w := randomWeights(r, g)
			in := randomPictures(r, 2*g.Input.Elements())
			given := append([]float32(nil), in...)
			p := newProfilePlan(t, g, w, engine.PlanOptions{Layers: c.layers, Batch: 2})
			steps, err := p.Steps(2)
			require.NoError(t, err)
			var names []string
			for _, s := range steps {
				names = append(names, s.Name)
			}
			require.Equal(t, c.steps, names)
			copied := &engine.Graph{Layout: engine.NHWC, Input: g.Input}
			copied.Add("copy", &engine.MaxPool{Window: engine.Window{Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}}, engine.InputName)
			copied.Add("a", c.first, "copy")
			want := run(t, copied, w, kernels.Generic, 1, 1, []string{"a"}, in)
			for _, isa := range kernels.All() {
				for threads := 1; threads <= 2; threads++ {
					sameBits(t, string(isa), want, run(t, g, w, isa, threads, 2, c.layers, in)[:1])
				}
			}
			require.Equal(t, given, in)
		})
	}
}
