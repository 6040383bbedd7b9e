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
