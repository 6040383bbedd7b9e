package engine

import (
	"math"
	"unsafe"

	"github.com/klauspost/cpuid/v2"

	"github.com/featx-go/featx/kernels"
)

// gemmStep is a convolution or a dense layer as an indirect matrix multiplication: rows are output pixels, columns output channels. A
// row's operands are found through a table of offsets, one per kernel tap; taps in the padding point at zeros at the arena's begin.
type gemmStep struct {
	name     string
	from, to *value
	epilogue epilogue
	weights  *packedWeights
	window   Window
	kernel   kernelShape

	// A segment is a run of input floats that lie side by side: a tap's channels, or more where taps are neighbours in memory.
	segLen int
	taps   []tap
	spanY  int     // from the first tap to the last, rows
	spanX  int     // columns
	equal  []int64 // [taps][mr] byte offsets from a tile's first operand where its rows are at equal distances
	linear bool    // as all tiles' are

	kParts []kPart // one for each call
	widens bool    // each part's float16 weights once for all tiles

	// Work is cut into blocks of tiles x groups of panels.
	groups  int    // at least
	block   int    // tiles
	rows    int    // of a tile, at most
	swap    bool   // panels outside, tiles inside
	hot     bool   // a step of the same band has just made what it reads
	perCall int    // panels of one call, at most
	aStep   int    // bytes from the inputs of one of them to those of the next
	calls   []call // of a tile, unless swap
	column  int    // tiles that each of them computes, one below the other, at most
	count   int    // pixels of the whole batch
}

// call is some panels of a tile, and the part of the next tile's rows of a value that they prefetch.
type call struct {
	panels []panel
	value  *value // nil: nothing
	part   int    // byte where it begins
	step   int    // bytes for each k
}

// kPart is a part of K: from a float of a segment on so many, of so many segments.
type kPart struct {
	segment, segments int
	from, len         int
	row               int // of a panel, where it begins
	first, last       bool
}

// tap is a segment's place relative to the first one of the window, in pixels.
type tap struct{ dy, dx int }

// cacheBytes is the share of a core's L2 that a step plans with. It decides about speed only.
const cacheBytes = 512 << 10

// stayBytes is how large weights may be to stay in L2 while many tiles pass by. The rest is for what passes. expandBytes is how large those may be that make more values of
// a pixel than they take: what counts there is that whole pixels are written, and weights that come from beyond L2 again come as one long stream.
var (
	stayBytes   = max(cacheBytes, int64(cpuid.CPU.Cache.L2)*9/16)
	expandBytes = max(stayBytes, int64(cpuid.CPU.Cache.L2)*2)
)

const (
	maxBlock  = 64      // tiles
	maxColumn = 8       // tiles
	nearBytes = 8 << 10 // of operands that are still in L1 when the next call of some tiles wants them
	stayTiles = 64      // that use weights larger than cacheBytes, so that it pays for a core to read all of them
	aheadK    = 256     // multiply-adds for an output of a convolution whose tiles prefetch the next one's input or output, at most
)

// wantsPaddedCopy tells whether a kernel row's taps are so short that it pays to copy the picture once to have them side by side.
func wantsPaddedCopy(w Window, k kernelShape) bool {
	return k.groups == 1 && k.cin < 8 && k.kw > 1 && w.Dilation[1] == 1 && w.Pad.any()
}

func (s *gemmStep) prepare(p *Plan) {
	k, in := s.kernel, s.from
	unpadded := !s.window.Pad.any() && s.window.Dilation[1] == 1 && k.groups == 1 && in.dense()
	switch {
	case unpadded && k.kw == in.shape.W && s.window.Dilation[0] == 1: // whole rows: one run
		s.segLen, s.taps = k.kh*k.kw*k.cin, []tap{{}}
	case unpadded:
		s.segLen = k.kw * k.cin
		for y := range k.kh {
			s.taps = append(s.taps, tap{y * s.window.Dilation[0], 0})
		}
	default:
		s.segLen = k.cin
		for y := range k.kh {
			for x := range k.kw {
				s.taps = append(s.taps, tap{y * s.window.Dilation[0], x * s.window.Dilation[1]})
			}
		}
	}
	last := s.taps[len(s.taps)-1]
	s.spanY, s.spanX = last.dy, last.dx
	s.linear = s.kernel.kh*s.kernel.kw == 1 && s.window.Stride == [2]int{1, 1} && !s.window.Pad.any()
	s.equal = make([]int64, len(s.taps)*s.weights.mr)
	for i, t := range s.taps {
		for r := range s.weights.mr {
			s.equal[i*s.weights.mr+r] = int64((t.dy*in.shape.W+t.dx)*in.stride+r*s.window.Stride[1]*in.stride) * 4
		}
	}
	s.cutWork(p)
	p.scratchOffsets = max(p.scratchOffsets, s.block*len(s.taps)*s.weights.mr)
	if len(s.kParts) > 1 {
		tiles := 1
		if s.swap { // each part of K goes through all of them
			tiles = s.block
		}
		p.scratchAcc = max(p.scratchAcc, tiles*s.weights.mr*s.weights.widest())
	}
}

// cutK divides K evenly into parts of at most `depth`: of segments, or, where one is longer, of each.
func (s *gemmStep) cutK(depth int) {
	parts := func(n, most int) int { return (n + most - 1) / most }
	across, along := parts(len(s.taps), max(1, depth/s.segLen)), parts(s.segLen, depth)
	for i := range across {
		for j := range along {
			segment, from := i*len(s.taps)/across, j*s.segLen/along
			s.kParts = append(s.kParts, kPart{
				segment: segment, segments: (i+1)*len(s.taps)/across - segment, from: from, len: (j+1)*s.segLen/along - from,
				row: segment*s.segLen + from, first: i+j == 0, last: i+j == across+along-2,
			})
		}
	}
}

// cutWork chooses what one piece of work is. Small weights stay in the cache while tiles of pixels pass by; large ones are
// read panel by panel, each for a block of tiles that stays in the cache.
func (s *gemmStep) cutWork(p *Plan) {
	w := s.weights
	tileMACs := w.mr * w.k * s.kernel.outC
	s.rows, s.perCall = w.mr, 1
	switch run := p.model.isa.GemmDepth() / w.k; {
	case s.kernel.groups == 1:
		s.perCall = max(1, min(run, p.model.isa.GemmRun()))
	case w.grouped || s.kernel.outC == 16*s.kernel.groups: // a panel has groups of its own
		s.perCall = max(1, min(run, p.model.isa.GroupRun()))
		s.aStep = 16 * s.kernel.cin * s.kernel.groups / s.kernel.outC * 4
	}
	prefetch := p.model.isa.Prefetch()
	s.count = p.batch * s.to.shape.H * s.to.shape.W
	stay := stayBytes
	if s.kernel.outC > w.k {
		stay = expandBytes
	}
	if w.bytes() <= cacheBytes || w.bytes() <= stay && s.count >= stayTiles*w.mr {
		s.cutK(p.model.isa.GemmDepth())
		s.groups, s.column = 1, 1
		s.block = min(maxBlock, 1+(1<<20)/tileMACs)
		if len(s.kParts) == 1 && (!w.grouped || s.perCall > 1) { // one panel for several tiles would have each read its pixels' few bytes by themselves
			s.column = max(1, min(maxColumn, nearBytes/(w.mr*w.k*4)))
		}
		s.wantNext(prefetch)
		return
	}
	s.swap = true
	depth := p.model.isa.GemmDepth()
	if near := p.model.isa.GemmNear(); near < depth && s.count > 1 { // of a single row no weight is used again
		depth, s.widens = near, w.f16 && s.count > w.mr
	}
	if s.cutK(depth); len(s.kParts) > 1 || s.widens {
		s.perCall = 1
	}
	if s.widens {
		p.scratchFloats = max(p.scratchFloats, depth*w.widest())
	}
	if prefetch.Rows > 0 {
		s.rows = min(s.rows, prefetch.Rows) // so that the next panel comes while this one is used
	}
	panelBytes := w.k * w.panels[0].nr * w.valueBytes()
	size := max(1, cacheBytes/2/panelBytes)
	s.groups = (len(w.panels) + size - 1) / size
	tileBytes := w.mr * s.from.shape.C * 4 * min(s.window.Stride[0], s.kernel.kh) * min(s.window.Stride[1], s.kernel.kw) // of pixels that no other tile reads
	s.block = min(maxBlock, max(1, cacheBytes/tileBytes))
}

// wantNext chooses what tiles prefetch for the next one, and divides the panels among it: what comes from far and in pieces too short for the CPU to foresee. That is the residual, the
// input of few channels, of which a page holds the rows of several pixels, and, of a layer that makes much of little, what it will write.
func (s *gemmStep) wantNext(can kernels.Prefetch) {
	w, res := s.weights, s.epilogue.res
	var values []*value
	if res != nil && res.buffer.local == 0 {
		values = append(values, res)
	}
	if w.k <= aheadK && s.kernel.groups == 1 {
		if s.kernel.kh*s.kernel.kw == 1 && !s.window.Pad.any() && !s.hot {
			values = append(values, s.from)
		}
		if len(values) == 0 && s.to.buffer.local == 0 {
			values = append(values, s.to)
		}
	}
	if can.Rows == 0 || len(values) == 0 {
		s.addCalls(w.panels, nil, 0)
		return
	}
	s.rows = min(s.rows, can.Rows)
	if len(values) > len(w.panels) {
		values = values[:len(w.panels)]
	}
	left := 0 // bytes of a tile's values
	for _, v := range values {
		left += s.bytesOfTile(v)
	}
	first := 0
	for i, v := range values {
		bytes, others := s.bytesOfTile(v), len(values)-1-i
		panels := min(max(1, ((len(w.panels)-first)*bytes+left/2)/left), len(w.panels)-first-others)
		s.addCalls(w.panels[first:first+panels], v, min((bytes/panels+w.k-1)/w.k, w.panels[0].nr*w.valueBytes()/can.Share))
		first, left = first+panels, left-bytes
	}
}

// addCalls divides panels among calls, and what they prefetch of a value, or of nil, among them.
func (s *gemmStep) addCalls(panels []panel, v *value, step int) {
	for i := 0; i < len(panels); {
		c := call{panels: s.together(panels[i:]), value: v, step: step}
		if v != nil {
			c.part = i * s.bytesOfTile(v) / len(panels)
		}
		s.calls = append(s.calls, c)
		i += len(c.panels)
	}
}

// bytesOfTile is how far the part of a value reaches that a tile takes, if its rows lie in one row of the map.
func (s *gemmStep) bytesOfTile(v *value) int {
	pixels := s.rows
	if v == s.from {
		pixels *= s.window.Stride[1]
	}
	return pixels * v.stride * 4
}

func (s *gemmStep) tiles(n int) int {
	return (n*s.to.shape.H*s.to.shape.W + s.rows - 1) / s.rows
}

func (s *gemmStep) items(n, threads int) int {
	blocks, groups := s.cut(n, threads)
	return blocks * groups
}

// cut is into how many blocks and groups the work is cut: few of them would leave a thread without any while others have two.
func (s *gemmStep) cut(n, threads int) (blocks, groups int) {
	tiles := s.tiles(n)
	blocks, groups = (tiles+s.block-1)/s.block, s.groups
	if few := evenItems * threads; threads > 1 && blocks*groups < few {
		if s.swap {
			groups = evenGroups(len(s.weights.panels), max(groups, min(few/blocks, len(s.weights.panels))), blocks, threads)
		} else {
			blocks = max(blocks, min(few, tiles))
		}
	}
	return blocks, groups
}

// evenGroups is into how many groups, `least` or more, some panels are divided so that the threads that share out blocks x groups end together, or nearly so.
func evenGroups(panels, least, blocks, threads int) int {
	best, shortest := least, math.MaxInt
	for groups := least; groups <= panels; groups++ {
		longest := (blocks*groups + threads - 1) / threads * ((panels + groups - 1) / groups) // panels of the thread that has most
		if longest < shortest {
			best, shortest = groups, longest
		}
		if longest*threads <= blocks*panels {
			break
		}
	}
	return best
}

// group is the panels of one of so many groups.
func (s *gemmStep) group(i, groups int) []panel {
	panels := s.weights.panels
	return panels[i*len(panels)/groups : (i+1)*len(panels)/groups]
}

func (s *gemmStep) run(w *worker, n, item int) {
	pixels := n * s.to.shape.H * s.to.shape.W
	blocks, groups := s.cut(n, w.threads)
	i, block := item/blocks, item%blocks
	var next []panel
	if s.swap && i+w.threads < groups {
		next = s.group(i+w.threads, groups)
	}
	s.pixels(w, s.group(i, groups), block*pixels/blocks, (block+1)*pixels/blocks, next)
}

func (s *gemmStep) values() (from, res, to *value) { return s.from, s.epilogue.res, s.to }

func (s *gemmStep) needs(y int) (first, end int) { return s.window.needs(y, s.from.shape.H) }

func (s *gemmStep) resident() int64 { return s.weights.bytes() }

func (s *gemmStep) runRows(w *worker, y0, y1 int) {
	width := s.to.shape.W
	if !s.swap {
		s.pixels(w, s.weights.panels, y0*width, y1*width, nil)
		return
	}
	for r0, end := y0*width, y1*width; r0 < end; {
		r1 := min(end, r0+s.block*s.rows)
		for i := range s.groups {
			var next []panel
			if i+1 < s.groups {
				next = s.group(i+1, s.groups)
			}
			s.pixels(w, s.group(i, s.groups), r0, r1, next)
		}
		r0 = r1
	}
}

// pixels computes output pixels r0 to r1, at most s.block tiles if s.swap, of a group of panels; nextGroup is what this thread will probably want next. The tiles differ by one
// pixel at most.
func (s *gemmStep) pixels(w *worker, group []panel, r0, r1 int, nextGroup []panel) {
	s.begin(w)
	if s.swap {
		s.panelByPanel(w, group, r0, r1, nextGroup)
	} else {
		s.tileByTile(w, group, r0, r1)
	}
}

// tileByTile is for weights that stay in the cache: all of them for a tile, or some below each other, then the next.
func (s *gemmStep) tileByTile(w *worker, group []panel, r0, r1 int) {
	n := r1 - r0
	tiles := (n + s.rows - 1) / s.rows
	table := w.offsets[:len(s.taps)*s.weights.mr]
	for t, first := 0, r0; t < tiles; {
		rows, column := n/tiles, tiles-t
		if larger := n % tiles; t < larger {
			rows, column = rows+1, larger-t
		}
		column = min(column, s.column, (s.count-s.rows-first)/rows) // behind each tile of several is what it prefetches
		if !s.linear && column > 1 {
			y, x, _ := s.inputOf(first)
			column = min(column, s.inside(first, y, x)/rows)
		}
		column = max(1, column)
		from := s.operands(w, table, first, first+rows)
		for i := range s.calls {
			c := &s.calls[i]
			next := s.nextPart(w, c, first+rows)
			for j := range s.kParts {
				k := &s.kParts[j]
				s.part(w, c.panels, k)
				s.tile(w, &c.panels[0], k, 0, from, first, first+rows, next, c.step)
				if next != nil && !k.last {
					next = unsafe.Add(next, k.segments*k.len*c.step)
				}
			}
			s.below(w, c, rows, column-1)
		}
		s.activate(w, group, first, first+column*rows)
		t, first = t+column, first+column*rows
	}
}

// panelByPanel reads weights that do not stay in the cache once for a block of tiles: of each panel, or of some together, one part of K after the other.
func (s *gemmStep) panelByPanel(w *worker, group []panel, r0, r1 int, nextGroup []panel) {
	n := r1 - r0
	tiles := (n + s.rows - 1) / s.rows
	table := len(s.taps) * s.weights.mr
	for t := range tiles {
		w.operands[t] = s.operands(w, w.offsets[t*table:(t+1)*table], r0+t*n/tiles, r0+(t+1)*n/tiles)
	}
	shares := w.isa.Prefetch().Parts(tiles)
	for i := 0; i < len(group); {
		panels := s.together(group[i:])
		i += len(panels)
		row := panels[0].nr * s.weights.valueBytes()
		step := (row + shares - 1) / max(1, shares)
		for j := range s.kParts {
			k := &s.kParts[j]
			bytes := len(panels) * k.segments * k.len * row
			var next unsafe.Pointer // what will be wanted after this
			switch {
			case n == 1: // panels of a single row are a stream that the CPU foresees by itself
			case k.last:
				next = s.nextPanels(group[i:], bytes, nextGroup)
			default:
				next = unsafe.Add(s.weights.at(panels[0].offset), k.row*row+bytes)
			}
			s.part(w, panels, k)
			for t := range tiles {
				var share unsafe.Pointer
				if next != nil && t < shares {
					share = unsafe.Add(next, t*bytes/shares)
				}
				s.tile(w, &panels[0], k, t, w.operands[t], r0+t*n/tiles, r0+(t+1)*n/tiles, share, step)
			}
		}
	}
	s.activate(w, group, r0, r1)
}

// activate applies the epilogue's function to rows r0 to r1 of a group's panels, which are neighbours.
func (s *gemmStep) activate(w *worker, group []panel, r0, r1 int) {
	last := &group[len(group)-1]
	s.epilogue.activate(w, s.to, r0, r1-r0, group[0].outC, last.outC+last.cols-group[0].outC)
}

// nextPart is where what a call of the tile before pixel r0 may prefetch lies.
func (s *gemmStep) nextPart(w *worker, c *call, r0 int) unsafe.Pointer {
	if c.value == nil || r0+s.rows > s.count {
		return nil
	}
	pixel := r0
	if c.value == s.from && !s.linear {
		_, _, pixel = s.inputOf(r0)
	}
	return unsafe.Add(unsafe.Pointer(&w.memory(c.value)[0]), (w.at(c.value)+pixel*c.value.stride)*4+c.part)
}

// inputOf is where the window of an output pixel begins, in rows and columns of the picture, which may be in the padding, and in pixels of the batch.
func (s *gemmStep) inputOf(r int) (y, x, pixel int) {
	out, in := s.to.shape, s.from.shape
	picture := r / out.W / out.H
	y, x = r/out.W%out.H*s.window.Stride[0]-s.window.Pad.Top, r%out.W*s.window.Stride[1]-s.window.Pad.Left
	return y, x, (picture*in.H+y)*in.W + x
}

// inside is how many output pixels from r on, whose window begins at row y and column x, lie in one row of the map and have their windows in the picture.
func (s *gemmStep) inside(r, y, x int) int {
	in, out := s.from.shape, s.to.shape
	clear := in.W - s.spanX - x
	if y < 0 || x < 0 || y+s.spanY >= in.H || clear <= 0 {
		return 0
	}
	return min(out.W-r%out.W, (clear-1)/s.window.Stride[1]+1)
}

// together gives the first of some panels that one call computes: they are equally wide.
func (s *gemmStep) together(group []panel) []panel {
	n := min(s.perCall, len(group))
	for group[n-1].nr != group[0].nr {
		n--
	}
	return group[:n]
}

// nextPanels is where so many bytes of weights lie that this thread will probably want next, of what is left of a group or of the group behind; nil if there are none.
func (s *gemmStep) nextPanels(group []panel, bytes int, nextGroup []panel) unsafe.Pointer {
	if len(group) == 0 {
		group = nextGroup
	}
	if len(group) == 0 {
		return nil
	}
	next := &group[0]
	if next.offset*s.weights.valueBytes()+bytes > int(s.weights.bytes()) { // the last ones may be narrower, or fewer
		return nil
	}
	return s.weights.at(next.offset)
}

// operands is how a tile finds its rows: a table [taps][mr] of byte offsets, and the byte of the input's memory that they count from.
type operands struct {
	table []int64
	at    int
}

// operands finds rows r0 to r1: at equal distances, as inside of a row of the map, else run by run of neighbouring pixels, in a table that it fills.
func (s *gemmStep) operands(w *worker, table []int64, r0, r1 int) operands {
	in := s.from
	begin := w.at(in)
	if s.linear {
		return operands{s.equal, (begin + r0*in.stride) * 4}
	}
	mr := s.weights.mr
	step := int64(s.window.Stride[1]*in.stride) * 4
	for r := 0; r < r1-r0; {
		iy, ix, pixel := s.inputOf(r0 + r)
		run := min(r1-r0-r, s.inside(r0+r, iy, ix))
		if run > 0 {
			if run == r1-r0 {
				return operands{s.equal, (begin + pixel*in.stride) * 4}
			}
			for i, t := range s.taps {
				at := int64(begin+(pixel+t.dy*in.shape.W+t.dx)*in.stride) * 4
				entries := table[i*mr+r:][:run]
				for j := range entries {
					entries[j] = at
					at += step
				}
			}
		} else { // a pixel whose window the border cuts
			run = 1
			for i, t := range s.taps {
				at := 0 // the zeros
				if uint(iy+t.dy) < uint(in.shape.H) && uint(ix+t.dx) < uint(in.shape.W) {
					at = begin + (pixel+t.dy*in.shape.W+t.dx)*in.stride
				}
				table[i*mr+r] = int64(at) * 4
			}
		}
		r += run
	}
	return operands{table, 0}
}

// begin sets what all tiles have.
func (s *gemmStep) begin(w *worker) {
	t := &w.tile
	t.Acc, t.Lo, t.Hi = nil, s.epilogue.lo, s.epilogue.hi
	t.Scale, t.Shift, t.W, t.W16 = nil, nil, nil, nil
	t.CStride = s.to.stride * 4
	if res := s.epilogue.res; res != nil {
		t.ResStride = res.stride * 4
	}
}

// part sets what all tiles of a part of K of some neighbouring panels have; of a single one if it is not all of K.
func (s *gemmStep) part(w *worker, panels []panel, k *kPart) {
	t, p, last := &w.tile, &panels[0], &panels[len(panels)-1]
	t.Segments, t.SegLen, t.First, t.Last = k.segments, k.len, k.first, k.last
	t.Panels, t.AStep, t.Cols = len(panels), s.aStep, last.cols
	if s.epilogue.scale != nil {
		t.Scale, t.Shift = &s.epilogue.scale[p.outC], &s.epilogue.shift[p.outC]
	}
	weights := s.weights.at(p.offset + k.row*p.nr)
	switch {
	case s.widens:
		wide := w.floatScratch[:k.segments*k.len*p.nr]
		w.isa.WidenF16(wide, unsafe.Slice((*byte)(weights), 2*len(wide)))
		t.W = &wide[0]
	case s.weights.f16:
		t.W16 = (*uint16)(weights)
	default:
		t.W = (*float32)(weights)
	}
}

// tile computes rows r0 to r1 of it and prefetches what lies at next, step bytes for each k. Of the tiles that are under way it is the i-th.
func (s *gemmStep) tile(w *worker, p *panel, k *kPart, i int, from operands, r0, r1 int, next unsafe.Pointer, step int) {
	t := &w.tile
	t.Next, t.NextStep = next, step
	t.Off = &from.table[k.segment*s.weights.mr]
	t.A = unsafe.Add(unsafe.Pointer(&w.memory(s.from)[0]), from.at+(p.group*s.kernel.cin+k.from)*4)
	if len(s.kParts) > 1 {
		t.Acc = &w.acc[i*s.weights.mr*p.nr]
	}
	t.Res = nil
	if res := s.epilogue.res; res != nil && k.last { // the kernel asks for it when it begins
		t.Res = w.float(w.at(res) + r0*res.stride + p.outC)
	}
	t.C = w.float(w.at(s.to) + r0*s.to.stride + p.outC)
	s.multiply(w, p.nr, r1-r0)
}

func (s *gemmStep) multiply(w *worker, nr, rows int) {
	if s.weights.grouped {
		w.isa.GemmGrouped(rows, &w.tile)
	} else {
		w.isa.Gemm(nr, rows, &w.tile)
	}
}

// below repeats a call for so many tiles below the one that it was for, of as many rows at equal distances.
func (s *gemmStep) below(w *worker, c *call, rows, count int) {
	t := &w.tile
	input := rows * s.window.Stride[1] * s.from.stride * 4
	next := input
	if c.value != nil && c.value != s.from {
		next = rows * c.value.stride * 4
	}
	for range count {
		t.A = unsafe.Add(t.A, input)
		t.C = (*float32)(unsafe.Add(unsafe.Pointer(t.C), rows*t.CStride))
		if t.Res != nil {
			t.Res = (*float32)(unsafe.Add(unsafe.Pointer(t.Res), rows*t.ResStride))
		}
		if t.Next != nil {
			t.Next = unsafe.Add(t.Next, next)
		}
		s.multiply(w, c.panels[0].nr, rows)
	}
}
