package featx

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What does not fit is refused before memory is touched.
func TestPlanFitsMemory(t *testing.T) {
	free := freeMemory()
	if free == 0 {
		t.Skip("the free memory is not known here")
	}
	require.Greater(t, free, int64(1<<20))
	m, err := Open("")
	require.NoError(t, err)
	defer m.Close()
	recipe := m.Recipe()
	recipe.Size, recipe.Resize.H, recipe.Resize.W = [2]int{1024, 1024}, 1024, 1024
	options := Options{Recipe: &recipe, Batch: 1, Threads: 1}
	p, err := m.Plan(options)
	require.NoError(t, err)
	options.Batch = int(3 * free / (2 * p.Memory.Activations))
	_, err = m.Plan(options)
	if err != nil && strings.Contains(err.Error(), "GiB of memory") {
		t.Skip("more memory than the engine ever takes: ", err)
	}
	require.ErrorContains(t, err, "MB of memory are free: choose a smaller batch")
	_, err = m.Extractor(options)
	require.ErrorContains(t, err, "MB of memory are free: choose a smaller batch")

	// Without a batch of the user's one is chosen that fits.
	options.Batch, options.MaxMemory = 0, p.Memory.Total()+p.Memory.Activations
	p, err = m.Plan(options)
	require.NoError(t, err)
	require.Less(t, p.Batch, 8)
}

// Less memory is made do with in steps, down to the least that is told, and below that is an error. No bit depends on it.
func TestPlanWithin(t *testing.T) {
	m, err := Open("")
	require.NoError(t, err)
	defer m.Close()
	features := func(o Options) []Tensor {
		x, err := m.Extractor(o)
		require.NoError(t, err)
		defer x.Close()
		in := Tensor{Dims: append([]int{5}, x.InputDims()...)}
		for i := range 5 * x.InputLen() {
			in.Data = append(in.Data, float32(i%251)/100-1)
		}
		out, err := x.Tensor(in)
		require.NoError(t, err)
		return out
	}
	recipe := m.Recipe()
	recipe.Size, recipe.Resize.H, recipe.Resize.W = [2]int{256, 256}, 256, 256
	options := Options{Recipe: &recipe, Layers: []string{"layer1", "layer3"}, Pool: Avg, Threads: 2}
	free, err := m.Plan(options)
	require.NoError(t, err)
	require.Equal(t, 8, free.Batch)
	require.Equal(t, 3, free.Batches)
	require.Zero(t, free.Decoding)
	require.Equal(t, []Layer{{"layer1", []int{16}, Avg, nil}, {"layer3", []int{64}, Avg, nil}}, free.Layers)
	want := features(options)

	type shape struct{ batch, batches int }
	seen := map[shape]bool{}
	options.MaxMemory = free.Memory.Total()
	for {
		p, err := m.Plan(options)
		if err != nil {
			require.ErrorContains(t, err, "are allowed: choose a smaller picture or fewer layers")
			break
		}
		require.LessOrEqual(t, p.Memory.Total(), options.MaxMemory)
		require.Positive(t, p.Decoding)
		if s := (shape{p.Batch, p.Batches}); !seen[s] {
			seen[s] = true
			require.Equal(t, want, features(options))
		}
		options.MaxMemory -= options.MaxMemory / 100
	}
	for _, s := range []shape{{8, 3}, {4, 3}, {2, 3}, {1, 3}, {1, 2}} {
		require.True(t, seen[s], "%v of %v", s, seen)
	}

	recipe.Crop, recipe.Resize.H, recipe.Resize.W = "ten", 300, 300
	options.MaxMemory = 0
	want = features(options)
	many, err := m.Plan(options)
	require.NoError(t, err)
	require.Equal(t, []int{5, 10, 1}, []int{many.Batch, many.Views, many.Pictures})
	require.Equal(t, 10*free.MultiplyAdds, many.MultiplyAdds)
	batches := map[int]bool{}
	for options.MaxMemory = many.Memory.Total(); ; options.MaxMemory -= options.MaxMemory / 50 {
		p, err := m.Plan(options)
		if err != nil {
			break
		}
		require.LessOrEqual(t, p.Memory.Total(), options.MaxMemory)
		if !batches[p.Batch] {
			batches[p.Batch] = true
			require.Equal(t, want, features(options))
		}
	}
	require.Equal(t, map[int]bool{5: true, 2: true, 1: true}, batches)
	recipe.Crop, recipe.Resize.H, recipe.Resize.W = "none", 256, 256

	options.Batch, options.MaxMemory = 8, free.Memory.Total()/2
	_, err = m.Plan(options)
	require.ErrorContains(t, err, "8 pictures of 256x256x3 (HxWxC) at a time on 2 threads need")
	require.ErrorContains(t, err, "choose a smaller batch, a smaller picture")

	options = Options{Pictures: 3}
	p, err := m.Plan(options)
	require.NoError(t, err)
	require.Equal(t, 3, p.Batch)
	for _, o := range []Options{{Pictures: -1}, {MaxMemory: -1}, {Batch: -1}, {Threads: -1}} {
		_, err := m.Plan(o)
		require.Error(t, err)
	}
}

// A network without weights has the same plan, and no extractor.
func TestSketch(t *testing.T) {
	m, err := Open("")
	require.NoError(t, err)
	defer m.Close()
	s := Sketch(m.Graph(), m.Recipe(), "F16") // as the embedded model is stored
	defer s.Close()
	for _, o := range []Options{{}, {Layers: []string{"layer1"}, Batch: 3}} {
		want, err := m.Plan(o)
		require.NoError(t, err)
		got, err := s.Plan(o)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Positive(t, got.MultiplyAdds)
	}
	_, err = s.Extractor(Options{})
	require.ErrorContains(t, err, "the network cifar_resnet20 has no weights")
}
