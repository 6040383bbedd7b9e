package engine

// rowsStep is an epilogue on its own: batch normalisation, addition, activation or plain copying, element by element.
type rowsStep struct {
	from, to *value
	epilogue epilogue
	block    int // pixels of one piece of work
}

func (s *rowsStep) prepare(*Plan) { s.block = max(1, 1<<14/s.to.shape.C) }

func (s *rowsStep) items(n int) int {
	return (n*s.to.shape.H*s.to.shape.W + s.block - 1) / s.block
}

func (s *rowsStep) run(w *worker, n, item int) {
	pixels, c, e := n*s.to.shape.H*s.to.shape.W, s.to.shape.C, &s.epilogue
	for r := item * s.block; r < min((item+1)*s.block, pixels); r++ {
		var res []float32
		if e.res != nil {
			res = w.floats(e.res.at()+r*e.res.stride, c)
		}
		tmpRow(w.floats(s.to.at()+r*s.to.stride, c), w.floats(s.from.at()+r*s.from.stride, c), res, e.scale, e.shift, e.lo, e.hi)
	}
}

// softmaxStep is exp(x) over its sum along the channels.
type softmaxStep struct{ from, to *value }

func (s *softmaxStep) prepare(*Plan) {}

func (s *softmaxStep) items(n int) int { return n * s.to.shape.H * s.to.shape.W }

func (s *softmaxStep) run(w *worker, _, item int) {
	c := s.to.shape.C
	tmpSoftmax(w.floats(s.to.at()+item*s.to.stride, c), w.floats(s.from.at()+item*s.from.stride, c))
}
