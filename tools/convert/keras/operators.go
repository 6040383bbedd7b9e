package keras

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/featx-go/featx/engine"
)

// operators builds Keras 3's operations, which stand in a model where Python's operators or keras.ops were applied to its tensors.
var operators map[string]func(*use) (string, error)

// operatorNames are their names in keras.ops.
var operatorNames = map[string]string{
	"Add": "add", "Subtract": "subtract", "Multiply": "multiply", "Divide": "divide", "TrueDivide": "divide", "Maximum": "maximum", "Minimum": "minimum", "Power": "power",
	"Negative": "negative", "Square": "square", "Sqrt": "sqrt", "Exp": "exp", "Log": "log", "Absolute": "abs", "Mean": "mean", "Max": "max",
	"Relu": "relu", "Relu6": "relu6", "Sigmoid": "sigmoid", "Silu": "silu", "HardSilu": "hard_silu", "HardSwish": "hard_silu", "HardSigmoid": "hard_sigmoid", "Tanh": "tanh",
	"Softmax": "softmax", "LogSoftmax": "log_softmax", "Elu": "elu", "Selu": "selu", "Gelu": "gelu", "LeakyRelu": "leaky_relu", "Softplus": "softplus", "Softsign": "softsign",
	"Mish": "mish", "Clip": "clip", "Reshape": "reshape", "Concatenate": "concatenate", "Cast": "identity", "Identity": "identity", "StopGradient": "identity",
}

func init() {
	operators = map[string]func(*use) (string, error){"GetItem": (*use).slicing}
	for class, name := range operatorNames {
		operators[class] = func(u *use) (string, error) { return u.operation(name) }
		if layerKinds[class] == nil {
			layerKinds[class] = operators[class]
		}
	}
}

// tfNames are the names that TensorFlow's functions and nodes have in operation.
var tfNames = map[string]string{
	"__operators__.add": "add", "math.add": "add", "AddV2": "add", "Add": "add", "nn.bias_add": "add", "BiasAdd": "add", "math.subtract": "subtract", "Sub": "subtract",
	"math.multiply": "multiply", "Mul": "multiply", "math.divide": "divide", "math.truediv": "divide", "RealDiv": "divide", "math.maximum": "maximum", "Maximum": "maximum",
	"math.minimum": "minimum", "Minimum": "minimum", "math.negative": "negative", "Neg": "negative", "math.pow": "power", "Pow": "power", "math.square": "square", "Square": "square",
	"math.sqrt": "sqrt", "Sqrt": "sqrt", "math.exp": "exp", "Exp": "exp", "math.abs": "abs", "Abs": "abs", "math.reduce_mean": "mean", "Mean": "mean", "math.reduce_max": "max", "Max": "max",
	"nn.relu": "relu", "Relu": "relu", "nn.relu6": "relu6", "Relu6": "relu6", "math.sigmoid": "sigmoid", "nn.sigmoid": "sigmoid", "Sigmoid": "sigmoid", "nn.silu": "silu", "nn.swish": "silu",
	"math.tanh": "tanh", "nn.tanh": "tanh", "Tanh": "tanh", "nn.softmax": "softmax", "Softmax": "softmax", "nn.elu": "elu", "nn.selu": "selu", "nn.gelu": "gelu",
	"nn.leaky_relu": "leaky_relu", "math.softplus": "softplus", "nn.softplus": "softplus", "clip_by_value": "clip", "reshape": "reshape", "Reshape": "reshape", "concat": "concatenate",
	"ConcatV2": "concatenate", "cast": "identity", "Cast": "identity", "identity": "identity", "Identity": "identity", "stop_gradient": "identity",
}

// tfOp is a TensorFlow function that Keras 2 wrapped in a layer.
func (u *use) tfOp() (string, error) {
	function := u.text("", "function")
	name, ok := tfNames[function]
	if !ok {
		return broken, fmt.Errorf("function tf.%s is not supported", function)
	}
	return u.operation(name)
}

// tfOpLayer is a node of TensorFlow's graph that Keras 2 of 2019 and 2020 wrapped in a layer.
func (u *use) tfOpLayer() (string, error) {
	def := asConfig(u.config["node_def"])
	if text, ok := u.config["node_def"].(string); ok {
		if err := json.Unmarshal([]byte(text), &def); err != nil {
			return broken, fmt.Errorf("node_def is no JSON: %w", err)
		}
	}
	op, _ := def["op"].(string)
	name, ok := tfNames[op]
	if !ok {
		return broken, fmt.Errorf("operation %q is not supported", op)
	}
	// The tensors are in order; constants stand at the places that their keys say.
	var args []any
	for _, x := range u.in {
		args = append(args, node(x))
	}
	constants := asConfig(u.config["constants"])
	for i := 0; i < len(args)+1; i++ {
		if c, ok := constants[fmt.Sprint(i)]; ok {
			args = slices.Insert(args, i, c)
		}
	}
	u.call = call{args: args}
	return u.operation(name)
}

// operands gives the operands by position or name, in order; constants are numbers.
func (u *use) operands(names ...string) []any {
	list := slices.Clone(u.call.args)
	for _, n := range names {
		if v, ok := u.call.kwargs[n]; ok && v != nil {
			list = append(list, v)
		}
	}
	return list
}

// option reads an argument that is no tensor: by name, or by its position.
func (u *use) option(name string, position int) any {
	if v, ok := u.call.kwargs[name]; ok {
		return v
	}
	if position < len(u.call.args) {
		return u.call.args[position]
	}
	return u.config[name]
}

// operation builds an operation by its name in keras.ops.
func (u *use) operation(name string) (string, error) {
	arithmetic := map[string]string{"add": "Add", "subtract": "Subtract", "multiply": "Multiply", "divide": "Divide", "maximum": "Maximum", "minimum": "Minimum", "power": "Power"}
	if class, ok := arithmetic[name]; ok {
		return u.arithmetic(class)
	}
	if len(u.in) == 0 {
		u.in = call{args: u.operands("x", "input", "inputs", "features", "tensor", "input_tensor", "t", "values", "logits")}.nodes()
	}
	if len(u.in) == 0 {
		return broken, errors.New("has no inputs")
	}
	switch name {
	case "identity":
		return u.one(&engine.Identity{})
	case "square":
		return u.add(u.name, mergeOps["Multiply"], u.in[0], u.in[0])
	case "negative":
		return u.applyOne(u.named("neg"))
	case "clip":
		lo, ok := numbers(u.option("x_min", 1))
		hi, ok2 := numbers(u.option("x_max", 2))
		if v, given := u.call.kwargs["clip_value_min"]; given {
			lo, ok = numbers(v)
			hi, ok2 = numbers(u.call.kwargs["clip_value_max"])
		}
		if !ok || !ok2 || len(lo) != 1 || len(hi) != 1 {
			return broken, errors.New("its bounds are no numbers")
		}
		return u.one(&engine.Clip{Lo: float32(lo[0]), Hi: float32(hi[0])})
	case "mean", "max":
		return u.reduce(name)
	case "reshape":
		v := u.option("newshape", 1)
		if v == nil {
			v = u.option("shape", 1)
		}
		dims, ok := numbers(v)
		r := &reader{}
		if !ok || len(dims) < 2 {
			return broken, errors.New("its shape is no list of numbers")
		}
		whole := make([]int, 0, len(dims)-1)
		for _, d := range dims[1:] { // without the batch
			whole = append(whole, r.whole(d, "the shape"))
		}
		if r.err != nil {
			return broken, r.err
		}
		return u.reshapeTo(whole)
	case "concatenate":
		axis, ok := numbers(u.option("axis", 1))
		if !ok || len(axis) != 1 {
			axis = []float64{-1}
		}
		return u.concatenateAlong(u.whole(axis[0], "axis"))
	case "gelu":
		if approximate, ok := u.option("approximate", 1).(bool); ok && approximate || !ok && u.keras3 {
			return u.applyOne(activation(engine.GELUTanh), nil) // keras.ops' default, unlike that of keras.activations
		}
	case "leaky_relu":
		for _, key := range []string{"negative_slope", "alpha"} {
			if slope, ok := numbers(u.option(key, 1)); ok && len(slope) == 1 {
				return u.applyOne([]engine.Op{&engine.Activation{Func: engine.LeakyReLU, Alpha: float32(slope[0])}}, nil)
			}
		}
	}
	return u.applyOne(u.named(name))
}

// arithmetic is an operation of two operands, of which one may be a constant: a number, or one for each channel.
func (u *use) arithmetic(class string) (string, error) {
	list := u.operands("x1", "x2", "x", "y", "value", "bias")
	if len(list) != 2 {
		return broken, fmt.Errorf("has %d operands", len(list))
	}
	x, tensor := list[0].(node)
	y, tensor2 := list[1].(node)
	if tensor && tensor2 {
		return u.add(u.name, mergeOps[class], string(x), string(y))
	}
	constant, swapped := list[1], false
	if !tensor {
		x, constant, swapped = y, list[0], true
	}
	c, ok := numbers(constant)
	if !ok || !tensor && !tensor2 || len(c) == 0 {
		return broken, fmt.Errorf("its operand %.100v is neither a tensor nor a constant", constant)
	}
	u.in = []string{string(x)}
	n := u.channels()
	each := func(f func(v float64) float64) []float64 {
		out := make([]float64, len(c))
		for i, v := range c {
			out[i] = f(v)
		}
		return out
	}
	zero, unit := []float64{0}, []float64{1}
	switch {
	case class == "Add":
		return u.affine(u.name, unit, c, n)
	case class == "Subtract" && !swapped:
		return u.affine(u.name, unit, each(func(v float64) float64 { return -v }), n)
	case class == "Subtract":
		return u.affine(u.name, []float64{-1}, c, n)
	case class == "Multiply":
		return u.affine(u.name, c, zero, n)
	case class == "Divide" && !swapped:
		return u.affine(u.name, each(func(v float64) float64 { return 1 / v }), zero, n)
	case class == "Divide":
		y, err := u.add(u.name+"/reciprocal", &engine.Activation{Func: engine.Reciprocal}, u.in[0])
		if err != nil {
			return broken, err
		}
		u.in[0] = y
		return u.affine(u.name, c, zero, n)
	case class == "Maximum" && len(c) == 1:
		return u.one(&engine.Clip{Lo: float32(c[0]), Hi: posInf})
	case class == "Minimum" && len(c) == 1:
		return u.one(&engine.Clip{Lo: negInf, Hi: float32(c[0])})
	case class == "Power" && !swapped && len(c) == 1 && c[0] == 2:
		return u.add(u.name, mergeOps["Multiply"], u.in[0], u.in[0])
	case class == "Power" && !swapped && len(c) == 1 && c[0] == 0.5:
		return u.applyOne(u.named("sqrt"))
	}
	return broken, fmt.Errorf("%s with the constant %v is not supported", strings.ToLower(class), c)
}

// reduce is the mean or the largest value over rows and columns.
func (u *use) reduce(name string) (string, error) {
	axes, ok := numbers(u.option("axis", 1))
	s := u.single()
	slices.Sort(axes)
	if !ok || s.Flat || !slices.Equal(axes, []float64{1, 2}) && !slices.Equal(axes, []float64{-3, -2}) {
		return broken, fmt.Errorf("over the axes %v: only over rows and columns", u.option("axis", 1))
	}
	keep, _ := u.option("keepdims", 2).(bool)
	return u.one(&engine.AdaptivePool{OutH: 1, OutW: 1, Max: name == "max", Flatten: !keep})
}

// slicing is x[..., ::-1], which turns the order of channels around; other slices are not supported.
func (u *use) slicing() (string, error) {
	s := u.single()
	spec := u.option("slice_spec", 1)
	if spec == nil {
		spec = u.option("key", 1)
	}
	list, _ := spec.([]any)
	reverse := len(list) > 1 && !s.Flat
	for i, v := range list {
		c := asConfig(v)
		bounds := c
		if c["config"] != nil {
			bounds = asConfig(c["config"])
		}
		class := strings.Trim(strings.ToLower(className(c["class_name"])), "_")
		step, _ := numbers(bounds["step"])
		last := i == len(list)-1
		reverse = reverse && c != nil && bounds["start"] == nil && bounds["stop"] == nil &&
			(last && len(step) == 1 && step[0] == -1 || !last && len(step) == 0 && (class == "ellipsis" || len(list) == 4))
	}
	if reverse {
		return u.one(&engine.Slice{Start: [3]int{0, 0, -1}, Stop: [3]int{0, 0, -s.C - 1}, Step: [3]int{1, 1, -1}})
	}
	text, _ := json.Marshal(spec)
	return broken, fmt.Errorf("the slice %.200s is not supported", text)
}

var posInf, negInf = float32(math.Inf(1)), float32(math.Inf(-1))
