package kernels

import "math"

// The places of the constants in activationTable, which portable Go and assembly share.
const (
	kLog2E    = iota
	kMagic    // 1.5 * 2^23: a sum with it has x, rounded to a whole number, in its last bits
	kLn2High  // minus the first 16 bits of ln 2, so that their product with a whole number is exact
	kLn2Low   // minus the rest
	kExp      // five coefficients of exp(r) = 1 + r + r^2*(...), the highest first
	kOne      = iota + 4
	kLeast               // exp of less is 0
	kSign                // the bit
	kMinus05             //
	kTanhEnd             // below it tanh is a polynomial
	kTanh                // five coefficients of tanh(x) = x + x^3*P(x^2), the highest first
	kMills    = iota + 8 // nine coefficients of Mills' ratio, the highest first
	kMillsT   = iota + 16
	kGELUEnd  // beyond it the normal distribution is 0
	kThree    //
	kSix      //
	kSixth    //
	kExponent // 127, an integer
	activationConstants
)

// activationTable holds each constant eight times, as AVX2 takes operands from memory. The polynomials are minimax in the relative error: of exp for |r| <= 0.3475 (3.1e-9), of
// tanh up to 0.63 (4.8e-9), and of Mills' ratio 0.5*erfc(a/sqrt(2))*exp(a*a/2) = t*P(t), t = 1/(1+a*11/32), for a up to 14.4 (2.5e-8).
var activationTable = func() (table [activationConstants][8]float32) {
	put := func(at int, values ...float32) {
		for i, v := range values {
			for lane := range table[at+i] {
				table[at+i][lane] = v
			}
		}
	}
	put(kLog2E, math.Log2E, 0x1.8p23, -0x1.62e4p-1, -0x1.7f7d1cf79abcap-20)
	put(kExp, 0x1.6a21ac7595d48p-10, 0x1.123b690b52a32p-7, 0x1.5558fafb3c23ap-5, 0x1.55548f502b36ap-3, 0x1.fffffb88ed822p-2)
	put(kOne, 1, -104, float32(math.Copysign(0, -1)), -0.5)
	put(kTanhEnd, 0.625, -0.0056669780739840685, 0.020606177595466627, -0.05373000746772805, 0.13331331006571076, -0.3333327805876395)
	put(kMills, -0.027626832811093214, 0.1430093723729125, -0.27008010714590824, 0.18917091976386438, -0.038182282516781046, 0.11221516654014042, 0.11684438225334526, 0.13752901841844276, 0.13712037471348498)
	put(kMillsT, 11./32, 15, 3, 6, 1./6, math.Float32frombits(127))
	return table
}()

func constant(i int) float32 { return activationTable[i][0] }

// expNegative32 is exp(v) for v <= 0, or a NaN.
func expNegative32(v float32) float32 {
	if v != v {
		return v
	}
	v = max(v, constant(kLeast))
	k := fma32(v, constant(kLog2E), constant(kMagic)) - constant(kMagic)
	r := fma32(k, constant(kLn2High), v)
	r = fma32(k, constant(kLn2Low), r)
	p := horner(r, kExp, 5)
	p = fma32(p, r, 1)
	p = fma32(p, r, 1)
	return float32(float64(p) * math.Float64frombits(uint64(1023+int(k))<<52)) // the product is exact
}

// horner is the polynomial of n coefficients, the highest first.
func horner(x float32, at, n int) float32 {
	p := constant(at)
	for i := 1; i < n; i++ {
		p = fma32(p, x, constant(at+i))
	}
	return p
}

func abs32(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// sigmoid32 is 1/(1+exp(-x)) = exp(x)/(1+exp(x)), with the exponent that is negative.
func sigmoid32(x float32) float32 {
	z := expNegative32(-abs32(x))
	if math.Signbit(float64(x)) {
		return z / (1 + z)
	}
	return 1 / (1 + z)
}

// tanh32 is (1-exp(-2x))/(1+exp(-2x)), or near 0, where that is imprecise, a polynomial.
func tanh32(x float32) float32 {
	a := abs32(x)
	var y float32
	if a < constant(kTanhEnd) {
		q := x * x
		y = fma32(x*q, horner(q, kTanh, 5), x)
	} else {
		z := expNegative32(-a - a)
		y = (1 - z) / (1 + z)
	}
	return math.Float32frombits(math.Float32bits(y) | math.Float32bits(x)&(1<<31))
}

// gelu32 is x times the normal distribution: that of -|x|, exp(-x*x/2) times Mills' ratio, or 1 minus it. The square is kept to twice the precision, which its exponential needs.
func gelu32(x float32) float32 {
	a := abs32(x)
	if a > constant(kGELUEnd) {
		a = constant(kGELUEnd)
	}
	square := a * a
	rest := fma32(a, a, -square)
	e := expNegative32(square * -0.5)
	e = fma32(e, rest*-0.5, e)
	t := 1 / fma32(a, constant(kMillsT), 1)
	phi := float32(e * float32(horner(t, kMills, 9)*t)) // rounded, lest a compiler fuse it with what follows
	if !math.Signbit(float64(x)) {
		phi = 1 - phi
	}
	return x * phi
}
