package kernels

import "unsafe"

// DepthwiseBlock is the number of channels whose weights lie together for Depthwise.
const DepthwiseBlock = 16

// DepthwiseRow is the arguments of Depthwise: a row of Outputs pixels of a depthwise convolution, whose every output channel
// sees the one input channel of its number. The input is a row of columns of Rows pixels each, which neighbouring windows
// share; a window has every Dilation-th column, and the next one begins Stride columns further. With
//
//	x[o][ky][kx][c] = *(A + Off[o*Stride + kx*Dilation][ky] + 4*c)
//
// it computes
//
//	for o in 0..Outputs, c in 0..Channels:
//		v := 0
//		for ky in 0..Rows, kx in 0..Cols: v = fma(x[o][ky][kx][c], W[c/16][ky][kx][c%16], v)
//		C[o][c] = clamp(fma(v, Scale[c], Shift[c]) + Res[o][c], Lo, Hi)
//
// with the details of the epilogue as the package's numeric contract has them: the bits of a Gemm with one tap per segment.
// C does not overlap the input. Assembly reads this struct by its offsets.
//
// Without dilation, windows of 3x3 of strides 1 and 2 have a loop of their own that loads each pixel once; on AVX-512
// windows of 5 columns of stride 1 one in which four outputs share their pixels, on AVX2 windows of 5x5 of strides 1 and 2
// one for seven. A whole row with all its channels is the fastest call.
type DepthwiseRow struct {
	A            unsafe.Pointer // base that Off counts from; what Off reaches lies in A's allocation
	Off          *int64         // [(Outputs-1)*Stride + (Cols-1)*Dilation + 1][Rows] byte offsets from A of pixels; padding points at Channels zeros
	W            *float32       // [Channels/16, rounded up][Rows][Cols][16]; what fills up the last block is read and has no effect
	Rows, Cols   int            // of the window, at least 1
	Stride       int            // columns from window to window, at least 1
	Dilation     int            // columns from tap to tap, at least 1
	Outputs      int            // at least 1
	Channels     int            // at least 1: all, or some from a multiple of 16 on, with every pointer moved to them
	Scale, Shift *float32       // Channels values each; Scale nil: no affine
	Res          *float32       // residual in the geometry of C, may be C; nil is none
	ResStride    int            // bytes from pixel to pixel of Res
	C            *float32       // output
	CStride      int            // bytes from pixel to pixel of C
	Lo, Hi       float32        // clamp; -Inf and +Inf: none
}

// depthwiseChunk bounds the multiply-adds of one call of assembly to a few microseconds, fifty on Cortex-A55, as it cannot be preempted.
const depthwiseChunk = 1 << 17

// Depthwise computes the row t.
func (isa ISA) Depthwise(t *DepthwiseRow) {
	taps := t.Rows * t.Cols
	outputs := min(t.Outputs, max(1, depthwiseChunk/(taps*DepthwiseBlock)))
	channels := max(1, depthwiseChunk/(taps*outputs*DepthwiseBlock)) * DepthwiseBlock // rather than the outputs, which share pixels
	if outputs == t.Outputs && channels >= t.Channels {
		isa.depthwise(t)
		return
	}
	for c := 0; c < t.Channels; c += channels {
		for o := 0; o < t.Outputs; o += outputs {
			part := t.part(o, min(outputs, t.Outputs-o), c, min(channels, t.Channels-c))
			isa.depthwise(&part)
		}
	}
}

// part is some of the outputs and channels, the latter from a multiple of 16 on.
func (t *DepthwiseRow) part(o, outputs, c, channels int) DepthwiseRow {
	part := *t
	part.Outputs, part.Channels = outputs, channels
	part.A = unsafe.Add(t.A, 4*c)
	part.Off = (*int64)(unsafe.Add(unsafe.Pointer(t.Off), 8*o*t.Stride*t.Rows))
	part.W = index(t.W, c*t.Rows*t.Cols)
	part.C = offset(t.C, o*t.CStride+4*c)
	if t.Scale != nil {
		part.Scale, part.Shift = index(t.Scale, c), index(t.Shift, c)
	}
	if t.Res != nil {
		part.Res = offset(t.Res, o*t.ResStride+4*c)
	}
	return part
}

func depthwiseGeneric(t *DepthwiseRow) {
	taps := t.Rows * t.Cols
	for o := range t.Outputs {
		for c := 0; c < t.Channels; c += DepthwiseBlock {
			n := min(DepthwiseBlock, t.Channels-c)
			var acc [DepthwiseBlock]float32
			w := unsafe.Slice(index(t.W, c*taps), taps*DepthwiseBlock)
			for ky := range t.Rows {
				for kx := range t.Cols {
					off := *(*int64)(unsafe.Add(unsafe.Pointer(t.Off), 8*((o*t.Stride+kx*t.Dilation)*t.Rows+ky)))
					x := unsafe.Slice((*float32)(unsafe.Add(t.A, off+4*int64(c))), n)
					for i, v := range x {
						acc[i] = fma32(v, w[i], acc[i])
					}
					w = w[DepthwiseBlock:]
				}
			}
			for i, v := range acc[:n] {
				if t.Scale != nil {
					v = fma32(v, *index(t.Scale, c+i), *index(t.Shift, c+i))
				}
				if t.Res != nil {
					v += *index(offset(t.Res, o*t.ResStride), c+i)
				}
				*index(offset(t.C, o*t.CStride), c+i) = clamp(v, t.Lo, t.Hi)
			}
		}
	}
}
