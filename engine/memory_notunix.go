//go:build !unix

package engine

func mapFloats(n int) ([]float32, []byte) { return alignedFloats(n), nil }

func unmap([]byte) {}
