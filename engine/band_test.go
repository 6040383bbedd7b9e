package engine_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/kernels"
)

// Networks whose steps run together in bands, bands of any height, pictures cut for any number of threads, tapped inside a group or not: the bytes are those of the run in which
// every layer is asked for, so that each lies in the arena as a whole.
func TestBands(t *testing.T) {
	defer engine.SetBandRows(0)
	for _, c := range []struct {
		network string
		size    int
		layers  []string
	}{
		{"mobilenet_v2", 75, []string{"features.18", "features.2", "features.3.conv.1.0", "features.1.conv.1"}},
		{"squeezenet1_1", 83, []string{"features.12", "features.2", "features.4.squeeze", "features.4.expand3x3"}},
		{"resnet50", 70, []string{"flatten", "maxpool", "layer1.1.relu_2", "layer2.0.downsample.0"}},
	} {
		if testing.Short() && c.network != "squeezenet1_1" {
			continue
		}
		g, weights := build(t, c.network)
		in := randomPictures(rand.New(rand.NewPCG(5, 6)), 2*c.size*c.size*3)
		m, err := engine.NewModel(g, weights, kernels.Best())
		require.NoError(t, err)
		all := make([]string, len(g.Nodes))
		for i, n := range g.Nodes {
			all[i] = n.Name
		}
		base := runModel(t, m, 1, 2, [2]int{c.size, c.size}, all, in)
		plan := func(layers ...string) engine.Memory {
			p, err := m.Plan(engine.PlanOptions{Layers: layers, Size: [2]int{c.size, c.size}, Batch: 2})
			require.NoError(t, err)
			return p.Memory()
		}
		require.Less(t, plan(c.layers[0]).Activations, plan(all...).Activations, "what only a group reads is in no arena")
		for _, rows := range []int{1, 2, 3, 5, 100, 0} {
			engine.SetBandRows(rows)
			for _, threads := range []int{1, 2, 5} {
				for _, layers := range [][]string{c.layers[:1], c.layers[:2], c.layers} {
					if threads != 2 && len(layers) > 1 {
						continue
					}
					got := runModel(t, m, threads, 1+threads%2, [2]int{c.size, c.size}, layers, in)
					for i, l := range layers {
						k := indexOf(all, l)
						if k < 0 {
							k = indexOf(all, g.Aliases[l])
						}
						require.GreaterOrEqual(t, k, 0, l)
						sameBits(t, fmt.Sprintf("%s, bands of %d rows, %d threads, %v: %s", c.network, rows, threads, layers, l), base[k:k+1], got[i:i+1])
					}
				}
			}
		}
	}
}
