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
	rows := min(s.block, n*s.to.shape.H*s.to.shape.W-first)
	e := &s.epilogue
	w.rows = kernels.Elementwise{
		Dst: w.float(s.to.at() + first*s.to.stride), DstStride: s.to.stride * 4,
		Src: w.float(s.from.at() + first*s.from.stride), SrcStride: s.from.stride * 4,
		Rows: rows, Channels: s.to.shape.C, Lo: e.lo, Hi: e.hi,
	}
	if e.scale != nil {
		w.rows.Scale, w.rows.Shift = &e.scale[0], &e.shift[0]
	}
	if e.res != nil {
		w.rows.Res, w.rows.ResStride = w.float(e.res.at()+first*e.res.stride), e.res.stride*4
	}
	w.isa.Epilogue(&w.rows)
}
