package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/featx-go/featx/engine"
)

//go:noinline
func unary(op func(c *call) engine.Op) translate {
	return func(im *importer, c *call, in []*value) ([]*value, error) {
		x, err := activationInput(in, 0)
		if err != nil {
			return nil, err
		}
		return single(im.apply(c.names[0], x, op(c)))
	}
}

//go:noinline
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
	if err := im.spend(n); err != nil {
		return nil, err
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
