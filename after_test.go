package featx_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/pca"
)

// Pooling, views and normalisation give what PyTorch gives, from the file on (testdata/golden/make_after.py).
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
		recipe := image.Torchvision(golden.Resize, golden.Size)
		recipe.Crop, recipe.Flip = c.Crop, c.Flip
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

// Views of pictures: the same bytes on any number of threads and in any batch, in one run of the network or in several, of files and of tensors.
func TestViewsSameBits(t *testing.T) {
	m := open(t)
	recipe := image.Torchvision(41, 32)
	files := []string{ship, "testdata/images/grey-53x37.jpg", "testdata/images/source.png", ship, ship}
	for _, c := range []struct {
		crop  string
		flip  bool
		views int
	}{{"center", true, 2}, {"five", false, 5}, {"ten", false, 10}} {
		recipe.Crop, recipe.Flip = c.crop, c.flip
		o := featx.Options{Layers: []string{"layer2", "layer3", "linear"}, Pools: []featx.LayerPool{{"layer2", featx.GeM}}, L2: true, Recipe: &recipe, Threads: 1, Batch: 1}
		want, err := extractor(t, m, o).Files(files...)
		require.NoError(t, err)
		require.Equal(t, []int{5, 64, 8, 8}, want[1].Dims)
		require.NotEqual(t, want[2].Data[:10], want[2].Data[10:20])
		require.Equal(t, want[2].Data[:10], want[2].Data[40:])
		for _, batch := range []int{1, 2, 3, 7, 8, 11, 20, 64} {
			o.Threads, o.Batch = 1+batch%3, batch
			x := extractor(t, m, o)
			require.Equal(t, []int{c.views, 3, 32, 32}, x.InputDims())
			p := x.Plan()
			require.LessOrEqual(t, p.Batch, batch)
			require.Equal(t, max(1, batch/c.views), p.Pictures)
			got, err := x.Files(files...)
			require.NoError(t, err)
			require.True(t, sameBits(want, got), "%s, batch %d", c.crop, batch)
		}

		// The same views as tensors, in the axes of the framework.
		x := extractor(t, m, o)
		picture, err := image.DecodeFile(ship)
		require.NoError(t, err)
		pixels, planes := make([]float32, x.InputLen()), make([]float32, x.InputLen())
		require.NoError(t, x.PrepareImage(pixels, picture))
		for i, v := range pixels {
			view, pixel, channel := i/(3*32*32), i/3%(32*32), i%3
			planes[(view*3+channel)*32*32+pixel] = v
		}
		got, err := x.Tensor(featx.Tensor{Dims: []int{1, c.views, 3, 32, 32}, Data: planes})
		require.NoError(t, err)
		for l := range got {
			require.Equal(t, want[l].Data[:len(got[l].Data)], got[l].Data)
		}
		_, err = x.Tensor(featx.Tensor{Dims: []int{1, 3, 32, 32}, Data: planes[:3*32*32]})
		require.ErrorContains(t, err, fmt.Sprintf("the network takes [n %d 3 32 32]", c.views))
	}
}

// fitted is a PCA of a layer that is vectors.
func fitted(t *testing.T, tensor featx.Tensor, l2 bool, o pca.Options) *pca.PCA {
	t.Helper()
	f, err := pca.NewFitter(tensor.Dims[1], l2, 0)
	require.NoError(t, err)
	for row := range slices.Chunk(tensor.Data, tensor.Dims[1]) {
		require.True(t, f.Add(row))
	}
	p, err := f.Fit(o)
	require.NoError(t, err)
	return p
}

// A PCA is applied behind pooling and the mean of views, and before the norm; rows that it was fitted on with norm one get it first. The other layer stays as it is.
func TestPCA(t *testing.T) {
	m := open(t)
	recipe := image.Torchvision(41, 32)
	recipe.Flip = true
	files := []string{ship, "testdata/images/grey-53x37.jpg", "testdata/images/source.png", "testdata/images/grey8.png", ship}
	o := featx.Options{Layers: []string{"layer2", "layer3"}, Pool: featx.Avg, Recipe: &recipe, Threads: 1, Batch: 1}
	raw, err := extractor(t, m, o).Files(files...)
	require.NoError(t, err)
	for _, l2 := range []bool{false, true} {
		p := fitted(t, raw[0], l2, pca.Options{Components: 3, Whiten: true})
		want := make([]float32, 5*3)
		p.Projector(5, 1).Project(want, slices.Clone(raw[0].Data), 5)
		for row := range slices.Chunk(want, 3) {
			pca.Normalise(row)
		}
		with := o
		with.PCA, with.L2 = []featx.LayerPCA{{"layer2", p}}, true
		for _, threads := range []int{1, 2, 7} {
			for _, batch := range []int{1, 3, 8} {
				with.Threads, with.Batch = threads, batch
				x := extractor(t, m, with)
				require.Equal(t, []featx.Layer{{"layer2", []int{3}, featx.Avg, p}, {"layer3", []int{64}, featx.Avg, nil}}, x.Layers())
				got, err := x.Files(files...)
				require.NoError(t, err)
				require.Equal(t, want, got[0].Data, "%d threads, batch %d", threads, batch)
			}
		}
		plan, err := m.Plan(with)
		require.NoError(t, err)
		require.Equal(t, p.Bytes(plan.Pictures), plan.Memory.PCA)
	}
}

func TestPCAErrors(t *testing.T) {
	m := open(t)
	raw, err := extractor(t, m, featx.Options{Layers: []string{"layer3"}, Pool: featx.Avg}).Files(ship, "testdata/images/source.png")
	require.NoError(t, err)
	p := fitted(t, raw[0], false, pca.Options{})
	with := func(f pca.Fitted) *pca.PCA {
		q := *p
		q.Fitted = f
		return &q
	}
	two := []string{"layer2", "layer3"}
	for want, o := range map[string]featx.Options{
		"does not tell its layer, for layer2, layer3: say which":                  {Layers: two, PCA: []featx.LayerPCA{{"", p}}},
		`a PCA of layer "layer1", which is not asked for; those that are`:         {Layers: two, PCA: []featx.LayerPCA{{"layer1", p}}},
		`a PCA of layer "linear", which is not asked for`:                         {Layers: two, PCA: []featx.LayerPCA{{"", with(pca.Fitted{Layer: "linear"})}}},
		`PCA: no layer "layer9"`:                                                  {PCA: []featx.LayerPCA{{"layer9", p}}},
		`PCA of layer "layer3": there are two of them`:                            {Layers: two, Pool: featx.Avg, PCA: []featx.LayerPCA{{"layer3", p}, {"", with(pca.Fitted{Layer: "layer3"})}}},
		`PCA of layer "layer3": it is a map [64 8 8], and a PCA takes vectors`:    {Layers: two, PCA: []featx.LayerPCA{{"layer3", p}}},
		`PCA of layer "layer2": it takes rows of 64 values, and the layer has 32`: {Layers: two, Pool: featx.Avg, PCA: []featx.LayerPCA{{"layer2", p}}},
		"it was fitted on maps pooled by max, and here they are pooled by avg":    {Layers: []string{"layer3"}, Pool: featx.Avg, PCA: []featx.LayerPCA{{"", with(pca.Fitted{Pool: "max"})}}},
		"it was fitted on features of another model (SHA-256 abc...":              {PCA: []featx.LayerPCA{{"", with(pca.Fitted{Model: "abc"})}}},
	} {
		_, err := m.Extractor(o)
		require.ErrorContains(t, err, want)
		_, err = m.Plan(o)
		require.ErrorContains(t, err, want)
	}
	// An alias is the same layer, and a vector has no pooling that could differ.
	x, err := m.Extractor(featx.Options{Layers: []string{"flatten"}, PCA: []featx.LayerPCA{{"", with(pca.Fitted{Layer: "-2", Pool: "max", Model: m.SHA256()})}}})
	require.NoError(t, err)
	require.Equal(t, []int{1}, x.Layers()[0].Dims)
	x.Close()
}
