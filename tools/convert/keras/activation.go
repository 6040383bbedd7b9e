package keras

import (
	"fmt"
	"math"

	"github.com/featx-go/featx/engine"
)

// Constants of Keras's activations.
const (
	leakySlope  = 0.2 // of the function leaky_relu
	leakySlope2 = 0.3 // of the layer LeakyReLU
)

// function gives the operations of an activation by its name, or as a layer or function that was serialised; none for linear.
func (u *use) function(v any) ([]engine.Op, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return u.named(v)
	case map[string]any:
		class := className(v["class_name"])
		if name, ok := v["config"].(string); ok { // {"class_name": "function", "config": "relu"}
			return u.named(name)
		}
		if layerKinds[class] != nil && class != "Activation" {
			return u.layerFunction(class, &reader{config: asConfig(v["config"])})
		}
		if name, ok := asConfig(v["config"])["activation"]; ok {
			return u.function(name)
		}
		return u.named(class)
	}
	return nil, fmt.Errorf("activation %v is not supported", v)
}

func activation(f string) []engine.Op { return []engine.Op{&engine.Activation{Func: f}} }

// named gives an activation by its name in keras.activations, tf.nn or tf.math.
func (u *use) named(name string) ([]engine.Op, error) {
	switch name {
	case "linear":
		return nil, nil
	case "relu":
		return []engine.Op{&engine.ReLU{}}, nil
	case "relu6":
		return []engine.Op{&engine.ReLU{Max: 6}}, nil
	case "softmax", "softmax_v2":
		return []engine.Op{&engine.Softmax{}}, nil
	case "log_softmax":
		return []engine.Op{&engine.LogSoftmax{}}, nil
	case "sigmoid", "tanh", "softplus", "softsign", "mish", "exp", "sqrt", "abs", "neg", "log":
		return activation(name), nil
	case "silu", "swish":
		return activation(engine.SiLU), nil
	case "hard_silu", "hard_swish":
		return activation(engine.HardSwish), nil
	case "gelu":
		return activation(engine.GELU), nil
	case "exponential":
		return activation(engine.Exp), nil
	case "hard_sigmoid":
		a := &engine.Activation{Func: engine.HardSigmoid, Alpha: 0.2, Beta: 0.5}
		if u.keras3 {
			a.Alpha = 1.0 / 6
		}
		return []engine.Op{a}, nil
	case "hard_tanh":
		return []engine.Op{&engine.Clip{Lo: -1, Hi: 1}}, nil
	case "elu":
		return []engine.Op{&engine.Activation{Func: engine.ELU, Alpha: 1}}, nil
	case "celu":
		return []engine.Op{&engine.Activation{Func: engine.CELU, Alpha: 1}}, nil
	case "selu":
		return []engine.Op{&engine.Activation{Func: engine.SELU, Alpha: engine.SELUAlpha, Beta: engine.SELUBeta}}, nil
	case "leaky_relu":
		return []engine.Op{&engine.Activation{Func: engine.LeakyReLU, Alpha: leakySlope}}, nil
	case "log_sigmoid": // -softplus(-x)
		return append(append(activation(engine.Neg), activation(engine.Softplus)...), activation(engine.Neg)...), nil
	}
	return nil, fmt.Errorf("activation %q is not supported", name)
}

// layerFunction gives the operations of an activation layer.
func (u *use) layerFunction(class string, r *reader) ([]engine.Op, error) {
	var ops []engine.Op
	switch class {
	case "ReLU":
		ops = relu(r.number(0, "negative_slope"), r.number(math.Inf(1), "max_value"), r.number(0, "threshold"), r)
	case "LeakyReLU":
		ops = relu(r.number(leakySlope2, "negative_slope", "alpha"), math.Inf(1), 0, r)
	case "ELU":
		ops = []engine.Op{&engine.Activation{Func: engine.ELU, Alpha: float32(r.number(1, "alpha"))}}
	case "ThresholdedReLU":
		ops = relu(0, math.Inf(1), r.number(1, "theta"), r)
	case "Softmax":
		for _, a := range r.integers("axis") {
			if last := len(u.single().Dims(engine.NHWC)); a != -1 && a != last {
				r.fail("along axis %d, not the last one (%d)", a, last)
			}
		}
		ops = []engine.Op{&engine.Softmax{}}
	default:
		return nil, fmt.Errorf("activation %s is not supported", class)
	}
	return ops, r.err
}

// relu is Keras's function of three parameters: most for x >= most, x from the threshold on, else slope*(x - threshold).
func relu(slope, most, threshold float64, r *reader) []engine.Op {
	var ops []engine.Op
	switch {
	case threshold != 0 && slope != 0:
		r.fail("a slope of %v below a threshold of %v is not supported", slope, threshold)
	case threshold != 0:
		ops = append(ops, &engine.Activation{Func: engine.ThresholdedReLU, Alpha: float32(threshold)})
	case slope != 0:
		ops = append(ops, &engine.Activation{Func: engine.LeakyReLU, Alpha: float32(slope)})
	case most > 0 && !math.IsInf(most, 1):
		return []engine.Op{&engine.ReLU{Max: float32(most)}}
	case math.IsInf(most, 1):
		return []engine.Op{&engine.ReLU{}}
	}
	if !math.IsInf(most, 1) {
		ops = append(ops, &engine.Clip{Lo: float32(math.Inf(-1)), Hi: float32(most)})
	}
	return ops
}

// apply adds operations one after the other; the last gets the name.
func (u *use) apply(name string, ops []engine.Op, x string) (string, error) {
	var err error
	for i, op := range ops {
		switch op.(type) {
		case *engine.Softmax, *engine.LogSoftmax:
			if x, err = u.vector(x); err != nil {
				return broken, err
			}
		}
		n := name
		if i < len(ops)-1 {
			n = fmt.Sprintf("%s/part%d", name, i)
		}
		if x, err = u.add(n, op, x); err != nil {
			return broken, err
		}
	}
	return x, nil
}

func (u *use) applyOne(ops []engine.Op, err error) (string, error) {
	u.single()
	switch {
	case err != nil:
		return broken, err
	case u.err != nil:
		return broken, u.err
	case len(ops) == 0:
		return u.one(&engine.Identity{})
	}
	return u.apply(u.name, ops, u.in[0])
}

func (u *use) activation() (string, error) { return u.applyOne(u.function(u.config["activation"])) }

func (u *use) activationLayer() (string, error) {
	return u.applyOne(u.layerFunction(u.layer.class, &u.reader))
}
