package kernels

import "unsafe"

func winogradInputGeneric(t *WinogradInputTiles) {
	for i := range t.Tiles {
		off := (*[36]int64)(unsafe.Add(unsafe.Pointer(t.Off), 8*WinogradFrequencies*i))
		for c := range t.Channels {
			var w [6][6]float32
			for x := range 6 {
				pixel := func(y int) float32 { return *(*float32)(unsafe.Add(t.A, off[6*y+x]+4*int64(c))) }
				w[0][x], w[1][x], w[2][x], w[3][x], w[4][x], w[5][x] =
					winogradInput1(pixel(0), pixel(1), pixel(2), pixel(3), pixel(4), pixel(5))
			}
			v := offset(t.V, i*t.VTile+4*c)
			for y, r := range &w {
				row := offset(v, 6*y*t.VStride)
				*row, *offset(row, t.VStride), *offset(row, 2*t.VStride), *offset(row, 3*t.VStride), *offset(row, 4*t.VStride), *offset(row, 5*t.VStride) =
					winogradInput1(r[0], r[1], r[2], r[3], r[4], r[5])
			}
		}
	}
}

// winogradInput1 is B^T d in the order of the contract.
func winogradInput1(d0, d1, d2, d3, d4, d5 float32) (v0, v1, v2, v3, v4, v5 float32) {
	p, q := d4-d2, d3-d1
	m, n := fma32(1.5, d3, p), fma32(1.5, d2, q)
	return fma32(1.5, q, d0-d2) + p, m + n, m - n, fma32(2, q, p), fma32(-0.5, q, p), fma32(1.5, p, d5-d3) - q
}

func winogradOutputGeneric(t *WinogradOutputTiles) {
	for from := 0; from < t.Width; from += WinogradTile {
		for c := range t.Channels {
			m := offset(t.M, from/WinogradTile*t.MTile+4*c)
			var s [4][6]float32
			for x := range 6 {
				col := offset(m, x*t.MStride)
				freq := func(y int) float32 { return *offset(col, 6*y*t.MStride) }
				s[0][x], s[1][x], s[2][x], s[3][x] = winogradOutput1(freq(0), freq(1), freq(2), freq(3), freq(4), freq(5))
			}
			for y := range t.Rows {
				var v [4]float32
				v[0], v[1], v[2], v[3] = winogradOutput1(s[y][0], s[y][1], s[y][2], s[y][3], s[y][4], s[y][5])
				for x, v := range v[:min(WinogradTile, t.Width-from)] {
					if t.Scale != nil {
						v = fma32(v, *index(t.Scale, c), *index(t.Shift, c))
					}
					if t.Res != nil {
						v += *offset(t.Res, y*t.ResRow+(from+x)*t.ResCol+4*c)
					}
					*offset(t.C, y*t.CRow+(from+x)*t.CCol+4*c) = clamp(v, t.Lo, t.Hi)
				}
			}
		}
	}
}

// winogradOutput1 is A^T m in the order of the contract.
func winogradOutput1(m0, m1, m2, m3, m4, m5 float32) (y0, y1, y2, y3 float32) {
	s, r := m1+m2, m1-m2
	return (m0 + s) + (m3 + m4), fma32(-2, m4, fma32(0.5, m3, r)), fma32(4, m4, fma32(0.25, m3, s)), fma32(-8, m4, fma32(0.125, m3, r+m5))
}
