package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// fold evaluates one node whose inputs are all constant. Elementwise operators give the type of their first input.
// The operators: https://onnx.ai/onnx/operators.
type fold func(c *call, in []*array) (*array, error)

// call is a node with the operator set that its graph imports.
type call struct {
	*nodeProto
	opset int64
	name  string   // as errors show it: the operator and the node
	names []string // of its outputs as layers
}

//go:noinline
func (c *call) int(name string, otherwise int64) int64 {
	if a := c.attrs[name]; a != nil {
		return a.i
	}
	return otherwise
}

//go:noinline
func (c *call) float(name string, otherwise float32) float32 {
	if a := c.attrs[name]; a != nil {
		return a.f
	}
	return otherwise
}

func (c *call) text(name, otherwise string) string {
	if a := c.attrs[name]; a != nil {
		return string(a.s)
	}
	return otherwise
}

//go:noinline
func (c *call) ints(name string) []int64 {
	if a := c.attrs[name]; a != nil {
		return a.ints
	}
	return nil
}

// listOf gives a list that is an attribute in old operator sets and an input in newer ones; nil if it is neither.
func (c *call) listOf(attr string, in []*array, i int) ([]int64, error) {
	if i < len(in) && in[i] != nil {
		list, err := in[i].ints64()
		if err != nil {
			return nil, fmt.Errorf("%s %w", attr, err)
		}
		return list, nil
	}
	return c.ints(attr), nil
}

var errTraining = errors.New("training_mode is set: export the model for inference")

var errEmptyInput = errors.New("an input is missing")

var folds map[string]fold

func init() {
	unary := func(f func(float64) float64) fold {
		return func(c *call, in []*array) (*array, error) {
			out := newArray(in[0].dtype, in[0].shape)
			for i := range out.len() {
				if out.floats != nil {
					out.floats[i] = round(out.dtype, f(in[0].floats[i]))
				} else {
					out.ints[i] = wrap(out.dtype, int64(f(float64(in[0].ints[i]))))
				}
			}
			return out, nil
		}
	}
	folds = map[string]fold{
		"Abs": unary(math.Abs), "Neg": unary(func(v float64) float64 { return -v }), "Floor": unary(math.Floor), "Ceil": unary(math.Ceil),
		"Round": unary(math.RoundToEven), "Sqrt": unary(math.Sqrt), "Exp": unary(math.Exp), "Log": unary(math.Log), "Erf": unary(math.Erf),
		"Reciprocal": unary(func(v float64) float64 { return 1 / v }), "Tanh": unary(math.Tanh), "Sigmoid": unary(func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }),
		"Relu":     unary(func(v float64) float64 { return max(v, 0) }),
		"Identity": func(c *call, in []*array) (*array, error) { return in[0], nil },
		"Dropout": func(c *call, in []*array) (*array, error) {
			if len(in) > 2 && in[2] != nil && in[2].len() == 1 && in[2].integer(0) != 0 {
				return nil, errTraining
			}
			return in[0], nil
		},
		"Add": arithmetic(func(x, y int64) (int64, error) { return x + y, nil }, func(x, y float64) float64 { return x + y }),
		"Sub": arithmetic(func(x, y int64) (int64, error) { return x - y, nil }, func(x, y float64) float64 { return x - y }),
		"Mul": arithmetic(func(x, y int64) (int64, error) { return x * y, nil }, func(x, y float64) float64 { return x * y }),
		"Div": arithmetic(func(x, y int64) (int64, error) {
			if y == 0 {
				return 0, errors.New("an integer is divided by 0")
			}
			return x / y, nil
		}, func(x, y float64) float64 { return x / y }),
		"Max":            arithmetic(func(x, y int64) (int64, error) { return max(x, y), nil }, math.Max),
		"Min":            arithmetic(func(x, y int64) (int64, error) { return min(x, y), nil }, math.Min),
		"Pow":            arithmetic(func(x, y int64) (int64, error) { return int64(math.Pow(float64(x), float64(y))), nil }, math.Pow),
		"Mod":            foldMod,
		"Equal":          compare(func(order int) bool { return order == 0 }),
		"Greater":        compare(func(order int) bool { return order == 1 }),
		"Less":           compare(func(order int) bool { return order == -1 }),
		"GreaterOrEqual": compare(func(order int) bool { return order == 1 || order == 0 }),
		"LessOrEqual":    compare(func(order int) bool { return order == -1 || order == 0 }),
		"And":            arithmetic(func(x, y int64) (int64, error) { return x & y, nil }, nil),
		"Or":             arithmetic(func(x, y int64) (int64, error) { return x | y, nil }, nil),
		"Not":            unary(func(v float64) float64 { return 1 - v }),
		"Where":          foldWhere,
		"Shape":          foldShape, "Size": func(c *call, in []*array) (*array, error) {
			return &array{dtype: tInt64, shape: []int{}, ints: []int64{int64(in[0].len())}}, nil
		},
		"Gather": foldGather, "Concat": foldConcat, "Slice": foldSlice, "Unsqueeze": foldReshape, "Squeeze": foldReshape, "Reshape": foldReshape, "Flatten": foldReshape,
		"Transpose": foldTranspose, "Cast": foldCast, "CastLike": func(c *call, in []*array) (*array, error) { return in[0].cast(in[1].dtype), nil },
		"ConstantOfShape": foldConstantOfShape, "Range": foldRange, "Expand": foldExpand, "Tile": foldTile,
		"ReduceProd": foldReduce, "ReduceSum": foldReduce, "ReduceMax": foldReduce, "ReduceMin": foldReduce, "ReduceMean": foldReduce,
		"DequantizeLinear": foldDequantize,
	}
}

// foldedSize says how many elements a fold makes, before it does, for the operators whose result may be larger than their inputs; -1 if its inputs make no sense.
func foldedSize(c *call, in []*array) int {
	shape := in[0].shape
	switch c.op {
	case "ConstantOfShape", "Expand":
		list := in[len(in)-1]
		n := 1
		if c.op == "Expand" {
			n = max(1, in[0].len())
		}
		for i := range list.len() {
			d := list.integer(i)
			if d < 0 || d > maxElements || n > maxElements/int(max(d, 1)) {
				return -1
			}
			n *= int(max(d, 1))
		}
		return n
	case "Tile":
		n := in[0].len()
		for i := range in[1].len() {
			d := in[1].integer(i)
			if d < 0 || d > maxElements || n > maxElements/int(max(d, 1)) {
				return -1
			}
			n *= int(max(d, 1))
		}
		return n
	case "Range":
		return rangeCount(in)
	case "Gather":
		if in[0].len() == 0 || in[1].len() > maxElements/in[0].len() {
			return -1
		}
		return in[1].len() * in[0].len()
	case "Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Mod", "Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "And", "Or", "Where":
		n := 1
		for _, a := range in {
			var err error
			if shape, err = broadcastShape(shape, a.shape); err != nil {
				return -1
			}
		}
		for _, d := range shape {
			if n > maxElements/max(d, 1) {
				return -1
			}
			n *= max(d, 1)
		}
		return n
	case "Concat":
		n := 0
		for _, a := range in {
			n += a.len()
		}
		return n
	}
	return in[0].len()
}

func arithmetic(ints func(x, y int64) (int64, error), floats func(x, y float64) float64) fold {
	return func(c *call, in []*array) (*array, error) {
		out := in[0]
		for _, y := range in[1:] {
			shape, err := broadcastShape(out.shape, y.shape)
			if err != nil {
				return nil, err
			}
			x, y := out.expanded(shape), y.expanded(shape)
			out = newArray(x.dtype, shape)
			for i := range out.len() {
				if out.floats != nil {
					out.floats[i] = round(out.dtype, floats(x.floats[i], y.float(i)))
					continue
				}
				v, err := ints(x.ints[i], y.integer(i))
				if err != nil {
					return nil, err
				}
				out.ints[i] = wrap(out.dtype, v)
			}
		}
		return out, nil
	}
}

// compare gives booleans; order is -1, 0 or 1, or 2 for what is not ordered.
func compare(holds func(order int) bool) fold {
	return func(c *call, in []*array) (*array, error) {
		shape, err := broadcastShape(in[0].shape, in[1].shape)
		if err != nil {
			return nil, err
		}
		x, y := in[0].expanded(shape), in[1].expanded(shape)
		out := newArray(tBool, shape)
		for i := range out.ints {
			order := 2
			if x.floats == nil && y.floats == nil {
				order = compareOrdered(x.ints[i], y.ints[i])
			} else if a, b := x.float(i), y.float(i); a == a && b == b {
				order = compareOrdered(a, b)
			}
			if holds(order) {
				out.ints[i] = 1
			}
		}
		return out, nil
	}
}

func compareOrdered[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// foldMod has the divisor's sign, or with fmod the dividend's.
func foldMod(c *call, in []*array) (*array, error) {
	return arithmetic(func(x, y int64) (int64, error) {
		if y == 0 {
			return 0, errors.New("an integer is divided by 0")
		}
		if r := x % y; r != 0 && (r < 0) != (y < 0) && c.int("fmod", 0) == 0 {
			return r + y, nil
		}
		return x % y, nil
	}, func(x, y float64) float64 {
		r := math.Mod(x, y)
		if r != 0 && (r < 0) != (y < 0) && c.int("fmod", 0) == 0 {
			return r + y
		}
		return r
	})(c, in)
}

func foldWhere(c *call, in []*array) (*array, error) {
	if len(in) != 3 {
		return nil, errEmptyInput
	}
	shape, err := broadcastShape(in[0].shape, in[1].shape)
	if err == nil {
		shape, err = broadcastShape(shape, in[2].shape)
	}
	if err != nil {
		return nil, err
	}
	condition, x, y := in[0].expanded(shape), in[1].expanded(shape), in[2].expanded(shape)
	out := newArray(x.dtype, shape)
	for i := range out.len() {
		if condition.integer(i) != 0 {
			out.set(i, x, i)
		} else {
			out.set(i, y, i)
		}
	}
	return out, nil
}

// shapeOf is the operator Shape on a shape that is known.
func shapeOf(c *call, shape []int) *array {
	rank := int64(len(shape))
	bound := func(v int64) int64 {
		if v < 0 {
			v += rank
		}
		return max(0, min(v, rank))
	}
	start, end := bound(c.int("start", 0)), bound(c.int("end", rank))
	out := []int64{}
	for _, d := range shape[start:max(start, end)] {
		out = append(out, int64(d))
	}
	return intArray(out...)
}

func foldShape(c *call, in []*array) (*array, error) { return shapeOf(c, in[0].shape), nil }

func foldGather(c *call, in []*array) (*array, error) {
	if len(in) != 2 {
		return nil, errEmptyInput
	}
	data, index := in[0], in[1]
	axis, err := normalAxis(c.int("axis", 0), len(data.shape))
	if err != nil {
		return nil, err
	}
	outer, n, inner := product(data.shape[:axis]), data.shape[axis], product(data.shape[axis+1:])
	out := newArray(data.dtype, slices.Concat(data.shape[:axis], index.shape, data.shape[axis+1:]))
	at := 0
	for o := range outer {
		for j := range index.len() {
			i := index.integer(j)
			if i < -int64(n) || i >= int64(n) {
				return nil, fmt.Errorf("index %d of an axis of %d", i, n)
			}
			from := (o*n + int((i+int64(n))%int64(n))) * inner
			for k := range inner {
				out.set(at, data, from+k)
				at++
			}
		}
	}
	return out, nil
}

func foldConcat(c *call, in []*array) (*array, error) {
	axis, err := normalAxis(c.int("axis", 0), len(in[0].shape))
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(in[0].shape)
	for _, a := range in[1:] {
		if len(a.shape) != len(shape) || !slices.Equal(a.shape[:axis], shape[:axis]) || !slices.Equal(a.shape[axis+1:], shape[axis+1:]) {
			return nil, fmt.Errorf("shapes %v and %v cannot be joined", shape, a.shape)
		}
		shape[axis] += a.shape[axis]
	}
	out := newArray(in[0].dtype, shape)
	at := 0
	for o := range product(shape[:axis]) {
		for _, a := range in {
			n := product(a.shape[axis:])
			for k := range n {
				out.set(at, a, o*n+k)
				at++
			}
		}
	}
	return out, nil
}

func foldSlice(c *call, in []*array) (*array, error) {
	data := in[0]
	from, count, step, err := slices4(c, in, data.shape)
	if err != nil {
		return nil, err
	}
	lie := strides(data.shape)
	start := 0
	for d := range lie {
		if count[d] > 0 {
			start += from[d] * lie[d]
		}
		lie[d] *= step[d]
	}
	return data.gather(count, lie, start), nil
}

// slices4 reads Slice's starts, ends, axes and steps: per axis of the shape, where it begins, how many elements it takes, how far apart.
func slices4(c *call, in []*array, shape []int) (from, count, step []int, err error) {
	var lists [4][]int64
	for i, name := range []string{"starts", "ends", "axes", "steps"} {
		if lists[i], err = c.listOf(name, in, i+1); err != nil {
			return nil, nil, nil, err
		}
	}
	starts, ends, axes, steps := lists[0], lists[1], lists[2], lists[3]
	if len(ends) != len(starts) || axes != nil && len(axes) != len(starts) || steps != nil && len(steps) != len(starts) || len(starts) > len(shape) {
		return nil, nil, nil, fmt.Errorf("starts %v, ends %v, axes %v, steps %v", starts, ends, axes, steps)
	}
	from, count, step = make([]int, len(shape)), slices.Clone(shape), make([]int, len(shape))
	for i := range step {
		step[i] = 1
	}
	for i := range starts {
		axis := i
		if axes != nil {
			if axis, err = normalAxis(axes[i], len(shape)); err != nil {
				return nil, nil, nil, err
			}
		}
		by := int64(1)
		if steps != nil {
			by = steps[i]
		}
		if from[axis], count[axis], err = sliceRange(shape[axis], starts[i], ends[i], by); err != nil {
			return nil, nil, nil, err
		}
		step[axis] = int(max(-maxElements, min(by, maxElements)))
	}
	return from, count, step, nil
}

// newShape is the shape that Reshape, Flatten, Squeeze or Unsqueeze gives a tensor of the shape; in[0] may be nil.
func newShape(c *call, in []*array, shape []int) ([]int, error) {
	switch c.op {
	case "Flatten":
		axis := c.int("axis", 1)
		if axis < 0 {
			axis += int64(len(shape))
		}
		if axis < 0 || axis > int64(len(shape)) {
			return nil, fmt.Errorf("axis %d of a tensor of rank %d", axis, len(shape))
		}
		return []int{product(shape[:axis]), product(shape[axis:])}, nil
	case "Reshape":
		list, err := c.listOf("shape", in, 1)
		if err != nil {
			return nil, err
		}
		return reshape(shape, list, c.int("allowzero", 0) != 0)
	case "Squeeze":
		list, err := c.listOf("axes", in, 1)
		if err != nil {
			return nil, err
		}
		drop := make([]bool, len(shape))
		for i, d := range shape {
			drop[i] = list == nil && d == 1
		}
		for _, a := range list {
			axis, err := normalAxis(a, len(shape))
			if err != nil {
				return nil, err
			}
			if shape[axis] != 1 {
				return nil, fmt.Errorf("axis %d has %d elements", axis, shape[axis])
			}
			drop[axis] = true
		}
		out := []int{}
		for i, d := range shape {
			if !drop[i] {
				out = append(out, d)
			}
		}
		return out, nil
	}
	list, err := c.listOf("axes", in, 1)
	if err != nil {
		return nil, err
	}
	rank := len(shape) + len(list)
	added := make([]bool, rank)
	for _, a := range list {
		axis, err := normalAxis(a, rank)
		if err != nil {
			return nil, err
		}
		if added[axis] {
			return nil, fmt.Errorf("axis %d twice", axis)
		}
		added[axis] = true
	}
	out := make([]int, rank)
	for i := range out {
		if added[i] {
			out[i] = 1
		} else {
			out[i], shape = shape[0], shape[1:]
		}
	}
	return out, nil
}

// reshape resolves 0 (as it is) and -1 (what is left) of Reshape's list.
func reshape(shape []int, list []int64, zero bool) ([]int, error) {
	total := product(shape)
	out := make([]int, len(list))
	known, free := 1, -1
	for i, d := range list {
		switch {
		case d == 0 && !zero:
			if i >= len(shape) {
				return nil, fmt.Errorf("shape %v keeps axis %d of %v, which has no such axis", list, i, shape)
			}
			out[i] = shape[i]
		case d == -1 && free < 0:
			free = i
			continue
		case d < 0 || d > maxElements:
			return nil, fmt.Errorf("shape %v", list)
		default:
			out[i] = int(d)
		}
		if out[i] > 0 && known > maxElements/out[i] {
			return nil, fmt.Errorf("shape %v of %d values", list, total)
		}
		known *= out[i]
	}
	if free >= 0 {
		if known == 0 || total%known != 0 {
			return nil, fmt.Errorf("%v does not become %v", shape, list)
		}
		out[free] = total / known
		known *= out[free]
	}
	if known != total {
		return nil, fmt.Errorf("%v does not become %v", shape, list)
	}
	return out, nil
}

func foldReshape(c *call, in []*array) (*array, error) {
	shape, err := newShape(c, in, in[0].shape)
	if err != nil {
		return nil, err
	}
	return in[0].reshaped(shape), nil
}

// permutation reads Transpose's perm, which reverses the axes if it is not there.
func permutation(c *call, rank int) ([]int, error) {
	perm := make([]int, rank)
	list := c.ints("perm")
	seen := make([]bool, rank)
	for i := range perm {
		perm[i] = rank - 1 - i
		if list != nil {
			if len(list) != rank || list[i] < 0 || list[i] >= int64(rank) || seen[list[i]] {
				return nil, fmt.Errorf("perm %v of a tensor of rank %d", list, rank)
			}
			perm[i] = int(list[i])
			seen[perm[i]] = true
		}
	}
	return perm, nil
}

func foldTranspose(c *call, in []*array) (*array, error) {
	perm, err := permutation(c, len(in[0].shape))
	if err != nil {
		return nil, err
	}
	return in[0].transposed(perm), nil
}

func foldCast(c *call, in []*array) (*array, error) {
	to := int32(c.int("to", 0))
	if _, ok := typeSizes[to]; !ok {
		return nil, fmt.Errorf("to %s", typeName(to))
	}
	return in[0].cast(to), nil
}

func foldConstantOfShape(c *call, in []*array) (*array, error) {
	value := newArray(tFloat, []int{1})
	if a := c.attrs["value"]; a != nil && a.tensor != nil {
		var err error
		if value, err = a.tensor.array(); err != nil {
			return nil, err
		}
		if value.len() != 1 {
			return nil, fmt.Errorf("a value of shape %v", value.shape)
		}
	}
	shape := make([]int, in[0].len())
	for i := range shape {
		shape[i] = int(in[0].integer(i))
	}
	return value.reshaped(nil).expanded(shape), nil
}

func rangeCount(in []*array) int {
	if len(in) != 3 || in[0].len() != 1 || in[1].len() != 1 || in[2].len() != 1 {
		return -1
	}
	n := math.Ceil((in[1].float(0) - in[0].float(0)) / in[2].float(0))
	if !(n <= maxElements) {
		return -1
	}
	return int(max(n, 0))
}

func foldRange(c *call, in []*array) (*array, error) {
	out := newArray(in[0].dtype, []int{rangeCount(in)})
	for i := range out.len() {
		if out.floats != nil {
			out.floats[i] = round(out.dtype, in[0].float(0)+float64(i)*in[2].float(0))
		} else {
			out.ints[i] = in[0].ints[0] + int64(i)*in[2].integer(0)
		}
	}
	return out, nil
}

func foldExpand(c *call, in []*array) (*array, error) {
	if len(in) != 2 {
		return nil, errEmptyInput
	}
	want := make([]int, in[1].len())
	for i := range want {
		want[i] = int(in[1].integer(i))
	}
	shape, err := broadcastShape(in[0].shape, want)
	if err != nil {
		return nil, err
	}
	return in[0].expanded(shape), nil
}

func foldTile(c *call, in []*array) (*array, error) {
	if len(in) != 2 || in[1].len() != len(in[0].shape) {
		return nil, errEmptyInput
	}
	out := in[0]
	for axis := range out.shape {
		copies := make([]*array, in[1].integer(axis))
		for i := range copies {
			copies[i] = out
		}
		if len(copies) == 0 {
			return nil, errors.New("0 repeats")
		}
		var err error
		joined := &call{nodeProto: &nodeProto{attrs: map[string]*attrProto{"axis": {i: int64(axis)}}}}
		if out, err = foldConcat(joined, copies); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func foldReduce(c *call, in []*array) (*array, error) {
	x := in[0]
	reduced, keep, err := reducedAxes(c, in, len(x.shape))
	if err != nil {
		return nil, err
	}
	var order, shape []int // kept axes first, then reduced ones
	for i, d := range x.shape {
		switch {
		case !reduced[i]:
			order, shape = append(order, i), append(shape, d)
		case keep:
			shape = append(shape, 1)
		}
	}
	for i := range x.shape {
		if reduced[i] {
			order = append(order, i)
		}
	}
	x = x.transposed(order)
	out := newArray(x.dtype, shape)
	if out.len() == 0 {
		return out, nil
	}
	n := x.len() / out.len()
	first := map[string]float64{"ReduceProd": 1, "ReduceMax": math.Inf(-1), "ReduceMin": math.Inf(1)}[c.op] // of no elements
	for i := range out.len() {
		if out.ints != nil {
			v := newArray(tFloat, nil)
			v.floats[0] = first
			sum := v.integer(0)
			for _, y := range x.ints[i*n : (i+1)*n] {
				switch c.op {
				case "ReduceProd":
					sum *= y
				case "ReduceMax":
					sum = max(sum, y)
				case "ReduceMin":
					sum = min(sum, y)
				default:
					sum += y
				}
			}
			if c.op == "ReduceMean" && n > 0 {
				sum /= int64(n)
			}
			out.ints[i] = wrap(out.dtype, sum)
			continue
		}
		sum := first
		for _, y := range x.floats[i*n : (i+1)*n] {
			switch c.op {
			case "ReduceProd":
				sum *= y
			case "ReduceMax":
				sum = math.Max(sum, y)
			case "ReduceMin":
				sum = math.Min(sum, y)
			default:
				sum += y
			}
		}
		if c.op == "ReduceMean" {
			sum /= float64(n)
		}
		out.floats[i] = round(out.dtype, sum)
	}
	return out, nil
}

// reducedAxes reads the axes of a reduction, which are an attribute or, later, an input; none are all of them, or none with noop_with_empty_axes.
func reducedAxes(c *call, in []*array, rank int) (reduced []bool, keep bool, err error) {
	list, err := c.listOf("axes", in, 1)
	if err != nil {
		return nil, false, err
	}
	reduced = make([]bool, rank)
	for i := range reduced {
		reduced[i] = len(list) == 0 && c.int("noop_with_empty_axes", 0) == 0
	}
	for _, a := range list {
		axis, err := normalAxis(a, rank)
		if err != nil {
			return nil, false, err
		}
		reduced[axis] = true
	}
	return reduced, c.int("keepdims", 1) != 0, nil
}

// foldDequantize is (x - zero point) * scale, with one scale or one for each index of an axis.
func foldDequantize(c *call, in []*array) (*array, error) {
	if len(in) < 2 || in[0].ints == nil {
		return nil, errEmptyInput
	}
	if c.int("block_size", 0) != 0 {
		return nil, errors.New("scales of blocks")
	}
	x, n, inner := in[0], 1, 1
	if in[1].len() != 1 {
		axis, err := normalAxis(c.int("axis", 1), len(x.shape))
		if err != nil {
			return nil, err
		}
		n, inner = x.shape[axis], product(x.shape[axis+1:])
	}
	if in[1].len() != n || len(in) > 2 && in[2].len() != n {
		return nil, fmt.Errorf("%d scales for %d", in[1].len(), n)
	}
	out := newArray(in[1].dtype, x.shape)
	if out.floats == nil {
		return nil, errors.New("scales that are no floating-point numbers")
	}
	for i, v := range x.ints {
		k := i / inner % n
		if len(in) > 2 {
			v -= in[2].integer(k)
		}
		out.floats[i] = round(out.dtype, float64(v)*in[1].float(k))
	}
	return out, nil
}
