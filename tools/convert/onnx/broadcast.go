package onnx

import (
	"fmt"
	"slices"

	"github.com/featx-go/featx/engine"
)

// outDims are the axes of values that are combined; activations have the batch as the first of equally many.
func (im *importer) outDims(values []*value) ([]int, error) {
	var out []int
	rank := 0
	for _, v := range values {
		if !v.constant() {
			rank = max(rank, v.rank())
		}
	}
	for _, v := range values {
		dims := v.shapeDims()
		if !v.constant() && len(dims) != rank || len(dims) > rank || v.constant() && len(dims) == rank && im.batch > 1 && dims[0] == im.batch {
			return nil, fmt.Errorf("%w: its inputs have the axes %v", errBatch, im.allShown(values))
		}
		var err error
		if out, err = broadcastShape(out, dims); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// shapeDims are the axes of a constant, or of an activation for one picture.
//
//go:noinline
func (v *value) shapeDims() []int {
	switch {
	case v.array != nil:
		return v.array.shape
	case v.stored != nil:
		return v.stored.shape
	}
	return v.extents()
}

func (im *importer) allShown(values []*value) (list [][]int) {
	for _, v := range values {
		list = append(list, im.shown(v))
	}
	return list
}

// laidOut gives a constant as C x H x W of an arrangement; false if it does not lie so.
func (r arrangement) laidOut(a *array) (*array, bool) {
	shape := a.shape
	for len(shape) < r.rank {
		shape = append([]int{1}, shape...)
	}
	if len(shape) > r.rank {
		return nil, false
	}
	factors, perm, want, ok := r.split(shape)
	if !ok {
		return nil, false
	}
	return a.reshaped(factors).transposed(perm).reshaped(want[:]), true
}

// common finds an arrangement that all values fit, and makes them; constants become nodes only if asConstants is set, else they are laid out in arrays.
func (im *importer) common(values []*value, asNodes bool) (r arrangement, nodes []*value, arrays []*array, err error) {
	dims, err := im.outDims(values)
	if err != nil {
		return r, nil, nil, err
	}
	var tries []arrangement
	for _, v := range values {
		if !v.constant() && slices.Equal(v.extents(), dims) && !(v.shape.Flat && v.shape.H*v.shape.W > 1) {
			tries = append(tries, v.arrangement())
		}
	}
	// Flattened maps that lie alike need not move.
	if alike := func() bool {
		for _, v := range values {
			if v.constant() || v.shape != values[0].shape || !v.straight() || !slices.Equal(v.extents(), dims) {
				return false
			}
		}
		return true
	}(); alike {
		tries = append([]arrangement{values[0].arrangement()}, tries...)
	}
	tries = append(tries, grouped(values, dims))
	if c, err := canonical(dims); err == nil {
		tries = append(tries, c)
	}
try:
	for _, r := range tries {
		for _, v := range values {
			shape := v.shapeDims()
			for len(shape) < r.rank {
				shape = append([]int{1}, shape...)
			}
			if _, _, _, ok := r.split(shape); !ok {
				continue try
			}
		}
		nodes, arrays = make([]*value, len(values)), make([]*array, len(values))
		for i, v := range values {
			if !v.constant() {
				if nodes[i], err = im.fit(v, r); err != nil {
					return r, nil, nil, err
				}
				continue
			}
			a, err := v.decoded()
			if err == nil {
				err = im.spend(2 * a.len())
			}
			if err != nil {
				return r, nil, nil, err
			}
			arrays[i], _ = r.laidOut(a)
			if asNodes {
				if nodes[i], err = im.constantNodeOf(v, arrays[i], r.flat); err != nil {
					return r, nil, nil, err
				}
			}
		}
		return r, nodes, arrays, nil
	}
	return r, nil, nil, fmt.Errorf("the axes %v are not combined", im.allShown(values))
}

// grouped puts neighbouring axes together where all values have them whole or all do not, and gives the groups to C, H and W in turn.
func grouped(values []*value, dims []int) arrangement {
	r := arrangement{rank: len(dims), flat: len(dims) <= 2 && dims[0] == 1}
	pattern := func(d int) string {
		s := ""
		for _, v := range values {
			shape := v.shapeDims()
			i := d - (len(dims) - len(shape))
			s += fmt.Sprint(i >= 0 && shape[i] > 1, " ")
		}
		return s
	}
	axis, last := 0, ""
	for d, n := range dims {
		if n == 1 {
			continue
		}
		if p := pattern(d); last != "" && p != last && axis < axisW {
			axis++
		}
		last = pattern(d)
		r.axes[axis] = append(r.axes[axis], piece{d, 0, n})
	}
	return r
}

// constantNodeOf makes a constant a node.
func (im *importer) constantNodeOf(v *value, a *array, flat bool) (*value, error) {
	s := engine.Shape{C: a.shape[0], H: a.shape[1], W: a.shape[2], Flat: flat && a.shape[1]*a.shape[2] == 1}
	tensor, err := im.tensor(v.name, a.reshaped(s.Dims(engine.NCHW)))
	if err != nil {
		return nil, err
	}
	name := im.free.name(v.name)
	if _, err := im.emit(name, &engine.Constant{Tensor: tensor, Shape: s}); err != nil {
		return nil, err
	}
	return plain(v.name, name, s), nil
}

// combine emits an operation on values that are brought to one arrangement.
func (im *importer) combine(name string, op engine.Op, values ...*value) (*value, error) {
	r, nodes, _, err := im.common(values, true)
	if err != nil {
		return nil, err
	}
	inputs := make([]string, len(nodes))
	for i, n := range nodes {
		inputs[i] = n.node
	}
	node := im.free.name(name)
	s, err := im.emit(node, op, inputs...)
	if err != nil {
		return nil, err
	}
	return r.result(name, node, s), nil
}
