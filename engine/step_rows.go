package engine

import "github.com/featx-go/featx/kernels"

// rowsStep is an epilogue on its own: batch normalisation, addition, activation or plain copying, element by element.
type rowsStep struct {
	from, to *value
	epilogue epilogue
	block    int // pixels of one piece of work
}

func (s *rowsStep) prepare(*Plan) { s.block = max(1, 1<<14/s.to.shape.C) }

func (s *rowsStep) items(n, _ int) int {
	return (n*s.to.shape.H*s.to.shape.W + s.block - 1) / s.block
}

func (s *rowsStep) run(w *worker, n, item int) {
	first := item * s.block
	s.pixels(w, first, min(s.block, n*s.to.shape.H*s.to.shape.W-first))
}

func (s *rowsStep) values() (from, res, to *value) { return s.from, s.epilogue.res, s.to }

func (s *rowsStep) needs(y int) (first, end int) { return y, y + 1 }

func (s *rowsStep) resident() int64 { return 0 }

func (s *rowsStep) runRows(w *worker, y0, y1 int) {
	s.pixels(w, y0*s.to.shape.W, (y1-y0)*s.to.shape.W)
}

func (s *rowsStep) pixels(w *worker, first, rows int) {
	e := &s.epilogue
	if e.function != nil && e.scale == nil && e.res == nil {
		e.function.apply(w, w.float(w.at(s.to)+first*s.to.stride), w.float(w.at(s.from)+first*s.from.stride), s.to.stride, s.from.stride, rows, s.to.shape.C)
		return
	}
	w.rows = kernels.Elementwise{
		Dst: w.float(w.at(s.to) + first*s.to.stride), DstStride: s.to.stride * 4,
		Src: w.float(w.at(s.from) + first*s.from.stride), SrcStride: s.from.stride * 4,
		Rows: rows, Channels: s.to.shape.C, Lo: e.lo, Hi: e.hi,
	}
	if e.scale != nil {
		w.rows.Scale, w.rows.Shift = &e.scale[0], &e.shift[0]
	}
	if e.res != nil {
		w.rows.Res, w.rows.ResStride = w.float(w.at(e.res)+first*e.res.stride), e.res.stride*4
	}
	w.isa.Epilogue(&w.rows)
	e.activate(w, s.to, first, rows, 0, s.to.shape.C)
}
