package engine

import (
	"math"
	"slices"
	"time"
)

// banded is a step that can compute its result some rows at a time. A step's rows are counted through the pictures of a run.
type banded interface {
	step
	adder // what it reads, it reads row by row
	// needs gives the rows of a picture's `from`, first and end, that row y of its result is made of.
	needs(y int) (first, end int)
	// resident is the bytes of weights that it reads again for every band.
	resident() int64
	// runRows computes rows y0 to y1. It allocates nothing.
	runRows(w *worker, y0, y1 int)
}

// tiled is a banded step that computes tiles of its result: y0 and y1 are multiples of their rows, or the end of a picture, and each tile meets each weight once.
type tiled interface {
	tile() (rows, cols int)
	// large tells that its maps would go to memory; only then is it worth a place in a band.
	large() bool
}

func tileOf(m banded) (rows, cols int) {
	if t, ok := m.(tiled); ok {
		return t.tile()
	}
	return 1, 1
}

// bandStep is several consecutive steps that go through a picture together, one band of rows after the other ("depth first"): each step takes up the rows that the step before
// it has just made, while they are in the cache. It computes what its members compute one after the other, value by value.
//
// A value that only the members read is never whole: each worker has room for the few rows of it that a band needs. Where a window looks at rows of the band
// before, those stay; where a picture is divided between pieces of work, the rows along the cut are computed on both sides. Other values lie in the arena as ever, and every
// row of them is computed once.
type bandStep struct {
	first   int // of the members among the plan's steps
	members []banded
	height  int // rows of the results that leave the group
	band    int // rows of a band, at most

	// By member, then by rows y of the group's results: with all rows before y done, how many rows of the member's result are done (ends); and which is the first row that the
	// rows from y on need (starts).
	ends, starts [][]int
	locals       []bandBuffer
	floats       int // of a worker's memory for the rows
}

// bandBuffer is a value of which a worker keeps some rows only.
type bandBuffer struct {
	value  *value // whole: all channels
	writer int    // a member that writes it
	keeps  []int  // by rows y of the group's results: with those before y done, the first row that is still needed
	at     int    // floats from the begin of a worker's memory
	rows   int
}

// bandUse is a member that reads another's result, row by row through its window or, as a residual, the very row.
type bandUse struct {
	member   int
	residual bool
}

const (
	maxBand   = 8       // members
	bandBytes = 1 << 20 // of rows and weights that a band may touch: half of a core's L2

	tiledBandBytes = 6 << 20 // the same with Winograd's steps, whose transformed values go beyond L2 anyway: what is saved is the way to memory
)

// bandRows is the most rows of a band; tests set less than anybody, so that small maps have several bands.
var bandRows = math.MaxInt

// newBand joins the steps from first on to a group, or tells that they cannot be: nil.
func newBand(p *planner, first, end int) *bandStep {
	s := &bandStep{first: first}
	var weights int64
	limit := int64(bandBytes)
	for _, m := range p.steps[first:end] {
		s.members = append(s.members, m.(banded))
		weights += m.(banded).resident()
		if _, ok := m.(tiled); ok {
			limit = tiledBandBytes
		}
	}
	uses := make([][]bandUse, len(s.members)) // by member that makes what is used
	for i, m := range s.members {
		from, res, _ := m.values()
		for j := range i {
			_, _, to := s.members[j].values()
			if to.buffer == from.buffer {
				uses[j] = append(uses[j], bandUse{i, false})
			}
			if res != nil && to.buffer == res.buffer {
				uses[j] = append(uses[j], bandUse{i, true})
			}
		}
	}
	for i, m := range s.members {
		if len(uses[i]) > 0 {
			continue
		}
		_, _, to := m.values()
		if rows, _ := tileOf(m); rows > 1 || s.height != 0 && s.height != to.shape.H { // the group's results are cut at any row
			return nil
		}
		s.height = to.shape.H
	}
	if !s.fillTables(p, uses, first, end) {
		return nil
	}
	for s.band = min(s.height, bandRows); ; s.band = (s.band + 1) / 2 {
		if s.layout()+weights <= limit {
			return s
		}
		if s.band == 1 {
			return nil
		}
	}
}

// local tells whether a buffer lives inside steps first to end-1 only.
func (p *planner) local(b *buffer, first, end int) bool {
	return b.first >= first && b.last < end
}

// fillTables works out which rows belong together, from the last member to the first. It reports whether every row of a value in the arena can be computed once.
func (s *bandStep) fillTables(p *planner, uses [][]bandUse, first, end int) bool {
	s.ends, s.starts = make([][]int, len(s.members)), make([][]int, len(s.members))
	writers := map[*buffer]int{} // of local values, the last
	for m := len(s.members) - 1; m >= 0; m-- {
		_, _, to := s.members[m].values()
		unit, _ := tileOf(s.members[m])
		ends, starts, keeps := make([]int, s.height+1), make([]int, s.height+1), make([]int, s.height+1)
		s.ends[m], s.starts[m] = ends, starts
		for y := range s.height + 1 {
			if len(uses[m]) == 0 {
				ends[y], starts[y] = y, y
				continue
			}
			starts[y] = to.shape.H
			for _, u := range uses[m] {
				e, b := s.ends[u.member][y], s.starts[u.member][y]
				if u.residual {
					ends[y], starts[y] = max(ends[y], e), min(starts[y], b)
					continue
				}
				reader := s.members[u.member]
				_, _, out := reader.values()
				if e > 0 {
					_, last := reader.needs(e - 1)
					ends[y] = max(ends[y], last)
				}
				if b < out.shape.H {
					first, _ := reader.needs(b)
					starts[y] = min(starts[y], first)
				}
			}
			ends[y] = min(roundUp(ends[y], unit), to.shape.H)
			if starts[y] < to.shape.H {
				starts[y] -= starts[y] % unit
			}
			keeps[y] = ends[y]
			for _, u := range uses[m] {
				reader, e := s.members[u.member], s.ends[u.member][y]
				_, _, out := reader.values()
				switch {
				case u.residual:
					keeps[y] = min(keeps[y], e)
				case e < out.shape.H:
					first, _ := reader.needs(e)
					keeps[y] = min(keeps[y], first)
				}
			}
		}
		if p.local(to.buffer, first, end) {
			switch last, again := writers[to.buffer]; {
			case !again:
				writers[to.buffer] = m
				whole := *to
				whole.shape.C, whole.skip = to.stride, 0
				s.locals = append(s.locals, bandBuffer{value: &whole, writer: m, keeps: keeps})
			case !slices.Equal(uses[m], uses[last]): // parts of a concatenation that do not keep pace
				return false
			}
			continue
		}
		if len(uses[m]) > 0 { // a row belongs to the piece of work that needs it first; none may be needed by two
			for y := range s.height + 1 {
				switch {
				case y == 0:
					starts[y] = 0
				case y == s.height:
					starts[y] = to.shape.H
				case ends[y] > starts[y]:
					return false
				}
				ends[y] = starts[y]
			}
		}
	}
	return true
}

// layout gives each local value its place for the rows of a band, and returns the bytes that a band touches.
func (s *bandStep) layout() (touched int64) {
	s.floats = 0
	for i := range s.locals {
		b := &s.locals[i]
		b.rows = 0
		for y := range s.height {
			b.rows = max(b.rows, s.ends[b.writer][min(y+s.band, s.height)]-min(b.keeps[y], s.starts[b.writer][y]))
		}
		b.at = s.floats
		s.floats += roundUp(b.rows*b.value.shape.W*b.value.stride, lineFloats) + lineFloats
	}
	touched = int64(s.floats) * 4
	seen := map[*buffer]bool{}
	for i := range s.locals {
		seen[s.locals[i].value.buffer] = true
	}
	for _, m := range s.members {
		from, res, to := m.values()
		for _, v := range []*value{from, res, to} {
			if v != nil && !seen[v.buffer] {
				seen[v.buffer] = true
				touched += int64((v.shape.H*s.band+s.height-1)/s.height*v.shape.W*v.stride) * 4
			}
		}
	}
	return touched
}

// saves estimates the nanoseconds that a group saves: a core moves about ten bytes a nanosecond beyond its L2 cache and does a hundred multiply-adds. A picture is taken to be cut in two.
func (s *bandStep) saves() (ns int64) {
	const bytesPerNS, macsPerNS = 10, 100
	bytes := func(v *value) int64 { return int64(v.shape.Elements()) * 4 }
	local := map[*buffer]bool{}
	for i := range s.locals {
		local[s.locals[i].value.buffer] = true
	}
	readers := map[*buffer]int64{}
	for _, m := range s.members {
		from, res, to := m.values()
		for _, v := range []*value{from, res} {
			if v == nil {
				continue
			}
			if readers[v.buffer]++; readers[v.buffer] > 1 || local[v.buffer] {
				ns += bytes(v) / bytesPerNS
			}
		}
		if readers[to.buffer]++; local[to.buffer] {
			ns += bytes(to) / bytesPerNS
		}
	}
	for i, m := range s.members {
		_, _, to := m.values()
		twice := int64(s.ends[i][s.height/2] - s.starts[i][s.height/2])
		rows, cols := tileOf(m)
		macs := m.resident() / 4 * int64(to.shape.H*to.shape.W/rows/cols)
		ns -= twice * (bytes(to) + macs/(macsPerNS/bytesPerNS)) / int64(to.shape.H) / bytesPerNS
	}
	return ns
}

// goesDown tells whether a step can be a band's member: with each row of its result it looks no further up than before. Only pools with odd borders are otherwise.
func goesDown(s step) bool {
	b, ok := s.(banded)
	if t, is := s.(tiled); !ok || is && !t.large() {
		return false
	}
	_, _, to := b.values()
	first, end := 0, 0
	for y := range to.shape.H {
		f, e := b.needs(y)
		if f < first || e < end {
			return false
		}
		first, end = f, e
	}
	return true
}

// joinBands divides the plan's steps into groups so that most is saved, and makes the stages of a run from them.
func (p *planner) joinBands() {
	n := len(p.steps)
	saved, choice := make([]int64, n+1), make([]*bandStep, n+1) // by step: the most that the steps from there on save, and how
	for i := n - 1; i >= 0; i-- {
		saved[i] = saved[i+1]
		for end := i + 1; end <= min(n, i+maxBand); end++ {
			if !goesDown(p.steps[end-1]) {
				break
			}
			if end < i+2 {
				continue
			}
			if s := newBand(p, i, end); s != nil {
				if all := s.saves() + saved[end]; all > saved[i] {
					saved[i], choice[i] = all, s
				}
			}
		}
	}
	for i := 0; i < n; {
		s := choice[i]
		if s == nil {
			p.stages = append(p.stages, stage{p.steps[i], i})
			i++
			continue
		}
		p.stages = append(p.stages, stage{s, i})
		for l := range s.locals {
			s.locals[l].value.buffer.local = l + 1
		}
		s.markHot()
		i += len(s.members)
		for _, b := range p.buffers { // the members' turns alternate: what one of them needs, lives while all of them run
			if b.first > s.first && b.first < i {
				b.first = s.first
			}
			if b.last >= s.first && b.last < i {
				b.last = i - 1
			}
		}
		p.scratchBand = max(p.scratchBand, s.floats)
	}
}

// markHot tells the members that read what another makes.
func (s *bandStep) markHot() {
	made := map[*buffer]bool{}
	for _, m := range s.members {
		from, _, to := m.values()
		if g, ok := m.(*gemmStep); ok {
			g.hot = made[from.buffer]
		}
		made[to.buffer] = true
	}
}

func (s *bandStep) prepare(*Plan) {}

// pieces of a picture, so that all threads finish together.
func (s *bandStep) pieces(n, threads int) int {
	for k := 1; k < min(threads, s.height); k++ {
		if rounds := (n*k + threads - 1) / threads; 8*rounds*threads <= 9*n*k {
			return k
		}
	}
	return min(threads, s.height)
}

func (s *bandStep) items(n, threads int) int { return n * s.pieces(n, threads) }

func (s *bandStep) run(w *worker, n, item int) {
	k := s.pieces(n, w.threads)
	picture, piece := item/k, item%k
	y0, y1 := piece*s.height/k, (piece+1)*s.height/k
	var done [maxBand]int
	for m := range s.members {
		done[m] = s.starts[m][y0]
	}
	for i := range s.locals {
		b := &s.locals[i]
		w.place(i, b, picture, s.starts[b.writer][y0])
	}
	var now time.Time
	if w.timed {
		now = time.Now()
	}
	bands := (y1 - y0 + s.band - 1) / s.band
	y := y0
	for i := range bands {
		next := y0 + (i+1)*(y1-y0)/bands
		for l := range s.locals {
			b := &s.locals[l]
			b.makeRoom(w, l, picture, b.keeps[y], done[b.writer], s.ends[b.writer][next])
		}
		y = next
		for m, member := range s.members {
			if end := s.ends[m][y]; end > done[m] {
				_, _, to := member.values()
				member.runRows(w, picture*to.shape.H+done[m], picture*to.shape.H+end)
				done[m] = end
			}
			if w.timed {
				last := now
				now = time.Now()
				w.clock[s.first+m] += now.Sub(last)
			}
		}
	}
}

// place lets a local value's rows of a picture begin with row first in the worker's memory.
func (w *worker) place(local int, b *bandBuffer, picture, first int) {
	v := b.value
	w.localRow[local] = first
	w.localAt[local] = w.bandAt + b.at - (picture*v.shape.H+first)*v.shape.W*v.stride
}

// makeRoom moves the rows from keep to done to the front if those up to end do not fit behind them.
func (b *bandBuffer) makeRoom(w *worker, local, picture, keep, done, end int) {
	if end-w.localRow[local] <= b.rows {
		return
	}
	row := b.value.shape.W * b.value.stride
	if keep < done {
		from := (picture*b.value.shape.H+keep)*row + w.localAt[local]
		copy(w.floats(w.bandAt+b.at, (done-keep)*row), w.floats(from, (done-keep)*row))
	}
	w.place(local, b, picture, keep)
}

func (w Window) needs(y, height int) (first, end int) {
	first = y*w.Stride[0] - w.Pad.Top
	end = first + (w.Kernel[0]-1)*w.Dilation[0] + 1
	return min(max(first, 0), height), min(max(end, 0), height)
}
