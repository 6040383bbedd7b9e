package engine

import "github.com/featx-go/featx/kernels"

// depthwiseStep is a convolution whose every output channel sees one input channel. Its results have the bits of the GEMM's with one group per
// channel, which would waste all but one lane of each vector.
type depthwiseStep struct {
	name     string
	from, to *value
	epilogue epilogue
	weights  *packedWeights
	window   Window
	columns  int // of input pixels that a row of outputs sees, those in the padding included
}

func (s *depthwiseStep) prepare(p *Plan) {
	s.columns = (s.to.shape.W-1)*s.window.Stride[1] + (s.window.Kernel[1]-1)*s.window.Dilation[1] + 1
	p.scratchOffsets = max(p.scratchOffsets, s.columns*s.window.Kernel[0])
}

func (s *depthwiseStep) items(n, _ int) int { return n * s.to.shape.H }

func (s *depthwiseStep) run(w *worker, _, item int) { s.row(w, item) }

func (s *depthwiseStep) values() (from, res, to *value) { return s.from, s.epilogue.res, s.to }

func (s *depthwiseStep) needs(y int) (first, end int) { return s.window.needs(y, s.from.shape.H) }

func (s *depthwiseStep) resident() int64 { return s.weights.bytes() }

func (s *depthwiseStep) runRows(w *worker, y0, y1 int) {
	for y := y0; y < y1; y++ {
		s.row(w, y)
	}
}

// row computes one row of outputs.
func (s *depthwiseStep) row(w *worker, row int) {
	in, out, e := s.from, s.to, &s.epilogue
	picture, y := row/out.shape.H, row%out.shape.H
	rows := s.window.Kernel[0]
	inside := min(s.columns, s.window.Pad.Left+in.shape.W) // columns before the padding on the right
	for ky := range rows {
		iy := y*s.window.Stride[0] - s.window.Pad.Top + ky*s.window.Dilation[0]
		column := w.offsets[ky:]
		if uint(iy) >= uint(in.shape.H) {
			for x := range s.columns {
				column[x*rows] = 0 // the zeros
			}
			continue
		}
		for x := range min(s.window.Pad.Left, s.columns) {
			column[x*rows] = 0
		}
		at := int64(w.at(in)+(picture*in.shape.H+iy)*in.shape.W*in.stride) * 4
		for x := s.window.Pad.Left; x < inside; x++ {
			column[x*rows] = at
			at += int64(in.stride) * 4
		}
		for x := max(inside, 0); x < s.columns; x++ {
			column[x*rows] = 0
		}
	}
	pixel := row * out.shape.W
	t := &w.depthwise
	*t = kernels.DepthwiseRow{
		A: w.base, Off: &w.offsets[0], W: &s.weights.data[0],
		Rows: rows, Cols: s.window.Kernel[1], Stride: s.window.Stride[1], Dilation: s.window.Dilation[1],
		Outputs: out.shape.W, Channels: out.shape.C,
		C: w.float(w.at(out) + pixel*out.stride), CStride: out.stride * 4, Lo: e.lo, Hi: e.hi,
	}
	if e.scale != nil {
		t.Scale, t.Shift = &e.scale[0], &e.shift[0]
	}
	if e.res != nil {
		t.Res, t.ResStride = w.float(w.at(e.res)+pixel*e.res.stride), e.res.stride*4
	}
	w.isa.Depthwise(t)
	e.activate(w, out, pixel, out.shape.W, 0, out.shape.C)
}
