package kernels

import "unsafe"

// Elementwise is the arguments of Epilogue: a pass over rows (pixels) of channels with the epilogue of the GEMM. It serves
// batch normalisation, ReLU, ReLU6, Add, copies between strides, and every epilogue that was not fused. It computes
//
//	for r in 0..Rows, c in 0..Channels:
//		v := Src[r][c]
//		if Scale: v = fma(v, Scale[c], Shift[c])
//		if Res:   v = v + Res[r][c]
//		v = lo > v ? lo : v;  v = hi < v ? hi : v
//		Dst[r][c] = v
//
// Dst may be Src or Res itself (same pointer, same stride); otherwise they do not overlap. Assembly reads this struct by
// its offsets.
type Elementwise struct {
	Dst, Src, Res                   *float32 // Res nil: none
	DstStride, SrcStride, ResStride int      // bytes from row to row
	Rows, Channels                  int      // at least 1
	Scale, Shift                    *float32 // Channels values each; Scale nil: none
	Lo, Hi                          float32  // clamp; -Inf and +Inf: none
}

// chunkFloats bounds the work of one call of assembly to some ten microseconds, as it cannot be preempted.
const chunkFloats = 1 << 15

// Epilogue computes e.
func (isa ISA) Epilogue(e *Elementwise) {
	for c := 0; c < e.Channels; c += chunkFloats {
		channels := min(chunkFloats, e.Channels-c)
		rows := chunkFloats / channels
		for r := 0; r < e.Rows; r += rows {
			part := *e
			part.Rows, part.Channels = min(rows, e.Rows-r), channels
			part.Dst, part.Src = offset(e.Dst, r*e.DstStride+4*c), offset(e.Src, r*e.SrcStride+4*c)
			if e.Res != nil {
				part.Res = offset(e.Res, r*e.ResStride+4*c)
			}
			if e.Scale != nil {
				part.Scale, part.Shift = index(e.Scale, c), index(e.Shift, c)
			}
			isa.epilogue(&part)
		}
	}
}

func epilogueGeneric(e *Elementwise) {
	n := e.Channels
	var scale, shift []float32
	if e.Scale != nil {
		scale, shift = unsafe.Slice(e.Scale, n), unsafe.Slice(e.Shift, n)
	}
	for r := range e.Rows {
		dst := unsafe.Slice(offset(e.Dst, r*e.DstStride), n)
		src := unsafe.Slice(offset(e.Src, r*e.SrcStride), n)
		var res []float32
		if e.Res != nil {
			res = unsafe.Slice(offset(e.Res, r*e.ResStride), n)
		}
		for c, v := range src {
			if scale != nil {
				v = fma32(v, scale[c], shift[c])
			}
			if res != nil {
				v += res[c]
			}
			dst[c] = clamp(v, e.Lo, e.Hi)
		}
	}
}
