package engine

import "github.com/featx-go/featx/kernels"

// arithmeticStep combines values element by element, from the first to the last, repeating axes of extent 1.
type arithmeticStep struct {
	what  string // a function of Arithmetic, or "add"
	terms []operand
	to    *value
}

// operand is a value and the floats from row to row, pixel to pixel and channel to channel, 0 where an axis is repeated.
type operand struct {
	*value
	picture, row, col, channel int
}

func newArithmeticStep(what string, terms []*value, to *value) *arithmeticStep {
	s := &arithmeticStep{what: what, to: to}
	for _, v := range terms {
		o := operand{value: v, picture: v.shape.H * v.shape.W * v.stride}
		if v.shape.H > 1 {
			o.row = v.shape.W * v.stride
		}
		if v.shape.W > 1 {
			o.col = v.stride
		}
		if v.shape.C > 1 {
			o.channel = 1
		}
		s.terms = append(s.terms, o)
	}
	return s
}

func (s *arithmeticStep) prepare(*Plan) {}

func (s *arithmeticStep) items(n, _ int) int { return n * s.to.shape.H }

func (s *arithmeticStep) run(w *worker, _, item int) {
	out := s.to.shape
	picture, y := item/out.H, item%out.H
	for x := range out.W {
		dst := w.floats(s.to.at()+(item*out.W+x)*s.to.stride, out.C)
		for i := range s.terms {
			o := &s.terms[i]
			src := w.arena[o.at()+picture*o.picture+y*o.row+x*o.col:]
			if i == 0 {
				for c := range dst {
					dst[c] = src[c*o.channel]
				}
				continue
			}
			combine(s.what, dst, src, o.channel)
		}
		if s.what == Mean {
			for c := range dst {
				dst[c] /= float32(len(s.terms))
			}
		}
	}
}

// combine is dst[c] = f(dst[c], src[c*step]).
func combine(f string, dst, src []float32, step int) {
	switch f {
	case Mul:
		for c := range dst {
			dst[c] *= src[c*step]
		}
	case Sub:
		for c := range dst {
			dst[c] -= src[c*step]
		}
	case Div:
		for c := range dst {
			dst[c] /= src[c*step]
		}
	case Max: // a NaN stays
		for c := range dst {
			if a, b := dst[c], src[c*step]; a == a && !(a > b) {
				dst[c] = b
			}
		}
	case Min:
		for c := range dst {
			if a, b := dst[c], src[c*step]; a == a && !(a < b) {
				dst[c] = b
			}
		}
	case Pow:
		for c := range dst {
			dst[c] = float32(kernels.Pow(float64(dst[c]), float64(src[c*step])))
		}
	default: // sum, mean
		for c := range dst {
			dst[c] += src[c*step]
		}
	}
}
