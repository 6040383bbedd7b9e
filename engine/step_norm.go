package engine

import (
	"math"

	"github.com/featx-go/featx/kernels"
)

// normStep subtracts the mean and divides by the standard deviation of each group of channels over a picture. Sums are in float64, in order.
type normStep struct {
	what        string
	from, to    *value
	eps         float64
	gamma, beta []float32 // nil is 1 and 0
	groups      int

	pixels, channels int // of one group
}

func (s *normStep) prepare(*Plan) {
	s.pixels, s.channels = s.to.shape.H*s.to.shape.W, s.to.shape.C/s.groups
}

func (s *normStep) items(n, _ int) int { return n * s.groups }

func (s *normStep) run(w *worker, _, item int) {
	first, c0 := item/s.groups*s.pixels, item%s.groups*s.channels
	src := func(p int) []float32 { return w.floats(s.from.at()+(first+p)*s.from.stride+c0, s.channels) }
	n := float64(s.pixels * s.channels)
	sum := 0.0
	for p := range s.pixels {
		for _, x := range src(p) {
			sum += float64(x)
		}
	}
	mean, squares := sum/n, 0.0
	for p := range s.pixels {
		for _, x := range src(p) {
			d := float64(x) - mean
			squares += float64(d * d)
		}
	}
	scale := 1 / math.Sqrt(squares/n+s.eps)
	for p := range s.pixels {
		dst := w.floats(s.to.at()+(first+p)*s.to.stride+c0, s.channels)
		for c, x := range src(p) {
			dst[c] = scaled(float64((float64(x)-mean)*scale), s.gamma, s.beta, c0+c)
		}
	}
}

// layerNormStep normalises each pixel's channels.
type layerNormStep struct {
	from, to    *value
	eps         float32
	gamma, beta []float32
	block       int // pixels of one piece of work
}

func (s *layerNormStep) prepare(*Plan) { s.block = max(1, 1<<13/s.to.shape.C) }

func (s *layerNormStep) items(n, _ int) int {
	return (n*s.to.shape.H*s.to.shape.W + s.block - 1) / s.block
}

func (s *layerNormStep) run(w *worker, n, item int) {
	first := item * s.block
	s.pixels(w, first, min(s.block, n*s.to.shape.H*s.to.shape.W-first))
}

func (s *layerNormStep) values() (from, res, to *value) { return s.from, nil, s.to }

func (s *layerNormStep) needs(y int) (first, end int) { return y, y + 1 }

func (s *layerNormStep) resident() int64 { return 0 }

func (s *layerNormStep) runRows(w *worker, y0, y1 int) {
	s.pixels(w, y0*s.to.shape.W, (y1-y0)*s.to.shape.W)
}

func (s *layerNormStep) pixels(w *worker, first, rows int) {
	w.isa.LayerNorm(&kernels.LayerNorm{
		Dst: w.float(w.at(s.to) + first*s.to.stride), DstStride: s.to.stride * 4,
		Src: w.float(w.at(s.from) + first*s.from.stride), SrcStride: s.from.stride * 4,
		Rows: rows, Channels: s.to.shape.C, Gamma: &s.gamma[0], Beta: &s.beta[0], Eps: s.eps,
	})
}
