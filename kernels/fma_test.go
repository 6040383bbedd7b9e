package kernels

import (
	"math"
	"math/big"
	"testing"
)

// fmaBig is x*y + z of finite numbers, exact and then rounded once.
func fmaBig(x, y, z float32) float32 {
	f := func(v float32) *big.Float { return new(big.Float).SetPrec(1000).SetFloat64(float64(v)) }
	p := f(x)
	p.Mul(p, f(y))
	if p.Sign() == 0 || p.Cmp(f(-z)) == 0 { // big.Float's zeros have no rounding rule for their sign
		return float32(float64(x)*float64(y) + float64(z))
	}
	v, _ := p.Add(p, f(z)).Float32()
	return v
}

// hardTriples makes operands whose sum lies on or beside the middle between two float32, is subnormal, overflows, cancels,
// or is not finite.
func hardTriples(n int) (x, y, z []float32) {
	r := newRand(4)
	bits := func() float32 { return math.Float32frombits(r.Uint32()) }
	for len(x) < n {
		a, b, c := bits(), bits(), bits()
		switch r.IntN(7) {
		case 1: // the product is a tiny disturbance of a middle: 1 + 2^-24 comes from (2^-12 + 2^-k) * 2^-12
			a = float32(math.Ldexp(1+float64(r.IntN(3)-1)*0x1p-23, -12))
			b = float32(math.Ldexp(1+float64(r.IntN(3)-1)*0x1p-23, -12))
			c = 1 + float32(r.IntN(4))*0x1p-23
			if r.IntN(2) == 0 {
				c = -c
			}
		case 2: // the same where float32 is subnormal: its middles are odd multiples of 2^-150
			a = float32(math.Ldexp(1+float64(r.IntN(3)-1)*0x1p-23, -75))
			b = float32(math.Ldexp(1+float64(r.IntN(3)-1)*0x1p-23, -75))
			c = math.Float32frombits(r.Uint32() & 0x807fffff)
		case 6: // subnormal results
			a = float32(math.Ldexp(1+r.Float64(), -r.IntN(80)))
			b = float32(math.Ldexp(1+r.Float64(), -149+r.IntN(60)))
			c = math.Float32frombits(r.Uint32() & 0x807fffff)
		case 3: // near the overflow
			a, b, c = float32(math.Ldexp(1+r.Float64(), 63)), float32(math.Ldexp(1+r.Float64(), 64)), math.MaxFloat32
			if r.IntN(2) == 0 {
				c = -c
			}
		case 4: // cancellation
			a, b = float32(r.NormFloat64()), float32(r.NormFloat64())
			c = -a * b
		case 5:
			a, b, c = specials[r.IntN(len(specials))], specials[r.IntN(len(specials))], specials[r.IntN(len(specials))]
		}
		x, y, z = append(x, a), append(y, b), append(z, c)
	}
	return x, y, z
}

func TestFMAIsRoundedOnce(t *testing.T) {
	finite := func(v float32) bool { return v-v == 0 }
	n := 300_000
	if testing.Short() {
		n = 20_000
	}
	x, y, z := hardTriples(n)
	odd := 0
	for i := range x {
		got := fma32(x[i], y[i], z[i])
		want := float32(math.FMA(float64(x[i]), float64(y[i]), float64(z[i]))) // right where it is not finite
		if finite(x[i]) && finite(y[i]) && finite(z[i]) {
			naive := float32(float64(x[i])*float64(y[i]) + float64(z[i]))
			want = fmaBig(x[i], y[i], z[i])
			if naive != want {
				odd++
			}
		}
		if !same(got, want) {
			t.Fatalf("fma(%x, %x, %x) is %x, want %x", x[i], y[i], z[i], got, want)
		}
	}
	if odd < n/1000 {
		t.Errorf("only %d of %d triples need more than two plain roundings: the test is too easy", odd, n)
	}
}
