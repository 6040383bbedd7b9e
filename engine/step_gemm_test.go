package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Groups of panels are as even as they can be, and no more of them than that takes.
func TestEvenGroups(t *testing.T) {
	for _, c := range []struct{ panels, least, blocks, threads, want int }{
		{32, 8, 1, 2, 8},
		{10, 8, 1, 2, 10}, // 8 would leave one thread with 6
		{12, 8, 1, 2, 12},
		{30, 8, 1, 2, 10},
		{5, 5, 1, 2, 5},
		{10, 4, 2, 2, 5},
		{7, 1, 3, 4, 4},
		{1, 1, 1, 8, 1},
	} {
		require.Equal(t, c.want, evenGroups(c.panels, c.least, c.blocks, c.threads), c)
	}
}
