//go:build minimal

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMetricsAreNotInAMinimalBuild(t *testing.T) {
	require.ErrorContains(t, new(metrics).listen(":9090"), "minimal build")
	require.NoError(t, new(metrics).listen(""))
}
