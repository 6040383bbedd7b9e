package kernels

import "unsafe"

// WinogradProduct is the arguments of the matrix multiplication of one frequency and one panel: with a panel of width nr it computes
//
//	for r in 0..Rows, c in 0..nr:
//		v := 0
//		for k in 0..K: v = fma(A[r][k], W[k][c], v)
//		C[r][c] = v
//
// which are the sums of Gemm.
type WinogradProduct struct {
	A    *float32       // [Rows][K]: transformed inputs
	W    *float32       // [K][nr]: transformed weights
	C    *float32       // [Rows][nr]
	Rows int            // tiles, at least 1
	K    int            // input channels, at least 1
	Next unsafe.Pointer // as many weights as W has, which are worth having in L2 soon; nil is none

	tile GemmTile
	off  [maxRows]int64
}

// maxRows is the most that a GemmShape has.
const maxRows = 12

// WinogradProduct multiplies.
func (isa ISA) WinogradProduct(nr int, t *WinogradProduct) { isa.winogradProduct(nr, t) }

// gemm multiplies with the tiles of Gemm.
func (t *WinogradProduct) gemm(isa ISA, nr int) {
	rows, ahead := isa.panel(nr, 1).MR, Prefetch{}
	if t.Next != nil {
		ahead = isa.Prefetch()
	}
	if ahead.Share > 0 {
		rows = min(rows, ahead.Rows)
	}
	parts := (t.Rows + rows - 1) / rows
	if ahead.Share > parts { // so that the whole of the next weights is asked for
		parts = min(ahead.Share, t.Rows)
	}
	shares := ahead.Parts(parts)
	for i := range t.off {
		t.off[i] = int64(4 * i * t.K)
	}
	t.tile = GemmTile{Off: &t.off[0], W: t.W, Segments: 1, SegLen: t.K, First: true, Cols: nr, NextStep: (4*nr + shares - 1) / max(1, shares)}
	for i := range parts {
		r0, r1 := i*t.Rows/parts, (i+1)*t.Rows/parts
		t.tile.A, t.tile.Acc, t.tile.Next = unsafe.Pointer(index(t.A, r0*t.K)), index(t.C, r0*nr), nil
		if i < shares {
			t.tile.Next = unsafe.Add(t.Next, i*4*nr*t.K/shares)
		}
		isa.Gemm(nr, r1-r0, &t.tile)
	}
}
