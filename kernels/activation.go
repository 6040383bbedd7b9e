package kernels

import "math"

// Func is a function of one value.
type Func uint8

// The functions of Activate; alpha and beta are its arguments.
const (
	Sigmoid         Func = iota // 1/(1+exp(-x))
	HardSigmoid                 // clamp(alpha*x+beta, 0, 1)
	SiLU                        // x*sigmoid(x)
	HardSwish                   // x*clamp(x+3, 0, 6)/6
	Tanh                        //
	GELU                        // x*(1+erf(x/sqrt(2)))/2
	GELUTanh                    // x*(1+tanh(sqrt(2/pi)*(x+0.044715*x^3)))/2
	ELU                         // x, or alpha*(exp(x)-1) below 0
	CELU                        // x, or alpha*(exp(x/alpha)-1) below 0
	SELU                        // beta*x, or beta*alpha*(exp(x)-1) below 0
	LeakyReLU                   // x, or alpha*x below 0
	ThresholdedReLU             // x, or 0 up to alpha
	Softplus                    // log(1+exp(x))
	Softsign                    // x/(1+abs(x))
	Mish                        // x*tanh(softplus(x))
	Exp                         //
	Log                         //
	Sqrt                        //
	Abs                         //
	Neg                         //
	Erf                         //
	Reciprocal                  //
	Floor                       //
	Ceil                        //
)

// apply is the function in portable Go.
func (f Func) apply(x, alpha, beta float32) float32 {
	v, a := float64(x), float64(alpha)
	switch f {
	case Sigmoid:
		return float32(sigmoid64(v))
	case HardSigmoid:
		return clamp(fma32(x, alpha, beta), 0, 1)
	case SiLU:
		return float32(v * sigmoid64(v))
	case HardSwish:
		return x * (clamp(x+3, 0, 6) * (1. / 6))
	case Tanh:
		return float32(tanh64(v))
	case GELU:
		return float32(v * (0.5 + float64(0.5*erf64(float64(v*(1/math.Sqrt2))))))
	case GELUTanh:
		cube := float64(float64(float64(v*v)*v) * 0.044715)
		return float32(v * sigmoid64(float64((v+cube)*1.5957691216057307)))
	case ELU:
		if x <= 0 {
			return float32(a * expm1(v))
		}
		return x
	case CELU:
		if x <= 0 {
			return float32(a * expm1(v/a))
		}
		return x
	case SELU:
		if x <= 0 {
			return float32(float64(float64(beta)*a) * expm1(v))
		}
		return float32(float64(beta) * v)
	case LeakyReLU:
		if x < 0 {
			return x * alpha
		}
		return x
	case ThresholdedReLU:
		if x <= alpha {
			return 0
		}
		return x
	case Softplus:
		return float32(softplus(v))
	case Softsign:
		return float32(v / (1 + math.Abs(v)))
	case Mish:
		if x < -1 { // tanh(log(1+e)) = (e*e+2e)/(e*e+2e+2)
			e := Exp64(v)
			n := float64(e * (e + 2))
			return float32(v * (n / (n + 2)))
		}
		return float32(v * tanh64(softplus(v)))
	case Exp:
		return float32(Exp64(v))
	case Log:
		return float32(Log64(v))
	case Sqrt:
		return float32(math.Sqrt(v))
	case Abs:
		return float32(math.Abs(v))
	case Neg:
		return -x
	case Erf:
		return float32(erf64(v))
	case Reciprocal:
		return 1 / x
	case Floor:
		return float32(math.Floor(v))
	case Ceil:
		return float32(math.Ceil(v))
	}
	panic("kernels: unknown function")
}

// sigmoid64 is 1/(1+exp(-x)).
func sigmoid64(x float64) float64 {
	e := Exp64(-math.Abs(x))
	if x < 0 {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}

// Activate computes dst[i] = f(src[i]). dst may be src.
func (isa ISA) Activate(f Func, alpha, beta float32, dst, src []float32) {
	for i, x := range src {
		dst[i] = f.apply(x, alpha, beta)
	}
}
