//go:build minimal

package main

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRooflineIsNotInAMinimalBuild(t *testing.T) {
	var stderr bytes.Buffer
	require.Equal(t, statusFailed, run([]string{"bench", "--svg", "a.svg"}, io.Discard, &stderr))
	requireLine(t, stderr.String(), "--svg: this is a minimal build of featx")
}
