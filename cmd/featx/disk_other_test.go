//go:build !linux

package main

import "testing"

func smallDisk(t *testing.T, _ int) string {
	t.Helper()
	t.Skip("no small file system to fill")
	return ""
}
