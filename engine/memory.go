package engine

import "unsafe"

// hugePage is the size of a large page on amd64 and, usually, arm64.
const hugePage = 2 << 20

// alignedFloats makes a zeroed slice that begins at a cache line, or, if it is large, at a large page, which the system is asked to
// use: kernels walk through megabytes of weights, and would else wait for the page table.
func alignedFloats(n int) []float32 {
	align := 64
	if 4*n >= hugePage {
		align = hugePage
	}
	s := make([]float32, n+align/4)
	skip := 0
	if over := int(uintptr(unsafe.Pointer(&s[0])) % uintptr(align)); over != 0 {
		skip = (align - over) / 4
	}
	s = s[skip : skip+n : skip+n]
	if align == hugePage {
		adviseHuge(s)
	}
	return s
}
