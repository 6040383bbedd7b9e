package engine

import "github.com/featx-go/featx/kernels"

type poolKind uint8

const (
	poolMean poolKind = iota
	poolMax
)

// poolStep is maximum or average pooling. Every output row and column has a range of the input's rows and columns; a mean's divisor counts them, and the padding's if it counts.
type poolStep struct {
	from, to   *value
	kind       poolKind
	rows, cols []span
	dilation   [2]int
	runs       []run
}

// run is some neighbouring output columns whose windows are alike and evenly spaced: one call of a kernel.
type run struct{ x, outputs, advance int }

// span is where a window lies on one axis: n taps from the first inside the map, and how many count for a mean.
type span struct{ first, n, counted int }

func newPoolStep(from, to *value, w Window, kind poolKind, countPad bool) *poolStep {
	axis := func(out, size, k, stride, dilation, before, after int) []span {
		spans := make([]span, out)
		for i := range spans {
			first, n := tapsInside(i*stride-before, size, k, dilation)
			spans[i] = span{first, n, n}
			if countPad {
				// A window that ceil mode pushed out of the padding is cut. Windows with counted padding have no dilation.
				spans[i].counted = min(k, size+after-(i*stride-before))
			}
		}
		return spans
	}
	in, out := from.shape, to.shape
	return &poolStep{
		from: from, to: to, kind: kind, dilation: w.Dilation,
		rows: axis(out.H, in.H, w.Kernel[0], w.Stride[0], w.Dilation[0], w.Pad.Top, w.Pad.Bottom),
		cols: axis(out.W, in.W, w.Kernel[1], w.Stride[1], w.Dilation[1], w.Pad.Left, w.Pad.Right),
	}
}

// newAdaptiveStep divides each axis as PyTorch's AdaptiveAvgPool2d does: from floor(i*size/out) to ceil((i+1)*size/out).
func newAdaptiveStep(from, to *value, op *AdaptivePool) *poolStep {
	axis := func(out, size int) []span {
		spans := make([]span, out)
		for i := range spans {
			first, end := i*size/out, ((i+1)*size+out-1)/out
			spans[i] = span{first, end - first, end - first}
		}
		return spans
	}
	kind := poolMean
	if op.Max {
		kind = poolMax
	}
	return &poolStep{
		from: from, to: to, kind: kind, dilation: [2]int{1, 1},
		rows: axis(to.shape.H, from.shape.H), cols: axis(to.shape.W, from.shape.W),
	}
}

// tapsInside gives the first of k taps, the first at begin and dilation apart, that lies in 0..size-1, and how many do.
func tapsInside(begin, size, k, dilation int) (first, n int) {
	skip := 0
	if begin < 0 {
		skip = (-begin + dilation - 1) / dilation
	}
	first = begin + skip*dilation
	if first >= size || skip >= k {
		return 0, 0
	}
	return first, min(k-skip, (size-1-first)/dilation+1)
}

func (s *poolStep) prepare(*Plan) {
	for x := 0; x < len(s.cols); {
		r := run{x: x, outputs: 1}
		if x+1 < len(s.cols) {
			r.advance = s.cols[x+1].first - s.cols[x].first
		}
		for x++; x < len(s.cols) && s.cols[x] == (span{s.cols[x-1].first + r.advance, s.cols[x-1].n, s.cols[x-1].counted}); x++ {
			r.outputs++
		}
		s.runs = append(s.runs, r)
	}
}

func (s *poolStep) items(n, _ int) int { return n * s.to.shape.H }

func (s *poolStep) run(w *worker, _, item int) { s.runRows(w, item, item+1) }

func (s *poolStep) values() (from, res, to *value) { return s.from, nil, s.to }

func (s *poolStep) needs(y int) (first, end int) {
	r := s.rows[y]
	return r.first, r.first + max(0, r.n-1)*s.dilation[0] + 1
}

func (s *poolStep) resident() int64 { return 0 }

func (s *poolStep) runRows(w *worker, y0, y1 int) {
	for y := y0; y < y1; y++ {
		s.row(w, y)
	}
}

// row computes one row of outputs.
func (s *poolStep) row(w *worker, at int) {
	in, out := s.from, s.to
	picture, row := at/out.shape.H, s.rows[at%out.shape.H]
	src := w.at(in) + (picture*in.shape.H+row.first)*in.shape.W*in.stride
	dst := w.at(out) + at*out.shape.W*out.stride
	for _, r := range s.runs {
		col := s.cols[r.x]
		w.pool = kernels.PoolRow{
			Dst: w.float(dst + r.x*out.stride), DstStride: out.stride * 4,
			Src: w.float(src + col.first*in.stride), SrcStride: r.advance * in.stride * 4,
			RowStride: s.dilation[0] * in.shape.W * in.stride * 4, ColStride: s.dilation[1] * in.stride * 4,
			Rows: row.n, Cols: col.n, Channels: out.shape.C, Outputs: r.outputs,
			Divisor: float32(row.counted * col.counted),
		}
		if s.kind == poolMax {
			w.isa.MaxPool(&w.pool)
		} else {
			w.isa.AvgPool(&w.pool)
		}
	}
}
