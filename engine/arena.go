package engine

import "sort"

// buffer is a piece of the arena that lives from one step to another.
type buffer struct {
	floats      int // for one picture
	first, last int // steps
	offset      int // floats from the arena's begin, for a plan's largest batch
	local       int // not in the arena: 1 + its number among the values that the workers of a bandStep keep to themselves
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
		if b.local > 0 {
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
	return size
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
