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
