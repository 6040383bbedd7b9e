package kernels

import "math"

// Softmax computes dst[i] = exp(src[i]) / sum over j of exp(src[j]), in float64 with the largest value subtracted first, the
// sum in order and one rounding to float32 at the end. dst and src have one length; they may be the same slice. A NaN, a
// +Inf, or nothing but -Inf in src gives NaN throughout, as in PyTorch. It is the same on every machine.
func Softmax(dst, src []float32) {
	largest, sum := expSum(src)
	for i, x := range src {
		dst[i] = float32(Exp64(float64(x)-largest) / sum)
	}
}

// LogSoftmax computes dst[i] = src[i] - log(sum over j of exp(src[j])), as Softmax does.
func LogSoftmax(dst, src []float32) {
	largest, sum := expSum(src)
	log := Log64(sum)
	for i, x := range src {
		dst[i] = float32(float64(x) - largest - log)
	}
}

// expSum is the largest value and the sum of exp(x - largest).
func expSum(src []float32) (largest, sum float64) {
	largest = math.Inf(-1)
	for _, x := range src {
		if v := float64(x); v > largest {
			largest = v
		}
	}
	for _, x := range src {
		sum += Exp64(float64(x) - largest)
	}
	return largest, sum
}
