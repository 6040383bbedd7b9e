package engine

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/kernels"
)

// faultySource gives a convolution's weights until it is told to fail.
type faultySource struct {
	weight Weight
	fails  atomic.Bool
}

func (s *faultySource) Weight(string) (Weight, bool) {
	if s.fails.Load() {
		panic("no weights any more")
	}
	return s.weight, true
}

func faultyPlan(t *testing.T) (*faultySource, *Plan) {
	g := &Graph{Layout: NHWC, Input: Shape{H: 32, W: 32, C: 4}}
	g.Add("conv", &Conv2D{Window: Window{Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}, OutC: 4, Groups: 1, Weight: "w"}, InputName)
	s := &faultySource{weight: Weight{DType: F32, Shape: []int{1, 1, 4, 4}, Data: make([]byte, 4*4*4)}}
	m, err := NewModel(g, s, kernels.Generic)
	require.NoError(t, err)
	p, err := m.Plan(PlanOptions{Layers: []string{"conv"}, Batch: 4})
	require.NoError(t, err)
	return s, p
}

func TestPanicOfAnyWorkerIsAnError(t *testing.T) {
	for _, threads := range []int{1, 2, 3} {
		for culprit := range threads {
			_, p := faultyPlan(t)
			r := p.NewRunner(threads)
			pictures := make([]float32, 4*p.size.Elements())
			require.NoError(t, r.Run(4, pictures))
			r.crew.close()
			var came atomic.Bool
			r.crew = newCrew(threads, len(p.stages), func(worker, step, item int) {
				if worker == culprit {
					came.Store(true)
					panic("worker's fault")
				}
				for !came.Load() { // the culprit gets an item too
					time.Sleep(time.Millisecond)
				}
			})
			_, err := r.Profile(4, pictures, make([]time.Duration, len(p.steps)))
			require.Error(t, err)
			var fault *Fault
			require.ErrorAs(t, r.Run(4, pictures), &fault)
			require.ErrorContains(t, fault, "worker's fault")
			require.Contains(t, string(fault.Stack), "TestPanicOfAnyWorkerIsAnError")
			r.Close()
		}
	}
}

func TestPanicOfPackingIsAnError(t *testing.T) {
	s, p := faultyPlan(t)
	s.fails.Store(true)
	for _, threads := range []int{1, 3} { // the second finds the weights as the first left them
		r := p.NewRunner(threads)
		var fault *Fault
		require.ErrorAs(t, r.Run(1, make([]float32, p.size.Elements())), &fault)
		require.ErrorContains(t, fault, "no weights any more")
		r.Close()
	}
}

// slowSource takes its time with one tensor and fails at the other.
type slowSource struct {
	weight          Weight
	armed           atomic.Bool
	reading, ending chan struct{}
	ended           atomic.Bool
}

func (s *slowSource) Weight(name string) (Weight, bool) {
	switch {
	case !s.armed.Load():
	case name == "slow":
		close(s.reading)
		<-s.ending
		time.Sleep(20 * time.Millisecond)
		s.ended.Store(true)
	default:
		defer close(s.ending)
		panic("no weights any more")
	}
	return s.weight, true
}

// A runner that is closed after a panic of packing leaves nobody behind who reads the source.
func TestPackingIsOverAfterItsPanic(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	g := &Graph{Layout: NHWC, Input: Shape{H: 8, W: 8, C: 4}}
	window := Window{Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
	x := g.Add("first", &Conv2D{Window: window, OutC: 4, Groups: 1, Weight: "slow"}, InputName)
	g.Add("second", &Conv2D{Window: window, OutC: 4, Groups: 1, Weight: "faulty"}, x)
	s := &slowSource{
		weight:  Weight{DType: F32, Shape: []int{1, 1, 4, 4}, Data: make([]byte, 4*4*4)},
		reading: make(chan struct{}), ending: make(chan struct{}),
	}
	m, err := NewModel(g, s, kernels.Generic)
	require.NoError(t, err)
	p, err := m.Plan(PlanOptions{Layers: []string{"second"}})
	require.NoError(t, err)
	s.armed.Store(true)
	r := p.NewRunner(1)
	<-s.reading // by the packing's goroutine; what fails is left to the caller
	require.ErrorContains(t, r.Run(1, make([]float32, p.size.Elements())), "no weights any more")
	r.Close()
	require.True(t, s.ended.Load())
}
