package image

// store dequantises the block bx, by of c and writes its 8 x 8 samples: the
// inverse DCT of libjpeg's default "islow" method (jidctint.c; Loeffler,
// Ligtenberg and Moschytz), with its fixed-point constants, its order of passes
// and its rounding, as these make the samples.
func (c *component) store(b *block, bx, by int) {
	out := c.pix[8*(by*c.stride+bx):]
	q := c.quant
	var ac int16
	for _, v := range b[1:] {
		ac |= v
	}
	if ac == 0 { // flat, as in most blocks of chroma
		v := clamp8((int32(b[0])*q[0]*(1<<pass1Bits)+1<<(pass1Bits+2))>>(pass1Bits+3) + 128)
		for y := range 8 {
			row := out[y*c.stride:][:8]
			for x := range row {
				row[x] = v
			}
		}
		return
	}
	var w [64]int32
	for x := range 8 {
		dequantised := func(y int) int32 { return int32(b[8*y+x]) * q[8*y+x] }
		w[x], w[8+x], w[16+x], w[24+x], w[32+x], w[40+x], w[48+x], w[56+x] = idct8(
			dequantised(0), dequantised(1), dequantised(2), dequantised(3), dequantised(4), dequantised(5), dequantised(6), dequantised(7),
			constBits-pass1Bits)
	}
	for y := range 8 {
		r := w[8*y : 8*y+8]
		row := out[y*c.stride:][:8]
		a0, a1, a2, a3, a4, a5, a6, a7 := idct8(r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], constBits+pass1Bits+3)
		row[0], row[1], row[2], row[3] = clamp8(a0+128), clamp8(a1+128), clamp8(a2+128), clamp8(a3+128)
		row[4], row[5], row[6], row[7] = clamp8(a4+128), clamp8(a5+128), clamp8(a6+128), clamp8(a7+128)
	}
}

const (
	constBits = 13 // of the fraction in the constants below
	pass1Bits = 2  // more than in the samples, between the passes
)

// idct8 is the inverse DCT of 8 values, times sqrt(8) * 2^constBits, rounded and
// shifted right by shift.
func idct8(x0, x1, x2, x3, x4, x5, x6, x7 int32, shift uint) (y0, y1, y2, y3, y4, y5, y6, y7 int32) {
	// The even half: a rotation of x2, x6 by 6 Pi/16.
	z := (x2 + x6) * 4433
	e2 := z - x6*15137
	e3 := z + x2*6270
	e0 := (x0+x4)<<constBits + 1<<(shift-1)
	e1 := (x0-x4)<<constBits + 1<<(shift-1)
	a0, a3, a1, a2 := e0+e3, e0-e3, e1+e2, e1-e2

	// The odd half.
	z1, z2, z3, z4 := x7+x1, x5+x3, x7+x3, x5+x1
	z5 := (z3 + z4) * 9633
	z1 *= -7373
	z2 *= -20995
	z3 = z3*-16069 + z5
	z4 = z4*-3196 + z5
	o0 := x7*2446 + z1 + z3
	o1 := x5*16819 + z2 + z4
	o2 := x3*25172 + z2 + z3
	o3 := x1*12299 + z1 + z4

	return (a0 + o3) >> shift, (a1 + o2) >> shift, (a2 + o1) >> shift, (a3 + o0) >> shift,
		(a3 - o0) >> shift, (a2 - o1) >> shift, (a1 - o2) >> shift, (a0 - o3) >> shift
}
