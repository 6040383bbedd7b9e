package engine

import "sort"

// buffer is a piece of the arena that lives from one step to another.
type buffer struct {
	floats      int     // for one picture
	first, last int     // steps
	offset      int     // floats from the arena's begin, for a plan's largest batch
	local       int     // not in the arena: 1 + its number among the values that the workers of a bandStep keep to themselves
	home        *buffer // in whose place it lies; nil is one of its own
}

// place is the buffer that has a place of its own, for this one and others.
func (b *buffer) place() *buffer {
	for b.home != nil {
		b = b.home
	}
	return b
}

// lineFloats is a cache line.
const lineFloats = 16

// assignArena gives every buffer its offset behind the first `reserved` floats, so that no two that live at the same time overlap, and
// returns the arena's size in floats. Largest first, each at the lowest gap that holds it (as in Pisarchyk and Lee 2020, "greedy by size").
func assignArena(buffers []*buffer, batch, reserved int) int {
	order := append([]*buffer(nil), buffers...)
	sort.SliceStable(order, func(i, j int) bool { return order[i].floats > order[j].floats })
	size := roundUp(reserved, lineFloats)
	start := size
	var placed []*buffer // by offset
	for _, b := range order {
		if b.local > 0 || b.home != nil {
			continue
		}
		length := roundUp(b.floats*batch, lineFloats)
		at := start
		for _, p := range placed {
			if p.first > b.last || p.last < b.first {
				continue
			}
			if p.offset-at >= length {
				break
			}
			at = max(at, p.offset+roundUp(p.floats*batch, lineFloats))
		}
		b.offset = at
		size = max(size, at+length)
		i := sort.Search(len(placed), func(i int) bool { return placed[i].offset > at })
		placed = append(placed, nil)
		copy(placed[i+1:], placed[i:])
		placed[i] = b
	}
	for _, b := range buffers {
		b.offset = b.place().offset
	}
	return size
}

// addInPlace lets a step write its result over its residual where nobody reads that again, so that the lines it reads are those it writes.
func (p *planner) addInPlace() {
	for i, stage := range p.stages {
		end := p.endOf(i)
		readers := map[*buffer]int{}
		for _, s := range p.steps[stage.first:end] {
			if s, ok := s.(adder); ok {
				from, res, _ := s.values()
				readers[from.buffer]++
				if res != nil {
					readers[res.buffer]++
				}
			}
		}
		for _, s := range p.steps[stage.first:end] {
			s, ok := s.(adder)
			if !ok {
				continue
			}
			_, res, to := s.values()
			if res == nil || !res.alone() || !to.alone() || readers[res.buffer] > 1 {
				continue
			}
			if place := res.buffer.place(); place.last < end {
				place.last = max(place.last, to.buffer.last)
				to.buffer.home = place
			}
		}
	}
}

// adder is a step whose epilogue may add a residual, value by value.
type adder interface {
	// values are what it reads, what its epilogue adds (or nil), and what it makes.
	values() (from, res, to *value)
}

// alone tells whether a value is all that its buffer of the arena holds.
func (v *value) alone() bool {
	return v.buffer.local == 0 && v.skip == 0 && v.dense() && v.shape.Elements() == v.buffer.floats
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
