package engine_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/x448/float16"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/kernels"
)

func build(t testing.TB, name string) (*engine.Graph, engine.WeightMap) {
	t.Helper()
	g, err := arch.Build(name, arch.Options{})
	require.NoError(t, err)
	w, err := arch.Seeded(g, 0)
	require.NoError(t, err)
	return g, w
}

// P1 and P2: the bytes of every layer depend on the model and the picture alone: not on the instruction set, the threads, the batch,
// the batch's other pictures, or which other layers were asked for.
func TestSameBitsWholeNetworks(t *testing.T) {
	if os.Getenv(kernels.EnvISA) != "" {
		t.Skip("this test forces every instruction set itself: it is for runs without " + kernels.EnvISA)
	}
	for _, c := range []struct {
		network string
		size    int
		tapSets [][]string // the first is everything that is compared
	}{
		{"cifar_resnet20", 32, [][]string{{"*"}, {"linear"}, {"layer2", "bn1"}, {"layer1.0.conv1", "layer3.0.add", "flatten"}}},
		{"resnet18", 41, [][]string{{"*"}, {"fc"}, {"layer2.0.downsample.0", "layer3.1.bn1"}, {"conv1"}}},
		{"resnet50", 33, [][]string{{"*"}, {"flatten"}, {"layer1.0.relu_1", "layer4.2.conv3"}}},
		{"vgg11_bn", 32, [][]string{{"features.*", "avgpool"}, {"features.28"}, {"features.0", "features.9", "features.14"}}},
		{"squeezenet1_1", 37, [][]string{{"*"}, {"flatten"}, {"features.3", "features.6.expand1x1", "features.8"}}},
		{"mobilenet_v2", 39, [][]string{{"*"}, {"classifier"}, {"features.3.conv", "features.4.conv.1.0", "features.17"}}},
		{"inception_v3_google", 75, [][]string{{"*"}, {"fc"}, {"cat", "Mixed_5c.avg_pool2d", "Mixed_7b.cat_1", "Mixed_7c.branch_pool.bn"}}},
		{"mobilenet_v3_small", 40, [][]string{{"*"}, {"-1"}, {"10", "30", "50"}}},
		{"shufflenet_v2_x0_5", 41, [][]string{{"*"}, {"-1"}, {"11", "40"}}},
	} {
		t.Run(c.network, func(t *testing.T) {
			if testing.Short() && c.network != "cifar_resnet20" {
				t.Skip("-short: the small network only")
			}
			pictures := 8
			if raceDetector {
				pictures = 3
			}
			g, weights := build(t, c.network)
			in := randomPictures(rand.New(rand.NewPCG(1, 2)), pictures*c.size*c.size*3)
			names := func(patterns []string) (list []string) {
				layers, err := g.Resolve(patterns)
				require.NoError(t, err)
				for _, l := range layers {
					list = append(list, l.Name)
				}
				return list
			}
			all := names(c.tapSets[0])
			node := func(name string) string {
				if target, ok := g.Aliases[name]; ok {
					return target
				}
				return name
			}
			var base [][]float32
			for _, isa := range kernels.All() {
				m, err := engine.NewModel(g, weights, isa)
				require.NoError(t, err)
				for _, threads := range []int{1, 2, 3, 7} {
					for _, batch := range []int{1, 3, 8} {
						if isa == kernels.Generic && (threads != 2 || batch != 3) && (c.network != "cifar_resnet20" || threads+batch != 2) {
							continue // slow, and threads and batches are the same code for every instruction set
						}
						if raceDetector && (isa == kernels.Generic || threads*batch > 9) {
							continue
						}
						for i, taps := range c.tapSets {
							if i > 0 && threads != 2 {
								continue
							}
							what := fmt.Sprintf("%v, %d threads, batch %d, %s", isa, threads, batch, strings.Join(taps, " "))
							list := names(taps)
							got := runModel(t, m, threads, batch, [2]int{c.size, c.size}, list, in)
							if base == nil {
								require.Equal(t, 0, i)
								base = got
							}
							for j, name := range list {
								k := indexOf(all, node(name))
								require.GreaterOrEqual(t, k, 0, name)
								sameBits(t, what+": "+name, base[k:k+1], got[j:j+1])
							}
						}
					}
				}
			}
		})
	}
}

// Weights that stay float16 in memory give the bytes of those that are widened when they are packed, and take less of it; a sketch knows how much.
func TestCompactWeights(t *testing.T) {
	for _, c := range []struct {
		network string
		size    int
	}{{"cifar_resnet20", 32}, {"resnet50", 97}, {"mobilenet_v2", 39}, {"shufflenet_v2_x0_5", 41}, {"resnext50_32x4d", 33}} {
		if testing.Short() && c.network != "cifar_resnet20" {
			continue
		}
		g, weights := build(t, c.network)
		for name, w := range weights {
			if len(w.Shape) > 1 {
				half := engine.Weight{DType: engine.F16, Shape: w.Shape}
				for _, v := range w.Float32s() {
					half.Data = binary.LittleEndian.AppendUint16(half.Data, float16.Fromfloat32(v).Bits())
				}
				weights[name] = half
			}
		}
		in := randomPictures(rand.New(rand.NewPCG(1, 2)), 2*c.size*c.size*3)
		for _, isa := range kernels.All() {
			if isa == kernels.Generic && c.network != "cifar_resnet20" {
				continue // slow
			}
			m, err := engine.NewModel(g, weights, isa)
			require.NoError(t, err)
			sketch, err := engine.NewSketch(g, engine.F16, isa)
			require.NoError(t, err)
			var want [][]float32
			var memory [2]engine.Memory
			for i, compact := range []bool{false, true} {
				options := engine.PlanOptions{Layers: []string{"*"}, Size: [2]int{c.size, c.size}, Batch: 2, Compact: compact}
				p, err := m.Plan(options)
				require.NoError(t, err)
				memory[i] = p.Memory()
				planned, err := sketch.Plan(options)
				require.NoError(t, err)
				require.Equal(t, memory[i], planned.Memory())
				r := p.NewRunner(2)
				require.NoError(t, r.Run(2, in))
				var got [][]float32
				for j := range p.Outputs() {
					got = append(got, r.Output(j))
				}
				r.Close()
				if want == nil {
					want = got
				}
				sameBits(t, fmt.Sprintf("%s on %v", c.network, isa), want, got)
			}
			require.Less(t, memory[1].Weights, memory[0].Weights)
		}
	}
}

// A run after the first allocates nothing, with one thread and with several.
func TestWarmRunAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	g, weights := build(t, "cifar_resnet20")
	for _, isa := range kernels.All() {
		m, err := engine.NewModel(g, weights, isa)
		require.NoError(t, err)
		for _, threads := range []int{1, 2, 3} {
			p, err := m.Plan(engine.PlanOptions{Layers: []string{"layer1.0.bn1", "layer2", "linear"}, Batch: 2})
			require.NoError(t, err)
			r := p.NewRunner(threads)
			in := make([]float32, 2*p.InputShape().Elements())
			n := testing.AllocsPerRun(3, func() { require.NoError(t, r.Run(2, in)) })
			require.Zero(t, n, "%v, %d threads", isa, threads)
			r.Close()
		}
	}
}

// Nor does one of any operation.
func TestWarmRunOfEveryOperationAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	kinds := map[string]bool{}
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 8))
		g := randomGraph(r)
		for _, n := range g.Nodes {
			kinds[n.Op.Kind()] = true
		}
		m, err := engine.NewModel(g, randomWeights(r, g), kernels.Best())
		require.NoError(t, err)
		p, err := m.Plan(engine.PlanOptions{Layers: []string{"*"}, Batch: 2})
		require.NoError(t, err)
		runner := p.NewRunner(2)
		in := randomPictures(r, 2*g.Input.Elements())
		require.Zero(t, testing.AllocsPerRun(2, func() { require.NoError(t, runner.Run(2, in)) }), "seed %d", seed)
		runner.Close()
	}
	require.Greater(t, len(kinds), 40)
}

// Several goroutines share one model, whose weights are packed while they ask for them.
func TestSharedModel(t *testing.T) {
	g, weights := build(t, "cifar_resnet20")
	m, err := engine.NewModel(g, weights, kernels.Best())
	require.NoError(t, err)
	in := randomPictures(rand.New(rand.NewPCG(3, 4)), 32*32*3)
	want := run(t, g, weights, kernels.Best(), 1, 1, []string{"layer3", "linear"}, in)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for range 5 {
				got := runModel(t, m, 1+i%3, 1, [2]int{}, []string{"layer3", "linear"}, in)
				sameBits(t, "shared", want, got)
			}
		})
	}
	wg.Wait()
}

func TestRunRefusesWrongInput(t *testing.T) {
	g, weights := build(t, "cifar_resnet20")
	m, err := engine.NewModel(g, weights, kernels.Best())
	require.NoError(t, err)
	p, err := m.Plan(engine.PlanOptions{Batch: 2})
	require.NoError(t, err)
	r := p.NewRunner(1)
	defer r.Close()
	require.ErrorContains(t, r.Run(3, make([]float32, 3*3072)), "3 pictures in one run: the plan is for 1 to 2")
	require.ErrorContains(t, r.Run(0, nil), "0 pictures")
	require.ErrorContains(t, r.Run(1, make([]float32, 3071)), "3071 floats for 1 pictures of 32x32x3")

	_, err = m.Plan(engine.PlanOptions{Size: [2]int{1 << 12, 1 << 12}, Batch: 1 << 20})
	require.ErrorContains(t, err, "GiB of memory")
	_, err = m.Plan(engine.PlanOptions{Layers: []string{"layer2.7"}})
	require.ErrorContains(t, err, `no layer "layer2.7"; nearest: layer2.`)
}

// Dropping and fusing: nothing behind the deepest tap is computed or packed, and the memory is known.
func TestPlanIsCut(t *testing.T) {
	g, weights := build(t, "cifar_resnet20")
	memory := func(layers ...string) engine.Memory {
		m, err := engine.NewModel(g, weights, kernels.Best())
		require.NoError(t, err)
		p, err := m.Plan(engine.PlanOptions{Layers: layers})
		require.NoError(t, err)
		return p.Memory()
	}
	shallow, deep, every := memory("relu"), memory("linear"), memory("*")
	require.Less(t, shallow.Weights*20, deep.Weights)
	require.Less(t, shallow.Activations, deep.Activations+1)
	require.EqualValues(t, 10*4, deep.Outputs)
	// Each map is copied out as soon as it is there: looking at all of them costs no memory but the outputs.
	require.LessOrEqual(t, every.Activations, 2*deep.Activations)
}

// A sum is written over its residual, unless another step reads that later.
func TestSumsInPlace(t *testing.T) {
	const floats = 20 * 20 * 64
	for _, c := range []struct {
		name     string
		residual string // of the sum, which is made of "b"
		reader   string // of a further layer behind the sum, if any
		maps     int    // that live at the same time, at most
	}{
		{"the last reader", "a", "", 2},
		{"read later", "a", "a", 3},
	} {
		g := &engine.Graph{Layout: engine.NCHW, Input: engine.Shape{H: 20, W: 20, C: 3}}
		conv := func(name, from string) {
			g.Add(name, &engine.Conv2D{Window: engine.Square(3, 1, 1), OutC: 64, Groups: 1, Weight: name + ".w"}, from)
		}
		conv("a", engine.InputName)
		conv("b", "a")
		conv("c", "b")
		g.Add("sum", &engine.Add{}, "c", c.residual)
		if c.reader != "" {
			conv("d", "sum")
			g.Add("all", &engine.Add{}, "d", c.reader)
		}
		m, err := engine.NewModel(g, randomWeights(rand.New(rand.NewPCG(1, 2)), g), kernels.Best())
		require.NoError(t, err)
		p, err := m.Plan(engine.PlanOptions{})
		require.NoError(t, err)
		require.Greater(t, p.Memory().Activations, int64(c.maps)*floats*4, c.name)
		require.Less(t, p.Memory().Activations, (int64(c.maps)*floats+floats/2)*4, c.name)
	}
}
