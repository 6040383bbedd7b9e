package engine

import (
	"math"

	"github.com/featx-go/featx/kernels"
)

// reduceStep makes one value of all along some axes, or of each window: in float64, in the order row, column, channel, rounded once.
type reduceStep struct {
	what       string
	from, to   *value
	reduce     func(acc *accumulator, x float64)
	finish     func(acc *accumulator) float32
	rows, cols []span // of each output; nil: all
	dilation   [2]int
	channels   int // that each output takes in
}

// reduceBlock is the outputs of one pixel that are reduced together, so that cache lines are read once.
const reduceBlock = 16

func (s *reduceStep) prepare(*Plan) {}

func (s *reduceStep) blocks() int { return (s.to.shape.C + reduceBlock - 1) / reduceBlock }

func (s *reduceStep) items(n, _ int) int { return n * s.to.shape.H * s.blocks() }

func (s *reduceStep) run(w *worker, _, item int) {
	in, out := s.from, s.to
	row, block := item/s.blocks(), item%s.blocks()
	picture, y := row/out.shape.H, row%out.shape.H
	c0 := block * reduceBlock
	for x := range out.shape.W {
		dst := w.floats(out.at()+(row*out.shape.W+x)*out.stride+c0, min(reduceBlock, out.shape.C-c0))
		acc := w.accumulators[:len(dst)]
		clear(acc)
		for ky := range s.rows[y].n {
			for kx := range s.cols[x].n {
				iy, ix := s.rows[y].first+ky*s.dilation[0], s.cols[x].first+kx*s.dilation[1]
				src := w.floats(in.at()+((picture*in.shape.H+iy)*in.shape.W+ix)*in.stride+c0*s.channels, len(dst)*s.channels)
				for i, v := range src {
					a := &acc[i/s.channels]
					s.reduce(a, float64(v))
					a.n++
				}
			}
		}
		for i := range dst {
			dst[i] = s.finish(&acc[i])
		}
	}
}

// accumulator is what reductions keep.
type accumulator struct {
	sum, largest float64
	n            int
}

func newReduceStep(from, to *value, op *Reduce) *reduceStep {
	s := &reduceStep{what: op.Kind(), from: from, to: to, channels: 1, dilation: [2]int{1, 1}}
	axis := func(name string, n int) []span {
		if op.over(name) {
			return []span{{0, n, n}}
		}
		list := make([]span, n)
		for i := range list {
			list[i] = span{i, 1, 1}
		}
		return list
	}
	s.rows, s.cols = axis("H", from.shape.H), axis("W", from.shape.W)
	if op.over("C") {
		s.channels = from.shape.C
	}
	sum := func(a *accumulator) float32 { return float32(a.sum) }
	switch op.Func {
	case ReduceMax:
		s.reduce = func(a *accumulator, x float64) {
			if a.n == 0 || a.sum == a.sum && !(a.sum > x) {
				a.sum = x
			}
		}
		s.finish = sum
	case ReduceMin:
		s.reduce = func(a *accumulator, x float64) {
			if a.n == 0 || a.sum == a.sum && !(a.sum < x) {
				a.sum = x
			}
		}
		s.finish = sum
	case ReduceProd:
		s.reduce = func(a *accumulator, x float64) {
			if a.n == 0 {
				a.sum = 1
			}
			a.sum = float64(a.sum * x)
		}
		s.finish = sum
	case ReduceL1:
		s.reduce = func(a *accumulator, x float64) { a.sum += math.Abs(x) }
		s.finish = sum
	case ReduceL2, ReduceSumSquare:
		s.reduce = func(a *accumulator, x float64) { a.sum += float64(x * x) }
		s.finish = sum
		if op.Func == ReduceL2 {
			s.finish = func(a *accumulator) float32 { return float32(math.Sqrt(a.sum)) }
		}
	case ReduceLogSumExp:
		s.reduce = func(a *accumulator, x float64) { // the sum of exp(x - largest)
			switch {
			case a.n == 0:
				a.largest, a.sum = x, 1
			case x == a.largest: // infinite ones too
				a.sum++
			case x > a.largest:
				a.sum = float64(a.sum*kernels.Exp64(a.largest-x)) + 1
				a.largest = x
			default:
				a.sum += kernels.Exp64(x - a.largest)
			}
		}
		s.finish = func(a *accumulator) float32 { return float32(a.largest + kernels.Log64(a.sum)) }
	default:
		s.reduce = func(a *accumulator, x float64) { a.sum += x }
		s.finish = sum
		switch op.Func {
		case ReduceMean:
			s.finish = func(a *accumulator) float32 { return float32(a.sum / float64(a.n)) }
		case ReduceLogSum:
			s.finish = func(a *accumulator) float32 { return float32(kernels.Log64(a.sum)) }
		}
	}
	return s
}

func newLpPoolStep(from, to *value, op *LpPool) *reduceStep {
	w := op.Window
	if op.Global {
		w = Window{Kernel: [2]int{from.shape.H, from.shape.W}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
	}
	pool := newPoolStep(from, to, w, poolMean, false)
	return &reduceStep{
		what: "Lp", from: from, to: to, channels: 1, rows: pool.rows, cols: pool.cols, dilation: w.Dilation,
		reduce: func(a *accumulator, x float64) {
			p := 1.0
			for range op.P {
				p = float64(p * math.Abs(x))
			}
			a.sum += p
		},
		finish: func(a *accumulator) float32 { return float32(kernels.Pow(a.sum, 1/float64(op.P))) },
	}
}
