package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/featx-go/featx/engine"
)

// translate makes engine nodes of an ONNX node whose inputs are not all constant; in[i] is nil where an input is left out.
type translate func(im *importer, c *call, in []*value) ([]*value, error)

// operators are the ones that can be applied to activations.
var operators map[string]translate

func init() {
	operators = map[string]translate{
		"Relu": unary(func(*call) engine.Op { return &engine.ReLU{} }), "Clip": translateClip, "PRelu": translatePReLU,
		"LeakyRelu":       activation(engine.LeakyReLU, "alpha", 0.01, "", 0),
		"Elu":             activation(engine.ELU, "alpha", 1, "", 0),
		"Celu":            activation(engine.CELU, "alpha", 1, "", 0),
		"Selu":            activation(engine.SELU, "alpha", engine.SELUAlpha, "gamma", engine.SELUBeta),
		"HardSigmoid":     activation(engine.HardSigmoid, "alpha", 0.2, "beta", 0.5),
		"ThresholdedRelu": activation(engine.ThresholdedReLU, "alpha", 1, "", 0),
		"Sigmoid":         activation(engine.Sigmoid, "", 0, "", 0), "HardSwish": activation(engine.HardSwish, "", 0, "", 0),
		"Tanh": activation(engine.Tanh, "", 0, "", 0), "Softplus": activation(engine.Softplus, "", 0, "", 0), "Softsign": activation(engine.Softsign, "", 0, "", 0),
		"Mish": activation(engine.Mish, "", 0, "", 0), "Exp": activation(engine.Exp, "", 0, "", 0), "Log": activation(engine.Log, "", 0, "", 0),
		"Sqrt": activation(engine.Sqrt, "", 0, "", 0), "Abs": activation(engine.Abs, "", 0, "", 0), "Neg": activation(engine.Neg, "", 0, "", 0),
		"Erf": activation(engine.Erf, "", 0, "", 0), "Reciprocal": activation(engine.Reciprocal, "", 0, "", 0),
		"Floor": activation(engine.Floor, "", 0, "", 0), "Ceil": activation(engine.Ceil, "", 0, "", 0), "Gelu": translateGelu,

		"Add": translateArithmetic, "Sum": translateArithmetic, "Sub": translateArithmetic, "Mul": translateArithmetic, "Div": translateArithmetic,
		"Max": translateArithmetic, "Min": translateArithmetic, "Mean": translateArithmetic, "Pow": translatePow, "Expand": translateExpand,

		"Identity": same, "Dropout": translateDropout, "Cast": translateCast, "CastLike": translateCast,
		"Reshape": translateReshape, "Flatten": translateReshape, "Squeeze": translateReshape, "Unsqueeze": translateReshape, "Transpose": translateTranspose,
		"Greater": translateGreater, "Where": translateWhere,
		"Concat": translateConcat, "Split": translateSplit, "Slice": translateSlice, "Gather": translateGather, "Pad": translatePad,
		"Resize": translateResize, "Upsample": translateResize, "DepthToSpace": translateDepthToSpace, "SpaceToDepth": translateDepthToSpace,

		"Conv": translateConv, "ConvTranspose": translateConvTranspose, "Gemm": translateGemm, "MatMul": translateMatMul,
		"MaxPool": translatePool, "AveragePool": translatePool, "LpPool": translatePool,
		"GlobalAveragePool": translateGlobalPool, "GlobalMaxPool": translateGlobalPool, "GlobalLpPool": translateGlobalPool,

		"BatchNormalization": translateBatchNorm, "InstanceNormalization": translateInstanceNorm, "GroupNormalization": translateInstanceNorm,
		"LayerNormalization": translateLayerNorm, "LRN": translateLRN, "LpNormalization": translateLpNorm,
		"Softmax": translateSoftmax, "LogSoftmax": translateSoftmax,
	}
	for name, f := range reduceFuncs {
		operators[name] = func(im *importer, c *call, in []*value) ([]*value, error) { return translateReduce(im, c, in, f) }
	}
}

// activationInput is the i-th input, which must be there and depend on the picture.
func activationInput(in []*value, i int) (*value, error) {
	if i >= len(in) || in[i] == nil {
		return nil, errEmptyInput
	}
	if in[i].constant() {
		return nil, errors.New("its input is constant, and one of its parameters is not")
	}
	return in[i], nil
}

// constantInput is the i-th input decoded; nil if it is not there.
func constantInput(in []*value, i int, what string) (*array, error) {
	if i >= len(in) || in[i] == nil {
		return nil, nil
	}
	if !in[i].constant() {
		return nil, fmt.Errorf("its %s depends on the picture", what)
	}
	return in[i].decoded()
}

// constants decodes the inputs from the first on; those before are nil.
func constants(in []*value, first int) ([]*array, error) {
	out := make([]*array, len(in))
	for i := first; i < len(in); i++ {
		var err error
		if out[i], err = constantInput(in, i, "shape or parameter"); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// onlyFirst refuses a node whose further outputs somebody reads or may read.
func onlyFirst(c *call) error {
	for _, o := range c.outputs[1:] {
		if o != "" {
			return fmt.Errorf("its output %q is not supported", o)
		}
	}
	return nil
}

// apply emits an operation on v's node, which keeps v's axes.
func (im *importer) apply(name string, v *value, op engine.Op) (*value, error) {
	node := im.free(name)
	s, err := im.emit(node, op, v.node)
	if err != nil {
		return nil, err
	}
	out := *v
	out.name, out.node, out.shape = name, node, s
	return &out, nil
}

// applyAs emits an operation on v, which lies as r says, and may change the extents of axes that are one piece.
func (im *importer) applyAs(name string, v *value, r arrangement, op engine.Op) (*value, error) {
	node := im.free(name)
	s, err := im.emit(node, op, v.node)
	if err != nil {
		return nil, err
	}
	return r.result(name, node, s), nil
}

func single(v *value, err error) ([]*value, error) {
	if err != nil {
		return nil, err
	}
	return []*value{v}, nil
}

func unary(op func(c *call) engine.Op) translate {
	return func(im *importer, c *call, in []*value) ([]*value, error) {
		x, err := activationInput(in, 0)
		if err != nil {
			return nil, err
		}
		return single(im.apply(c.names[0], x, op(c)))
	}
}

func activation(f, alpha string, a float32, beta string, b float32) translate {
	return unary(func(c *call) engine.Op {
		op := &engine.Activation{Func: f}
		if alpha != "" {
			op.Alpha = c.float(alpha, a)
		}
		if beta != "" {
			op.Beta = c.float(beta, b)
		}
		return op
	})
}

func translateGelu(im *importer, c *call, in []*value) ([]*value, error) {
	f := engine.GELU
	switch c.text("approximate", "none") {
	case "none":
	case "tanh":
		f = engine.GELUTanh
	default:
		return nil, fmt.Errorf("approximate %q", c.text("approximate", ""))
	}
	return activation(f, "", 0, "", 0)(im, c, in)
}

func same(im *importer, c *call, in []*value) ([]*value, error) {
	x, err := activationInput(in, 0)
	return single(x, err)
}

func translateDropout(im *importer, c *call, in []*value) ([]*value, error) {
	if err := onlyFirst(c); err != nil {
		return nil, err
	}
	if training, err := constantInput(in, 2, "training_mode"); err != nil || training != nil && training.len() == 1 && training.integer(0) != 0 {
		return nil, errTraining
	}
	return same(im, c, in)
}

func translateCast(im *importer, c *call, in []*value) ([]*value, error) {
	to := int32(c.int("to", 0))
	if c.op == "CastLike" {
		if len(in) < 2 || in[1] == nil {
			return nil, errEmptyInput
		}
		switch {
		case in[1].array != nil:
			to = in[1].array.dtype
		case in[1].stored != nil:
			to = in[1].stored.dtype
		default:
			to = tFloat
		}
	}
	if len(in) > 0 && in[0] != nil && in[0].constant() && c.op == "CastLike" { // to an activation's type
		a, err := in[0].decoded()
		if err != nil {
			return nil, err
		}
		return []*value{{name: c.names[0], array: a.cast(tFloat)}}, nil
	}
	if !isFloat(to) {
		return nil, fmt.Errorf("a cast of an activation to %s", typeName(to))
	}
	return same(im, c, in)
}

func translateClip(im *importer, c *call, in []*value) ([]*value, error) {
	x, err := activationInput(in, 0)
	if err != nil {
		return nil, err
	}
	bounds := [2]float32{c.float("min", float32(math.Inf(-1))), c.float("max", float32(math.Inf(1)))}
	for i := range bounds {
		a, err := constantInput(in, i+1, "bound")
		if err != nil {
			return nil, err
		}
		if a != nil {
			if a.len() != 1 {
				return nil, fmt.Errorf("a bound of shape %v", a.shape)
			}
			bounds[i] = float32(a.float(0))
		}
	}
	return single(im.apply(c.names[0], x, clip(bounds[0], bounds[1])))
}

// clip is min(max(x, lo), hi): where the bounds are crossed, hi.
func clip(lo, hi float32) engine.Op {
	lo = min(lo, hi)
	switch {
	case lo == 0 && math.IsInf(float64(hi), 1):
		return &engine.ReLU{}
	case lo == 0 && hi > 0:
		return &engine.ReLU{Max: hi}
	}
	return &engine.Clip{Lo: lo, Hi: hi}
}

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
	name := im.free(v.name)
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
	node := im.free(name)
	s, err := im.emit(node, op, inputs...)
	if err != nil {
		return nil, err
	}
	return r.result(name, node, s), nil
}

var arithmeticFuncs = map[string]string{"Sub": engine.Sub, "Mul": engine.Mul, "Div": engine.Div, "Max": engine.Max, "Min": engine.Min, "Mean": engine.Mean}

func translateArithmetic(im *importer, c *call, in []*value) ([]*value, error) {
	for _, v := range in {
		if v == nil {
			return nil, errEmptyInput
		}
	}
	name := c.names[0]
	switch {
	case len(in) == 0:
		return nil, errEmptyInput
	case len(in) == 1:
		return same(im, c, in)
	case len(in) > 2 && (c.op == "Sub" || c.op == "Div"):
		return nil, fmt.Errorf("%d inputs", len(in))
	case len(in) == 2 && in[0].constant() != in[1].constant() && c.op != "Mean":
		return single(im.withConstant(name, c.op, in[0], in[1]))
	}
	var op engine.Op = &engine.Add{}
	if f := arithmeticFuncs[c.op]; f != "" {
		op = &engine.Arithmetic{Func: f}
	}
	return single(im.combine(name, op, in...))
}

// withConstant computes an operation of an activation and a constant: a scale and shift per channel where it is one.
func (im *importer) withConstant(name, op string, a, b *value) (*value, error) {
	x, k, left := a, b, false
	if a.constant() {
		x, k, left = b, a, true
	}
	if op == "Max" || op == "Min" {
		if v, err := k.decoded(); err != nil {
			return nil, err
		} else if v.len() == 1 && len(v.shape) <= x.rank() {
			lo, hi := float32(math.Inf(-1)), float32(math.Inf(1))
			if op == "Max" {
				lo = float32(v.float(0))
			} else {
				hi = float32(v.float(0))
			}
			return im.apply(name, x, clip(lo, hi))
		}
	}
	r, nodes, arrays, err := im.common([]*value{x, k}, false)
	if err != nil {
		return nil, err
	}
	fitted, laid := nodes[0], arrays[1]
	channels := fitted.shape.C
	perChannel := laid.shape[1]*laid.shape[2] == 1 && (laid.shape[0] == channels || laid.shape[0] == 1) && !(op == "Div" && left)
	if perChannel {
		scale := &engine.Scale{}
		if err := im.scaleAndShift(scale, op, left, k, laid, channels); err != nil {
			return nil, err
		}
		if *scale != (engine.Scale{}) {
			return im.applyAs(name, fitted, r, scale)
		}
	}
	if op == "Add" || op == "Sum" {
		return im.combine(name, &engine.Add{}, a, b)
	}
	return im.combine(name, &engine.Arithmetic{Func: arithmeticFuncs[op]}, a, b)
}

// scaleAndShift fills a Scale for x op k (or k op x), k being one value or one for each channel; it leaves the Scale empty where that would be less exact.
func (im *importer) scaleAndShift(s *engine.Scale, op string, left bool, k *value, laid *array, channels int) error {
	map1 := func(suffix string, f func(v float64) float64) (string, error) {
		out := newArray(tFloat, []int{channels})
		for i := range out.floats {
			out.floats[i] = round(tFloat, f(laid.float(i%laid.len())))
		}
		return im.tensor(k.name+suffix, out)
	}
	keep := func() (string, error) {
		if laid.len() == channels {
			return im.parameter(k, []int{channels})
		}
		return map1(".repeated", func(v float64) float64 { return v })
	}
	var err error
	switch op {
	case "Add", "Sum":
		s.Shift, err = keep()
	case "Mul":
		s.Scale, err = keep()
	case "Sub":
		if !left {
			s.Shift, err = map1(".negative", func(v float64) float64 { return -v })
			return err
		}
		if s.Shift, err = keep(); err == nil {
			s.Scale, err = map1(".minus", func(float64) float64 { return -1 })
		}
	case "Div":
		for i := range laid.len() {
			if r := float32(1 / laid.float(i)); math.IsInf(float64(r), 0) || r == 0 && !math.IsInf(laid.float(i), 0) || r != r {
				return nil
			}
		}
		s.Scale, err = map1(".reciprocal", func(v float64) float64 { return 1 / v })
	}
	return err
}

func translatePow(im *importer, c *call, in []*value) ([]*value, error) {
	if len(in) != 2 || in[0] == nil || in[1] == nil {
		return nil, errEmptyInput
	}
	x, name := in[0], c.names[0]
	if in[1].constant() && !x.constant() {
		k, err := in[1].decoded()
		if err != nil {
			return nil, err
		}
		if k.len() == 1 && len(k.shape) <= x.rank() {
			switch k.float(0) {
			case 1:
				return []*value{x}, nil
			case 2:
				return single(im.combine(name, &engine.Arithmetic{Func: engine.Mul}, x, x))
			case 0.5:
				return single(im.apply(name, x, &engine.Activation{Func: engine.Sqrt}))
			case -1:
				return single(im.apply(name, x, &engine.Activation{Func: engine.Reciprocal}))
			}
		}
	}
	return single(im.combine(name, &engine.Arithmetic{Func: engine.Pow}, in...))
}

// translateExpand repeats axes: the product with ones.
func translateExpand(im *importer, c *call, in []*value) ([]*value, error) {
	x, err := activationInput(in, 0)
	if err != nil {
		return nil, err
	}
	list, err := constantInput(in, 1, "shape")
	if err != nil || list == nil {
		return nil, errors.Join(err, errEmptyInput)
	}
	want := make([]int, list.len())
	for i := range want {
		if d := list.integer(i); d < 1 || d > maxElements {
			return nil, fmt.Errorf("to an axis of %d", d)
		} else {
			want[i] = int(d)
		}
	}
	if len(want) == x.rank() && (want[0] == im.batch || want[0] == 1) {
		want[0] = 1
	}
	dims, err := broadcastShape(x.extents(), want)
	if err != nil {
		return nil, err
	}
	if slices.Equal(dims, x.extents()) {
		return []*value{x}, nil
	}
	n := 1
	for _, d := range want {
		if n > maxElements/d {
			return nil, fmt.Errorf("to %v", want)
		}
		n *= d
	}
	if im.budget -= n; im.budget < 0 {
		return nil, errBudget
	}
	ones := newArray(tFloat, want)
	for i := range ones.floats {
		ones.floats[i] = 1
	}
	return single(im.combine(c.names[0], &engine.Arithmetic{Func: engine.Mul}, x, &value{name: c.names[0] + ".ones", array: ones}))
}

func translatePReLU(im *importer, c *call, in []*value) ([]*value, error) {
	x, err := activationInput(in, 0)
	if err != nil {
		return nil, err
	}
	if len(in) < 2 || in[1] == nil || !in[1].constant() {
		return nil, errors.New("its slope is not constant")
	}
	k, name := in[1], c.names[0]
	r, nodes, arrays, err := im.common([]*value{x, k}, false)
	if err != nil {
		return nil, err
	}
	fitted, laid := nodes[0], arrays[1]
	switch {
	case laid.len() == 1:
		slope, err := im.parameter(k, []int{1})
		if err != nil {
			return nil, err
		}
		return single(im.applyAs(name, fitted, r, &engine.PReLU{Slope: slope, Shared: true}))
	case laid.len() == fitted.shape.C && laid.shape[0] == laid.len():
		slope, err := im.parameter(k, []int{laid.len()})
		if err != nil {
			return nil, err
		}
		return single(im.applyAs(name, fitted, r, &engine.PReLU{Slope: slope}))
	}
	// A slope of each place: max(x, 0) + slope * min(x, 0).
	below, err := im.apply(name+".below", x, clip(float32(math.Inf(-1)), 0))
	if err != nil {
		return nil, err
	}
	above, err := im.apply(name+".above", x, clip(0, float32(math.Inf(1))))
	if err != nil {
		return nil, err
	}
	if below, err = im.combine(name+".scaled", &engine.Arithmetic{Func: engine.Mul}, below, k); err != nil {
		return nil, err
	}
	return single(im.combine(name, &engine.Add{}, above, below))
}

// translateGreater remembers a comparison for Where.
func translateGreater(im *importer, c *call, in []*value) ([]*value, error) {
	x, err := activationInput(in, 0)
	if err != nil {
		return nil, err
	}
	k, err := constantInput(in, 1, "bound")
	if err != nil || k == nil || k.len() != 1 {
		return nil, errors.New("a comparison with more than one number")
	}
	return []*value{{name: c.names[0], above: &comparison{x, k.float(0)}}}, nil
}

// translateWhere is for PyTorch's softplus, which is x above a threshold where log(1+exp(x)) is the same float32.
func translateWhere(im *importer, c *call, in []*value) ([]*value, error) {
	if len(in) == 3 && in[0] != nil && in[0].above != nil && in[1] != nil && in[2] != nil && in[2].node != "" {
		above, soft := in[0].above, in[2]
		at, ok := im.position[soft.node]
		if ok && above.than >= 17 && above.x.node == in[1].node && slices.Equal(soft.extents(), in[1].extents()) {
			n := im.g.Nodes[at]
			if op, ok := n.Op.(*engine.Activation); ok && op.Func == engine.Softplus && n.Inputs[0] == in[1].node {
				return []*value{soft}, nil
			}
		}
	}
	return nil, errors.New("a choice between activations, but for PyTorch's softplus")
}
