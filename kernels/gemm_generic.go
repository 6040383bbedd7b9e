package kernels

import "unsafe"

// gemmGeneric is Gemm in portable Go for a tile of any shape. Four columns at a time share the loads of a row and hide
// each other's latency.
func gemmGeneric(shape GemmShape, rows int, t *GemmTile) {
	var w []float32
	var w16 []uint16
	if n := t.Segments * t.SegLen * shape.NR; t.W16 != nil {
		w16 = unsafe.Slice(t.W16, n)
	} else {
		w = unsafe.Slice(t.W, n)
	}
	for r := range rows {
		for c := 0; c < t.Cols; c += 4 {
			var v [4]float32
			if !t.First {
				copy(v[:], unsafe.Slice(index(t.Acc, r*shape.NR+c), 4))
			}
			v0, v1, v2, v3 := v[0], v[1], v[2], v[3]
			k := c
			for s := range t.Segments {
				off := *(*int64)(unsafe.Add(unsafe.Pointer(t.Off), 8*(s*shape.MR+r)))
				row := unsafe.Slice((*float32)(unsafe.Add(t.A, off)), t.SegLen)
				if w16 != nil {
					for _, a := range row {
						h := (*[4]uint16)(w16[k:])
						v0, v1, v2, v3 = fma4(a, &[4]float32{widenF16(h[0]), widenF16(h[1]), widenF16(h[2]), widenF16(h[3])}, v0, v1, v2, v3)
						k += shape.NR
					}
					continue
				}
				for _, a := range row {
					v0, v1, v2, v3 = fma4(a, (*[4]float32)(w[k:]), v0, v1, v2, v3)
					k += shape.NR
				}
			}
			v = [4]float32{v0, v1, v2, v3}
			if !t.Last {
				copy(unsafe.Slice(index(t.Acc, r*shape.NR+c), 4), v[:])
				continue
			}
			n := min(4, t.Cols-c)
			for i, x := range v[:n] {
				if t.Scale != nil {
					x = fma32(x, *index(t.Scale, c+i), *index(t.Shift, c+i))
				}
				if t.Res != nil {
					x += *index(offset(t.Res, r*t.ResStride), c+i)
				}
				*index(offset(t.C, r*t.CStride), c+i) = clamp(x, t.Lo, t.Hi)
			}
		}
	}
}

// clamp limits v to lo..hi so that a NaN and the sign of a zero stay.
func clamp(v, lo, hi float32) float32 {
	if lo > v {
		v = lo
	}
	if hi < v {
		v = hi
	}
	return v
}

// index is &p[i].
func index(p *float32, i int) *float32 { return offset(p, 4*i) }

// offset moves p by bytes.
func offset(p *float32, bytes int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(p), bytes))
}
