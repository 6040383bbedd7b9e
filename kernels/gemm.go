package kernels

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/klauspost/cpuid/v2"
)

// GemmShape is the largest tile that one call of Gemm computes.
type GemmShape struct {
	MR int // rows: output pixels
	NR int // columns: output channels, the width of a packed panel
}

// GemmTile is the arguments of one tile of an indirect matrix multiplication: rows x cols outputs, where each row is read
// through a table of offsets, so that a convolution of any stride, dilation and padding needs no im2col. It computes
//
//	for r in 0..rows, c in 0..Cols:
//		v := 0 if First, else Acc[r][c]
//		for s in 0..Segments, i in 0..SegLen:
//			v = fma(*(A + Off[s][r] + 4*i), W[s*SegLen+i][c], v)
//		if !Last { Acc[r][c] = v; continue }
//		v = clamp(fma(v, Scale[c], Shift[c]) + Res[r][c], Lo, Hi)
//		C[r][c] = v
//
// with the details of the epilogue as the package's numeric contract has them. Assembly reads this struct by its offsets.
//
// One call is never preempted: keep Segments*SegLen within GemmDepth and split a longer K over several calls with First,
// Last and Acc, which changes no bit.
type GemmTile struct {
	A           unsafe.Pointer // base that Off counts from; what Off reaches lies in A's allocation
	Off         *int64         // [Segments][MR] byte offsets from A of each row's segment, MR that of the panel's GemmShape; entries of unused rows are not read
	W           *float32       // the packed panel, [Segments*SegLen][NR], next to each other
	W16         *uint16        // the same in float16, widened exactly, instead of W; nil is W
	Segments    int            // at least 1
	SegLen      int            // floats per segment, at least 1
	Acc         *float32       // [MR][NR] accumulators between the calls of one tile; used if First or Last is unset
	First, Last bool           // start from +0 instead of Acc; apply the epilogue and store to C instead of Acc
	Scale       *float32       // NR values; nil is no affine
	Shift       *float32       // NR values; read only if Scale is set
	Res         *float32       // residual in the geometry of C, may be C; nil is none
	ResStride   int            // bytes from row to row of Res
	C           *float32       // output
	CStride     int            // bytes from row to row of C
	Cols        int            // valid columns, 1 to NR: nothing beyond them is read from Res or written to C
	Lo, Hi      float32        // clamp

	// Panels is how many panels, up to GemmRun, the rows meet in one call; 0 is 1. They lie next to each other in W or W16, Scale, Shift, Res and C, Cols is of the last one,
	// and what a panel prefetches follows what the one before did. More than one need First and Last, and Segments*SegLen*Panels within GemmDepth.
	// A panel's rows lie AStep bytes behind those of the one before: 0, or the inputs of its groups, where GroupRun allows it.
	Panels, AStep int

	// Next is where floats lie that are worth having in L2 soon, a part of the next panel or of the next tile's inputs; nil is none. A kernel prefetches NextStep bytes
	// for each k from there on, or ignores it.
	Next     unsafe.Pointer
	NextStep int
}

// GemmRun is the largest GemmTile.Panels of the first of GemmPanels.
func (isa ISA) GemmRun() int {
	if isa == AVX2 || isa == AVX512 {
		return 8
	}
	return 1
}

// GroupRun is the largest GemmTile.Panels of panels of 16 columns that each have groups of their own.
func (isa ISA) GroupRun() int {
	if isa == AVX2 {
		return isa.GemmRun()
	}
	return 1
}

// GemmDepth is how long a K one call of Gemm may have, so that it stays below about 50 microseconds on a slow CPU of the instruction set.
func (isa ISA) GemmDepth() int {
	switch isa {
	case AVX512:
		return 2048 // 64 columns
	case NEON:
		return 2304 // Cortex-A53 at 1.2 GHz: 24 FMAs of one cycle each
	}
	return 4096
}

// GemmNear is into parts of at most what length K is best cut where several tiles meet weights from beyond the cache: each part is in L1 while the tiles compute it, one after the other. It is GemmDepth
// where narrow panels leave L2 idle enough.
func (isa ISA) GemmNear() int {
	if isa == AVX512 {
		return nearAVX512
	}
	return isa.GemmDepth()
}

// nearAVX512 leaves a third of L1 to what passes by: 128 of 48 KB.
var nearAVX512 = max(32<<10, cpuid.CPU.Cache.L1D) * 2 / 3 / (4 * 64) &^ 3

// Prefetch tells what a tile does with GemmTile.Next.
type Prefetch struct {
	Rows  int  // tiles of at most so many rows prefetch; 0 is none
	Share int  // and then at most one part in Share of the bytes that their own weights have
	Fixed bool // exactly that, whatever NextStep says
}

// Parts is into how many parts what so many tiles prefetch is best divided: evenly, as far as they can.
func (p Prefetch) Parts(tiles int) int {
	if p.Fixed || p.Rows == 0 {
		return p.Share
	}
	return max(p.Share, tiles)
}

// Prefetch tells what the tiles of the first of GemmPanels do with GemmTile.Next.
func (isa ISA) Prefetch() Prefetch {
	switch isa {
	case AVX512:
		return Prefetch{Rows: 12, Share: 4}
	case AVX2:
		return Prefetch{Rows: 6, Share: 2}
	case NEON:
		return Prefetch{Rows: 6, Share: 4, Fixed: true}
	}
	return Prefetch{}
}

var (
	panelsGeneric = []GemmShape{{4, 8}}
	panelsAVX2    = []GemmShape{{6, 16}, {6, 24}, {6, 8}}
	panelsAVX512  = []GemmShape{{12, 64}, {12, 32}, {12, 24}, {12, 16}}
	panelsNEON    = []GemmShape{{6, 16}, {6, 8}}
)

// GemmPanels lists the tile shapes of the instruction set: first those that most channels have, then those for what is left. The slice is shared: do not write to it.
func (isa ISA) GemmPanels() []GemmShape {
	switch isa {
	case AVX2:
		return panelsAVX2
	case AVX512:
		return panelsAVX512
	case NEON:
		return panelsNEON
	}
	return panelsGeneric
}

// PanelWidth is the width (NR) of the next panel when so many output channels are left: the narrowest that holds them all, if it is emptier by less than the narrowest one is wide; else the
// widest that they fill. On AVX2 that is 16 columns, as they take no longer for a sum than 24, and several panels a call.
func (isa ISA) PanelWidth(remaining int) int {
	if isa == AVX2 {
		switch {
		case remaining <= 8:
			return 8
		case 16 < remaining && remaining <= 24:
			return 24
		}
		return 16
	}
	panels := isa.GemmPanels()
	narrowest := panels[len(panels)-1].NR
	width := narrowest
	for _, p := range slices.Backward(panels) {
		if p.NR >= remaining {
			if p.NR-remaining < narrowest {
				return p.NR
			}
			break
		}
		width = p.NR
	}
	return width
}

// panel finds the shape of width nr and checks rows against it.
func (isa ISA) panel(nr, rows int) GemmShape {
	for _, p := range isa.GemmPanels() {
		if p.NR == nr && 1 <= rows && rows <= p.MR {
			return p
		}
	}
	panic(fmt.Sprintf("kernels: no %s GEMM tile of %d rows x %d columns, have %v", isa, rows, nr, isa.GemmPanels()))
}
