package engine

import (
	"math"

	"github.com/featx-go/featx/kernels"
)

// pixelStep computes each pixel's channels from those of the same pixel.
type pixelStep struct {
	kernel, what string
	from, to     *value
	compute      func(w *worker, dst, src []float32) // of one length; never overlap
	whole        bool                                // a picture's pixels, which lie without gaps, count as one: a vector

	pixels, channels, block int // of one picture, of one pixel, of one piece of work
}

func (s *pixelStep) prepare(*Plan) {
	s.pixels, s.channels = s.to.shape.H*s.to.shape.W, s.to.shape.C
	if s.whole {
		s.pixels, s.channels = 1, s.to.shape.Elements()
	}
	s.block = max(1, 1<<12/s.channels)
}

func (s *pixelStep) items(n, _ int) int { return (n*s.pixels + s.block - 1) / s.block }

func (s *pixelStep) run(w *worker, n, item int) {
	from, to := s.from.stride, s.to.stride
	if s.whole {
		from, to = s.channels, s.channels
	}
	for p := item * s.block; p < min((item+1)*s.block, n*s.pixels); p++ {
		s.compute(w, w.floats(s.to.at()+p*to, s.channels), w.floats(s.from.at()+p*from, s.channels))
	}
}

// pixelStepOf makes the step of an operation on each pixel's channels, or nil.
func (p *planner) pixelStepOf(op Op, from, to *value) *pixelStep {
	s := &pixelStep{kernel: "portable", from: from, to: to}
	switch op := op.(type) {
	case *Softmax:
		s.kernel, s.what = "softmax", "softmax"
		s.compute = func(_ *worker, dst, src []float32) { kernels.Softmax(dst, src) }
	case *LogSoftmax:
		s.kernel, s.what = "softmax", "log softmax"
		s.compute = func(_ *worker, dst, src []float32) { kernels.LogSoftmax(dst, src) }
	case *L2Normalize:
		s.what, s.whole = "L2", to.shape.Flat
		s.compute = func(_ *worker, dst, src []float32) {
			sum := 0.0
			for _, x := range src {
				sum += float64(float64(x) * float64(x))
			}
			length := max(math.Sqrt(sum), op.Eps)
			for c, x := range src {
				dst[c] = float32(float64(x) / length)
			}
		}
	case *LRN:
		s.what = "LRN"
		s.compute = func(_ *worker, dst, src []float32) {
			for c, x := range src {
				sum := 0.0
				for _, v := range src[max(0, c-(op.Size-1)/2):min(len(src), c+op.Size/2+1)] {
					sum += float64(float64(v) * float64(v))
				}
				dst[c] = float32(float64(x) / kernels.Pow(op.Bias+float64(float64(op.Alpha/float64(op.Size))*sum), op.Beta))
			}
		}
	case *PReLU:
		slope := p.model.vector(op.Slope)
		s.what = "PReLU"
		s.compute = func(_ *worker, dst, src []float32) {
			for c, x := range src {
				if x < 0 {
					x *= slope[c%len(slope)]
				}
				dst[c] = x
			}
		}
	default:
		return nil
	}
	return s
}

var activationFuncs = map[string]kernels.Func{
	Sigmoid: kernels.Sigmoid, HardSigmoid: kernels.HardSigmoid, SiLU: kernels.SiLU, HardSwish: kernels.HardSwish, Tanh: kernels.Tanh, GELU: kernels.GELU, GELUTanh: kernels.GELUTanh,
	ELU: kernels.ELU, CELU: kernels.CELU, SELU: kernels.SELU, LeakyReLU: kernels.LeakyReLU, ThresholdedReLU: kernels.ThresholdedReLU, Softplus: kernels.Softplus,
	Softsign: kernels.Softsign, Mish: kernels.Mish, Exp: kernels.Exp, Log: kernels.Log, Sqrt: kernels.Sqrt, Abs: kernels.Abs, Neg: kernels.Neg, Erf: kernels.Erf,
	Reciprocal: kernels.Reciprocal, Floor: kernels.Floor, Ceil: kernels.Ceil,
}

// optional is a tensor that may not be there.
func (p *planner) optional(name string) []float32 {
	if name == "" {
		return nil
	}
	return p.model.vector(name)
}

// scaled is v*gamma[c] + beta[c], rounded once; none is 1 and 0.
func scaled(v float64, gamma, beta []float32, c int) float32 {
	if gamma != nil {
		v = float64(v * float64(gamma[c]))
	}
	if beta != nil {
		v += float64(beta[c])
	}
	return float32(v)
}
