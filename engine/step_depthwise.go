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
	left     int // of them in the padding on the left
	right    int // the first in the padding on the right
	channels int // of one call, where several rows are computed
}

const (
	depthwiseRows  = 4        // of outputs that go through some channels before the next ones, at most
	depthwiseBytes = 32 << 10 // that the input pixels of these channels take, at most: they stay in L1 while the rows, which share them, pass by
)

func (s *depthwiseStep) prepare(p *Plan) {
	s.columns = (s.to.shape.W-1)*s.window.Stride[1] + (s.window.Kernel[1]-1)*s.window.Dilation[1] + 1
	s.left = min(s.window.Pad.Left, s.columns)
	s.right = max(s.left, min(s.columns, s.window.Pad.Left+s.from.shape.W))
	p.scratchOffsets = max(p.scratchOffsets, (1+depthwiseRows)*s.columns*s.window.Kernel[0])
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
	inside := w.offsets[:table]
	s.fillPixels(inside)
	for ; y0 < y1; y0 += depthwiseRows {
		end := min(y0+depthwiseRows, y1)
		for y := y0; y < end; y++ {
			if s.insideRow(w, y) == 0 {
				s.fill(w, w.offsets[(1+y-y0)*table:][:table], y)
			}
		}
		for c := 0; c < out.shape.C; c += s.channels {
			t.Channels = min(s.channels, out.shape.C-c)
			t.W = &s.weights.data[c*taps]
			if e.scale != nil {
				t.Scale, t.Shift = &e.scale[c], &e.shift[c]
			}
			for y := y0; y < end; y++ {
				t.Off = &w.offsets[(1+y-y0)*table]
				begin := s.insideRow(w, y)
				if begin > 0 {
					s.fillPadding(inside, begin)
					t.Off = &inside[0]
				}
				t.A = unsafe.Add(w.base, (begin+c)*4)
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

// insideRow is the arena's float where the first row begins that a row of outputs sees, if it sees none above or below the map; else 0.
func (s *depthwiseStep) insideRow(w *worker, row int) int {
	in, out := s.from, s.to
	picture, y := row/out.shape.H, row%out.shape.H*s.window.Stride[0]-s.window.Pad.Top
	if y < 0 || y+(s.window.Kernel[0]-1)*s.window.Dilation[0] >= in.shape.H {
		return 0
	}
	return w.at(in) + (picture*in.shape.H+y)*in.shape.W*in.stride
}

// A row's table [columns][rows of the window] is, inside the map, the one of every other row but for the zeros in the padding: fillPixels fills what is the same, counted from where the first row begins, fillPadding the rest.
func (s *depthwiseStep) fillPixels(table []int64) {
	for ky := range s.window.Kernel[0] {
		s.fillRow(table, ky, ky*s.window.Dilation[0]*s.from.shape.W*s.from.stride)
	}
}

// fillRow fills in the pixels of row ky of the window, the first of which is float `at`.
func (s *depthwiseStep) fillRow(table []int64, ky, at int) {
	rows, offset := s.window.Kernel[0], int64(at)*4
	for x := s.left; x < s.right; x++ {
		table[x*rows+ky] = offset
		offset += int64(s.from.stride) * 4
	}
}

func (s *depthwiseStep) fillPadding(table []int64, begin int) {
	rows := s.window.Kernel[0]
	for i := range s.left * rows {
		table[i] = int64(-begin) * 4
	}
	for i := s.right * rows; i < s.columns*rows; i++ {
		table[i] = int64(-begin) * 4
	}
}

// fill fills the table of a row of outputs that sees rows above or below the map, from the arena's begin, where the zeros are.
func (s *depthwiseStep) fill(w *worker, table []int64, row int) {
	in, out := s.from, s.to
	picture, y := row/out.shape.H, row%out.shape.H
	clear(table)
	for ky := range s.window.Kernel[0] {
		if iy := y*s.window.Stride[0] - s.window.Pad.Top + ky*s.window.Dilation[0]; uint(iy) < uint(in.shape.H) {
			s.fillRow(table, ky, w.at(in)+(picture*in.shape.H+iy)*in.shape.W*in.stride)
		}
	}
}
