package engine

import (
	"math"
	"unsafe"
)

// Temporary until package kernels has these.
func tmpPool(w *worker, max bool, to, from *float32, rows, cols, rs, cs, channels int, div float32) {
	at := func(p *float32, b int) float32 { return *(*float32)(unsafe.Add(unsafe.Pointer(p), b)) }
	for c := range channels {
		var t float32
		for y := range rows {
			s := at(from, y*rs+c*4)
			if max && y == 0 {
				t = s
			}
			for x := range cols {
				v := at(from, y*rs+x*cs+c*4)
				if max {
					if !(t > v) && t == t {
						t = v
					}
				} else if x > 0 {
					s += v
				}
			}
			if !max {
				if y == 0 {
					t = s
				} else {
					t += s
				}
			}
		}
		if !max {
			t /= div
		}
		*(*float32)(unsafe.Add(unsafe.Pointer(to), c*4)) = t
	}
}
func tmpSoftmax(dst, src []float32) {
	m := src[0]
	for _, v := range src {
		m = max(m, v)
	}
	s := 0.0
	for _, v := range src {
		s += math.Exp(float64(v - m))
	}
	for i, v := range src {
		dst[i] = float32(math.Exp(float64(v-m)) / s)
	}
}
func tmpRow(dst, src, res, scale, shift []float32, lo, hi float32) {
	for i, v := range src {
		if scale != nil {
			v = float32(math.FMA(float64(v), float64(scale[i]), float64(shift[i])))
		}
		if res != nil {
			v += res[i]
		}
		if lo > v {
			v = lo
		}
		if hi < v {
			v = hi
		}
		dst[i] = v
	}
}
