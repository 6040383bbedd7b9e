package engine

import (
	"unsafe"

	"github.com/featx-go/featx/kernels"
)

// depthwiseStep is a convolution whose every output channel sees one input channel. Its results have the bits of the GEMM's with one group per
// channel, which would waste all but one lane of each vector.
type depthwiseStep struct {
	name     string
	from, to *value
	epilogue epilogue
	weights  *packedWeights
	window   Window
	columns  int // of input pixels that a row of outputs sees, those in the padding included
	channels int // of one call, where several rows are computed
}

const (
	depthwiseRows  = 4        // of outputs that go through some channels before the next ones, at most
	depthwiseBytes = 32 << 10 // that the input pixels of these channels take, at most: they stay in L1 while the rows, which share them, pass by
)

func (s *depthwiseStep) prepare(p *Plan) {
	s.columns = (s.to.shape.W-1)*s.window.Stride[1] + (s.window.Kernel[1]-1)*s.window.Dilation[1] + 1
	p.scratchOffsets = max(p.scratchOffsets, depthwiseRows*s.columns*s.window.Kernel[0])
	rows := (depthwiseRows-1)*s.window.Stride[0] + (s.window.Kernel[0]-1)*s.window.Dilation[0] + 1
	blocks := depthwiseBytes / (4 * kernels.DepthwiseBlock * rows * s.columns)
	if s.channels = s.to.shape.C; blocks > 1 {
		s.channels = min(s.channels, kernels.DepthwiseBlock*blocks)
	}
}

func (s *depthwiseStep) items(n, threads int) int {
	rows := n * s.to.shape.H
	items := (rows + depthwiseRows - 1) / depthwiseRows
	if threads > 1 {
		items = max(items, min(rows, evenItems*threads))
	}
	return items
}

func (s *depthwiseStep) run(w *worker, n, item int) {
	rows, items := n*s.to.shape.H, s.items(n, w.threads)
	s.runRows(w, item*rows/items, (item+1)*rows/items)
}

func (s *depthwiseStep) values() (from, res, to *value) { return s.from, s.epilogue.res, s.to }

func (s *depthwiseStep) needs(y int) (first, end int) { return s.window.needs(y, s.from.shape.H) }

func (s *depthwiseStep) resident() int64 { return s.weights.bytes() }

func (s *depthwiseStep) runRows(w *worker, y0, y1 int) {
	out, e := s.to, &s.epilogue
	rows, taps, table := s.window.Kernel[0], s.window.Kernel[0]*s.window.Kernel[1], s.columns*s.window.Kernel[0]
	t := &w.depthwise
	*t = kernels.DepthwiseRow{
		Rows: rows, Cols: s.window.Kernel[1], Stride: s.window.Stride[1], Dilation: s.window.Dilation[1],
		Outputs: out.shape.W, CStride: out.stride * 4, Lo: e.lo, Hi: e.hi,
	}
	if e.res != nil {
		t.ResStride = e.res.stride * 4
	}
	for ; y0 < y1; y0 += depthwiseRows {
		end := min(y0+depthwiseRows, y1)
		for y := y0; y < end; y++ {
			s.offsets(w, w.offsets[(y-y0)*table:], y)
		}
		for c := 0; c < out.shape.C; c += s.channels {
			t.Channels = min(s.channels, out.shape.C-c)
			t.A, t.W = unsafe.Add(w.base, c*4), &s.weights.data[c*taps]
			if e.scale != nil {
				t.Scale, t.Shift = &e.scale[c], &e.shift[c]
			}
			for y := y0; y < end; y++ {
				t.Off = &w.offsets[(y-y0)*table]
				t.C = w.float(w.at(out) + y*out.shape.W*out.stride + c)
				if e.res != nil {
					t.Res = w.float(w.at(e.res) + y*out.shape.W*e.res.stride + c)
				}
				w.isa.Depthwise(t)
			}
		}
		e.activate(w, out, y0*out.shape.W, (end-y0)*out.shape.W, 0, out.shape.C)
	}
}

// offsets fills the table [columns][rows of the window] of a row of outputs.
func (s *depthwiseStep) offsets(w *worker, table []int64, row int) {
	in, out := s.from, s.to
	picture, y := row/out.shape.H, row%out.shape.H
	rows := s.window.Kernel[0]
	inside := min(s.columns, s.window.Pad.Left+in.shape.W) // columns before the padding on the right
	for ky := range rows {
		iy := y*s.window.Stride[0] - s.window.Pad.Top + ky*s.window.Dilation[0]
		column := table[ky:]
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
}
