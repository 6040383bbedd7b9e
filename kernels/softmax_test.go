package kernels

import (
	"math"
	"testing"
)

func TestSoftmax(t *testing.T) {
	eachISA(t, "softmax", func(t *testing.T, _ ISA) { softmaxAgainstFloat64(t) })
}

func softmaxAgainstFloat64(t *testing.T) {
	r := newRand(9)
	for _, n := range []int{1, 2, 10, 1000} {
		for _, spread := range []float64{0.1, 3, 40, 1000} {
			src, dst := make([]float32, n), make([]float32, n)
			for i := range src {
				src[i] = float32(r.NormFloat64() * spread)
			}
			Softmax(dst, src)
			largest, sum := math.Inf(-1), 0.0
			for _, x := range src {
				largest = max(largest, float64(x))
			}
			for _, x := range src {
				sum += math.Exp(float64(x) - largest)
			}
			for i, x := range src {
				want := math.Exp(float64(x)-largest) / sum
				if d := math.Abs(float64(dst[i]) - want); d > 0x1.00001p-24*want+math.SmallestNonzeroFloat32 {
					t.Fatalf("softmax of %d values: value %d is %g, want %g", n, i, dst[i], want)
				}
			}
			inPlace := append([]float32(nil), src...)
			Softmax(inPlace, inPlace)
			mustEqual(t, "in place", inPlace, dst)
		}
	}
}

func TestExp64(t *testing.T) {
	r := newRand(10)
	for range 1_000_000 {
		x := -200 * r.Float64()
		if got, want := Exp64(x), math.Exp(x); math.Abs(got-want) > 2e-14*want {
			t.Fatalf("exp(%v) is %v, want %v", x, got, want)
		}
	}
	for _, x := range []float64{0, -1e-300, -math.Ln2 / 2, -math.Ln2, -200} {
		if got, want := Exp64(x), math.Exp(x); math.Abs(got-want) > 2e-14*want {
			t.Errorf("exp(%v) is %v, want %v", x, got, want)
		}
	}
}

func TestSoftmaxOfWhatIsNotFinite(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, src := range [][]float32{{1, nan, 2}, {nan}, {1, inf, 2}, {-inf, -inf}} {
		dst := make([]float32, len(src))
		Softmax(dst, src)
		for _, v := range dst {
			if v == v {
				t.Errorf("softmax(%v) is %v, want NaN throughout", src, dst)
			}
		}
	}
	dst := make([]float32, 2)
	Softmax(dst, []float32{-inf, 3})
	mustEqual(t, "-Inf among others", dst, []float32{0, 1})
	Softmax(nil, nil)
}

// TestSoftmaxBits pins the bits, so that another architecture or compiler cannot drift.
func TestSoftmaxBits(t *testing.T) {
	dst := make([]float32, 5)
	Softmax(dst, []float32{0.1, -2.3, 4.5, 3.25, -70})
	mustEqual(t, "softmax", dst, []float32{0x9abea1p-30, 0xe09c22p-34, 0xc4f058p-24, 0xe1b219p-26, 0x8d1fd7p-131}) // NumPy in float64
}
