package kernels

import (
	"math"
	"unsafe"
)

// Activation is the arguments of Activate: rows (pixels) of channels, every value by itself:
//
//	Dst[r][c] = f(Src[r][c])
//
// Dst may be Src itself (same pointer, same stride); otherwise they do not overlap.
type Activation struct {
	Func                 Func
	Alpha, Beta          float32  // of the functions that have them
	Dst, Src             *float32 //
	DstStride, SrcStride int      // bytes from row to row
	Rows, Channels       int      // at least 1
}

// Func is a function of one value.
//
// Those up to lastVector have vector code. They are sequences of float32 operations, each rounded once, that the functions of activation_generic.go
// give; their results are within 4 units in the last place of the true value (GELU 6), or below 2^-119 within 2^-141.
// The others are computed in float64 (transcendental.go) and rounded once.
type Func uint8

// The functions of Activate; alpha and beta are its arguments.
const (
	Sigmoid         Func = iota // 1/(1+exp(-x))
	HardSigmoid                 // clamp(alpha*x+beta, 0, 1)
	SiLU                        // x*sigmoid(x)
	HardSwish                   // x*clamp(x+3, 0, 6)/6
	Tanh                        //
	GELU                        // x*(1+erf(x/sqrt(2)))/2
	LeakyReLU                   // x, or alpha*x below 0
	GELUTanh                    // x*(1+tanh(sqrt(2/pi)*(x+0.044715*x^3)))/2
	ELU                         // x, or alpha*(exp(x)-1) below 0
	CELU                        // x, or alpha*(exp(x/alpha)-1) below 0
	SELU                        // beta*x, or beta*alpha*(exp(x)-1) below 0
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

const lastVector = LeakyReLU

// apply is the function in portable Go.
func (f Func) apply(x, alpha, beta float32) float32 {
	v, a := float64(x), float64(alpha)
	switch f {
	case Sigmoid:
		return sigmoid32(x)
	case HardSigmoid:
		return clamp(fma32(x, alpha, beta), 0, 1)
	case SiLU:
		return x * sigmoid32(x)
	case HardSwish:
		return x * (clamp(x+3, 0, 6) * (1. / 6))
	case Tanh:
		return tanh32(x)
	case GELU:
		return gelu32(x)
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

// activationCall is one run of values, as assembly reads it by its offsets.
type activationCall struct {
	Dst, Src    *float32
	N           int
	Table       *[activationConstants][8]float32
	Alpha, Beta float32
}

// activationChunk bounds the values of one call of assembly to a few microseconds, fifty on Cortex-A55.
const activationChunk = 1 << 12

// Activate computes a.
func (isa ISA) Activate(a *Activation) {
	rows, n := a.Rows, a.Channels
	if a.DstStride == 4*n && a.SrcStride == 4*n {
		rows, n = 1, n*rows
	}
	for r := range rows {
		for i := 0; i < n; i += activationChunk {
			isa.activate(a.Func, &activationCall{
				Dst: offset(a.Dst, r*a.DstStride+4*i), Src: offset(a.Src, r*a.SrcStride+4*i), N: min(activationChunk, n-i),
				Table: &activationTable, Alpha: a.Alpha, Beta: a.Beta,
			})
		}
	}
}

func activateGeneric(f Func, a *activationCall) {
	dst := unsafe.Slice(a.Dst, a.N)
	for i, x := range unsafe.Slice(a.Src, a.N) {
		dst[i] = f.apply(x, a.Alpha, a.Beta)
	}
}
