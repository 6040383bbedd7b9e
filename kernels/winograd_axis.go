package kernels

import (
	"fmt"
	"unsafe"
)

// WinogradAxis is the arguments of one pass of a Winograd transform along one axis: a small matrix times the vectors of
// channels that Off finds. With d[t][j][c] = *(A + t*ATile + Off[j] + 4*c), where tile t has the table Off + t*OffTile, it computes
//
//	for t in 0..Tiles, i in 0..Rows, c in 0..Channels:
//		v := Matrix[i][0] * d[t][0][c], rounded
//		for j in 1..Cols: v = fma(Matrix[i][j], d[t][j][c], v)
//		if Last: v = clamp(fma(v, Scale[c], Shift[c]) + Res[t][i][c], Lo, Hi)
//		C[t][i][c] = v
//
// with the details of the epilogue as the package's numeric contract has them. Inputs take one pass, or two for two axes: the
// rows first. Outputs take the columns first. Assembly reads this struct by its offsets. Nothing beyond Rows and Channels is
// read from Res or written to C; C does not overlap what Off reaches.
type WinogradAxis struct {
	Matrix       *float32 // [Rows][Cols]
	Rows         int      // at least 1
	Cols         int      // 1 to WinogradMaxCols
	A            unsafe.Pointer
	ATile        int    // bytes from tile to tile
	Off          *int64 // [Cols] byte offsets
	OffTile      int    // bytes from tile to tile; 0: one table for all
	Tiles        int    // at least 1
	Channels     int    // at least 1
	C            *float32
	CTile, CRow  int      // bytes from tile to tile and from row to row
	Last         bool     // apply the epilogue
	Scale, Shift *float32 // Channels values each; Scale nil: no affine
	Res          *float32 // residual, may be C with the same strides; nil is none
	ResTile      int      // bytes from tile to tile of Res
	ResRow       int      // bytes from row to row of Res
	Lo, Hi       float32  // clamp
}

// WinogradMaxCols is the most columns of a matrix: as many vectors as AVX2 can hold, but for two.
const WinogradMaxCols = 14

// winogradAxisChunk bounds the multiplications of one call of assembly to a few microseconds, fifty on Cortex-A55, as it cannot be preempted.
const winogradAxisChunk = 1 << 17

// WinogradAxis does one pass.
func (isa ISA) WinogradAxis(t *WinogradAxis) {
	if t.Cols < 1 || t.Cols > WinogradMaxCols || t.Rows < 1 {
		panic(fmt.Sprintf("kernels: a Winograd matrix of %d x %d, have 1 to %d columns", t.Rows, t.Cols, WinogradMaxCols))
	}
	if t.Tiles*t.Channels*t.Rows*t.Cols <= winogradAxisChunk {
		isa.winogradAxis(t)
		return
	}
	tiles := max(1, winogradAxisChunk/(t.Channels*t.Rows*t.Cols))
	for i := 0; i < t.Tiles; i += tiles {
		part := *t
		part.Tiles = min(tiles, t.Tiles-i)
		part.A = unsafe.Add(t.A, i*t.ATile)
		part.Off = (*int64)(unsafe.Add(unsafe.Pointer(t.Off), i*t.OffTile))
		part.C = offset(t.C, i*t.CTile)
		if t.Res != nil {
			part.Res = offset(t.Res, i*t.ResTile)
		}
		isa.winogradAxis(&part)
	}
}

// from is the same pass without the channels before the given one.
func (t *WinogradAxis) from(channel int) WinogradAxis {
	rest := *t
	rest.Channels -= channel
	rest.A, rest.C = unsafe.Add(t.A, 4*channel), index(t.C, channel)
	if t.Scale != nil {
		rest.Scale, rest.Shift = index(t.Scale, channel), index(t.Shift, channel)
	}
	if t.Res != nil {
		rest.Res = index(t.Res, channel)
	}
	return rest
}

func winogradAxisGeneric(t *WinogradAxis) {
	var d [WinogradMaxCols]float32
	for i := range t.Tiles {
		a := unsafe.Add(t.A, i*t.ATile)
		off := unsafe.Slice((*int64)(unsafe.Add(unsafe.Pointer(t.Off), i*t.OffTile)), t.Cols)
		for c := range t.Channels {
			for j, o := range off {
				d[j] = *(*float32)(unsafe.Add(a, o+4*int64(c)))
			}
			for r := range t.Rows {
				row := unsafe.Slice(index(t.Matrix, r*t.Cols), t.Cols)
				v := float32(row[0] * d[0])
				for j := 1; j < len(row); j++ {
					v = fma32(row[j], d[j], v)
				}
				if t.Last {
					if t.Scale != nil {
						v = fma32(v, *index(t.Scale, c), *index(t.Shift, c))
					}
					if t.Res != nil {
						v += *offset(t.Res, i*t.ResTile+r*t.ResRow+4*c)
					}
					v = clamp(v, t.Lo, t.Hi)
				}
				*offset(t.C, i*t.CTile+r*t.CRow+4*c) = v
			}
		}
	}
}
