package kernels

import (
	"fmt"
	"unsafe"
)

// GroupsWidth is the width (NR) of the panels of GemmGrouped for so many groups of so many channels in and out, or 0 where the instruction set has no kernel for them: then Gemm,
// with a panel for each group, computes the same bits.
func (isa ISA) GroupsWidth(groups, cin, cout int) int {
	if isa != Generic && cin == cout && (cin == 4 || cin == 8) && groups*cin%isa.groupsUnit(cin) == 0 {
		return groupsWidth
	}
	return 0
}

const groupsWidth = 16

// groupsUnit is what the columns of a tile are a multiple of.
func (isa ISA) groupsUnit(segLen int) int {
	if isa == AVX2 {
		return 8 // whole vectors
	}
	return segLen
}

// GemmGrouped computes the tile t with rows rows, 1 to MR, of a panel of 16 columns that belong to several groups of SegLen channels each (4 or 8), in and out. A segment
// is a pixel's Cols channels, of which each column takes those of its own group: it is Gemm with
//
//	v = fma(*(A + Off[s][r] + 4*(c/SegLen*SegLen + i)), W[s*SegLen+i][c], v)
//
// and Cols a multiple of SegLen, on AVX2 of 8. Panels is up to GroupRun. So small groups fill the lanes of a vector, of which a panel for each group would leave most empty.
func (isa ISA) GemmGrouped(rows int, t *GemmTile) {
	mr := isa.GemmPanels()[0].MR
	if rows < 1 || rows > mr || t.SegLen != 4 && t.SegLen != 8 || t.Cols < 1 || t.Cols > groupsWidth || t.Cols%isa.groupsUnit(t.SegLen) != 0 || t.Panels > isa.GroupRun() {
		panic(fmt.Sprintf("kernels: no tile of %d rows x %d columns in groups of %d", rows, t.Cols, t.SegLen))
	}
	isa.gemmGrouped(rows, mr, t)
}

// gemmGroupedGeneric is GemmGrouped in portable Go.
func gemmGroupedGeneric(rows, mr int, t *GemmTile) {
	w := unsafe.Slice(t.W, t.Segments*t.SegLen*groupsWidth)
	for r := range rows {
		for c := range t.Cols {
			var v float32
			if !t.First {
				v = *index(t.Acc, r*groupsWidth+c)
			}
			for s := range t.Segments {
				off := *(*int64)(unsafe.Add(unsafe.Pointer(t.Off), 8*(s*mr+r)))
				for i, a := range unsafe.Slice((*float32)(unsafe.Add(t.A, int(off)+4*(c/t.SegLen*t.SegLen))), t.SegLen) {
					v = fma32(a, w[(s*t.SegLen+i)*groupsWidth+c], v)
				}
			}
			if !t.Last {
				*index(t.Acc, r*groupsWidth+c) = v
				continue
			}
			if t.Scale != nil {
				v = fma32(v, *index(t.Scale, c), *index(t.Shift, c))
			}
			if t.Res != nil {
				v += *index(offset(t.Res, r*t.ResStride), c)
			}
			*index(offset(t.C, r*t.CStride), c) = clamp(v, t.Lo, t.Hi)
		}
	}
}
