package onnx

import (
	"errors"
	"fmt"
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
//
//go:noinline
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

// mapAndConstants is the first input, and the others decoded at their places.
func mapAndConstants(in []*value) (x *value, args []*array, err error) {
	if x, err = activationInput(in, 0); err != nil {
		return nil, nil, err
	}
	args = make([]*array, len(in))
	for i := 1; i < len(in); i++ {
		if args[i], err = constantInput(in, i, "shape or parameter"); err != nil {
			return nil, nil, err
		}
	}
	return x, args, nil
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
	node := im.free.name(name)
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
	node := im.free.name(name)
	s, err := im.emit(node, op, v.node)
	if err != nil {
		return nil, err
	}
	return r.result(name, node, s), nil
}

//go:noinline
func single(v *value, err error) ([]*value, error) {
	if err != nil {
		return nil, err
	}
	return []*value{v}, nil
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
