package kernels

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// PanelPart is the arguments of Pack, which turns rows of weights, one for each output channel, into columns of a panel:
//
//	for i in 0..N, c in 0..Cols: *(Dst + Off[i] + c*size) = *(Src + c*SrcStride + i*size)
//
// where a size is 4 or, of float16, 2 bytes; float16 becomes float32 exactly. Numbers in memory are little-endian at any address.
// Nothing beyond Cols is written. Assembly reads this struct by its offsets.
type PanelPart struct {
	Src       unsafe.Pointer // [Cols][N]
	SrcStride int            // bytes from row to row
	N, Cols   int            // at least 1
	Dst       unsafe.Pointer
	Off       *int64 // [N] bytes from Dst; what they reach lies in Dst's allocation
	SrcF16    bool   // float16, else float32
	DstF16    bool   // likewise; only if SrcF16 is set
}

// packChunk is the numbers of a row that are packed at a time: the columns of so many come from few places at once and meet in the cache.
const packChunk = 256

// Pack fills columns of a panel.
func (isa ISA) Pack(t *PanelPart) {
	for i := 0; i < t.N; i += packChunk {
		part := t.from(i, 0)
		part.N = min(packChunk, part.N)
		// Vectors take 8 numbers of 8 columns at a time, the rest is at the right and below.
		n, cols := 0, 0
		if isa != Generic {
			n, cols = part.N&^7, part.Cols&^7
		}
		if n > 0 && cols > 0 {
			block := part
			block.N, block.Cols = n, cols
			packBlocks(&block)
			if cols < part.Cols {
				right := part.from(0, cols)
				right.N = n
				packGeneric(&right)
			}
		} else {
			n = 0
		}
		if n < part.N {
			below := part.from(n, 0)
			packGeneric(&below)
		}
	}
}

// from is t without its first n numbers and columns.
func (t *PanelPart) from(n, cols int) PanelPart {
	src, dst := 4, 4
	if t.SrcF16 {
		src = 2
	}
	if t.DstF16 {
		dst = 2
	}
	part := *t
	part.N, part.Cols = t.N-n, t.Cols-cols
	part.Src = unsafe.Add(t.Src, cols*t.SrcStride+n*src)
	part.Dst = unsafe.Add(t.Dst, cols*dst)
	part.Off = (*int64)(unsafe.Add(unsafe.Pointer(t.Off), 8*n))
	return part
}

func packGeneric(t *PanelPart) {
	off := unsafe.Slice(t.Off, t.N)
	for c := range t.Cols {
		src := unsafe.Add(t.Src, c*t.SrcStride)
		switch {
		case t.DstF16:
			row := unsafe.Slice((*byte)(src), 2*t.N)
			for i, o := range off {
				*(*uint16)(unsafe.Add(t.Dst, int(o)+2*c)) = binary.LittleEndian.Uint16(row[2*i:])
			}
		case t.SrcF16:
			row := unsafe.Slice((*byte)(src), 2*t.N)
			for i, o := range off {
				*(*float32)(unsafe.Add(t.Dst, int(o)+4*c)) = widenF16(binary.LittleEndian.Uint16(row[2*i:]))
			}
		default:
			row := unsafe.Slice((*byte)(src), 4*t.N)
			for i, o := range off {
				*(*float32)(unsafe.Add(t.Dst, int(o)+4*c)) = math.Float32frombits(binary.LittleEndian.Uint32(row[4*i:]))
			}
		}
	}
}
