//go:build minimal

package sink

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTablesAreNotInAMinimalBuild(t *testing.T) {
	for _, ending := range []string{".parquet", ".arrow"} {
		_, err := OpenJob(filepath.Join(t.TempDir(), "out"+ending), columns, JobOptions{})
		require.ErrorContains(t, err, "this is a minimal build of featx, without "+ending+" files: the usual build has them")
	}
}
