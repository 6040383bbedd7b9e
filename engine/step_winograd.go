package engine

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/klauspost/cpuid/v2"

	"github.com/featx-go/featx/kernels"
)

// winogradStep is a convolution of stride 1 by Winograd's algorithms (kernels.Winograd), one for each axis: the map is cut into tiles of
// y.M x x.M outputs, the inputs of a tile and the weights are transformed, small matrix multiplications, one for each frequency, take the place
// of the convolution's sums, and the products are transformed back on their way through the epilogue. F(4x4, 3x3) needs a quarter of the
// multiplications, F(6, 7) of a 1x7 kernel a third.
//
// A piece of work is a block of tiles from input to output, so that the transformed values stay in the cache.
type winogradStep struct {
	name     string
	from, to *value
	epilogue epilogue
	weights  *packedWeights
	pad      Pad
	cin      int
	y, x     *kernels.Winograd

	form           winogradForm
	window         int // inputs of a tile
	frequencies    int
	tilesY, tilesX int
	block          int     // tiles of one piece of work, at most
	together       int     // panels whose products are kept at a time
	ahead          bool    // weights come from beyond L2
	between        int     // floats of scratch memory between the passes over two axes
	columns        []int64 // offsets in them of the second pass over the inputs
}

// winogradForm is which kernels transform.
type winogradForm uint8

const (
	bothAxes winogradForm = iota // a pass for each
	yAxis                        // one pass
	xAxis
	fused // F(4x4, 3x3) has kernels that do both axes at once
)

const (
	largeL2        = 1 << 20 // bytes from which on a block's inputs stay for all panels
	maxTransformed = 8 << 20 // bytes of a block's inputs and products in a smaller one
	maxTiles       = 54      // of a block in a large one, where they lie partly in L3
)

// smallL2 tells that a block's inputs do not stay in L2 for all panels.
func smallL2() bool { return cpuid.CPU.Cache.L2 > 0 && cpuid.CPU.Cache.L2 < largeL2 }

// largeMap is the bytes of a map from which on a step joins a band of rows. In a small L2 the weights, which are read again for each band, count more. Tests set less than anybody.
var largeMap = func() int {
	if smallL2() {
		return math.MaxInt
	}
	return 4 << 20
}()

// winogradChannels is how many input channels the two passes take at a time, so that what lies between them stays in L1.
const winogradChannels = 128

func (s *winogradStep) prepare(p *Plan) {
	y, x := s.y, s.x
	s.window, s.frequencies = y.Window()*x.Window(), y.Products*x.Products
	s.tilesY, s.tilesX = (s.to.shape.H+y.M-1)/y.M, (s.to.shape.W+x.M-1)/x.M
	s.ahead = s.weights.bytes() > cacheBytes
	s.cutBlocks(s.tilesY * s.tilesX * p.batch)
	switch {
	case x == kernels.WinogradNone:
		s.form = yAxis
	case y == kernels.WinogradNone:
		s.form = xAxis
	case x == kernels.Winograd4x3 && y == x:
		s.form = fused
	default:
		for i := range y.Window() {
			s.columns = append(s.columns, int64(i*x.Products*winogradChannels)*4)
		}
		s.between = x.Products * max(y.Window()*winogradChannels, y.M*s.weights.widest())
	}
	p.scratchFloats = max(p.scratchFloats, s.between+s.frequencies*(s.inputStride(s.block)+s.together*s.productStride(s.block)))
	p.scratchOffsets = max(p.scratchOffsets, s.block*s.window, y.Products+x.Products)
}

func (s *winogradStep) values() (from, res, to *value) { return s.from, s.epilogue.res, s.to }

// inputStride and productStride are the floats from frequency to frequency of so many tiles.
func (s *winogradStep) inputStride(tiles int) int { return kernels.WinogradStride(tiles * s.cin) }

func (s *winogradStep) productStride(tiles int) int {
	return kernels.WinogradStride(tiles * s.weights.widest())
}

// cutBlocks chooses how many tiles go from input to output together, and of how many panels each frequency is multiplied before the next. In a large L2 a block's inputs stay while one panel
// after the other passes by. A small one holds one frequency of them, which meets all panels, so that the weights, most of what comes from beyond, are read once for many tiles.
func (s *winogradStep) cutBlocks(tiles int) {
	weights, l2, small := int(s.weights.bytes()), cpuid.CPU.Cache.L2, smallL2()
	if s.together = 1; small {
		s.together = len(s.weights.panels)
	}
	values := s.frequencies * (s.cin + s.together*s.weights.widest()) * 4 // bytes of a tile's inputs and products
	if small {
		s.block = s.bestBlock(tiles, weights, values, l2*3/4)
		return
	}
	most := maxTiles
	if left := l2 - weights; left >= 2*s.weights.mr*values { // the weights stay as well
		most = min(most, left/values)
	}
	blocks := (tiles + most - 1) / most
	s.block = (tiles + blocks - 1) / blocks
}

// bestBlock weighs what the blocks of a small L2 cost in traffic beyond it: the weights, and each tile's values, written and read, if a block's do not fit.
func (s *winogradStep) bestBlock(tiles, weights, values, fits int) int {
	best, least, most := 0, 0, max(s.weights.mr, maxTransformed/values)
	for blocks := (tiles + most - 1) / most; blocks <= tiles; blocks++ {
		size := (tiles + blocks - 1) / blocks
		traffic := blocks * weights
		if size*values > fits {
			traffic += tiles * 2 * values
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
	enough := 4 * s.weights.mr // tiles for a thread
	if inputs := 4 * tiles * s.frequencies * s.cin; int(s.weights.bytes()) < 4*inputs {
		enough /= 2 // weights so small are better read by each thread than the inputs transformed
	}
	if blocks < 4*threads && tiles >= enough*threads {
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
	s.tiles(w, panels, first, end)
}

// tiles computes some tiles, at most s.block, of some panels.
func (s *winogradStep) tiles(w *worker, panels []panel, first, end int) {
	count := end - first
	between, products := w.floatScratch[:s.between], w.floatScratch[s.between:][:s.together*s.frequencies*s.productStride(count)]
	inputs := w.floatScratch[s.between+len(products):]
	s.transformInputs(w, inputs, between, first, end)
	for i := 0; i < len(panels); i += s.together {
		some := panels[i:min(i+s.together, len(panels))]
		s.multiply(w, some, inputs, products, count)
		for j := range some {
			s.transformOutputs(w, &some[j], products[j*s.frequencies*s.productStride(count):], between, first, end)
		}
	}
	s.activate(w, panels, first, end)
}

func (s *winogradStep) needs(y int) (first, end int) {
	first = y/s.y.M*s.y.M - s.pad.Top
	return max(first, 0), min(first+s.y.Window(), s.from.shape.H)
}

func (s *winogradStep) resident() int64 { return s.weights.bytes() }

func (s *winogradStep) tile() (rows, cols int) { return s.y.M, s.x.M }

func (s *winogradStep) large() bool {
	return max(s.from.shape.Elements(), s.to.shape.Elements())*4 >= largeMap
}

func (s *winogradStep) runRows(w *worker, y0, y1 int) {
	picture := y0 / s.to.shape.H
	y0, y1 = y0-picture*s.to.shape.H, y1-picture*s.to.shape.H
	first, end := (picture*s.tilesY+y0/s.y.M)*s.tilesX, (picture*s.tilesY+(y1+s.y.M-1)/s.y.M)*s.tilesX
	n := end - first
	blocks := (n + s.block - 1) / s.block
	for i := range blocks {
		s.tiles(w, s.weights.panels, first+i*n/blocks, first+(i+1)*n/blocks)
	}
}

// activate applies the epilogue's function to the tiles' outputs of some neighbouring panels.
func (s *winogradStep) activate(w *worker, panels []panel, first, end int) {
	out, last := s.to.shape, &panels[len(panels)-1]
	for t := first; t < end && s.epilogue.function != nil; {
		picture, y, x := s.locate(t)
		run := min(end-t, s.tilesX-x)
		y, x = y*s.y.M, x*s.x.M
		for row := y; row < min(y+s.y.M, out.H); row++ {
			s.epilogue.activate(w, s.to, (picture*out.H+row)*out.W+x, min(run*s.x.M, out.W-x), panels[0].outC, last.outC+last.cols-panels[0].outC)
		}
		t += run
	}
}

// locate gives a tile's picture, row and column.
func (s *winogradStep) locate(tile int) (picture, y, x int) {
	return tile / s.tilesX / s.tilesY, tile / s.tilesX % s.tilesY, tile % s.tilesX
}

// transformInputs fills inputs [frequencies][tiles][cin].
func (s *winogradStep) transformInputs(w *worker, inputs, between []float32, first, end int) {
	in, width := s.from, s.x.Window()
	base, pixel, height, across := 4*int64(w.at(in)), 4*int64(in.stride), in.shape.H, in.shape.W
	picture, y, x := s.locate(first)
	for table := w.offsets[:(end-first)*s.window]; len(table) > 0; table = table[s.window:] {
		y0, x0 := y*s.y.M-s.pad.Top, x*s.x.M-s.pad.Left
		for i := range s.window / width {
			row, iy := table[i*width:][:width], y0+i
			at, inside := base+int64((picture*height+iy)*across+x0)*pixel, uint(iy) < uint(height)
			for j := range row {
				row[j] = 0 // the zeros
				if inside && uint(x0+j) < uint(across) {
					row[j] = at
				}
				at += pixel
			}
		}
		if x++; x == s.tilesX {
			if x, y = 0, y+1; y == s.tilesY {
				y, picture = 0, picture+1
			}
		}
	}
	stride, tile := s.inputStride(end-first)*4, s.cin*4
	switch s.form {
	case fused:
		w.inputTiles = kernels.WinogradInputTiles{
			A: w.base, Off: &w.offsets[0], Tiles: end - first, Channels: s.cin, V: &inputs[0], VStride: stride, VTile: tile,
		}
		w.isa.WinogradInput(&w.inputTiles)
	case bothAxes:
		for t := range end - first {
			for c := 0; c < s.cin; c += winogradChannels {
				s.transformWindow(w, &inputs[t*s.cin+c], stride, &between[0], t, c)
			}
		}
	default:
		along := s.y
		if s.form == xAxis {
			along = s.x
		}
		w.axis = kernels.WinogradAxis{
			Matrix: &along.Input[0], Rows: along.Products, Cols: along.Window(), A: w.base, Off: &w.offsets[0], OffTile: 8 * s.window,
			Tiles: end - first, Channels: s.cin, C: &inputs[0], CTile: tile, CRow: stride,
		}
		w.isa.WinogradAxis(&w.axis)
	}
}

// transformWindow does some channels, from c on, of the window of one tile: its rows, then its columns.
func (s *winogradStep) transformWindow(w *worker, inputs *float32, stride int, between *float32, tile, c int) {
	const pixel = 4 * winogradChannels
	y, x := s.y, s.x
	w.axis = kernels.WinogradAxis{
		Matrix: &x.Input[0], Rows: x.Products, Cols: x.Window(), A: unsafe.Add(w.base, 4*c), Off: &w.offsets[tile*s.window], OffTile: 8 * x.Window(),
		Tiles: y.Window(), Channels: min(winogradChannels, s.cin-c), C: between, CTile: x.Products * pixel, CRow: pixel,
	}
	w.isa.WinogradAxis(&w.axis)
	w.axis = kernels.WinogradAxis{
		Matrix: &y.Input[0], Rows: y.Products, Cols: y.Window(), A: unsafe.Pointer(between), ATile: pixel, Off: &s.columns[0],
		Tiles: x.Products, Channels: min(winogradChannels, s.cin-c), C: inputs, CTile: stride, CRow: x.Products * stride,
	}
	w.isa.WinogradAxis(&w.axis)
}

// multiply fills products [panels][frequencies][tiles][nr].
func (s *winogradStep) multiply(w *worker, panels []panel, inputs, products []float32, count int) {
	t := &w.product
	t.Rows, t.K = count, s.cin
	for f := range s.frequencies {
		t.A = &inputs[f*s.inputStride(count)]
		for i := range panels {
			p := &panels[i]
			size := s.cin * p.nr
			t.W, t.C, t.Next = &s.weights.data[p.offset+f*size], &products[(i*s.frequencies+f)*s.productStride(count)], nil
			next := panels[0].offset + (f+1)*s.cin*panels[0].nr
			if i+1 < len(panels) {
				next = panels[i+1].offset + f*s.cin*panels[i+1].nr
			}
			if s.ahead && next+size <= len(s.weights.data) {
				t.Next = unsafe.Pointer(&s.weights.data[next])
			}
			w.isa.WinogradProduct(p.nr, t)
		}
	}
}

// transformOutputs writes the tiles' outputs of one panel, one row of tiles after the other.
func (s *winogradStep) transformOutputs(w *worker, p *panel, products, between []float32, first, end int) {
	stride, tile := s.productStride(end-first)*4, p.nr*4
	s.productOffsets(w, stride, tile)
	for t := first; t < end; {
		picture, y, x := s.locate(t)
		run := min(end-t, s.tilesX-x)
		rows, cols := min(s.y.M, s.to.shape.H-y*s.y.M), min(run*s.x.M, s.to.shape.W-x*s.x.M)
		pixel := (picture*s.to.shape.H+y*s.y.M)*s.to.shape.W + x*s.x.M
		m := &products[(t-first)*p.nr]
		switch s.form {
		case fused:
			s.fusedOutputs(w, p, m, stride, pixel, rows, cols)
		case yAxis:
			s.axisOutputs(w, p, s.y, unsafe.Pointer(m), tile, run, rows, pixel, 1, s.to.shape.W)
		case xAxis:
			whole := cols / s.x.M // a tile at the edge is cut
			if whole > 0 {
				s.axisOutputs(w, p, s.x, unsafe.Pointer(m), tile, whole, s.x.M, pixel, s.x.M, 1)
			}
			if whole < run {
				s.axisOutputs(w, p, s.x, unsafe.Add(unsafe.Pointer(m), whole*tile), tile, 1, cols-whole*s.x.M, pixel+whole*s.x.M, s.x.M, 1)
			}
		case bothAxes:
			for i := range run {
				w.axis = kernels.WinogradAxis{
					Matrix: &s.y.Output[0], Rows: rows, Cols: s.y.Products, A: unsafe.Add(unsafe.Pointer(m), i*tile), ATile: stride, Off: &w.offsets[s.x.Products],
					Tiles: s.x.Products, Channels: p.cols, C: &between[0], CTile: tile, CRow: s.x.Products * tile,
				}
				w.isa.WinogradAxis(&w.axis)
				s.axisOutputs(w, p, s.x, unsafe.Pointer(&between[0]), s.x.Products*tile, rows, min(s.x.M, cols-i*s.x.M), pixel+i*s.x.M, s.to.shape.W, 1)
			}
		}
		t += run
	}
}

// productOffsets makes the tables of the passes over the products, where stride and tile are the bytes from frequency to frequency and from
// tile to tile.
func (s *winogradStep) productOffsets(w *worker, stride, tile int) {
	fill := func(table []int64, step int) {
		for i := range table {
			table[i] = int64(i * step)
		}
	}
	switch s.form {
	case yAxis, xAxis:
		fill(w.offsets[:s.frequencies], stride)
	case bothAxes: // of the rows between the passes, and of the columns
		fill(w.offsets[:s.x.Products], tile)
		fill(w.offsets[s.x.Products:][:s.y.Products], s.x.Products*stride)
	}
}

// axisOutputs does the last pass over the products of some tiles, which are atile bytes from each other: it gives outputs of each. From tile to tile and from
// output to output they are so many pixels apart.
func (s *winogradStep) axisOutputs(w *worker, p *panel, along *kernels.Winograd, a unsafe.Pointer, atile, tiles, outputs, pixel, tileStep, outputStep int) {
	out, e, o := s.to, &s.epilogue, &w.axis
	*o = kernels.WinogradAxis{
		Matrix: &along.Output[0], Rows: outputs, Cols: along.Products, A: a, ATile: atile, Off: &w.offsets[0], Tiles: tiles, Channels: p.cols,
		C: w.float(w.at(out) + pixel*out.stride + p.outC), CTile: tileStep * out.stride * 4, CRow: outputStep * out.stride * 4,
		Last: true, Lo: e.lo, Hi: e.hi,
	}
	if e.scale != nil {
		o.Scale, o.Shift = &e.scale[p.outC], &e.shift[p.outC]
	}
	if e.res != nil {
		o.Res, o.ResTile, o.ResRow = w.float(w.at(e.res)+pixel*e.res.stride+p.outC), tileStep*e.res.stride*4, outputStep*e.res.stride*4
	}
	w.isa.WinogradAxis(o)
}

// fusedOutputs does rows x cols outputs of a run of neighbouring tiles.
func (s *winogradStep) fusedOutputs(w *worker, p *panel, m *float32, stride, pixel, rows, cols int) {
	out, e, o := s.to, &s.epilogue, &w.outputTiles
	*o = kernels.WinogradOutputTiles{
		M: m, MStride: stride, MTile: p.nr * 4, Channels: p.cols, Rows: rows, Width: cols,
		C: w.float(w.at(out) + pixel*out.stride + p.outC), CRow: out.shape.W * out.stride * 4, CCol: out.stride * 4,
		Lo: e.lo, Hi: e.hi,
	}
	if e.scale != nil {
		o.Scale, o.Shift = &e.scale[p.outC], &e.shift[p.outC]
	}
	if e.res != nil {
		o.Res, o.ResRow, o.ResCol = w.float(w.at(e.res)+pixel*e.res.stride+p.outC), out.shape.W*e.res.stride*4, e.res.stride*4
	}
	w.isa.WinogradOutput(o)
}

// algorithmName is F(4x4,3x3), or F(1x6,1x7) along one axis.
func (s *winogradStep) algorithmName() string {
	return fmt.Sprintf("F(%dx%d,%dx%d)", s.y.M, s.x.M, s.y.R, s.x.R)
}
