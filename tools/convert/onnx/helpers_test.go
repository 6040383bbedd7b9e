package onnx

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/kernels"
)

// newRunner plans an imported network for all of the layers.
func newRunner(t testing.TB, n *Network, batch int, layers ...string) *engine.Runner {
	t.Helper()
	isa, err := kernels.Select("")
	require.NoError(t, err)
	m, err := engine.NewModel(n.Graph, source(t, n), isa)
	require.NoError(t, err)
	p, err := m.Plan(engine.PlanOptions{Layers: layers, Batch: batch})
	require.NoError(t, err)
	r := p.NewRunner(2)
	t.Cleanup(r.Close)
	return r
}

// source fetches all weights.
func source(t testing.TB, n *Network) engine.WeightMap {
	t.Helper()
	out := engine.WeightMap{}
	for _, w := range n.Weights {
		tensor, err := w.Fetch()
		require.NoError(t, err)
		require.Equal(t, w.Shape, tensor.Shape)
		if out[w.Name], err = tensor.Weight(); err != nil {
			require.NoError(t, err)
		}
	}
	return out
}

// picturesOf gives values in the order of the file's axes as the engine takes them.
func picturesOf(m *Model, n *Network, values []float32) []float32 {
	out := make([]float32, len(values))
	if m.nhwc {
		copy(out, values)
	} else {
		engine.NCHWToNHWC(out, values, len(values)/n.Graph.Input.Elements(), n.Graph.Input)
	}
	return out
}
