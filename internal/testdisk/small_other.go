//go:build !linux

package testdisk

import "testing"

// Small skips the test: there is no small file system to fill.
func Small(t *testing.T, _ int) string {
	t.Helper()
	t.Skip("no small file system to fill")
	return ""
}
