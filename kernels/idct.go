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
	Size   int         // samples of a block, across and down
	N      int
}

// idctMost is how many blocks one call of assembly transforms: on a small core of arm64, with 300 cycles a block, some 25 microseconds.
const idctMost = 128

// IDCT transforms t.
func (isa ISA) IDCT(t *IDCTRow) {
	for at := 0; at < t.N; at += idctMost {
		part := t.from(at)
		part.N = min(part.N, idctMost)
		if t.Size == 8 {
			isa.idct(&part)
		} else {
			idctGeneric(&part)
		}
	}
}

// from is t without its first n blocks.
func (t *IDCTRow) from(n int) IDCTRow {
	return IDCTRow{
		Coef:  (*int16)(unsafe.Add(unsafe.Pointer(t.Coef), 128*n)),
		Quant: t.Quant, Out: (*uint8)(unsafe.Add(unsafe.Pointer(t.Out), t.Size*n)), Stride: t.Stride, Size: t.Size, N: t.N - n,
	}
}

func idctGeneric(t *IDCTRow) {
	coef := unsafe.Slice(t.Coef, 64*t.N)
	out := unsafe.Slice(t.Out, (t.Size-1)*t.Stride+t.Size*t.N)
	for i := range t.N {
		out, b := out[t.Size*i:], (*[64]int16)(coef[64*i:])
		switch t.Size {
		case 8:
			idctBlock(out, t.Stride, b, t.Quant)
		case 4:
			idctBlock4(out, t.Stride, b, t.Quant)
		case 2:
			idctBlock2(out, t.Stride, b, t.Quant)
		case 1:
			out[0] = sample(int16((int32(dequantised(b, t.Quant, 0)) + 4) >> 3))
		}
	}
}

func dequantised(b *[64]int16, q *[64]uint16, at int) int16 {
	return int16(int32(b[at&63]) * int32(q[at&63]))
}

func idctBlock(out []uint8, stride int, b *[64]int16, q *[64]uint16) {
	var w [64]int16
	for x := range 8 {
		col := func(y int) int16 { return dequantised(b, q, 8*y+x) }
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

func idctBlock4(out []uint8, stride int, b *[64]int16, q *[64]uint16) {
	var w [32]int16
	for x := range 8 {
		if x == 4 { // its share of four samples is 0
			continue
		}
		col := func(y int) int16 { return dequantised(b, q, 8*y+x) }
		if b[8+x]|b[16+x]|b[24+x]|b[40+x]|b[48+x]|b[56+x] == 0 { // what idct4 gives for it
			v := saturate16(int32(col(0)) * 4)
			w[x], w[8+x], w[16+x], w[24+x] = v, v, v, v
			continue
		}
		w[x], w[8+x], w[16+x], w[24+x] = idct4(col(0), col(1), col(2), col(3), col(5), col(6), col(7), 12)
	}
	for y := range 4 {
		r := (*[8]int16)(w[8*y:])
		row := (*[4]uint8)(out[y*stride:])
		a0, a1, a2, a3 := idct4(r[0], r[1], r[2], r[3], r[5], r[6], r[7], 19)
		row[0], row[1], row[2], row[3] = sample(a0), sample(a1), sample(a2), sample(a3)
	}
}

// idct4 gives four values for eight, of which x4 has no share, times sqrt(8) * 2^14, rounded, shifted right and saturated.
func idct4(x0, x1, x2, x3, x5, x6, x7 int16, shift uint) (y0, y1, y2, y3 int16) {
	e0 := int32(x0)<<14 + 1<<(shift-1)
	e2 := int32(x2)*15137 + int32(x6)*-6270
	o0 := int32(x7)*-1730 + int32(x5)*11893 + int32(x3)*-17799 + int32(x1)*8697
	o2 := int32(x7)*-4176 + int32(x5)*-4926 + int32(x3)*7373 + int32(x1)*20995
	return saturate16((e0 + e2 + o2) >> shift), saturate16((e0 - e2 + o0) >> shift), saturate16((e0 - e2 - o0) >> shift), saturate16((e0 + e2 - o2) >> shift)
}

func idctBlock2(out []uint8, stride int, b *[64]int16, q *[64]uint16) {
	var w [2][8]int16
	for _, x := range [5]int{0, 1, 3, 5, 7} { // the others' shares of two samples are 0
		col := func(y int) int16 { return dequantised(b, q, 8*y+x) }
		w[0][x], w[1][x] = idct2(col(0), col(1), col(3), col(5), col(7), 13)
	}
	for y := range 2 {
		r := &w[y]
		row := (*[2]uint8)(out[y*stride:])
		a0, a1 := idct2(r[0], r[1], r[3], r[5], r[7], 20)
		row[0], row[1] = sample(a0), sample(a1)
	}
}

// idct2 gives two values for eight, of which x2, x4 and x6 have no share, times sqrt(8) * 2^15, rounded, shifted right and saturated.
func idct2(x0, x1, x3, x5, x7 int16, shift uint) (y0, y1 int16) {
	e := int32(x0)<<15 + 1<<(shift-1)
	o := int32(x7)*-5906 + int32(x5)*6967 + int32(x3)*-10426 + int32(x1)*29692
	return saturate16((e + o) >> shift), saturate16((e - o) >> shift)
}

func saturate16(v int32) int16 { return int16(max(-1<<15, min(v, 1<<15-1))) }

func sample(v int16) uint8 { return clamp8(int32(v) + 128) }

func clamp8(v int32) uint8 {
	if uint32(v) > 255 {
		return uint8(^v >> 31) // 0 if negative, else 255
	}
	return uint8(v)
}
