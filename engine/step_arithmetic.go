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

// likeRow and likePixel tell whether an operand has a pixel for each pixel of a row, or one for all.
func (o *operand) likeRow(out Shape) bool   { return o.shape.C == out.C && o.shape.W == out.W }
func (o *operand) likePixel(out Shape) bool { return o.shape.C == out.C && o.shape.W == 1 }

// vectors tells whether the epilogue's kernel does it: sums and products of rows, and of a row and pixels; differences of rows.
func (s *arithmeticStep) vectors() bool {
	out := s.to.shape
	for i := range s.terms {
		if o := &s.terms[i]; !o.likeRow(out) && (s.what == Sub || !o.likePixel(out)) {
			return false
		}
	}
	return (s.what == Mul || s.what == Sub || s.what == "add" || s.what == Mean) && (s.terms[0].likeRow(out) || s.terms[1].likeRow(out))
}

func (s *arithmeticStep) items(n, _ int) int { return n * s.to.shape.H }

func (s *arithmeticStep) run(w *worker, _, item int) {
	out := s.to.shape
	picture, y := item/out.H, item%out.H
	to := s.to.at() + item*out.W*s.to.stride
	if s.vectors() {
		s.vectorRow(w, to, picture, y)
	} else {
		for x := range out.W {
			dst := w.floats(to+x*s.to.stride, out.C)
			for i := range s.terms {
				o := &s.terms[i]
				src := w.arena[o.row0(picture, y)+x*o.col:]
				if i == 0 {
					for c := range dst {
						dst[c] = src[c*o.channel]
					}
					continue
				}
				combine(s.what, dst, src, o.channel)
			}
		}
	}
	if s.what == Mean {
		for x := range out.W {
			for c, dst := 0, w.floats(to+x*s.to.stride, out.C); c < len(dst); c++ {
				dst[c] /= float32(len(s.terms))
			}
		}
	}
}

// row0 is the arena's float at which the operand's row begins that goes with row y.
func (o *operand) row0(picture, y int) int { return o.at() + picture*o.picture + y*o.row }

// neutrals are vectors that the epilogue's affine part takes where there is nothing to multiply by or to add.
const neutralFloats = 1 << 12

var ones, minusOnes, negZeros = filled(neutralFloats, 1), filled(neutralFloats, -1), filled(neutralFloats, negZero)

// vectorRow computes a row with the epilogue's kernel: a+b as it stands, a*b as fma(a, b, -0), a-b as fma(b, -1, -0) + a, and a plus a pixel as fma(a, 1, b).
func (s *arithmeticStep) vectorRow(w *worker, to, picture, y int) {
	out := s.to.shape
	acc := &s.terms[0]
	swapped := !acc.likeRow(out)
	if swapped { // a sum or product of two has no order
		acc = &s.terms[1]
	}
	src, srcStride := acc.row0(picture, y), acc.stride
	for i := 1; i < len(s.terms); i++ {
		o := &s.terms[i]
		if swapped && i == 1 {
			o = &s.terms[0]
		}
		term := o.row0(picture, y)
		runs, rows, channels := 1, out.W, out.C
		if s.what == Mul && o.likeRow(out) { // each pixel has its own factors
			if runs, rows = out.W, 1; s.to.dense() && srcStride == out.C && o.stride == out.C {
				runs, channels = 1, out.W*out.C
			}
		}
		for run := range runs {
			for c := 0; c < channels; c += neutralFloats {
				w.rows = kernels.Elementwise{
					Dst: w.float(to + run*s.to.stride + c), DstStride: s.to.stride * 4, Src: w.float(src + run*srcStride + c), SrcStride: srcStride * 4,
					Rows: rows, Channels: min(neutralFloats, channels-c), Lo: negInf, Hi: posInf,
				}
				switch {
				case s.what == Mul:
					w.rows.Scale, w.rows.Shift = w.float(term+run*o.stride+c), &negZeros[0]
				case s.what == Sub:
					w.rows.Res, w.rows.ResStride = w.rows.Src, w.rows.SrcStride
					w.rows.Src, w.rows.SrcStride = w.float(term+c), o.stride*4
					w.rows.Scale, w.rows.Shift = &minusOnes[0], &negZeros[0]
				case o.likeRow(out):
					w.rows.Res, w.rows.ResStride = w.float(term+c), o.stride*4
				default:
					w.rows.Scale, w.rows.Shift = &ones[0], w.float(term+c)
				}
				w.isa.Epilogue(&w.rows)
			}
		}
		src, srcStride = to, s.to.stride
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
