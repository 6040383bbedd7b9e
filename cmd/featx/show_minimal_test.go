//go:build minimal

package main

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestShowIsNotInAMinimalBuild(t *testing.T) {
	var stderr bytes.Buffer
	require.Equal(t, statusFailed, run([]string{"show", "-o", "a.png", "a.jpg"}, io.Discard, &stderr))
	requireLine(t, stderr.String(), "show: this is a minimal build of featx")
}
