package onnx

import (
	"fmt"
	"slices"

	"github.com/featx-go/featx/engine"
)

// A value of the engine has the axes C, H, W, in this order (graphs of ONNX have the layout NCHW).
const (
	axisC = iota
	axisH
	axisW
)

func extents(s engine.Shape) [3]int { return [3]int{s.C, s.H, s.W} }

// value is what an ONNX tensor is: a constant, or the value of a node of the engine seen through other axes.
type value struct {
	name string // the tensor's

	stored *tensorProto // a constant that is not decoded yet, or
	array  *array       // one that is

	dropped bool // what follows the network's outputs: the class of the largest one, for instance

	above *comparison // what only Where may read

	node  string       // of the engine
	shape engine.Shape // of that node's value
	base  []*atom      // the node's axes C, H, W, each split into its factors
	dims  [][]*atom    // for each ONNX axis the factors that make it up, outermost first; the first axis is that many times the batch
}

// comparison is x > than.
type comparison struct {
	x    *value
	than float64
}

// atom is a factor, greater than 1, of an axis of a node's value. Reshapes split axes into factors, transpositions reorder them.
type atom struct{ axis, n int }

func (v *value) constant() bool { return v.stored != nil || v.array != nil }

// decoded gives a constant's elements.
func (v *value) decoded() (*array, error) {
	if v.array == nil {
		a, err := v.stored.array()
		if err != nil {
			return nil, err
		}
		v.array = a
	}
	return v.array, nil
}

//go:noinline
func extent(atoms []*atom) int {
	n := 1
	for _, a := range atoms {
		n *= a.n
	}
	return n
}

// extents of the ONNX axes for one picture: the first is 1 unless other axes were folded into the batch.
//
//go:noinline
func (v *value) extents() []int {
	out := make([]int, len(v.dims))
	for i, d := range v.dims {
		out[i] = extent(d)
	}
	return out
}

func (v *value) rank() int { return len(v.dims) }

// copyAtoms makes atoms of v's own, so that they can be split.
func (v *value) copyAtoms() *value {
	own := map[*atom]*atom{}
	w := &value{name: v.name, node: v.node, shape: v.shape}
	for _, a := range v.base {
		own[a] = &atom{a.axis, a.n}
		w.base = append(w.base, own[a])
	}
	for _, d := range v.dims {
		var list []*atom
		for _, a := range d {
			list = append(list, own[a])
		}
		w.dims = append(w.dims, list)
	}
	return w
}

// reshaped sees the same elements, in the order of v's axes, through axes of other extents. It fails if an axis would have to be cut across a factor.
func (v *value) reshaped(to []int) (*value, bool) {
	w := v.copyAtoms()
	rest := slices.Concat(w.dims...)
	w.dims = nil
	for _, n := range to {
		var group []*atom
		for n > 1 {
			if len(rest) == 0 {
				return nil, false
			}
			a := rest[0]
			switch {
			case n%a.n == 0:
				rest = rest[1:]
			case a.n%n == 0:
				low := &atom{a.axis, a.n / n}
				a.n = n
				i := slices.Index(w.base, a)
				w.base = slices.Insert(w.base, i+1, low)
				rest = slices.Concat([]*atom{low}, rest[1:])
			default:
				return nil, false
			}
			group = append(group, a)
			n /= a.n
		}
		w.dims = append(w.dims, group)
	}
	return w, len(rest) == 0
}

// permuted sees the axes in another order.
func (v *value) permuted(perm []int) *value {
	w := v.copyAtoms()
	dims := w.dims
	w.dims = make([][]*atom, len(perm))
	for i, p := range perm {
		w.dims[i] = dims[p]
	}
	return w
}

// straight says whether v's axes run through the elements in the order of the node's own.
func (v *value) straight() bool { return slices.Equal(slices.Concat(v.dims...), v.base) }

// arrangement says which factors of which ONNX axes make up the engine's C, H, W, outermost first.
type arrangement struct {
	axes [3][]piece
	rank int
	flat bool
}

// piece is the index-th factor of an ONNX axis, of n elements.
type piece struct{ dim, index, n int }

// arrangement is how v's node lies.
func (v *value) arrangement() arrangement {
	r := arrangement{rank: v.rank(), flat: v.shape.Flat}
	for _, a := range v.base {
		for d, list := range v.dims {
			if i := slices.Index(list, a); i >= 0 {
				r.axes[a.axis] = append(r.axes[a.axis], piece{d, i, a.n})
			}
		}
	}
	return r
}

// canonical is the arrangement of a tensor of batch x C [x W], batch x C x H x W. Of more axes those of one element do not count.
func canonical(dims []int) (arrangement, error) {
	r := arrangement{rank: len(dims), flat: len(dims) <= 2}
	if dims[0] != 1 {
		return r, errBatch
	}
	var count []int
	for d := 1; d < len(dims); d++ {
		if dims[d] > 1 || len(dims) <= 4 {
			count = append(count, d)
		}
	}
	if len(count) > 3 {
		return r, fmt.Errorf("a tensor of rank %d (%v), which is no batch of maps or vectors", len(dims), dims)
	}
	for i, axis := range [][]int{{}, {axisC}, {axisC, axisW}, {axisC, axisH, axisW}}[len(count)] {
		r.axes[axis] = []piece{{count[i], 0, dims[count[i]]}}
	}
	return r, nil
}

// around is an arrangement with one axis as C, those before it as H and those behind as W.
func around(dims []int, axis int) arrangement {
	r := arrangement{rank: len(dims), flat: len(dims) <= 2 && dims[0] == 1}
	for d, n := range dims {
		at := axisC
		if d < axis {
			at = axisH
		} else if d > axis {
			at = axisW
		}
		if d > 0 || n > 1 {
			r.axes[at] = append(r.axes[at], piece{d, 0, n})
		}
	}
	return r
}

// axis is the engine's axis that is exactly the ONNX axis d, or -1.
func (r arrangement) axis(d int) int {
	for axis, pieces := range r.axes {
		if len(pieces) == 1 && pieces[0].dim == d {
			return axis
		}
	}
	return -1
}

// factors are the extents into which the arrangement divides each ONNX axis, and where each factor is in the flattened list of them.
func (r arrangement) factors() (list [][]int, at map[[2]int]int) {
	list = make([][]int, r.rank)
	for _, pieces := range r.axes {
		for _, p := range pieces {
			for len(list[p.dim]) <= p.index {
				list[p.dim] = append(list[p.dim], 1)
			}
			list[p.dim][p.index] = p.n
		}
	}
	at = map[[2]int]int{}
	n := 0
	for d := range list {
		for i := range list[d] {
			at[[2]int{d, i}] = n
			n++
		}
	}
	return list, at
}

// split gives, for a tensor of dims, the extents of the arrangement's factors (1 where its axis has 1 element and is to be repeated), the order in
// which the engine's axes run through them, and the engine's extents. It fails if only a part of one of the engine's axes would have to be repeated.
func (r arrangement) split(dims []int) (factors, perm []int, want [3]int, ok bool) {
	list, at := r.factors()
	for d, f := range list {
		switch {
		case dims[d] == product(f):
			factors = append(factors, f...)
		case dims[d] == 1:
			for range f {
				factors = append(factors, 1)
			}
		default:
			return nil, nil, want, false
		}
	}
	for axis, pieces := range r.axes {
		full, all := 1, 1
		for _, p := range pieces {
			i := at[[2]int{p.dim, p.index}]
			perm = append(perm, i)
			full *= factors[i]
			all *= p.n
		}
		if full != 1 && full != all {
			return nil, nil, want, false
		}
		want[axis] = full
	}
	return factors, perm, want, true
}

// fit makes nodes, if they are needed, so that v lies as the arrangement says, or can be repeated along the engine's axes to do so.
func (im *importer) fit(v *value, r arrangement) (*value, error) {
	factors, perm, want, ok := r.split(v.extents())
	if !ok {
		return nil, fmt.Errorf("%w: %v", errBroadcast, v.extents())
	}
	w, ok := v.reshaped(factors)
	if !ok {
		var err error
		if v, err = im.materialise(v, [3]int{product(v.extents()), 1, 1}, true); err != nil {
			return nil, err
		}
		w, _ = v.reshaped(factors)
	}
	w = w.permuted(perm)
	if !slices.IsSorted(perm) { // not the tensor as the file has it
		w.name += ".arranged"
	}
	return im.materialise(w, want, r.flat)
}

// result is the value of a node that lies as the arrangement says, but for the extents of axes of one piece, which the operation may have changed.
func (r arrangement) result(name, node string, s engine.Shape) *value {
	v := &value{name: name, node: node, shape: s, dims: make([][]*atom, r.rank)}
	have := extents(s)
	byDim := make([][]*atom, r.rank)
	for axis, pieces := range r.axes {
		for _, p := range pieces {
			n := p.n
			if len(pieces) == 1 {
				n = have[axis]
			}
			for len(byDim[p.dim]) <= p.index {
				byDim[p.dim] = append(byDim[p.dim], nil)
			}
			if n > 1 {
				a := &atom{axis, n}
				v.base = append(v.base, a)
				byDim[p.dim][p.index] = a
			}
		}
	}
	for d, list := range byDim {
		v.dims[d] = slices.DeleteFunc(list, func(a *atom) bool { return a == nil })
	}
	return v
}

// plain is a node's value with its own axes: batch x C x H x W, or batch x n.
func plain(name, node string, s engine.Shape) *value {
	if s.Flat {
		v := arrangement{rank: 4}.withMap(s).result(name, node, s)
		v.dims = [][]*atom{nil, v.base}
		return v
	}
	return arrangement{rank: 4}.withMap(s).result(name, node, s)
}

func (r arrangement) withMap(s engine.Shape) arrangement {
	for axis, n := range extents(s) {
		r.axes[axis] = []piece{{axis + 1, 0, n}}
	}
	return r
}

// mapped makes each axis behind the batch one of the engine's, with as few nodes as possible.
func (im *importer) mapped(v *value) (*value, arrangement, error) {
	none := arrangement{}
	if len(v.dims[0]) > 0 {
		return nil, none, errBatch
	}
	if r, ok := v.simple(); ok {
		return v, r, nil
	}
	r, err := canonical(v.extents())
	if err != nil {
		return nil, none, err
	}
	v, err = im.fit(v, r)
	return v, r, err
}

// simple is v's arrangement if each of its axes is one of the engine's.
func (v *value) simple() (arrangement, bool) {
	r := arrangement{rank: v.rank(), flat: v.shape.Flat}
	if v.rank() > 4 || v.rank() < 2 || len(v.dims[0]) > 0 || v.shape.Flat && v.rank() != 2 {
		return r, false
	}
	have := extents(v.shape)
	var used [3]bool
	for d, list := range v.dims[1:] {
		if len(list) == 0 {
			continue
		}
		axis := list[0].axis
		if used[axis] || extent(list) != have[axis] {
			return r, false
		}
		last := -1
		for _, a := range list { // the whole axis, in order
			i := slices.Index(v.base, a)
			if a.axis != axis || i < last {
				return r, false
			}
			last = i
		}
		used[axis] = true
		r.axes[axis] = []piece{{d + 1, 0, have[axis]}}
	}
	standard := [][]int{nil, {axisC}, {axisC, axisW}, {axisC, axisH, axisW}}[v.rank()-1]
	for d, list := range v.dims[1:] {
		if len(list) > 0 {
			continue
		}
		for _, axis := range append([]int{standard[d]}, axisC, axisH, axisW) {
			if !used[axis] {
				used[axis] = true
				r.axes[axis] = []piece{{d + 1, 0, 1}}
				break
			}
		}
	}
	// A vector's axis is C; and no axis of the node may be left over.
	if v.shape.Flat && (len(r.axes[axisC]) == 0 || v.shape.H*v.shape.W > 1) {
		return r, false
	}
	for axis, n := range have {
		if n > 1 && len(r.axes[axis]) == 0 {
			return r, false
		}
	}
	return r, true
}

// channels is mapped, with the ONNX axis d as the engine's C.
func (im *importer) channels(v *value, d int) (*value, arrangement, error) {
	if d == 0 {
		return nil, arrangement{}, errBatch
	}
	if r, ok := v.simple(); ok && r.axis(d) == axisC {
		return v, r, nil
	}
	r := around(v.extents(), d)
	v, err := im.fit(v, r)
	return v, r, err
}

// asMap gives a value of batch x C x H x W whose node is the map itself.
func (im *importer) asMap(v *value) (*value, error) {
	if v.rank() != 4 {
		return nil, fmt.Errorf("its input has the axes %v: only maps (batch x channels x height x width) are supported", im.shown(v))
	}
	r, err := canonical(v.extents())
	if err != nil {
		return nil, err
	}
	return im.fit(v, r)
}

// asVector gives a value of batch x n whose node is a vector, possibly a flattened map.
func (im *importer) asVector(v *value) (*value, error) {
	if v.shape.Flat && v.straight() {
		return v, nil
	}
	if v.straight() {
		return im.view(v, &engine.Flatten{}, "")
	}
	return im.materialise(v, [3]int{product(v.extents()), 1, 1}, true)
}

// materialise makes nodes that lay the elements, in the order of v's axes, out as C x H x W. The last node has the tensor's name if that is free.
func (im *importer) materialise(v *value, want [3]int, flat bool) (*value, error) {
	shape := engine.Shape{C: want[0], H: want[1], W: want[2], Flat: flat}
	if v.straight() && v.shape == shape {
		return v, nil
	}
	key := fmt.Sprint(want, flat)
	for _, a := range slices.Concat(v.dims...) {
		key += fmt.Sprint(" ", slices.Index(v.base, a), "x", a.n)
	}
	key = v.node + " " + key
	if made := im.made[key]; made != nil {
		return made, nil
	}
	made, err := im.layOut(v, shape)
	if err == nil {
		im.made[key] = made
	}
	return made, err
}

// layOut is materialise where something must be done.
func (im *importer) layOut(v *value, shape engine.Shape) (*value, error) {
	if v.straight() {
		if v.shape.Elements() != shape.Elements() {
			return nil, fmt.Errorf("%w: %v as %v", errInternal, v.shape, shape)
		}
		return im.view(v, &engine.Reshape{H: shape.H, W: shape.W, C: shape.C, Flat: shape.Flat}, "")
	}
	if op := v.shuffle(shape); op != nil {
		return im.view(v, op, "")
	}
	if op := v.exchange(shape); op != nil {
		return im.view(v, op, "")
	}
	// Rotations of two runs of factors, until they are in order. Each is a transposition of a map of (what is in order) x (a run) x (the rest).
	want := slices.Concat(v.dims...)
	have := v.base
	current := v
	for done := 0; ; {
		for done < len(want) && have[done] == want[done] {
			done++
		}
		if done == len(want) {
			break
		}
		next := slices.Index(have, want[done])
		blocks := [3]int{extent(have[:done]), extent(have[done:next]), extent(have[next:])}
		// Where the rest goes on as it shall, one transposition that leaves it in place is shorter.
		run := next + 1
		for run < len(have) && done+run-next < len(want) && have[run] == want[done+run-next] {
			run++
		}
		perm := [3]int{axisC, axisW, axisH}
		from, to := have[next:], have[done:next]
		order := slices.Concat(have[:done], from, to)
		if done == 0 {
			blocks = [3]int{extent(have[:next]), extent(have[next:run]), extent(have[run:])}
			perm = [3]int{axisH, axisC, axisW}
			order = slices.Concat(have[next:run], have[:next], have[run:])
		}
		var err error
		if current, err = im.reshapeNode(current, blocks); err != nil {
			return nil, err
		}
		if current, err = im.view(current, permute(perm), "transposed"); err != nil {
			return nil, err
		}
		have = order
	}
	if current.shape == shape {
		return im.rename(current, v), nil
	}
	current.name = v.name
	return im.view(current, &engine.Reshape{H: shape.H, W: shape.W, C: shape.C, Flat: shape.Flat}, "")
}

// exchange is the transposition that gives a map of the shape at once, if whole axes only change their places; else nil.
func (v *value) exchange(to engine.Shape) engine.Op {
	if to.Flat || v.shape.Flat {
		return nil
	}
	have, want := extents(v.shape), extents(to)
	order := slices.Concat(v.dims...)
	for _, perm := range [][3]int{{0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} { // which axis of v becomes C, H, W
		if want != [3]int{have[perm[0]], have[perm[1]], have[perm[2]]} {
			continue
		}
		var got []*atom
		for _, axis := range perm {
			for _, a := range v.base {
				if a.axis == axis {
					got = append(got, a)
				}
			}
		}
		if slices.Equal(got, order) {
			return permute(perm)
		}
	}
	return nil
}

// permute makes the axes perm of a map the axes C, H, W. The engine counts H, W, C where this file counts C, H, W.
func permute(perm [3]int) engine.Op {
	hwc := func(axis int) int { return (axis + 2) % 3 }
	return &engine.Permute{Axes: [3]int{hwc(perm[axisH]), hwc(perm[axisW]), hwc(perm[axisC])}}
}

func (im *importer) reshapeNode(v *value, blocks [3]int) (*value, error) {
	if (v.shape == engine.Shape{C: blocks[0], H: blocks[1], W: blocks[2]}) {
		return v, nil
	}
	return im.view(v, &engine.Reshape{C: blocks[0], H: blocks[1], W: blocks[2]}, "reshaped")
}

// shuffle recognises transpositions that the engine has an operation for.
func (v *value) shuffle(to engine.Shape) engine.Op {
	if to.Flat || v.shape.Flat {
		return nil
	}
	var order []int // as positions in the base
	for _, a := range slices.Concat(v.dims...) {
		order = append(order, slices.Index(v.base, a))
	}
	var c, h, w []*atom
	for _, a := range v.base {
		switch a.axis {
		case axisC:
			c = append(c, a)
		case axisH:
			h = append(h, a)
		default:
			w = append(w, a)
		}
	}
	is := func(list ...int) bool { return slices.Equal(order, list) }
	rest := make([]int, len(h)+len(w)) // height and width as they are, behind two factors of the channels
	for i := range rest {
		rest[i] = 2 + i
	}
	switch {
	case len(c) == 2 && slices.Equal(order, append([]int{1, 0}, rest...)) && to == v.shape:
		return &engine.ChannelShuffle{Groups: c[0].n}
	case len(c) == 3 && len(h) == 1 && len(w) == 1 && is(0, 3, 1, 4, 2) && c[1].n == c[2].n && to.H == h[0].n*c[1].n && to.W == w[0].n*c[2].n:
		return &engine.DepthToSpace{Block: c[1].n, Mode: engine.ColumnRowDepth}
	case len(c) == 3 && len(h) == 1 && len(w) == 1 && is(2, 3, 0, 4, 1) && c[0].n == c[1].n && to.H == h[0].n*c[0].n && to.W == w[0].n*c[1].n:
		return &engine.DepthToSpace{Block: c[0].n, Mode: engine.DepthColumnRow}
	case len(c) == 1 && len(h) == 2 && len(w) == 2 && is(2, 4, 0, 1, 3) && h[1].n == w[1].n && to.H == h[0].n && to.W == w[0].n:
		return &engine.SpaceToDepth{Block: h[1].n, Mode: engine.DepthColumnRow}
	case len(c) == 1 && len(h) == 2 && len(w) == 2 && is(0, 2, 4, 1, 3) && h[1].n == w[1].n && to.H == h[0].n && to.W == w[0].n:
		return &engine.SpaceToDepth{Block: h[1].n, Mode: engine.ColumnRowDepth}
	}
	return nil
}
