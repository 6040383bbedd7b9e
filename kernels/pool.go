package kernels

import (
	"math"
	"unsafe"
)

// PoolRow is the arguments of MaxPool and AvgPool: a row of Outputs pixels, whose windows of Rows x Cols pixels lie
// SrcStride bytes apart and inside the picture altogether (windows that padding cuts are clipped by the caller, who calls
// once for each size of window). With x[o][r][c][ch] = *(Src + o*SrcStride + r*RowStride + c*ColStride + 4*ch),
//
//	MaxPool: m := -Inf; for r, c: m = (m > x) ? m : x, except that a NaN stays;  Dst[o][ch] = m
//	AvgPool: total := -0; for r { sum := -0; for c { sum += x }; total += sum };  Dst[o][ch] = total / Divisor
//
// which is the package's numeric contract, as -Inf and -0 are the neutral elements of the two. Dst does not overlap the
// source. Assembly reads this struct by its offsets.
type PoolRow struct {
	Dst       *float32
	DstStride int // bytes from output pixel to output pixel
	Src       *float32
	SrcStride int // bytes from window to window
	RowStride int // bytes from row to row inside a window
	ColStride int // bytes from pixel to pixel inside a row
	Rows      int // of the window, at least 1
	Cols      int // of the window, at least 1
	Channels  int // at least 1
	Outputs   int // at least 1
	Divisor   float32
}

// MaxPool takes the maximum over each window.
func (isa ISA) MaxPool(p *PoolRow) {
	for o := 0; o < p.Outputs; {
		part := p.from(o)
		isa.maxPool(&part)
		o += part.Outputs
	}
}

// AvgPool takes the sum over each window, divided by Divisor.
func (isa ISA) AvgPool(p *PoolRow) {
	for o := 0; o < p.Outputs; {
		part := p.from(o)
		isa.avgPool(&part)
		o += part.Outputs
	}
}

// from is as many outputs, from o on, as fit one call.
func (p *PoolRow) from(o int) PoolRow {
	part := *p
	part.Outputs = min(p.Outputs-o, max(1, chunkFloats/(p.Channels*p.Rows*p.Cols)))
	part.Dst, part.Src = offset(p.Dst, o*p.DstStride), offset(p.Src, o*p.SrcStride)
	return part
}

var negInf = float32(math.Inf(-1))

func maxPoolGeneric(p *PoolRow) {
	for o := range p.Outputs {
		dst := p.output(o, negInf)
		for r := range p.Rows {
			for c := range p.Cols {
				for i, x := range p.pixel(o, r, c) {
					if m := dst[i]; m == m && !(m > x) {
						dst[i] = x
					}
				}
			}
		}
	}
}

func avgPoolGeneric(p *PoolRow) {
	const block = 64
	negZero := float32(math.Copysign(0, -1))
	for o := range p.Outputs {
		dst := p.output(o, negZero)
		for from := 0; from < p.Channels; from += block {
			part := dst[from:min(from+block, p.Channels)]
			for r := range p.Rows {
				var buf [block]float32
				sum := buf[:len(part)]
				for i := range sum {
					sum[i] = negZero
				}
				for c := range p.Cols {
					for i, x := range p.pixel(o, r, c)[from : from+len(part)] {
						sum[i] += x
					}
				}
				for i, s := range sum {
					part[i] += s
				}
			}
			for i := range part {
				part[i] /= p.Divisor
			}
		}
	}
}

// output is the channels of output o, set to v.
func (p *PoolRow) output(o int, v float32) []float32 {
	dst := unsafe.Slice(offset(p.Dst, o*p.DstStride), p.Channels)
	for i := range dst {
		dst[i] = v
	}
	return dst
}

// pixel is the channels at row r, column c of window o.
func (p *PoolRow) pixel(o, r, c int) []float32 {
	return unsafe.Slice(offset(p.Src, o*p.SrcStride+r*p.RowStride+c*p.ColStride), p.Channels)
}
