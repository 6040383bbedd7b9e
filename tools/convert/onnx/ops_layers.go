package onnx

import (
	"errors"
	"fmt"

	"github.com/featx-go/featx/engine"
)

// spatialMap gives the map that a convolution or pooling moves over. A tensor of batch x C x W is a map with a height of 1.
func (im *importer) spatialMap(in []*value) (x *value, r arrangement, err error) {
	if x, err = activationInput(in, 0); err != nil {
		return nil, r, err
	}
	switch x.rank() {
	case 3, 4:
	case 5:
		return nil, r, fmt.Errorf("its input has the axes %v: three-dimensional maps are not supported", im.shown(x))
	default:
		return nil, r, fmt.Errorf("its input has the axes %v: no map", im.shown(x))
	}
	if r, err = canonical(x.extents()); err != nil {
		return nil, r, err
	}
	x, err = im.fit(x, r)
	return x, r, err
}

// window reads the attributes of a convolution or pooling over a map; rank is 4, or 3 for a map with a height of 1.
func window(c *call, in engine.Shape, rank int, kernel []int) (engine.Window, error) {
	w := engine.Window{Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Ceil: c.int("ceil_mode", 0) != 0}
	n := rank - 2
	if len(kernel) != n || n < 1 || n > 2 {
		return w, fmt.Errorf("a kernel of %v for maps of %d axes", kernel, n)
	}
	copy(w.Kernel[2-n:], kernel)
	for _, a := range []struct {
		name string
		into *[2]int
	}{{"strides", &w.Stride}, {"dilations", &w.Dilation}} {
		list := c.ints(a.name)
		if list != nil && len(list) != n {
			return w, fmt.Errorf("%s %v", a.name, list)
		}
		for i, v := range list {
			if v < 1 || v > 1<<20 {
				return w, fmt.Errorf("%s %v", a.name, list)
			}
			a.into[2-n+i] = int(v)
		}
	}
	for _, k := range w.Kernel {
		if k < 1 || k > 1<<20 {
			return w, fmt.Errorf("kernel %v", kernel)
		}
	}
	var begin, end [2]int
	switch auto := c.text("auto_pad", "NOTSET"); auto {
	case "NOTSET", "":
		list := c.ints("pads")
		if list != nil && len(list) != 2*n {
			return w, fmt.Errorf("pads %v", list)
		}
		for i, v := range list {
			if v < 0 || v > 1<<20 {
				return w, fmt.Errorf("pads %v", list)
			}
			if i < n {
				begin[2-n+i] = int(v)
			} else {
				end[2-n+i-n] = int(v)
			}
		}
	case "VALID":
	case "SAME_UPPER":
		w.Same = true
		return w, nil
	case "SAME_LOWER":
		for i, size := range [2]int{in.H, in.W} {
			total := max(0, ((size+w.Stride[i]-1)/w.Stride[i]-1)*w.Stride[i]+(w.Kernel[i]-1)*w.Dilation[i]+1-size)
			begin[i], end[i] = total-total/2, total/2
		}
	default:
		return w, fmt.Errorf("auto_pad %q", auto)
	}
	w.Pad = engine.Pad{Top: begin[0], Left: begin[1], Bottom: end[0], Right: end[1]}
	return w, nil
}

// kernelShape is the attribute.
func kernelShape(c *call) (out []int) {
	for _, k := range c.ints("kernel_shape") {
		out = append(out, int(max(0, min(k, 1<<21))))
	}
	return out
}

// kernelWeight gives a convolution's weight shape, checked for rank, with a height for 1-D ones.
func kernelWeight(in []*value, rank int) (shape []int, err error) {
	if len(in) < 2 || in[1] == nil {
		return nil, errEmptyInput
	}
	if !in[1].constant() {
		return nil, errors.New("its weights depend on the picture")
	}
	shape = in[1].shapeDims()
	if len(shape) != rank || product(shape) == 0 {
		return nil, fmt.Errorf("its weights have the axes %v, its input has %d", shape, rank)
	}
	if rank == 3 {
		shape = []int{shape[0], shape[1], 1, shape[2]}
	}
	return shape, nil
}

func translateConv(im *importer, c *call, in []*value) ([]*value, error) {
	x, r, err := im.spatialMap(in)
	if err != nil {
		return nil, err
	}
	shape, err := kernelWeight(in, r.rank)
	if err != nil {
		return nil, err
	}
	w, err := window(c, x.shape, r.rank, shape[6-r.rank:])
	if err != nil {
		return nil, err
	}
	groups := c.int("group", 1)
	if groups < 1 || groups > int64(x.shape.C) || x.shape.C != shape[1]*int(groups) {
		return nil, fmt.Errorf("weights of %v in %d groups for %d channels", shape, groups, x.shape.C)
	}
	op := &engine.Conv2D{Window: w, OutC: shape[0], Groups: int(groups)}
	if op.Weight, err = im.parameter(in[1], shape); err != nil {
		return nil, err
	}
	if op.Bias, err = im.optional(in, 2, []int{shape[0]}); err != nil {
		return nil, err
	}
	return single(im.applyAs(c.names[0], x, r, op))
}

func translateConvTranspose(im *importer, c *call, in []*value) ([]*value, error) {
	x, r, err := im.spatialMap(in)
	if err != nil {
		return nil, err
	}
	shape, err := kernelWeight(in, r.rank)
	if err != nil {
		return nil, err
	}
	n := r.rank - 2
	groups := c.int("group", 1)
	if groups < 1 || groups > 1<<20 || x.shape.C != shape[0] {
		return nil, fmt.Errorf("weights of %v in %d groups for %d channels", shape, groups, x.shape.C)
	}
	auto := c.text("auto_pad", "NOTSET")
	plainPads := *c
	plainPads.nodeProto = &nodeProto{attrs: map[string]*attrProto{}}
	for name, a := range c.attrs {
		if name != "auto_pad" {
			plainPads.attrs[name] = a
		}
	}
	w, err := window(&plainPads, x.shape, r.rank, shape[4-n:])
	if err != nil {
		return nil, err
	}
	op := &engine.ConvTranspose2D{Window: w, OutC: shape[1] * int(groups), Groups: int(groups)}
	pair := func(name string) (out [2]int, given bool, err error) {
		list := c.ints(name)
		if list != nil && len(list) < n {
			return out, false, fmt.Errorf("%s %v", name, list)
		}
		list = list[max(0, len(list)-n):]
		for i, v := range list {
			if v < 0 || v > 1<<20 {
				return out, false, fmt.Errorf("%s %v", name, list)
			}
			out[2-n+i] = int(v)
		}
		return out, list != nil, nil
	}
	if op.OutPad, _, err = pair("output_padding"); err != nil {
		return nil, err
	}
	want, given, err := pair("output_shape")
	if err != nil {
		return nil, err
	}
	if given || auto == "SAME_UPPER" || auto == "SAME_LOWER" {
		pads := [2][2]int{}
		for i, size := range [2]int{x.shape.H, x.shape.W} {
			if i < 2-n {
				continue
			}
			if !given {
				want[i] = size * w.Stride[i]
			}
			total := w.Stride[i]*(size-1) + op.OutPad[i] + (w.Kernel[i]-1)*w.Dilation[i] + 1 - want[i]
			if total < 0 { // the rest is zeros behind
				op.OutPad[i] -= total
				total = 0
			}
			small := total / 2
			pads[i] = [2]int{total - small, small}
			if auto == "SAME_UPPER" {
				pads[i] = [2]int{small, total - small}
			}
		}
		op.Pad = engine.Pad{Top: pads[0][0], Bottom: pads[0][1], Left: pads[1][0], Right: pads[1][1]}
	}
	if op.Weight, err = im.parameter(in[1], shape); err != nil {
		return nil, err
	}
	if op.Bias, err = im.optional(in, 2, []int{op.OutC}); err != nil {
		return nil, err
	}
	return single(im.applyAs(c.names[0], x, r, op))
}

func translatePool(im *importer, c *call, in []*value) ([]*value, error) {
	if err := onlyFirst(c); err != nil {
		return nil, err
	}
	x, r, c, err := im.pooledMap(c, in)
	if err != nil {
		return nil, err
	}
	rank := r.rank
	if rank == 5 { // one axis or two of the three are left
		rank = 2 + len(kernelShape(c))
	}
	w, err := window(c, x.shape, rank, kernelShape(c))
	if err != nil {
		return nil, err
	}
	name := c.names[0]
	switch c.op {
	case "MaxPool":
		return single(im.applyAs(name, x, r, &engine.MaxPool{Window: w}))
	case "LpPool":
		return single(im.applyAs(name, x, r, &engine.LpPool{Window: w, P: int(max(0, min(c.int("p", 2), 65)))}))
	}
	count := c.int("count_include_pad", 0) != 0
	if w.Dilation != [2]int{1, 1} {
		return single(im.dilatedMean(name, x, r, w, count))
	}
	return single(im.applyAs(name, x, r, &engine.AvgPool{Window: w, CountPad: count}))
}

// pooledMap is spatialMap, and takes three-dimensional windows that leave an axis alone, as PyTorch's exporter writes local response normalisation: that
// axis goes to the channels, and out of the attributes.
func (im *importer) pooledMap(c *call, in []*value) (*value, arrangement, *call, error) {
	x, err := activationInput(in, 0)
	if err != nil {
		return nil, arrangement{}, nil, err
	}
	if x.rank() != 5 || len(c.ints("kernel_shape")) != 3 || len(x.dims[0]) > 0 || c.text("auto_pad", "NOTSET") != "NOTSET" {
		x, r, err := im.spatialMap(in)
		return x, r, c, err
	}
	at := func(name string, i int, otherwise int64) int64 {
		if list := c.ints(name); i < len(list) {
			return list[i]
		}
		return otherwise
	}
	dims := x.extents()
	r := arrangement{rank: 5}
	r.axes[axisC] = []piece{{1, 0, dims[1]}}
	var moved []int
	for i := range 3 {
		still := at("kernel_shape", i, 1) == 1 && at("strides", i, 1) == 1 && at("pads", i, 0) == 0 && at("pads", i+3, 0) == 0
		if still && (len(moved) > 0 || i < 2) && len(r.axes[axisC]) < 3 {
			r.axes[axisC] = append(r.axes[axisC], piece{i + 2, 0, dims[i+2]})
			continue
		}
		moved = append(moved, i)
	}
	if len(moved) > 2 {
		return nil, r, nil, fmt.Errorf("its input has the axes %v: three-dimensional maps are not supported", im.shown(x))
	}
	for j, i := range moved {
		r.axes[[]int{axisH, axisW}[j+2-len(moved)]] = []piece{{i + 2, 0, dims[i+2]}}
	}
	reduced := *c
	node := *c.nodeProto
	reduced.nodeProto = &node
	node.attrs = map[string]*attrProto{}
	for name, a := range c.attrs {
		if one := *a; len(a.ints) == 3 || len(a.ints) == 6 {
			one.ints = nil
			for _, i := range moved {
				one.ints = append(one.ints, a.ints[i])
			}
			if len(a.ints) == 6 {
				for _, i := range moved {
					one.ints = append(one.ints, a.ints[i+3])
				}
			}
			a = &one
		}
		node.attrs[name] = a
	}
	x, err = im.fit(x, r)
	return x, r, &reduced, err
}

// dilatedMean is a mean over a window with holes: a depthwise convolution with ones, divided by the number of values at each place.
func (im *importer) dilatedMean(name string, x *value, r arrangement, w engine.Window, count bool) (*value, error) {
	s, err := engine.OutputShape(&engine.MaxPool{Window: w}, x.shape)
	if err != nil {
		return nil, err
	}
	// Where the size is rounded up, the last window needs padding of its own.
	need := func(n, axis, before int) int {
		return (n-1)*w.Stride[axis] + (w.Kernel[axis]-1)*w.Dilation[axis] + 1 - before
	}
	padded := w.Pad
	sizes := [2]int{x.shape.H, x.shape.W}
	padded.Bottom, padded.Right = max(0, need(s.H, 0, w.Pad.Top)-sizes[0]), max(0, need(s.W, 1, w.Pad.Left)-sizes[1])
	conv := &engine.Conv2D{Window: w, OutC: s.C, Groups: s.C}
	conv.Pad, conv.Ceil = padded, false
	if err := im.spend(s.C*w.Kernel[0]*w.Kernel[1] + s.H*s.W); err != nil {
		return nil, err
	}
	ones := newArray(tFloat, []int{s.C, 1, w.Kernel[0], w.Kernel[1]})
	for i := range ones.floats {
		ones.floats[i] = 1
	}
	if conv.Weight, err = im.tensor(name+".ones", ones); err != nil {
		return nil, err
	}
	sum, err := im.applyAs(name+".sum", x, r, conv)
	if err != nil {
		return nil, err
	}
	inside := func(i, axis, before, after int) int { // how many taps of window i are in the map, or in its padding too
		lo, hi := 0, sizes[axis]
		if count {
			lo, hi = -before, hi+after
		}
		first, by := i*w.Stride[axis]-before, w.Dilation[axis]
		from := max(0, (lo-first+by-1)/by)
		to := min(w.Kernel[axis], (hi-first+by-1)/by)
		return max(0, to-from)
	}
	shape := make([]int, r.rank)
	for d := range shape {
		switch shape[d] = 1; r.axis(d) {
		case axisH:
			shape[d] = s.H
		case axisW:
			shape[d] = s.W
		}
	}
	share := newArray(tFloat, shape)
	for y := range s.H {
		for z := range s.W {
			n := inside(y, 0, w.Pad.Top, w.Pad.Bottom) * inside(z, 1, w.Pad.Left, w.Pad.Right)
			share.floats[y*s.W+z] = round(tFloat, 1/float64(n))
		}
	}
	return im.withConstant(name, "Mul", sum, &value{name: name + ".shares", array: share})
}

func translateGlobalPool(im *importer, c *call, in []*value) ([]*value, error) {
	x, r, err := im.spatialMap(in)
	if err != nil {
		return nil, err
	}
	var op engine.Op = &engine.AdaptivePool{OutH: 1, OutW: 1, Max: c.op == "GlobalMaxPool"}
	if c.op == "GlobalLpPool" {
		op = &engine.LpPool{Global: true, P: int(max(0, min(c.int("p", 2), 65)))}
	}
	return single(im.applyAs(c.names[0], x, r, op))
}

func translateGemm(im *importer, c *call, in []*value) ([]*value, error) {
	x, err := activationInput(in, 0)
	if err != nil {
		return nil, err
	}
	if c.int("transA", 0) != 0 || x.rank() != 2 || len(x.dims[0]) > 0 {
		return nil, errBatch
	}
	if len(in) < 2 || in[1] == nil {
		return nil, errEmptyInput
	}
	if !in[1].constant() {
		return nil, errors.New("a product of two activations")
	}
	shape := in[1].shapeDims()
	if len(shape) != 2 || product(shape) == 0 {
		return nil, fmt.Errorf("its weights have the axes %v", shape)
	}
	transposed := c.int("transB", 0) != 0
	inputs, outputs := shape[0], shape[1]
	if transposed {
		inputs, outputs = outputs, inputs
	}
	if n := extent(x.dims[1]); n != inputs {
		return nil, fmt.Errorf("weights for %d inputs on %d: the classifier is made for another size of picture", inputs, n)
	}
	op := &engine.Dense{Out: outputs}
	if op.Weight, err = im.denseWeight(in[1], transposed, float64(c.float("alpha", 1))); err != nil {
		return nil, err
	}
	if len(in) > 2 && in[2] != nil {
		if !in[2].constant() {
			return nil, errors.New("its bias depends on the picture")
		}
		beta := float64(c.float("beta", 1))
		if n := product(in[2].shapeDims()); n != 1 && n != outputs || len(in[2].shapeDims()) > 2 || len(in[2].shapeDims()) == 2 && in[2].shapeDims()[0] != 1 && outputs != 1 {
			return nil, fmt.Errorf("%w: a bias of %v", errBatch, in[2].shapeDims())
		} else if n == outputs && beta == 1 {
			op.Bias, err = im.parameter(in[2], []int{outputs})
		} else {
			var a *array
			if a, err = in[2].decoded(); err != nil {
				return nil, err
			}
			scaled := newArray(tFloat, []int{outputs})
			for i := range scaled.floats {
				scaled.floats[i] = round(tFloat, beta*a.float(i%a.len()))
			}
			op.Bias, err = im.tensor(in[2].name+".scaled", scaled)
		}
		if err != nil {
			return nil, err
		}
	}
	return single(im.dense(c.names[0], x, op))
}

// dense emits a fully connected layer on the last axis of a tensor of batch x n.
func (im *importer) dense(name string, x *value, op *engine.Dense) (*value, error) {
	x, err := im.asVector(x)
	if err != nil {
		return nil, err
	}
	node := im.free.name(name)
	s, err := im.emit(node, op, x.node)
	if err != nil {
		return nil, err
	}
	return plain(name, node, s), nil
}

// denseWeight makes a matrix a weight [out][in], times alpha.
func (im *importer) denseWeight(v *value, outFirst bool, alpha float64) (string, error) {
	if alpha != 1 {
		a, err := v.decoded()
		if err != nil {
			return "", err
		}
		scaled := newArray(tFloat, a.shape)
		for i := range scaled.floats {
			scaled.floats[i] = round(tFloat, alpha*a.float(i))
		}
		v = &value{name: v.name + ".scaled", array: scaled}
	}
	if !outFirst {
		return im.transposed(v)
	}
	return im.parameter(v, v.shapeDims())
}

// translateMatMul makes a product with a constant matrix a dense layer on the axis that it sums over.
func translateMatMul(im *importer, c *call, in []*value) ([]*value, error) {
	if len(in) != 2 || in[0] == nil || in[1] == nil {
		return nil, errEmptyInput
	}
	if !in[0].constant() && !in[1].constant() {
		return nil, errors.New("a product of two activations")
	}
	x, k, left := in[0], in[1], false
	if x.constant() {
		x, k, left = in[1], in[0], true
	}
	shape := k.shapeDims()
	for len(shape) > 2 && shape[0] == 1 {
		shape = shape[1:]
	}
	vector := len(shape) == 1 && !left
	if vector {
		shape = []int{shape[0], 1}
	}
	if len(shape) != 2 || product(shape) == 0 || len(k.shapeDims()) > max(2, x.rank()) {
		return nil, fmt.Errorf("its weights have the axes %v", k.shapeDims())
	}
	d := x.rank() - 1
	if left {
		d--
	}
	if d < 1 {
		return nil, errBatch
	}
	inputs := shape[0]
	if left {
		inputs = shape[1]
	}
	if n := extent(x.dims[d]); n != inputs {
		return nil, fmt.Errorf("weights for %d inputs on %d: the classifier is made for another size of picture", inputs, n)
	}
	matrix := *k
	if k.stored != nil {
		t := *k.stored
		t.shape = shape
		matrix.stored = &t
	}
	if k.array != nil {
		matrix.array = k.array.reshaped(shape)
	}
	op := &engine.Dense{Out: shape[1]}
	if left {
		op.Out = shape[0]
	}
	var err error
	if op.Weight, err = im.denseWeight(&matrix, left, 1); err != nil {
		return nil, err
	}
	var out *value
	if x.rank() == 2 && len(x.dims[0]) == 0 {
		out, err = im.dense(c.names[0], x, op)
	} else {
		var r arrangement
		if x, r, err = im.channels(x, d); err == nil {
			out, err = im.applyAs(c.names[0], x, r, op)
		}
	}
	if err == nil && vector {
		out.dims = out.dims[:len(out.dims)-1]
	}
	return single(out, err)
}
