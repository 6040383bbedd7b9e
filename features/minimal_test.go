//go:build minimal

package features_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/features"
)

var foreignTables map[string]map[string]string

func TestTablesAreNotInAMinimalBuild(t *testing.T) {
	_, err := features.Open("testdata/types.parquet")
	require.EqualError(t, err, "testdata/types.parquet: this is a minimal build of featx, which does not read .parquet files: the usual build does")
}
