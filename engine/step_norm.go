package engine

import "math"

// normStep subtracts the mean and divides by the standard deviation of each group of channels, over a picture or over each pixel. Sums are in float64, in order.
type normStep struct {
	what        string
	from, to    *value
	eps         float64
	gamma, beta []float32 // nil is 1 and 0
	groups      int
	perPixel    bool

	pixels, channels int // of one group
}

func (s *normStep) prepare(*Plan) {
	s.pixels, s.channels = s.to.shape.H*s.to.shape.W, s.to.shape.C/s.groups
	if s.perPixel {
		s.pixels = 1
	}
}

func (s *normStep) items(n, _ int) int {
	return n * s.to.shape.H * s.to.shape.W / s.pixels * s.groups
}

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
