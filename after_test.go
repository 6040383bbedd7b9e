package featx_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/engine/image"
)

// Pooling and normalisation give what PyTorch gives, from the file on (testdata/golden/make_after.py).
func TestAfterLikePyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/golden/after.json")
	require.NoError(t, err)
	var golden struct {
		Resize, Size int
		Cases        []struct {
			Crop, Layer, Pool string
			Flip, L2          bool
			Dims              []int
			Features          []float64
		}
	}
	require.NoError(t, json.Unmarshal(text, &golden))
	require.Len(t, golden.Cases, 19)
	m := open(t)
	for _, c := range golden.Cases {
		if c.Crop != "center" || c.Flip {
			continue
		}
		recipe := image.Torchvision(golden.Resize, golden.Size)
		x := extractor(t, m, featx.Options{Layers: []string{c.Layer}, Pool: featx.Pool(c.Pool), L2: c.L2, Recipe: &recipe})
		require.Equal(t, c.Dims, x.Layers()[0].Dims)
		out, err := x.Files(ship)
		require.NoError(t, err)
		requireNear(t, c.Features, out[0].Data, 2e-6, fmt.Sprintf("%+v", c)[:60])
	}
}

// requireNear compares with the largest value as the measure.
func requireNear(t *testing.T, want []float64, got []float32, tolerance float64, what string) {
	t.Helper()
	require.Len(t, got, len(want), what)
	largest, worst := 0.0, 0.0
	for i, w := range want {
		largest = max(largest, math.Abs(w))
		worst = max(worst, math.Abs(w-float64(got[i])))
	}
	require.LessOrEqual(t, worst, tolerance*largest, what)
}

func TestPools(t *testing.T) {
	m := open(t)
	for _, c := range []struct {
		pools []featx.LayerPool
		want  [][]int // of layer2.0.add, layer3, flatten
	}{
		{nil, [][]int{{32}, {64}, {64}}},
		{[]featx.LayerPool{{"layer3", featx.None}}, [][]int{{32}, {64, 8, 8}, {64}}},
		{[]featx.LayerPool{{"layer3.2.add", featx.Max}, {"layer3*", featx.Flatten}}, nil},
		{[]featx.LayerPool{{"layer3", featx.Max}, {"layer*", featx.Flatten}, {"-2", featx.None}}, [][]int{{32 * 16 * 16}, {64 * 8 * 8}, {64}}},
	} {
		o := featx.Options{Layers: []string{"layer2.0.add", "layer3", "flatten"}, Pool: featx.Avg, Pools: c.pools}
		x, err := m.Extractor(o)
		if c.want == nil {
			require.ErrorContains(t, err, `pooling of layer "layer3.2.add", which is not asked for; those that are: layer2.0.add, layer3, flatten`)
			continue
		}
		require.NoError(t, err)
		for i, l := range x.Layers() {
			require.Equal(t, c.want[i], l.Dims)
		}
		x.Close()
	}
	for want, o := range map[string]featx.Options{
		`layer "layer3": unknown pooling "mean": want none, avg, max, gem or flatten`: {Layers: []string{"layer3"}, Pools: []featx.LayerPool{{"layer3", "mean"}}},
		`pooling: no layer "layer4"; nearest: layer`:                                  {Pools: []featx.LayerPool{{"layer4", featx.Avg}}},
	} {
		_, err := m.Extractor(o)
		require.ErrorContains(t, err, want)
		_, err = m.Plan(o)
		require.ErrorContains(t, err, want)
	}
}

// The same bytes on any number of threads and in any batch; one layer's options change no other layer.
func TestAfterSameBits(t *testing.T) {
	m := open(t)
	o := featx.Options{Layers: []string{"layer1", "layer2", "layer3", "linear"}, Pools: []featx.LayerPool{{"layer2", featx.GeM}, {"layer3", featx.Flatten}}, L2: true, Threads: 1, Batch: 1}
	files := []string{ship, "testdata/images/grey8.png", "testdata/images/source.png", ship, ship}
	want, err := extractor(t, m, o).Files(files...)
	require.NoError(t, err)
	for _, row := range want {
		sum := 0.0
		for _, v := range row.Data {
			sum += float64(v) * float64(v)
		}
		require.InDelta(t, len(files), sum, 1e-5)
	}
	for _, threads := range []int{1, 2, 3} {
		for _, batch := range []int{1, 2, 3, 8} {
			o.Threads, o.Batch = threads, batch
			got, err := extractor(t, m, o).Files(files...)
			require.NoError(t, err)
			require.True(t, sameBits(want, got), "threads %d, batch %d", threads, batch)
		}
	}
	o.Layers, o.Pools = []string{"layer3", "conv1"}, nil
	got, err := extractor(t, m, o).Files(files...)
	require.NoError(t, err)
	require.Equal(t, want[2].Data, got[0].Data)
}
