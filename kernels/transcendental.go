package kernels

import "math"

// The functions here are computed in float64 with a fixed sequence of operations, every product rounded, so that no compiler may fuse it with
// a sum: package math's exp, log and erf are other algorithms on each architecture. Their relative errors are below 1e-13, so that a result rounded
// to float32 is the nearest one but for one case in a million.

// Exp64 is exp(x); beyond +-700 it is 0 or +Inf, which float32 cannot tell from the true value.
func Exp64(x float64) float64 {
	switch {
	case x != x:
		return x
	case x < -700:
		return 0
	case x > 700:
		return math.Inf(1)
	}
	// x = k ln 2 + r with |r| <= ln(2)/2; the high part of ln 2 has 21 zero bits at its end, so k times it is exact.
	const ln2High, ln2Low = 0x1.62e42feep-1, 0x1.a39ef35793c76p-33
	half := 0.5
	if x < 0 {
		half = -0.5
	}
	k := int(float64(x*math.Log2E) + half)
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

// expm1 is exp(x)-1, also where that is next to nothing.
func expm1(x float64) float64 {
	if math.Abs(x) > 0.25 {
		return Exp64(x) - 1
	}
	sum := inverseFactorial[11]
	for n := 10; n >= 1; n-- {
		sum = inverseFactorial[n] + float64(sum*x)
	}
	return float64(sum * x)
}

// atanh2 is 2 atanh(s) = log((1+s)/(1-s)) for |s| <= 1/3.
func atanh2(s float64) float64 {
	q := float64(s * s)
	sum := 1. / 33
	for n := 31; n >= 1; n -= 2 {
		sum = 1/float64(n) + float64(sum*q)
	}
	return float64(2 * float64(s*sum))
}

// Log64 is the natural logarithm.
func Log64(x float64) float64 {
	switch {
	case x != x || x > math.MaxFloat64:
		return x
	case x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	}
	m, k := math.Frexp(x) // 1/2 <= m < 1
	if m < math.Sqrt2/2 {
		m, k = 2*m, k-1
	}
	return float64(float64(k)*math.Ln2) + atanh2((m-1)/(m+1))
}

// log1p is log(1+x) for 0 <= x <= 1.
func log1p(x float64) float64 { return atanh2(x / (2 + x)) }

// softplus is log(1+exp(x)).
func softplus(x float64) float64 { return max(x, 0) + log1p(Exp64(-math.Abs(x))) }

// tanh64 is tanh(x).
func tanh64(x float64) float64 {
	e := expm1(-2 * math.Abs(x))
	return math.Copysign(-e/(2+e), x)
}

// erf64 is the error function: 2/sqrt(pi) exp(-x*x) times the sum of 2^n x^(2n+1) / (1*3*...*(2n+1)), whose terms have one sign.
func erf64(x float64) float64 {
	if x != x {
		return x
	}
	a := math.Abs(x)
	if a >= 4 { // nearer to 1 than float32 tells
		return math.Copysign(1, x)
	}
	q, term := float64(2*float64(a*a)), a
	sum := term
	for n := 3; n < 160; n += 2 {
		term = float64(term*q) / float64(n)
		sum += term
	}
	return math.Copysign(float64(float64(2/math.SqrtPi*Exp64(-float64(a*a)))*sum), x)
}

// Pow is x to the power y as IEEE 754 has it.
func Pow(x, y float64) float64 {
	whole := y == math.Floor(y)
	odd := whole && math.Abs(y) < 1<<53 && math.Mod(y, 2) != 0
	switch a := math.Abs(x); {
	case y == 0 || x == 1:
		return 1
	case x != x || y != y:
		return math.NaN()
	case y == 2:
		return float64(x * x)
	case y == 0.5 && x > 0:
		return math.Sqrt(x)
	case math.IsInf(y, 0):
		if a == 1 {
			return 1
		}
		if (a > 1) == (y > 0) {
			return math.Inf(1)
		}
		return 0
	case x < 0 && !whole && !math.IsInf(x, -1):
		return math.NaN()
	default:
		v := Exp64(float64(y * Log64(a)))
		if odd && math.Signbit(x) {
			v = -v
		}
		return v
	}
}

// sigmoid64 is 1/(1+exp(-x)).
func sigmoid64(x float64) float64 {
	e := Exp64(-math.Abs(x))
	if x < 0 {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}
