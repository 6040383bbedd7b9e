package kernels

import "math"

// fma32 is the float32 fused multiply-add x*y + z with one rounding.
//
// The product of two float32 is exact in float64, so s = x*y + z is rounded once to float64 and once more to float32 (a
// compiler that fuses changes nothing here). The second rounding errs only if s lies halfway between two float32 without
// the true sum doing so, or where float32 is subnormal and halfway lies elsewhere; both are rare and take fma32Odd.
func fma32(x, y, z float32) float32 {
	s := float64(x)*float64(y) + float64(z)
	if doubleRounds(s) {
		return fma32Odd(x, y, z)
	}
	return float32(s)
}

// fma4 is v_i = fma32(a, w[i], v_i), with one branch for all four.
func fma4(a float32, w *[4]float32, v0, v1, v2, v3 float32) (float32, float32, float32, float32) {
	x := float64(a)
	s0 := x*float64(w[0]) + float64(v0)
	s1 := x*float64(w[1]) + float64(v1)
	s2 := x*float64(w[2]) + float64(v2)
	s3 := x*float64(w[3]) + float64(v3)
	if doubleRounds(s0) || doubleRounds(s1) || doubleRounds(s2) || doubleRounds(s3) {
		return fma32Odd(a, w[0], v0), fma32Odd(a, w[1], v1), fma32Odd(a, w[2], v2), fma32Odd(a, w[3], v3)
	}
	return float32(s0), float32(s1), float32(s2), float32(s3)
}

// doubleRounds tells whether rounding s, itself rounded, to float32 needs care. It is apart from fma32 so that both are
// small enough for the compiler to inline.
func doubleRounds(s float64) bool {
	b := math.Float64bits(s)
	return b&(1<<29-1) == 1<<28 || b<<1-1 < (1023-126)<<53-1 // -1: a zero is exact
}

// fma32Odd rounds the sum to odd in float64: it is cut off, and its last bit set if anything was lost. A float64 has more
// than twice the bits of a float32 and two, so the rounding to float32 then sees all that it needs.
func fma32Odd(x, y, z float32) float32 {
	p, c := float64(float64(x)*float64(y)), float64(z)
	s := p + c
	// The error of the sum, exact (Knuth's TwoSum); NaN where s is not finite.
	t := s - p
	e := (p - (s - t)) + (c - t)
	b := math.Float64bits(s)
	if (e > 0 || e < 0) && b&1 == 0 {
		if (e > 0) == (s > 0) {
			b++ // the true sum lies above s in magnitude: its last bit when cut off is 0, and odd is the neighbour
		} else {
			b-- // the true sum lies below s in magnitude
		}
	}
	return float32(math.Float64frombits(b))
}
