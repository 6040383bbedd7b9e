package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/kernels"
)

// resident is the process's memory that no file backs, in bytes, without garbage: once it no longer falls, as what earlier tests left is given back by cleanups, some time after a collection.
func resident(t *testing.T) int {
	t.Helper()
	for before := math.MaxInt; ; time.Sleep(10 * time.Millisecond) {
		debug.FreeOSMemory()
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Skip(err)
		}
		_, text, _ := strings.Cut(string(status), "RssAnon:")
		var kB int
		_, err = fmt.Sscan(text, &kB)
		require.NoError(t, err)
		if kB<<10 >= before {
			return kB << 10
		}
		before = kB << 10
	}
}

// The memory of weights is given back when the model is no longer reachable, and not before.
func TestWeightsAreUnmapped(t *testing.T) {
	g := &Graph{Layout: NCHW, Input: Shape{H: 1, W: 1, C: 1 << 10}}
	g.Add("dense", &Dense{Out: 1 << 12, Weight: "dense.weight"}, g.Add("flatten", &Flatten{}, InputName))
	source := randomWeights(t, g, rand.New(rand.NewPCG(1, 2)), false)
	before := resident(t)
	func() {
		m, err := NewModel(g, source, kernels.Best())
		require.NoError(t, err)
		p, err := m.Plan(PlanOptions{})
		require.NoError(t, err)
		r := p.NewRunner(1)
		defer r.Close()
		for range 3 {
			runtime.GC()
			require.NoError(t, r.Run(1, make([]float32, 1<<10)))
		}
		require.Greater(t, resident(t), before+15<<20, "16 MB are packed")
	}()
	for range 100 {
		if resident(t) < before+8<<20 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%d MB before, %d MB after the model is gone", before>>20, resident(t)>>20)
}

// A runner's memory is given back when it is closed, without waiting for the garbage collector.
func TestRunnersMemoryIsUnmapped(t *testing.T) {
	g := &Graph{Layout: NHWC, Input: Shape{H: 256, W: 256, C: 32}}
	g.Add("pool", &AdaptivePool{OutH: 1, OutW: 1}, g.Add("relu", &ReLU{}, InputName))
	m, err := NewModel(g, WeightMap{}, kernels.Best())
	require.NoError(t, err)
	p, err := m.Plan(PlanOptions{})
	require.NoError(t, err)
	pictures := make([]float32, p.size.Elements())
	before := resident(t)
	r := p.NewRunner(2)
	require.NoError(t, r.Run(1, pictures))
	during := resident(t)
	require.Greater(t, during, before+7<<20, "8 MB of the picture")
	r.Close()
	require.Less(t, resident(t), during-7<<20)
	r.Close()
}
