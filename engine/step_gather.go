package engine

import "github.com/featx-go/featx/kernels"

// gatherStep moves values without computing: out[y][x][c] = in[rows[y] + cols[x] + chans[c]], or the constant where one of the three is not there.
// Slices, padding, permutations of axes, of channels and of blocks of pixels, and resizing by nearest neighbours are all of this form.
type gatherStep struct {
	what              string
	from, to          *value
	rows, cols, chans []int // floats from the begin of a picture of from; nowhere is the constant
	constant          float32

	alike bool  // the channels are those of one input pixel, in order
	pairs []int // of which channels follow each other in turns, as after a shuffle of two groups: where both begin
}

const nowhere = -1

// newGatherStep makes a step from the input's row, column and channel that each row, column and channel of the output reads.
func newGatherStep(what string, from, to *value, rows, cols, chans []int) *gatherStep {
	times := func(list []int, floats int) []int {
		out := make([]int, len(list))
		for i, at := range list {
			if out[i] = at * floats; at == nowhere {
				out[i] = nowhere
			}
		}
		return out
	}
	return &gatherStep{what: what, from: from, to: to, rows: times(rows, from.shape.W*from.stride), cols: times(cols, from.stride), chans: chans}
}

// upTo lists 0 to n-1.
func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func (s *gatherStep) prepare(*Plan) {
	s.alike = true
	for c, at := range s.chans {
		s.alike = s.alike && at != nowhere && at == s.chans[0]+c
	}
	if len(s.chans) >= 2 && len(s.chans)%2 == 0 && !s.alike {
		s.pairs = s.chans[:2]
		for c, at := range s.chans {
			if at == nowhere || at != s.pairs[c%2]+c/2 {
				s.pairs = nil
				break
			}
		}
	}
}

func (s *gatherStep) items(n, _ int) int { return n * s.to.shape.H }

func (s *gatherStep) run(w *worker, _, item int) {
	in, out := s.from, s.to
	picture, row := item/out.shape.H, s.rows[item%out.shape.H]
	at := out.at() + item*out.shape.W*out.stride
	first := in.at() + picture*in.shape.H*in.shape.W*in.stride + row
	for x, col := range s.cols {
		dst := w.floats(at+x*out.stride, out.shape.C)
		switch {
		case row == nowhere || col == nowhere:
			fillFloats(dst, s.constant)
		case s.alike:
			copy(dst, w.floats(first+col+s.chans[0], out.shape.C))
		case s.pairs != nil:
			half := len(dst) / 2
			kernels.Interleave(dst, w.floats(first+col+s.pairs[0], half), w.floats(first+col+s.pairs[1], half))
		default:
			for c, from := range s.chans {
				dst[c] = s.constant
				if from != nowhere {
					dst[c] = w.arena[first+col+from]
				}
			}
		}
	}
}

func fillFloats(dst []float32, v float32) {
	for i := range dst {
		dst[i] = v
	}
}

func filled(n int, v float32) []float32 {
	list := make([]float32, n)
	fillFloats(list, v)
	return list
}

// gatherOf makes the step of an operation that only moves values.
func gatherOf(op Op, from, to *value) *gatherStep {
	in, out := from.shape, to.shape
	switch op := op.(type) {
	case *ZeroPad:
		s := newGatherStep("pad", from, to, op.from(in.H, op.Pad.Top, op.Pad.Bottom), op.from(in.W, op.Pad.Left, op.Pad.Right), op.from(in.C, op.ChannelsBefore, op.ChannelsAfter))
		s.constant = op.Value
		return s
	case *Slice:
		return newGatherStep("slice", from, to, op.from(0, in.H), op.from(1, in.W), op.from(2, in.C))
	case *Resize:
		return newGatherStep("resize", from, to, op.nearest(in.H, out.H, op.ScaleH), op.nearest(in.W, out.W, op.ScaleW), upTo(in.C))
	case *ChannelShuffle:
		s := newGatherStep("shuffle", from, to, upTo(in.H), upTo(in.W), make([]int, in.C))
		for c := range s.chans {
			s.chans[c] = c%op.Groups*(in.C/op.Groups) + c/op.Groups
		}
		return s
	case *Permute:
		steps := [3]int{in.W * from.stride, from.stride, 1}
		axis := func(i, n int) []int {
			list := make([]int, n)
			for j := range list {
				list[j] = j * steps[op.Axes[i]]
			}
			return list
		}
		return &gatherStep{what: "permute", from: from, to: to, rows: axis(0, out.H), cols: axis(1, out.W), chans: axis(2, out.C)}
	case *DepthToSpace:
		// The channel is a sum of what the row in the block, the column in it and the output's channel give.
		b, s := op.Block, &gatherStep{what: "depth to space", from: from, to: to}
		for y := range out.H {
			s.rows = append(s.rows, y/b*in.W*from.stride+blockChannel(op.Mode, b, out.C, y%b, 0, 0))
		}
		for x := range out.W {
			s.cols = append(s.cols, x/b*from.stride+blockChannel(op.Mode, b, out.C, 0, x%b, 0))
		}
		for c := range out.C {
			s.chans = append(s.chans, blockChannel(op.Mode, b, out.C, 0, 0, c))
		}
		return s
	case *SpaceToDepth:
		b, s := op.Block, newGatherStep("space to depth", from, to, nil, nil, make([]int, out.C))
		for y := range out.H {
			s.rows = append(s.rows, y*b*in.W*from.stride)
		}
		for x := range out.W {
			s.cols = append(s.cols, x*b*from.stride)
		}
		for y := range b {
			for x := range b {
				for c := range in.C {
					s.chans[blockChannel(op.Mode, b, in.C, y, x, c)] = (y*in.W+x)*from.stride + c
				}
			}
		}
		return s
	}
	panic("engine: no gather for " + op.Kind())
}

// stuffed lists, for the positions of an axis of n with stride-1 zeros between them, cut or continued by before and after, which it reads.
func stuffed(n, stride, before, after int) []int {
	list := make([]int, (n-1)*stride+1+before+after)
	for i := range list {
		at := i - before
		if list[i] = at / stride; at < 0 || at%stride != 0 || at/stride >= n {
			list[i] = nowhere
		}
	}
	return list
}

// reshapeStep copies the elements, in the layout's order, into another shape.
type reshapeStep struct {
	from, to *value
	layout   Layout
}

func (s *reshapeStep) prepare(*Plan) {}

func (s *reshapeStep) items(n, _ int) int { return n * s.to.shape.H * s.to.shape.W }

func (s *reshapeStep) run(w *worker, _, item int) {
	in, out := s.from.shape, s.to.shape
	pixels := out.H * out.W
	picture, pixel := item/pixels, item%pixels
	dst := w.floats(s.to.at()+item*s.to.stride, out.C)
	begin := s.from.at() + picture*in.H*in.W*s.from.stride
	for c := range dst {
		i := pixel*out.C + c
		fromPixel, fromC := i/in.C, i%in.C
		if s.layout == NCHW {
			i = c*pixels + pixel
			fromC, fromPixel = i/(in.H*in.W), i%(in.H*in.W)
		}
		dst[c] = w.arena[begin+fromPixel*s.from.stride+fromC]
	}
}

// constantStep writes a tensor once for every picture.
type constantStep struct {
	to     *value
	values []float32 // as pixels of channels
}

func newConstantStep(to *value, tensor []float32, layout Layout) *constantStep {
	values := tensor
	if layout == NCHW {
		values = make([]float32, len(tensor))
		NCHWToNHWC(values, tensor, 1, to.shape)
	}
	return &constantStep{to, values}
}

func (s *constantStep) prepare(*Plan) {}

func (s *constantStep) items(n, _ int) int { return n * s.to.shape.H }

func (s *constantStep) run(w *worker, _, item int) {
	out := s.to.shape
	row := s.values[item%out.H*out.W*out.C:]
	for x := range out.W {
		copy(w.floats(s.to.at()+(item*out.W+x)*s.to.stride, out.C), row[x*out.C:])
	}
}
