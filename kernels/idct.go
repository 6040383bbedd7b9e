package kernels

import "unsafe"

// IDCTRow is a row of JPEG's blocks on its way from coefficients to samples: N blocks, side by side.
//
// The arithmetic is that of libjpeg-turbo's "islow" method as its vector code does it (jidctint; Loeffler, Ligtenberg and Moschytz). With x of int16, all sums of
// int16 and all products and sums of int32 wrapping around:
//
//	x[k]   = Coef[k] * Quant[k]                      int16, the low half of the product
//	columns: x = saturate16((idct8(x) + 1<<10) >> 11) for each column
//	rows:    x = saturate16((idct8(x) + 1<<17) >> 18) for each row
//	sample = saturate8(x) + 128                      to -128..127
//
// and idct8 as at the function of this name. What an encoder writes stays far from all limits; the rest, too, has one result.
type IDCTRow struct {
	Coef   *int16      // N blocks of 64, each row by row
	Quant  *[64]uint16 // row by row
	Out    *uint8      // the sample of the first block's upper left corner
	Stride int         // bytes from one row of samples to the next
	N      int
}

// idctMost is how many blocks one call of assembly transforms: some ten microseconds.
const idctMost = 256

// IDCT transforms t.
func (isa ISA) IDCT(t *IDCTRow) {
	for at := 0; at < t.N; at += idctMost {
		part := t.from(at)
		part.N = min(part.N, idctMost)
		isa.idct(&part)
	}
}

// from is t without its first n blocks.
func (t *IDCTRow) from(n int) IDCTRow {
	return IDCTRow{
		Coef:  (*int16)(unsafe.Add(unsafe.Pointer(t.Coef), 128*n)),
		Quant: t.Quant, Out: (*uint8)(unsafe.Add(unsafe.Pointer(t.Out), 8*n)), Stride: t.Stride, N: t.N - n,
	}
}

func idctGeneric(t *IDCTRow) {
	coef := unsafe.Slice(t.Coef, 64*t.N)
	out := unsafe.Slice(t.Out, 7*t.Stride+8*t.N)
	for i := range t.N {
		idctBlock(out[8*i:], t.Stride, (*[64]int16)(coef[64*i:]), t.Quant)
	}
}

func idctBlock(out []uint8, stride int, b *[64]int16, q *[64]uint16) {
	var w [64]int16
	for x := range 8 {
		col := func(y int) int16 { return int16(int32(b[8*y+x]) * int32(q[8*y+x])) }
		dc, ac := col(0), b[8+x]|b[16+x]|b[24+x]|b[32+x]|b[40+x]|b[48+x]|b[56+x]
		if ac == 0 { // what idct8 gives for it
			v := saturate16(int32(dc) * 4)
			w[x], w[8+x], w[16+x], w[24+x], w[32+x], w[40+x], w[48+x], w[56+x] = v, v, v, v, v, v, v, v
			continue
		}
		w[x], w[8+x], w[16+x], w[24+x], w[32+x], w[40+x], w[48+x], w[56+x] = idct8(dc, col(1), col(2), col(3), col(4), col(5), col(6), col(7), 11)
	}
	for y := range 8 {
		r := (*[8]int16)(w[8*y:])
		row := (*[8]uint8)(out[y*stride:])
		a0, a1, a2, a3, a4, a5, a6, a7 := idct8(r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], 18)
		row[0], row[1], row[2], row[3] = sample(a0), sample(a1), sample(a2), sample(a3)
		row[4], row[5], row[6], row[7] = sample(a4), sample(a5), sample(a6), sample(a7)
	}
}

// idct8 is the inverse DCT of 8 values, times sqrt(8) * 2^13, rounded, shifted right and saturated. The constants have 13 bits of fraction.
func idct8(x0, x1, x2, x3, x4, x5, x6, x7 int16, shift uint) (y0, y1, y2, y3, y4, y5, y6, y7 int16) {
	// The even half: a rotation of x2, x6 by 6 Pi/16.
	e2 := int32(x2)*4433 + int32(x6)*-10704
	e3 := int32(x2)*10703 + int32(x6)*4433
	round := int32(1) << (shift - 1)
	e0 := int32(x0+x4)<<13 + round
	e1 := int32(x0-x4)<<13 + round
	a0, a3, a1, a2 := e0+e3, e0-e3, e1+e2, e1-e2

	// The odd half.
	s, t := int32(x7+x3), int32(x5+x1)
	z3 := s*-6436 + t*9633
	z4 := s*9633 + t*6437
	o0 := int32(x7)*-4927 + int32(x1)*-7373 + z3
	o1 := int32(x5)*-4176 + int32(x3)*-20995 + z4
	o2 := int32(x3)*4177 + int32(x5)*-20995 + z3
	o3 := int32(x1)*4926 + int32(x7)*-7373 + z4

	return saturate16((a0 + o3) >> shift), saturate16((a1 + o2) >> shift), saturate16((a2 + o1) >> shift), saturate16((a3 + o0) >> shift),
		saturate16((a3 - o0) >> shift), saturate16((a2 - o1) >> shift), saturate16((a1 - o2) >> shift), saturate16((a0 - o3) >> shift)
}

func saturate16(v int32) int16 { return int16(max(-1<<15, min(v, 1<<15-1))) }

func sample(v int16) uint8 { return clamp8(int32(v) + 128) }

func clamp8(v int32) uint8 {
	if uint32(v) > 255 {
		return uint8(^v >> 31) // 0 if negative, else 255
	}
	return uint8(v)
}
