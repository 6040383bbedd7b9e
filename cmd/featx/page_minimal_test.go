//go:build minimal

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPagesAreNotInAMinimalBuild(t *testing.T) {
	require.ErrorContains(t, checkPage("page.html", 1), "minimal build")
	require.NoError(t, checkPage("", 1))
}
