package kernels

import (
	"fmt"
	"unsafe"
)

// F(4x4, 3x3) is Winograd4x3 along both axes (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015), with
// kernels that do both at once: with d a window of 6x6 inputs and g the filter, the 4x4 outputs are
//
//	Y = A^T [ (G g G^T) * (B^T d B) ] A
//
// where B^T is the matrix Input, A^T is Output and G is Filter / Divisor. The product * is of the 36 single values, which are
// called frequencies and numbered f = 6*row + column; summed over the input channels it is 36 matrix multiplications, by Gemm.
// A NaN or an infinity in a window reaches all outputs of its tile.
const (
	WinogradTile        = 4  // outputs of a tile along each axis
	WinogradWindow      = 6  // inputs of a tile along each axis
	WinogradFrequencies = 36 // products per tile, input channel and output channel
)

// WinogradStride gives the floats from frequency to frequency that suit the caches when each has n floats: an odd number of
// lines of 64 bytes. With a multiple of 4096 bytes, all 36 fall on the same lines, and the transforms take up to three times
// as long.
func WinogradStride(n int) int { return (n+15)/32*32 + 16 }

// WinogradInputTiles is the arguments of WinogradInput: the windows of Tiles tiles, each with all its channels. With
// d[t][y][x][c] = *(A + Off[t][6*y+x] + 4*c) it computes
//
//	for t in 0..Tiles, c in 0..Channels:
//		for x in 0..6: w[0..6][x] = b(d[t][0..6][x][c])   // the columns first
//		for y in 0..6: v[y][0..6] = b(w[y][0..6])
//		for f in 0..36: *(V + f*VStride + t*VTile + 4*c) = v[f/6][f%6]
//
//	b(d0, d1, d2, d3, d4, d5):                            // B^T d
//		p, q := d4-d2, d3-d1
//		m, n := fma(1.5, d3, p), fma(1.5, d2, q)
//		return fma(1.5, q, d0-d2) + p, m+n, m-n, fma(2, q, p), fma(-0.5, q, p), fma(1.5, p, d5-d3) - q
//
// so the result of one tile depends on its window alone. Assembly reads this struct by its offsets. V does not overlap the
// windows. For speed VStride comes from WinogradStride.
type WinogradInputTiles struct {
	A        unsafe.Pointer // base that Off counts from; what Off reaches lies in A's allocation
	Off      *int64         // [Tiles][36] byte offsets from A of a window's pixels, row-major; padding points at Channels zeros
	Tiles    int            // at least 1
	Channels int            // at least 1
	V        *float32       // [36][Tiles][Channels]
	VStride  int            // bytes from frequency to frequency
	VTile    int            // bytes from tile to tile

	ahead int // bytes from the last tile's offsets to those of a tile that is worth having in the cache soon
}

// WinogradOutputTiles is the arguments of WinogradOutput: Rows x Width output pixels that a run of neighbouring tiles of one
// row of tiles gives, from left to right; the last tile is cut if 4 does not divide Width. With
// m[t][y][x][c] = *(M + (6*y+x)*MStride + t*MTile + 4*c) it computes
//
//	for t in 0..(Width+3)/4, c in 0..Channels:
//		for x in 0..6:    s[0..4][x] = a(m[t][0..6][x][c])   // the columns first
//		for y in 0..Rows: v[y][0..4] = a(s[y][0..6])
//		for y in 0..Rows, x in 0..min(4, Width-4*t):
//			v = clamp(fma(v[y][x], Scale[c], Shift[c]) + Res[y][4*t+x][c], Lo, Hi)
//			C[y][4*t+x][c] = v
//
//	a(m0, m1, m2, m3, m4, m5):                               // A^T m
//		s, r := m1+m2, m1-m2
//		return (m0 + s) + (m3 + m4), fma(-2, m4, fma(0.5, m3, r)), fma(4, m4, fma(0.25, m3, s)), fma(-8, m4, fma(0.125, m3, r+m5))
//
// with the details of the epilogue as the package's numeric contract has them. Assembly reads this struct by its offsets.
// Nothing beyond Rows, Width and Channels is read from Res or written to C. For speed MStride comes from WinogradStride.
type WinogradOutputTiles struct {
	M            *float32 // [36][tiles][Channels], the sums of the products
	MStride      int      // bytes from frequency to frequency
	MTile        int      // bytes from tile to tile
	Channels     int      // at least 1: a panel's valid columns, or all output channels
	Rows         int      // of output pixels, 1 to 4
	Width        int      // of output pixels, at least 1
	Scale, Shift *float32 // Channels values each; Scale nil: no affine
	Res          *float32 // residual, may be C with the same strides; nil is none
	ResRow       int      // bytes from row to row of Res
	ResCol       int      // bytes from pixel to pixel of Res
	C            *float32 // output
	CRow         int      // bytes from row to row of C
	CCol         int      // bytes from pixel to pixel of C
	Lo, Hi       float32  // clamp
}

// winogradChunk bounds the tiles x channels of one call of assembly to a few microseconds, fifty on Cortex-A55, as it cannot be preempted.
const winogradChunk = 1 << 10

// WinogradInput transforms the windows of t.
func (isa ISA) WinogradInput(t *WinogradInputTiles) {
	tiles := max(1, winogradChunk/t.Channels)
	for i := 0; i < t.Tiles; i += tiles {
		part := *t
		part.Tiles = min(tiles, t.Tiles-i)
		if i+tiles < t.Tiles {
			part.ahead = 8 * WinogradFrequencies
		}
		part.Off = (*int64)(unsafe.Add(unsafe.Pointer(t.Off), 8*WinogradFrequencies*i))
		part.V = offset(t.V, i*t.VTile)
		isa.winogradInput(&part)
	}
}

// WinogradOutput transforms the sums of t back and applies the epilogue.
func (isa ISA) WinogradOutput(t *WinogradOutputTiles) {
	if t.Rows < 1 || t.Rows > WinogradTile {
		panic(fmt.Sprintf("kernels: a Winograd tile of %d output rows, have 1 to %d", t.Rows, WinogradTile))
	}
	tiles := max(1, winogradChunk/t.Channels)
	for i := 0; WinogradTile*i < t.Width; i += tiles {
		x := WinogradTile * i
		part := *t
		part.Width = min(WinogradTile*tiles, t.Width-x)
		part.M, part.C = offset(t.M, i*t.MTile), offset(t.C, x*t.CCol)
		if t.Res != nil {
			part.Res = offset(t.Res, x*t.ResCol)
		}
		isa.winogradOutput(&part)
	}
}
