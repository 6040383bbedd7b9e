package kernels

import (
	"testing"
	"unsafe"
)

// TestWinogradProduct compares every bit with Gemm's contract, and looks whether anything else is written.
func TestWinogradProduct(t *testing.T) {
	eachISA(t, "winogradproduct", func(t *testing.T, isa ISA) {
		for _, place := range placements {
			t.Run(place.name, func(t *testing.T) {
				for _, shape := range isa.GemmPanels() {
					for _, k := range []int{1, 2, 3, 7, 32, 65} {
						for rows := 1; rows <= 40; rows++ {
							for _, next := range []bool{false, true} {
								compareProduct(t, isa, shape.NR, rows, k, next, place.alloc)
							}
						}
					}
					for _, rows := range []int{4, 5, 8, 16, 28} { // K in parts
						compareProduct(t, isa, shape.NR, rows, 261, true, place.alloc)
					}
					compareProduct(t, isa, shape.NR, 6, 4100, true, place.alloc)
					compareProduct(t, isa, shape.NR, 150, 700, true, place.alloc) // several calls of assembly
				}
			})
		}
	})
}

func compareProduct(t *testing.T, isa ISA, nr, rows, k int, next bool, alloc func(testing.TB, int) []float32) {
	t.Helper()
	r := newRand(uint64(rows*1000 + k))
	a, w, c := alloc(t, rows*k), alloc(t, k*nr), alloc(t, rows*nr)
	fill(r, a, k == 7)
	fill(r, w, k == 7)
	fillWith(c, canary)
	p := &WinogradProduct{A: &a[0], W: &w[0], C: &c[0], Rows: rows, K: k}
	if next {
		p.Next = unsafe.Pointer(&w[0])
	}
	isa.WinogradProduct(nr, p)
	for i, v := range c {
		var want float32
		for j := range k {
			want = fma32(a[i/nr*k+j], w[j*nr+i%nr], want)
		}
		if !same(v, want) {
			t.Fatalf("%d rows of %d channels, panel of %d: row %d, column %d is %v, want %v", rows, k, nr, i/nr, i%nr, v, want)
		}
	}
}
