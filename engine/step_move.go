package engine

// padStep copies a map, or the caller's pictures, into a larger one whose border, and whose channels before and after, are zero.
type padStep struct {
	from, to       *value
	pad            Pad
	channelsBefore int
}

func (s *padStep) prepare(*Plan) {}

func (s *padStep) items(n, _ int) int { return n * s.to.shape.H }

func (s *padStep) run(w *worker, _, item int) { s.row(w, item) }

func (s *padStep) values() (from, res, to *value) { return s.from, nil, s.to }

func (s *padStep) needs(y int) (first, end int) {
	return min(max(y-s.pad.Top, 0), s.from.shape.H), min(max(y+1-s.pad.Top, 0), s.from.shape.H)
}

func (s *padStep) resident() int64 { return 0 }

func (s *padStep) runRows(w *worker, y0, y1 int) {
	for y := y0; y < y1; y++ {
		s.row(w, y)
	}
}

// row makes one row of the larger map.
func (s *padStep) row(w *worker, item int) {
	in, out := s.from, s.to
	picture, y := item/out.shape.H, item%out.shape.H
	iy := y - s.pad.Top
	at := w.at(out) + item*out.shape.W*out.stride
	inside := iy >= 0 && iy < in.shape.H
	row := w.at(in) + (picture*in.shape.H+iy)*in.shape.W*in.stride
	src := w.memory(in)
	if inside && in.dense() && out.dense() && in.shape.C == out.shape.C {
		dst := w.floats(at, out.shape.W*out.shape.C)
		left := s.pad.Left * out.shape.C
		clear(dst[:left])
		n := copy(dst[left:], src[row:row+in.shape.W*in.shape.C])
		clear(dst[left+n:])
		return
	}
	for x := range out.shape.W {
		dst := w.floats(at+x*out.stride, out.shape.C)
		ix := x - s.pad.Left
		if !inside || ix < 0 || ix >= in.shape.W {
			clear(dst)
			continue
		}
		clear(dst[:s.channelsBefore])
		n := copy(dst[s.channelsBefore:], src[row+ix*in.stride:][:in.shape.C])
		clear(dst[s.channelsBefore+n:])
	}
}

// exportStep copies a layer that was asked for out of the arena, in the order of the graph's layout.
type exportStep struct {
	from   *value
	output int
	layout Layout
}

func (s *exportStep) prepare(*Plan) {}

// exportChannels is how many channels of a map one piece of work transposes.
const exportChannels = 64

// transposes tells whether the layout has other neighbours than the arena; else a picture is copied in one go.
func (s *exportStep) transposes() bool { return s.layout != NHWC && s.from.shape.H*s.from.shape.W > 1 }

func (s *exportStep) items(n, _ int) int {
	if s.transposes() {
		return n * ((s.from.shape.C + exportChannels - 1) / exportChannels)
	}
	return n
}

func (s *exportStep) run(w *worker, n, item int) {
	v := s.from
	pixels, channels := v.shape.H*v.shape.W, v.shape.C
	parts := s.items(n, w.threads) / n
	picture, part := item/parts, item%parts
	dst := w.outputs[s.output][picture*pixels*channels:][:pixels*channels]
	at := v.at() + picture*pixels*v.stride
	if !s.transposes() {
		for p := range pixels {
			copy(dst[p*channels:(p+1)*channels], w.floats(at+p*v.stride, channels))
		}
		return
	}
	// In squares that stay in the cache.
	const side = 32
	first, end := part*exportChannels, min((part+1)*exportChannels, channels)
	for p0 := 0; p0 < pixels; p0 += side {
		p1 := min(p0+side, pixels)
		for c0 := first; c0 < end; c0 += side {
			c1 := min(c0+side, end)
			for p := p0; p < p1; p++ {
				for i, x := range w.floats(at+p*v.stride+c0, c1-c0) {
					dst[(c0+i)*pixels+p] = x
				}
			}
		}
	}
}

// NCHWToNHWC reorders n pictures of shape s from channel planes to interleaved channels.
func NCHWToNHWC(dst, src []float32, n int, s Shape) {
	plane := s.H * s.W
	for i := range n {
		for c := range s.C {
			from := src[(i*s.C+c)*plane:][:plane]
			to := dst[i*plane*s.C+c:]
			for p, v := range from {
				to[p*s.C] = v
			}
		}
	}
}
