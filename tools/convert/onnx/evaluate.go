package onnx

import (
	"errors"
	"fmt"
	"math"
)

var errNotConstant = errors.New("not constant")

// evaluate gives the outputs of a node that can be known now; errNotConstant if they depend on the picture.
func (im *importer) evaluate(s *scope, c *call, in []*value, constant bool) ([]*value, error) {
	one := func(a *array, err error) ([]*value, error) {
		if err != nil {
			return nil, err
		}
		return []*value{{name: c.names[0], array: a}}, nil
	}
	if len(c.outputs) == 0 {
		return nil, errors.New("it has no output")
	}
	switch c.op {
	case "Constant":
		a, stored, err := im.constantNode(c)
		if stored != nil {
			return []*value{{name: c.names[0], stored: stored}}, nil
		}
		return one(a, err)
	case "If":
		if !constant || len(in) != 1 || in[0] == nil {
			return nil, errors.New("its condition is not constant")
		}
		return im.branch(s, c, in[0])
	case "Shape", "Size":
		if len(in) != 1 || in[0] == nil {
			return nil, errEmptyInput
		}
		dims := im.shown(in[0])
		if c.op == "Shape" {
			return one(shapeOf(c, dims), nil)
		}
		return one(&array{dtype: tInt64, shape: []int{}, ints: []int64{int64(product(dims))}}, nil)
	}
	if !constant || folds[c.op] == nil {
		return nil, errNotConstant
	}
	// What keeps a stored tensor as it is need not decode it.
	if c.op == "Identity" && len(in) > 0 && in[0] != nil {
		return []*value{in[0]}, nil
	}
	args := make([]*array, len(in))
	for i, v := range in {
		if v == nil {
			if i == 0 {
				return nil, errEmptyInput
			}
			continue
		}
		if v.stored != nil {
			if v.array == nil {
				if err := im.spend(v.stored.elements()); err != nil {
					return nil, err
				}
			}
		}
		a, err := v.decoded()
		if err != nil {
			return nil, err
		}
		args[i] = a
	}
	for len(args) > 0 && args[len(args)-1] == nil {
		args = args[:len(args)-1]
	}
	if len(args) == 0 {
		return nil, errEmptyInput
	}
	if err := checkArity(c.op, args); err != nil {
		return nil, err
	}
	size := foldedSize(c, args)
	if size < 0 {
		return nil, fmt.Errorf("the shapes of its inputs make no sense: %v", argShapes(args))
	}
	if err := im.spend(size); err != nil {
		return nil, err
	}
	return one(folds[c.op](c, args))
}

// spend counts elements that are computed.
func (im *importer) spend(elements int) error {
	if im.budget -= elements; im.budget < 0 {
		return errBudget
	}
	return nil
}

var infinity = float32(math.Inf(1))

var errBudget = errors.New("computing the model's constants needs far more memory than the file has")

func argShapes(args []*array) (list [][]int) {
	for _, a := range args {
		if a != nil {
			list = append(list, a.shape)
		}
	}
	return list
}

// checkArity refuses missing operands of the operators that need all of theirs.
func checkArity(op string, args []*array) error {
	need := map[string]int{"Sub": 2, "Div": 2, "Pow": 2, "Mod": 2, "Equal": 2, "Greater": 2, "Less": 2, "GreaterOrEqual": 2, "LessOrEqual": 2, "And": 2, "Or": 2,
		"Where": 3, "Gather": 2, "Range": 3, "Expand": 2, "Tile": 2, "CastLike": 2, "DequantizeLinear": 2}[op]
	if len(args) < max(need, 1) {
		return errEmptyInput
	}
	for i, a := range args {
		if a == nil && (i < need || op == "Add" || op == "Mul" || op == "Max" || op == "Min" || op == "Concat") {
			return errEmptyInput
		}
		// Arithmetic is between values of one type.
		if a != nil && i > 0 && need == 2 && op != "Gather" && op != "Pow" && op != "Expand" && op != "Tile" && op != "CastLike" && op != "DequantizeLinear" && (a.ints == nil) != (args[0].ints == nil) {
			return errors.New("its inputs are of different types")
		}
	}
	switch op {
	case "Add", "Mul", "Max", "Min", "Concat":
		for _, a := range args {
			if (a.ints == nil) != (args[0].ints == nil) {
				return errors.New("its inputs are of different types")
			}
		}
	case "And", "Or", "Not":
		if args[0].ints == nil {
			return errors.New("its inputs are not of booleans")
		}
	}
	return nil
}
