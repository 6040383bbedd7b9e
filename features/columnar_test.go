//go:build !minimal

package features_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/features"
)

// foreignTables are what pandas and pyarrow have written, as TestForeign wants them.
var foreignTables = map[string]map[string]string{
	"pandas.parquet": {"single": "float32", "double": "float64"},
	"types.parquet":  {"half": "float16", "single": "float32", "double": "float64"},
	"types.arrow":    {"half": "float16", "single": "float32", "double": "float64"},
	"types.feather":  {"half": "float16", "single": "float32", "double": "float64"},
}

func TestDamagedTables(t *testing.T) {
	for name, want := range map[string]string{
		"ragged.parquet": "another length",
		"ragged.feather": "another length",
		"nulls.parquet":  "row 1: an empty list, or one with nulls",
	} {
		path := filepath.Join("testdata", name)
		f, err := features.Open(path)
		if err == nil {
			err = readAll(f)
			require.NoError(t, f.Close())
		}
		require.ErrorContains(t, err, path+": ")
		require.ErrorContains(t, err, want)
	}
}

func FuzzParquet(f *testing.F) {
	fuzz(f, ".parquet", "testdata/types.parquet", "testdata/pandas.parquet")
}
func FuzzArrow(f *testing.F) { fuzz(f, ".arrow", "testdata/types.arrow", "testdata/types.feather") }
