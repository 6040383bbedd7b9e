package onnx

import (
	"errors"
	"fmt"

	"github.com/featx-go/featx/engine"
)

func translateBatchNorm(im *importer, c *call, in []*value) ([]*value, error) {
	x, err := activationInput(in, 0)
	if err != nil {
		return nil, err
	}
	if c.int("training_mode", 0) != 0 {
		return nil, errTraining
	}
	if err := onlyFirst(c); err != nil {
		return nil, err
	}
	if x.rank() < 2 || len(in) < 5 {
		return nil, errEmptyInput
	}
	if c.opset < 9 && c.int("spatial", 1) == 0 {
		return nil, errors.New("spatial is 0: statistics of each place")
	}
	x, r, err := im.channels(x, 1)
	if err != nil {
		return nil, err
	}
	op := &engine.BatchNorm{Eps: float64(c.float("epsilon", 1e-5))}
	for i, into := range []*string{&op.Gamma, &op.Beta, &op.Mean, &op.Var} {
		if *into, err = im.parameter(in[i+1], []int{x.shape.C}); err != nil {
			return nil, err
		}
	}
	return single(im.applyAs(c.names[0], x, r, op))
}

// translateInstanceNorm is for InstanceNormalization and GroupNormalization, whose scale and bias are per group before operator set 21.
func translateInstanceNorm(im *importer, c *call, in []*value) ([]*value, error) {
	x, err := activationInput(in, 0)
	if err != nil {
		return nil, err
	}
	if x.rank() < 3 || len(in) < 3 || in[1] == nil || in[2] == nil {
		return nil, errEmptyInput
	}
	x, r, err := im.channels(x, 1)
	if err != nil {
		return nil, err
	}
	eps := float64(c.float("epsilon", 1e-5))
	channels := x.shape.C
	params := [2]string{}
	groups := int(max(0, min(c.int("num_groups", int64(channels)), 1<<20)))
	for i := range params {
		k := in[i+1]
		if c.op == "GroupNormalization" && c.opset < 21 && k.constant() && product(k.shapeDims()) == groups && groups > 0 && channels%groups == 0 && groups != channels {
			a, err := k.decoded()
			if err != nil {
				return nil, err
			}
			each := newArray(tFloat, []int{channels})
			for j := range each.floats {
				each.floats[j] = a.float(j / (channels / groups))
			}
			if params[i], err = im.tensor(k.name+".repeated", each); err != nil {
				return nil, err
			}
		} else if params[i], err = im.parameter(k, []int{channels}); err != nil {
			return nil, err
		}
	}
	var op engine.Op = &engine.InstanceNorm{Eps: eps, Gamma: params[0], Beta: params[1]}
	if c.op == "GroupNormalization" {
		op = &engine.GroupNorm{Groups: groups, Eps: eps, Gamma: params[0], Beta: params[1]}
	}
	return single(im.applyAs(c.names[0], x, r, op))
}

// lastAxes joins the axes from d on to one, and makes it the engine's channels; back gives the result its axes again.
func (im *importer) lastAxes(x *value, d int) (joined *value, r arrangement, back func(*value) *value, err error) {
	dims := x.extents()
	if d == 0 {
		return nil, r, nil, errBatch
	}
	back = func(v *value) *value { return v }
	last := d
	for i := d; i < len(dims); i++ {
		if dims[i] > 1 {
			last = i
		}
	}
	only := last
	for i := d; i < last; i++ {
		if dims[i] > 1 {
			only = -1
		}
	}
	if only >= 0 {
		joined, r, err = im.channels(x, only)
		return joined, r, back, err
	}
	flat := append(append([]int{}, dims[:d]...), product(dims[d:]))
	joined, ok := x.reshaped(flat)
	if !ok {
		return nil, r, nil, fmt.Errorf("its axes %v", dims)
	}
	joined.name = x.name
	joined, r, err = im.channels(joined, d)
	back = func(v *value) *value {
		out, _ := v.reshaped(dims)
		out.name = v.name
		return out
	}
	return joined, r, back, err
}

func translateLayerNorm(im *importer, c *call, in []*value) ([]*value, error) {
	x, err := activationInput(in, 0)
	if err != nil {
		return nil, err
	}
	if err := onlyFirst(c); err != nil {
		return nil, err
	}
	d, err := normalAxis(c.int("axis", -1), x.rank())
	if err != nil {
		return nil, err
	}
	x, r, back, err := im.lastAxes(x, d)
	if err != nil {
		return nil, err
	}
	op := &engine.LayerNorm{Eps: float64(c.float("epsilon", 1e-5))}
	if len(in) < 2 || in[1] == nil {
		return nil, errEmptyInput
	}
	if op.Gamma, err = im.parameter(in[1], []int{x.shape.C}); err != nil {
		return nil, err
	}
	if op.Beta, err = im.optional(in, 2, []int{x.shape.C}); err != nil {
		return nil, err
	}
	out, err := im.applyAs(c.names[0], x, r, op)
	if err != nil {
		return nil, err
	}
	return []*value{back(out)}, nil
}

func translateLRN(im *importer, c *call, in []*value) ([]*value, error) {
	x, err := activationInput(in, 0)
	if err != nil {
		return nil, err
	}
	if x.rank() < 3 {
		return nil, fmt.Errorf("its input has the axes %v: no map", im.shown(x))
	}
	x, r, err := im.channels(x, 1)
	if err != nil {
		return nil, err
	}
	op := &engine.LRN{Size: int(max(0, min(c.int("size", 0), 1<<21))), Alpha: float64(c.float("alpha", 0.0001)), Beta: float64(c.float("beta", 0.75)), Bias: float64(c.float("bias", 1))}
	return single(im.applyAs(c.names[0], x, r, op))
}

// translateLpNorm divides by the norm along an axis; what is all zeros stays so.
func translateLpNorm(im *importer, c *call, in []*value) ([]*value, error) {
	x, err := activationInput(in, 0)
	if err != nil {
		return nil, err
	}
	d, err := normalAxis(c.int("axis", -1), x.rank())
	if err != nil {
		return nil, err
	}
	x, r, err := im.channels(x, d)
	if err != nil {
		return nil, err
	}
	const least = 1e-30
	switch c.int("p", 2) {
	case 2:
		return single(im.applyAs(c.names[0], x, r, &engine.L2Normalize{Eps: least}))
	case 1:
		length, err := im.mapNode(c.names[0]+".norm", x, &engine.Reduce{Func: engine.ReduceL1, Axes: "C", KeepDims: true})
		if err != nil {
			return nil, err
		}
		if length, err = im.apply(c.names[0]+".atleast", length, &engine.Clip{Lo: least, Hi: infinity}); err != nil {
			return nil, err
		}
		node := im.free.name(c.names[0])
		s, err := im.emit(node, &engine.Arithmetic{Func: engine.Div}, x.node, length.node)
		if err != nil {
			return nil, err
		}
		return []*value{r.result(c.names[0], node, s)}, nil
	}
	return nil, fmt.Errorf("p %d", c.int("p", 2))
}

// translateSoftmax is for Softmax and LogSoftmax: along one axis, or before operator set 13 along all from that one on.
func translateSoftmax(im *importer, c *call, in []*value) ([]*value, error) {
	x, err := activationInput(in, 0)
	if err != nil {
		return nil, err
	}
	axis := int64(-1)
	if c.opset < 13 {
		axis = 1
	}
	d, err := normalAxis(c.int("axis", axis), x.rank())
	if err != nil {
		return nil, err
	}
	back := func(v *value) *value { return v }
	var r arrangement
	if c.opset < 13 {
		x, r, back, err = im.lastAxes(x, d)
	} else {
		x, r, err = im.channels(x, d)
	}
	if err != nil {
		return nil, err
	}
	var op engine.Op = &engine.Softmax{}
	if c.op == "LogSoftmax" {
		op = &engine.LogSoftmax{}
	}
	out, err := im.applyAs(c.names[0], x, r, op)
	if err != nil {
		return nil, err
	}
	return []*value{back(out)}, nil
}
