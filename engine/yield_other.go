//go:build !linux

package engine

// yieldProcessor is left to the system.
func yieldProcessor() {}
