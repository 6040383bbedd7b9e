package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/featx-go/featx/engine"
)

// hwc is a list of the engine's axes H, W, C, as its operations have them, of a list by C, H, W.
func hwc[T any](chw [3]T) [3]T { return [3]T{chw[axisH], chw[axisW], chw[axisC]} }

func translateReshape(im *importer, c *call, in []*value) ([]*value, error) {
	x, args, err := mapAndConstants(in)
	if err != nil {
		return nil, err
	}
	shape, err := newShape(c, args, im.shown(x))
	if err != nil {
		return nil, err
	}
	if len(shape) == 0 || shape[0]%im.batch != 0 {
		return nil, fmt.Errorf("%w: %v becomes %v", errBatch, im.shown(x), shape)
	}
	shape[0] /= im.batch
	out, ok := x.reshaped(shape)
	if !ok { // axes are cut where they were not joined: they must lie in order first
		vector, err := im.asVector(x)
		if err == nil {
			vector, err = im.materialise(vector, [3]int{product(x.extents()), 1, 1}, true)
		}
		if err != nil {
			return nil, err
		}
		out, _ = vector.reshaped(shape)
	}
	out.name = c.names[0]
	// The vector in front of a classifier is a layer of its own; nothing is moved for it.
	if len(shape) == 2 && shape[0] == 1 && out.straight() && !out.shape.Flat {
		return single(im.asVector(out))
	}
	return []*value{out}, nil
}

func translateTranspose(im *importer, c *call, in []*value) ([]*value, error) {
	x, err := activationInput(in, 0)
	if err != nil {
		return nil, err
	}
	perm, err := permutation(c, x.rank())
	if err != nil {
		return nil, err
	}
	if perm[0] != 0 {
		return nil, fmt.Errorf("%w: perm %v", errBatch, perm)
	}
	out := x.permuted(perm)
	out.name = c.names[0]
	return []*value{out}, nil
}

func translateConcat(im *importer, c *call, in []*value) ([]*value, error) {
	var first *value
	for _, v := range in {
		if v == nil {
			return nil, errEmptyInput
		}
		if first == nil && !v.constant() {
			first = v
		}
	}
	if len(in) == 1 {
		return same(im, c, in)
	}
	d, err := normalAxis(c.int("axis", 1), first.rank())
	if err != nil {
		return nil, err
	}
	if d == 0 {
		return nil, errBatch
	}
	r, ok := first.simple()
	if !ok || r.axis(d) != axisC {
		r = around(first.extents(), d)
	}
	inputs := make([]string, len(in))
	for i, v := range in {
		dims := v.shapeDims()
		if len(dims) != r.rank {
			return nil, fmt.Errorf("the axes %v are not joined", im.allShown(in))
		}
		one := r
		one.axes[axisC] = []piece{{d, 0, dims[d]}}
		if !v.constant() {
			fitted, err := im.fit(v, one)
			if err != nil {
				return nil, err
			}
			inputs[i] = fitted.node
			continue
		}
		a, err := v.decoded()
		if err != nil {
			return nil, err
		}
		laid, ok := one.laidOut(a)
		if !ok || product(laid.shape) != a.len() || slices.Contains(repeated(one, dims), true) {
			return nil, fmt.Errorf("the axes %v are not joined", im.allShown(in))
		}
		node, err := im.constantNodeOf(v, laid, r.flat)
		if err != nil {
			return nil, err
		}
		inputs[i] = node.node
	}
	node := im.free.name(c.names[0])
	s, err := im.emit(node, &engine.Concat{}, inputs...)
	if err != nil {
		return nil, err
	}
	return []*value{r.result(c.names[0], node, s)}, nil
}

// repeated says which axes of a constant would be repeated to fill the arrangement.
func repeated(r arrangement, dims []int) []bool {
	list, _ := r.factors()
	out := make([]bool, len(dims))
	for d, f := range list {
		out[d] = dims[d] != product(f)
	}
	return out
}

// cut takes positions of the axes of x, by ONNX axis: where it begins, how many, how far apart.
func (im *importer) cut(name string, x *value, from, count, step []int) (*value, error) {
	if from[0] != 0 || step[0] != 1 || count[0] != im.shown(x)[0] {
		return nil, errBatch
	}
	for d, n := range count {
		if n == 0 {
			return nil, fmt.Errorf("nothing is left of axis %d", d)
		}
	}
	x, r, err := im.mapped(x)
	if err != nil {
		return nil, err
	}
	var start, stop, by [3]int
	have := extents(x.shape)
	for axis := range 3 {
		stop[axis], by[axis] = have[axis], 1
	}
	for d := 1; d < r.rank; d++ {
		axis := r.axis(d)
		if axis < 0 {
			continue
		}
		start[axis], by[axis] = from[d], step[d]
		stop[axis] = from[d] + (count[d]-1)*step[d] + max(-1, min(step[d], 1))
		if stop[axis] < 0 { // before the first
			stop[axis] = -have[axis] - 1
		}
		if count[d] == 1 {
			stop[axis], by[axis] = from[d]+1, 1
		}
	}
	if start == [3]int{} && stop == have && by == [3]int{1, 1, 1} {
		return r.result(name, x.node, x.shape), nil
	}
	return im.applyAs(name, x, r, &engine.Slice{Start: hwc(start), Stop: hwc(stop), Step: hwc(by)})
}

func translateSlice(im *importer, c *call, in []*value) ([]*value, error) {
	x, args, err := mapAndConstants(in)
	if err != nil {
		return nil, err
	}
	from, count, step, err := slices4(c, args, im.shown(x))
	if err != nil {
		return nil, err
	}
	return single(im.cut(c.names[0], x, from, count, step))
}

// whole is a cut that takes everything.
func whole(dims []int) (from, count, step []int) {
	from, count, step = make([]int, len(dims)), slices.Clone(dims), make([]int, len(dims))
	for i := range step {
		step[i] = 1
	}
	return from, count, step
}

func translateSplit(im *importer, c *call, in []*value) ([]*value, error) {
	x, args, err := mapAndConstants(in)
	if err != nil {
		return nil, err
	}
	dims := im.shown(x)
	d, err := normalAxis(c.int("axis", 0), len(dims))
	if err != nil {
		return nil, err
	}
	if d == 0 {
		return nil, errBatch
	}
	sizes, err := c.listOf("split", args, 1)
	if err != nil {
		return nil, err
	}
	if sizes == nil {
		parts := int(c.int("num_outputs", int64(len(c.outputs))))
		if parts < 1 || parts > dims[d] {
			return nil, fmt.Errorf("%d parts of an axis of %d", parts, dims[d])
		}
		each := (dims[d] + parts - 1) / parts
		for left := dims[d]; left > 0; left -= each {
			sizes = append(sizes, int64(min(each, left)))
		}
	}
	if len(sizes) < len(c.outputs) {
		return nil, fmt.Errorf("%d parts for %d outputs", len(sizes), len(c.outputs))
	}
	var list []*value
	at := 0
	for i := range c.outputs {
		n := int(min(max(sizes[i], 0), maxElements))
		if n > dims[d]-at {
			return nil, fmt.Errorf("parts %v of an axis of %d", sizes, dims[d])
		}
		if c.outputs[i] == "" {
			list = append(list, nil)
			at += n
			continue
		}
		from, count, step := whole(dims)
		from[d], count[d] = at, n
		at += n
		part, err := im.cut(c.names[i], x, from, count, step)
		if err != nil {
			return nil, err
		}
		list = append(list, part)
	}
	return list, nil
}

// translateGather takes constant positions of one axis: a Slice where they are evenly spaced, else a Concat of several.
func translateGather(im *importer, c *call, in []*value) ([]*value, error) {
	x, err := activationInput(in, 0)
	if err != nil {
		return nil, err
	}
	index, err := constantInput(in, 1, "list of positions")
	if err != nil || index == nil {
		return nil, errors.Join(err, errEmptyInput)
	}
	dims := im.shown(x)
	d, err := normalAxis(c.int("axis", 0), len(dims))
	if err != nil {
		return nil, err
	}
	n := index.len()
	if d == 0 && im.batch == 1 && n == dims[0] && len(index.shape) > 0 && index.shape[0] == 1 {
		for i := range n {
			if index.integer(i) != int64(i) {
				return nil, errBatch
			}
		}
		if out, ok := x.reshaped(slices.Concat(index.shape, dims[1:])); ok { // all as it is: what PyTorch's newer exporter makes of as_strided
			out.name = c.names[0]
			return []*value{out}, nil
		}
	}
	if d == 0 {
		return nil, errBatch
	}
	if n == 0 || n > dims[d] && n > 1024 {
		return nil, fmt.Errorf("positions of the shape %v", index.shape)
	}
	at := make([]int, n)
	for i := range at {
		v := index.integer(i)
		if v < -int64(dims[d]) || v >= int64(dims[d]) {
			return nil, fmt.Errorf("position %d of an axis of %d", v, dims[d])
		}
		at[i] = int((v + int64(dims[d])) % int64(dims[d]))
	}
	// Runs of evenly spaced positions.
	var runs [][3]int // first, count, step
	for i := 0; i < n; {
		run := [3]int{at[i], 1, 1}
		if i+1 < n && at[i+1] != at[i] {
			run[2] = at[i+1] - at[i]
			for i+run[1] < n && at[i+run[1]] == at[i]+run[1]*run[2] {
				run[1]++
			}
		}
		runs = append(runs, run)
		i += run[1]
	}
	parts := make([]*value, len(runs))
	for i, run := range runs {
		from, count, step := whole(dims)
		from[d], count[d], step[d] = run[0], run[1], run[2]
		name := c.names[0]
		if len(runs) > 1 {
			name = fmt.Sprintf("%s.part%d", name, i)
		}
		if parts[i], err = im.cut(name, x, from, count, step); err != nil {
			return nil, err
		}
	}
	out := parts[0]
	if len(parts) > 1 {
		joined := *c
		joined.nodeProto = &nodeProto{op: "Concat", attrs: map[string]*attrProto{"axis": {i: int64(d)}}}
		list, err := translateConcat(im, &joined, parts)
		if err != nil {
			return nil, err
		}
		out = list[0]
	}
	if len(index.shape) != 1 {
		have := out.extents()
		out, _ = out.reshaped(slices.Concat(have[:d], index.shape, have[d+1:]))
		out.name = c.names[0]
	}
	return []*value{out}, nil
}

var padModes = map[string]string{"constant": engine.PadConstant, "reflect": engine.PadReflect, "edge": engine.PadEdge, "wrap": engine.PadWrap}

func translatePad(im *importer, c *call, in []*value) ([]*value, error) {
	x, args, err := mapAndConstants(in)
	if err != nil {
		return nil, err
	}
	pads, err := c.listOf("pads", args, 1)
	if err != nil {
		return nil, err
	}
	axes, err := c.listOf("", args, 3)
	if err != nil {
		return nil, err
	}
	if axes == nil {
		for d := range x.rank() {
			axes = append(axes, int64(d))
		}
	}
	mode, ok := padModes[c.text("mode", "constant")]
	if !ok {
		return nil, fmt.Errorf("mode %q", c.text("mode", ""))
	}
	op := &engine.ZeroPad{Mode: mode, Value: c.float("value", 0)}
	if len(args) > 2 && args[2] != nil {
		if args[2].len() != 1 {
			return nil, fmt.Errorf("a value of shape %v", args[2].shape)
		}
		op.Value = float32(args[2].float(0))
	}
	if mode != engine.PadConstant {
		op.Value = 0
	} else if op.Value == 0 {
		op.Mode = ""
	}
	if len(pads) != 2*len(axes) {
		return nil, fmt.Errorf("pads %v for %d axes", pads, len(axes))
	}
	var before, after [64]int
	none := true
	for i, a := range axes {
		d, err := normalAxis(a, x.rank())
		if err != nil {
			return nil, err
		}
		for _, n := range []int64{pads[i], pads[i+len(axes)]} {
			if n < -maxElements || n > maxElements {
				return nil, fmt.Errorf("pads %v", pads)
			}
			none = none && n == 0
		}
		before[d], after[d] = int(pads[i]), int(pads[i+len(axes)])
	}
	if none {
		return []*value{x}, nil
	}
	if before[0] != 0 || after[0] != 0 {
		return nil, errBatch
	}
	x, r, err := im.mapped(x)
	if err != nil {
		return nil, err
	}
	if x.shape.Flat {
		r.flat = false
		if x, err = im.fit(r.result(x.name, x.node, x.shape), r); err != nil {
			return nil, err
		}
	}
	for d := 1; d < r.rank; d++ {
		switch r.axis(d) {
		case -1:
			if before[d] != 0 || after[d] != 0 {
				return nil, fmt.Errorf("pads %v of a tensor of %v", pads, r.dims())
			}
		case axisC:
			op.ChannelsBefore, op.ChannelsAfter = before[d], after[d]
		case axisH:
			op.Pad.Top, op.Pad.Bottom = before[d], after[d]
		case axisW:
			op.Pad.Left, op.Pad.Right = before[d], after[d]
		}
	}
	return single(im.applyAs(c.names[0], x, r, op))
}

func translateDepthToSpace(im *importer, c *call, in []*value) ([]*value, error) {
	x, err := activationInput(in, 0)
	if err == nil {
		x, err = im.asMap(x)
	}
	if err != nil {
		return nil, err
	}
	block := c.int("blocksize", 0)
	if block < 1 || block > 1<<20 {
		return nil, fmt.Errorf("blocksize %d", block)
	}
	var op engine.Op = &engine.SpaceToDepth{Block: int(block), Mode: engine.DepthColumnRow}
	if c.op == "DepthToSpace" {
		op = &engine.DepthToSpace{Block: int(block), Mode: c.text("mode", engine.DepthColumnRow)}
	}
	return single(im.mapNode(c.names[0], x, op))
}

// mapNode emits an operation from a map (batch x C x H x W) to a map.
func (im *importer) mapNode(name string, x *value, op engine.Op) (*value, error) {
	node := im.free.name(name)
	s, err := im.emit(node, op, x.node)
	if err != nil {
		return nil, err
	}
	return plain(name, node, s), nil
}

// translateResize reads Resize (operator sets 10, 11, 13, 18, 19) and its forerunner Upsample (7, 9).
func translateResize(im *importer, c *call, in []*value) ([]*value, error) {
	x, args, err := mapAndConstants(in)
	if err != nil {
		return nil, err
	}
	old := c.op == "Upsample" || c.opset < 11
	at := map[bool]int{true: 1, false: 2}[old] // of the scales
	var scales, sizes []float64
	read := func(i int) (list []float64) {
		if i < len(args) && args[i] != nil {
			for j := range args[i].len() {
				list = append(list, args[i].float(j))
			}
		}
		return list
	}
	if scales = read(at); !old {
		sizes = read(at + 1)
	}
	for _, f := range c.attrs["scales"].list() {
		scales = append(scales, float64(f))
	}
	op := &engine.Resize{Mode: c.text("mode", "nearest"), Coord: engine.Asymmetric, Rounding: engine.RoundFloor}
	if !old {
		op.Coord, op.Rounding = c.text("coordinate_transformation_mode", engine.HalfPixel), c.text("nearest_mode", engine.RoundPreferFloor)
	}
	switch op.Mode {
	case "nearest", "linear":
	case "cubic":
		op.CubicA = float64(c.float("cubic_coeff_a", -0.75))
	default:
		return nil, fmt.Errorf("mode %q", op.Mode)
	}
	if op.Mode != "nearest" {
		op.Rounding = ""
	}
	if c.int("exclude_outside", 0) != 0 {
		return nil, errors.New("exclude_outside is set")
	}
	axes := c.ints("axes")
	if axes == nil {
		for d := range x.rank() {
			axes = append(axes, int64(d))
		}
	}
	x, r, err := im.mapped(x)
	if err != nil {
		return nil, err
	}
	dims := r.dims()
	list := scales
	if len(sizes) > 0 {
		list = sizes
	}
	if len(list) != len(axes) {
		return nil, fmt.Errorf("scales %v, sizes %v for %d axes", scales, sizes, len(axes))
	}
	scale, size := [3]float64{1, 1, 1}, extents(x.shape)
	resized := false
	keep := 0.0
	if policy := c.text("keep_aspect_ratio_policy", "stretch"); policy != "stretch" && len(sizes) > 0 {
		for i, a := range axes {
			d, err := normalAxis(a, r.rank)
			if err != nil {
				return nil, err
			}
			s := sizes[i] / float64(max(dims[d], 1))
			if keep == 0 || policy == "not_larger" && s < keep || policy == "not_smaller" && s > keep {
				keep = s
			}
		}
	}
	for i, a := range axes {
		d, err := normalAxis(a, r.rank)
		if err != nil {
			return nil, err
		}
		n, s := dims[d], 0.0
		if len(sizes) > 0 {
			want := sizes[i]
			if keep > 0 {
				want = math.Floor(keep*float64(n) + 0.5)
			}
			if d == 0 {
				want = sizes[i] / float64(im.batch)
			}
			if !(want >= 1 && want <= maxElements) {
				return nil, fmt.Errorf("sizes %v", sizes)
			}
			n, s = int(want), want/float64(n)
		} else {
			s = list[i]
			if !(s > 0) || s > maxElements {
				return nil, fmt.Errorf("scales %v", scales)
			}
			n = int(min(math.Floor(float64(n)*s), maxElements))
		}
		if keep > 0 && n != int(float64(dims[d])*keep) {
			return nil, errors.New("keep_aspect_ratio_policy with sizes between pixels")
		}
		if n == dims[d] && s == 1 {
			continue
		}
		resized = true
		axis := -1
		if d > 0 {
			axis = r.axis(d)
		}
		if axis != axisH && axis != axisW {
			return nil, fmt.Errorf("a resize of axis %d, which is not the height or width", d)
		}
		scale[axis], size[axis] = s, n
		if c.int("antialias", 0) != 0 && s < 1 {
			return nil, errors.New("antialias is set")
		}
	}
	if old && op.Rounding != "" && min(scale[axisH], scale[axisW]) < 1 { // operator set 10 rounded so
		if max(scale[axisH], scale[axisW]) > 1 {
			return nil, errors.New("one axis is made larger, one smaller")
		}
		op.Rounding = engine.RoundCeil
	}
	if keep > 0 {
		scale[axisH], scale[axisW] = keep, keep
	}
	if !resized {
		return []*value{r.result(c.names[0], x.node, x.shape)}, nil
	}
	if len(sizes) > 0 && keep == 0 {
		op.H, op.W = size[axisH], size[axisW]
	} else {
		op.ScaleH, op.ScaleW = scale[axisH], scale[axisW]
	}
	return single(im.applyAs(c.names[0], x, r, op))
}

// list are an attribute's numbers; none if it is not there.
func (a *attrProto) list() []float32 {
	if a == nil {
		return nil
	}
	return a.floats
}

// dims are the extents of the ONNX axes.
func (r arrangement) dims() []int {
	out := make([]int, r.rank)
	for i := range out {
		out[i] = 1
	}
	for _, pieces := range r.axes {
		for _, p := range pieces {
			out[p.dim] *= p.n
		}
	}
	return out
}

var reduceFuncs = map[string]string{"ReduceMean": engine.ReduceMean, "ReduceSum": engine.ReduceSum, "ReduceMax": engine.ReduceMax, "ReduceMin": engine.ReduceMin,
	"ReduceProd": engine.ReduceProd, "ReduceL1": engine.ReduceL1, "ReduceL2": engine.ReduceL2, "ReduceSumSquare": engine.ReduceSumSquare,
	"ReduceLogSum": engine.ReduceLogSum, "ReduceLogSumExp": engine.ReduceLogSumExp}

func translateReduce(im *importer, c *call, in []*value, f string) ([]*value, error) {
	x, args, err := mapAndConstants(in)
	if err != nil {
		return nil, err
	}
	reduced, keep, err := reducedAxes(c, args, x.rank())
	if err != nil {
		return nil, err
	}
	if reduced[0] {
		return nil, errBatch
	}
	if !slices.Contains(reduced, true) {
		return []*value{x}, nil
	}
	x, r, err := im.mapped(x)
	if err != nil {
		return nil, err
	}
	axes, left := "", 0
	for d := 1; d < r.rank; d++ {
		if axis := r.axis(d); reduced[d] && axis >= 0 {
			axes += string("CHW"[axis])
		} else if !reduced[d] {
			left++
		}
	}
	if axes == "" { // only axes of one element, which are none of the engine's
		return nil, fmt.Errorf("over axes of one element of %v", r.dims())
	}
	name := c.names[0]
	// What is left is a vector where it is one in the file.
	flat := !keep && left <= 1
	var op engine.Op = &engine.Reduce{Func: f, Axes: axes, KeepDims: !flat}
	if (axes == "HW" || axes == "WH") && (f == engine.ReduceMean || f == engine.ReduceMax) && !x.shape.Flat {
		op = &engine.AdaptivePool{OutH: 1, OutW: 1, Max: f == engine.ReduceMax, Flatten: flat}
	}
	node := im.free.name(name)
	s, err := im.emit(node, op, x.node)
	if err != nil {
		return nil, err
	}
	out := r.result(name, node, s)
	if !keep {
		var dims [][]*atom
		for d, list := range out.dims {
			if !reduced[d] {
				dims = append(dims, list)
			}
		}
		out.dims = dims
	}
	return []*value{out}, nil
}
