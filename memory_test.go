package featx

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/kernels"
)

// What does not fit is refused before memory is touched.
func TestFitsMemory(t *testing.T) {
	free := freeMemory()
	if free == 0 {
		t.Skip("the free memory is not known here")
	}
	require.Greater(t, free, int64(1<<20))
	m, err := Open("")
	require.NoError(t, err)
	network, err := engine.NewModel(m.Graph(), m.file, kernels.Generic)
	require.NoError(t, err)
	options := engine.PlanOptions{Size: [2]int{1024, 1024}, Batch: 1}
	plan, err := network.Plan(options)
	require.NoError(t, err)
	require.NoError(t, fitsMemory(plan, 1))
	options.Batch = int(3 * free / (2 * plan.Memory().Activations))
	plan, err = network.Plan(options)
	if err != nil {
		t.Skip("more memory than the engine ever takes: ", err)
	}
	require.ErrorContains(t, fitsMemory(plan, 1), "choose a smaller batch")
}
