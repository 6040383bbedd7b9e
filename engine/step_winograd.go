package engine

import (
	"unsafe"

	"github.com/featx-go/featx/kernels"
)

// winogradStep is a 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3) (Lavin and Gray 2015): the map is cut into tiles of 4x4 outputs, the 6x6 inputs of
// a tile and the weights are transformed, 36 small matrix multiplications take the place of the convolution's sums, and the products are
// transformed back on their way through the epilogue. It needs a quarter of the multiplications.
//
// A piece of work is a block of tiles from input to output, so that the transformed values stay in the cache.
type winogradStep struct {
	name     string
	from, to *value
	epilogue epilogue
	weights  *packedWeights
	pad      Pad
	cin      int

	tilesY, tilesX int
	block          int     // tiles of one piece of work, at most
	rows           []int64 // offsets of a GEMM tile's rows: consecutive tiles lie side by side
}

func (s *winogradStep) prepare(p *Plan) {
	s.tilesY, s.tilesX = (s.to.shape.H+kernels.WinogradTile-1)/kernels.WinogradTile, (s.to.shape.W+kernels.WinogradTile-1)/kernels.WinogradTile
	for i := range s.weights.mr {
		s.rows = append(s.rows, int64(i*s.cin)*4)
	}
	s.block = s.bestBlock(s.tilesY * s.tilesX * p.batch)
	p.scratchFloats = max(p.scratchFloats, kernels.WinogradFrequencies*(s.inputStride(s.block)+s.productStride(s.block)))
	p.scratchOffsets = max(p.scratchOffsets, s.block*kernels.WinogradFrequencies)
}

// inputStride and productStride are the floats from frequency to frequency of so many tiles.
func (s *winogradStep) inputStride(tiles int) int { return kernels.WinogradStride(tiles * s.cin) }

func (s *winogradStep) productStride(tiles int) int {
	return kernels.WinogradStride(tiles * s.weights.panels[0].nr)
}

// bestBlock weighs what a block costs in traffic beyond the cache: the weights once a block, and the transformed inputs once a panel where they do not fit.
func (s *winogradStep) bestBlock(tiles int) int {
	weights := int(s.weights.bytes())
	if weights <= cacheBytes {
		weights = 0
	}
	best, least := 0, 0
	for blocks := 1; blocks <= tiles; blocks++ {
		size := (tiles + blocks - 1) / blocks
		traffic := blocks * weights
		if bytes := size * kernels.WinogradFrequencies * s.cin * 4; bytes > 2*cacheBytes {
			traffic += tiles * kernels.WinogradFrequencies * s.cin * 4 * len(s.weights.panels)
		}
		if best == 0 || traffic < least {
			best, least = size, traffic
		}
		if size <= s.weights.mr {
			break
		}
	}
	return best
}

// cut gives the numbers of tile blocks and of panel groups. Where there are fewer blocks than threads the panels are divided too, though each group transforms its inputs again.
func (s *winogradStep) cut(n, threads int) (blocks, groups int) {
	tiles := n * s.tilesY * s.tilesX
	blocks = (tiles + s.block - 1) / s.block
	if blocks < 2*threads && tiles >= 4*threads*s.weights.mr {
		blocks = roundUp(blocks, threads)
	}
	groups = 1
	if blocks < threads {
		groups = min(len(s.weights.panels), (threads+blocks-1)/blocks)
	}
	return blocks, groups
}

func (s *winogradStep) items(n, threads int) int {
	blocks, groups := s.cut(n, threads)
	return blocks * groups
}

func (s *winogradStep) run(w *worker, n, item int) {
	blocks, groups := s.cut(n, w.threads)
	block, group := item/groups, item%groups
	tiles := n * s.tilesY * s.tilesX
	first, end := block*tiles/blocks, (block+1)*tiles/blocks
	panels := s.weights.panels[group*len(s.weights.panels)/groups : (group+1)*len(s.weights.panels)/groups]

	count := end - first
	products := w.floatScratch[:kernels.WinogradFrequencies*s.productStride(count)]
	inputs := w.floatScratch[len(products):]
	s.transformInputs(w, inputs, first, end)
	for i := range panels {
		s.multiply(w, &panels[i], inputs, products, count)
		s.transformOutputs(w, &panels[i], products, first, end)
	}
}

// locate gives a tile's picture, row and column.
func (s *winogradStep) locate(tile int) (picture, y, x int) {
	return tile / s.tilesX / s.tilesY, tile / s.tilesX % s.tilesY, tile % s.tilesX
}

// transformInputs fills inputs [36][tiles][cin].
func (s *winogradStep) transformInputs(w *worker, inputs []float32, first, end int) {
	in := s.from
	for t := first; t < end; t++ {
		picture, y, x := s.locate(t)
		y0, x0 := y*kernels.WinogradTile-s.pad.Top, x*kernels.WinogradTile-s.pad.Left
		table := w.offsets[(t-first)*kernels.WinogradFrequencies:][:kernels.WinogradFrequencies]
		for i := range table {
			iy, ix := y0+i/kernels.WinogradWindow, x0+i%kernels.WinogradWindow
			at := 0 // the zeros
			if uint(iy) < uint(in.shape.H) && uint(ix) < uint(in.shape.W) {
				at = in.at() + ((picture*in.shape.H+iy)*in.shape.W+ix)*in.stride
			}
			table[i] = int64(at) * 4
		}
	}
	w.inputTiles = kernels.WinogradInputTiles{
		A: w.base, Off: &w.offsets[0], Tiles: end - first, Channels: s.cin,
		V: &inputs[0], VStride: s.inputStride(end-first) * 4, VTile: s.cin * 4,
	}
	w.isa.WinogradInput(&w.inputTiles)
}

// multiply fills products [36][tiles][nr]: the kernel's accumulators, stored as they are.
func (s *winogradStep) multiply(w *worker, p *panel, inputs, products []float32, count int) {
	t, rows, bytes := &w.tile, s.weights.mr, s.cin*p.nr*4
	*t = kernels.GemmTile{Off: &s.rows[0], Segments: 1, SegLen: s.cin, First: true, Cols: p.nr}
	ahead := w.isa.Prefetch()
	if s.weights.bytes() <= cacheBytes {
		ahead.Share = 0
	}
	if ahead.Share > 0 {
		rows = min(rows, ahead.Rows)
	}
	parts := (count + rows - 1) / rows
	for f := range kernels.WinogradFrequencies {
		t.W = &s.weights.data[p.offset+f*s.cin*p.nr]
		for i := range parts {
			r0, r1 := i*count/parts, (i+1)*count/parts
			t.A = unsafe.Pointer(&inputs[f*s.inputStride(count)+r0*s.cin])
			t.Acc = &products[f*s.productStride(count)+r0*p.nr]
			t.Next = nil
			if i < ahead.Share && p.offset+(f+2)*s.cin*p.nr <= len(s.weights.data) {
				t.Next = unsafe.Add(unsafe.Pointer(t.W), bytes+i*bytes/ahead.Share) // the next frequency's weights
			}
			w.isa.Gemm(p.nr, r1-r0, t)
		}
	}
}

// transformOutputs writes the tiles' outputs of one panel, one row of tiles after the other.
func (s *winogradStep) transformOutputs(w *worker, p *panel, products []float32, first, end int) {
	out, e := s.to, &s.epilogue
	for t := first; t < end; {
		picture, y, x := s.locate(t)
		run := min(end-t, s.tilesX-x)
		pixel := (picture*out.shape.H+y*kernels.WinogradTile)*out.shape.W + x*kernels.WinogradTile
		o := &w.outputTiles
		*o = kernels.WinogradOutputTiles{
			M: &products[(t-first)*p.nr], MStride: s.productStride(end-first) * 4, MTile: p.nr * 4, Channels: p.cols,
			Rows:  min(kernels.WinogradTile, out.shape.H-y*kernels.WinogradTile),
			Width: min(run*kernels.WinogradTile, out.shape.W-x*kernels.WinogradTile),
			C:     w.float(out.at() + pixel*out.stride + p.outC), CRow: out.shape.W * out.stride * 4, CCol: out.stride * 4,
			Lo: e.lo, Hi: e.hi,
		}
		if e.scale != nil {
			o.Scale, o.Shift = &e.scale[p.outC], &e.shift[p.outC]
		}
		if e.res != nil {
			o.Res, o.ResRow, o.ResCol = w.float(e.res.at()+pixel*e.res.stride+p.outC), out.shape.W*e.res.stride*4, e.res.stride*4
		}
		w.isa.WinogradOutput(o)
		t += run
	}
}
