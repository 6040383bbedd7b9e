package kernels

import "math"

// Softmax computes dst[i] = exp(src[i]) / sum over j of exp(src[j]), in float64 with the largest value subtracted first, the
// sum in order and one rounding to float32 at the end. dst and src have one length; they may be the same slice. A NaN, a
// +Inf, or nothing but -Inf in src gives NaN throughout, as in PyTorch. It is the same on every machine.
func Softmax(dst, src []float32) {
	largest := math.Inf(-1)
	for _, x := range src {
		if v := float64(x); v > largest {
			largest = v
		}
	}
	var sum float64
	for _, x := range src {
		sum += expNegative(float64(x) - largest)
	}
	for i, x := range src {
		dst[i] = float32(expNegative(float64(x)-largest) / sum)
	}
}

// expNegative is exp(x) for x <= 0 to a relative error below 1e-14, and 0 where float32 has nothing left. math.Exp is
// another algorithm on each architecture; here every product is rounded, so that no compiler may fuse it with a sum.
func expNegative(x float64) float64 {
	if x < -200 {
		return 0
	}
	if x != x {
		return x
	}
	// x = k ln 2 + r with |r| <= ln(2)/2; the high part of ln 2 has 21 zero bits at its end, so k times it is exact.
	const ln2High, ln2Low = 0x1.62e42feep-1, 0x1.a39ef35793c76p-33
	k := int(float64(x*math.Log2E) - 0.5)
	r := x - float64(float64(k)*ln2High)
	r -= float64(float64(k) * ln2Low)
	// The Taylor series, by Horner: the first term left out is r^12/12! < 7e-15.
	sum := inverseFactorial[11]
	for n := 10; n >= 0; n-- {
		sum = inverseFactorial[n] + float64(sum*r)
	}
	return float64(sum * math.Float64frombits(uint64(1023+k)<<52))
}

var inverseFactorial = [12]float64{1, 1, 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040, 1. / 40320, 1. / 362880, 1. / 3628800, 1. / 39916800}
