package engine

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Affine is x*Scale + Shift per channel with constants of the network itself, such as a rescaling of the picture.
type Affine struct {
	Scale []float64 `json:"scale"` // rounded to float32 once, as Shift
	Shift []float64 `json:"shift"`
}

func (*Affine) Kind() string { return "Affine" }

func (a *Affine) validate() error {
	if len(a.Scale) != len(a.Shift) {
		return fmt.Errorf("%d scales and %d shifts", len(a.Scale), len(a.Shift))
	}
	for _, v := range append(a.Scale[:len(a.Scale):len(a.Scale)], a.Shift...) {
		if !(math.Abs(v) <= math.MaxFloat32) {
			return fmt.Errorf("constant %v is not in float32's range", v)
		}
	}
	return nil
}

func (a *Affine) infer(in []Shape) (Shape, error) {
	s, err := channelwise(in)
	if err == nil && s.C != len(a.Scale) {
		err = fmt.Errorf("%d scales for %d channels", len(a.Scale), s.C)
	}
	return s, err
}

func (*Affine) params(Layout, []Shape) []Param  { return nil }
func (*Affine) macs(_ []Shape, out Shape) int64 { return int64(out.Elements()) }

// Scale is x*Scale + Shift per channel with tensors of the weights: ConvNeXt's layer scale, or a product and a sum with constants. Either may be "" (1 and 0).
type Scale struct {
	Scale string `json:"scale,omitempty"`
	Shift string `json:"shift,omitempty"`
}

func (*Scale) Kind() string { return "Scale" }
func (s *Scale) validate() error {
	if s.Scale == "" && s.Shift == "" {
		return fmt.Errorf("neither a scale nor a shift tensor")
	}
	return nil
}
func (*Scale) infer(in []Shape) (Shape, error)       { return channelwise(in) }
func (s *Scale) params(_ Layout, in []Shape) []Param { return perChannel(in, s.Scale, s.Shift) }
func (*Scale) macs(_ []Shape, out Shape) int64       { return int64(out.Elements()) }

// Constant is a tensor of the weights as a value that other nodes can read; it has no inputs. The tensor has the shape's axes in the layout's order, as [Shape.Dims] gives them.
type Constant struct {
	Tensor string `json:"tensor"`
	Shape  Shape  `json:"shape"`
}

func (*Constant) Kind() string { return "Constant" }
func (c *Constant) validate() error {
	if c.Tensor == "" {
		return fmt.Errorf("no tensor")
	}
	return c.Shape.check()
}
func (c *Constant) infer(in []Shape) (Shape, error) {
	if len(in) > 0 {
		return Shape{}, fmt.Errorf("%w: %d, not 0", errArity, len(in))
	}
	return c.Shape, nil
}
func (c *Constant) params(l Layout, _ []Shape) []Param { return []Param{{c.Tensor, c.Shape.Dims(l)}} }
func (*Constant) macs([]Shape, Shape) int64            { return 0 }

// ReLU is max(x, 0), with an upper bound if Max is not 0 (ReLU6: Max 6).
type ReLU struct {
	noParams
	Max float32 `json:"max,omitempty"`
}

func (r *ReLU) Kind() string {
	if r.Max == 6 {
		return "ReLU6"
	}
	return "ReLU"
}

func (r *ReLU) validate() error {
	if !(r.Max >= 0) {
		return fmt.Errorf("upper bound %v", r.Max)
	}
	return nil
}
func (*ReLU) infer(in []Shape) (Shape, error) { return single(in) }

func (r *ReLU) bounds() (lo, hi float32) {
	if r.Max > 0 {
		return 0, r.Max
	}
	return 0, float32(math.Inf(1))
}

// Clip is max(Lo, min(Hi, x)); the bounds may be infinite.
type Clip struct {
	noParams
	Lo, Hi float32
}

func (*Clip) Kind() string { return "Clip" }
func (c *Clip) validate() error {
	if !(c.Lo <= c.Hi) {
		return fmt.Errorf("bounds %v to %v", c.Lo, c.Hi)
	}
	return nil
}
func (*Clip) infer(in []Shape) (Shape, error) { return single(in) }

type clipJSON struct {
	Lo extended `json:"lo"`
	Hi extended `json:"hi"`
}

func (c *Clip) MarshalJSON() ([]byte, error) {
	return json.Marshal(clipJSON{extended(c.Lo), extended(c.Hi)})
}

func (c *Clip) UnmarshalJSON(data []byte) error {
	j := clipJSON{extended(negInf), extended(posInf)}
	err := json.Unmarshal(data, &j)
	c.Lo, c.Hi = float32(j.Lo), float32(j.Hi)
	return err
}

// extended is a float32 that may be infinite, which JSON has no number for.
type extended float32

func (e extended) MarshalJSON() ([]byte, error) {
	if v := float64(e); math.IsInf(v, 0) || v != v {
		return json.Marshal(strconv.FormatFloat(v, 'g', -1, 32))
	}
	return json.Marshal(float32(e))
}

func (e *extended) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) != nil {
		return json.Unmarshal(data, (*float32)(e))
	}
	v, err := strconv.ParseFloat(s, 32)
	*e = extended(v)
	return err
}

// The functions of Activation. Alpha and Beta are parameters of those that say so.
const (
	Sigmoid         = "sigmoid"          // 1/(1+exp(-x))
	HardSigmoid     = "hard_sigmoid"     // max(0, min(1, Alpha*x+Beta)): PyTorch and Keras 3 1/6 and 0.5, Keras 2 and ONNX 0.2 and 0.5
	SiLU            = "silu"             // x*sigmoid(x), also called swish
	HardSwish       = "hard_swish"       // x*max(0, min(6, x+3))/6
	Tanh            = "tanh"             //
	GELU            = "gelu"             // x*(1+erf(x/sqrt(2)))/2
	GELUTanh        = "gelu_tanh"        // x*(1+tanh(sqrt(2/pi)*(x+0.044715*x^3)))/2
	ELU             = "elu"              // x, or Alpha*(exp(x)-1) below 0
	CELU            = "celu"             // x, or Alpha*(exp(x/Alpha)-1) below 0
	SELU            = "selu"             // Beta times x, or Beta*Alpha*(exp(x)-1) below 0; the published constants are SELUAlpha and SELUBeta
	LeakyReLU       = "leaky_relu"       // x, or Alpha*x below 0
	ThresholdedReLU = "thresholded_relu" // x, or 0 up to Alpha
	Softplus        = "softplus"         // log(1+exp(x))
	Softsign        = "softsign"         // x/(1+abs(x))
	Mish            = "mish"             // x*tanh(softplus(x))
	Exp             = "exp"
	Log             = "log"
	Sqrt            = "sqrt"
	Abs             = "abs"
	Neg             = "neg"
	Erf             = "erf"
	Reciprocal      = "reciprocal"
	Floor           = "floor"
	Ceil            = "ceil"
)

// The constants of SELU (Klambauer et al. 2017).
const (
	SELUAlpha = 1.6732632423543772
	SELUBeta  = 1.0507009873554805
)

var activationKinds = map[string]string{
	Sigmoid: "Sigmoid", HardSigmoid: "HardSigmoid", SiLU: "SiLU", HardSwish: "HardSwish", Tanh: "Tanh", GELU: "GELU", GELUTanh: "GELUTanh", ELU: "ELU", CELU: "CELU",
	SELU: "SELU", LeakyReLU: "LeakyReLU", ThresholdedReLU: "ThresholdedReLU", Softplus: "Softplus", Softsign: "Softsign", Mish: "Mish", Exp: "Exp", Log: "Log",
	Sqrt: "Sqrt", Abs: "Abs", Neg: "Neg", Erf: "Erf", Reciprocal: "Reciprocal", Floor: "Floor", Ceil: "Ceil",
}

// Activation is a function of each value by itself. Its kind in model files and listings is its function's ("SiLU").
type Activation struct {
	noParams
	Func  string  `json:"-"`
	Alpha float32 `json:"alpha,omitempty"`
	Beta  float32 `json:"beta,omitempty"`
}

func (a *Activation) Kind() string { return activationKinds[a.Func] }
func (a *Activation) validate() error {
	for _, v := range [2]float32{a.Alpha, a.Beta} {
		if !(math.Abs(float64(v)) <= math.MaxFloat32) {
			return fmt.Errorf("alpha %v, beta %v", a.Alpha, a.Beta)
		}
	}
	if a.Func == CELU && a.Alpha == 0 {
		return fmt.Errorf("alpha 0, by which it divides")
	}
	return knownFunc(a.Func, activationKinds)
}
func (*Activation) infer(in []Shape) (Shape, error) { return single(in) }

// PReLU is x, or slope*x below 0 (He et al. 2015). The tensor Slope has a value per channel, or one in all if Shared is set.
type PReLU struct {
	Slope  string `json:"slope"`
	Shared bool   `json:"shared,omitempty"`
}

func (*PReLU) Kind() string { return "PReLU" }
func (p *PReLU) validate() error {
	if p.Slope == "" {
		return fmt.Errorf("no slope tensor")
	}
	return nil
}
func (p *PReLU) infer(in []Shape) (Shape, error) {
	if p.Shared {
		return single(in)
	}
	return channelwise(in)
}
func (p *PReLU) params(_ Layout, in []Shape) []Param {
	if p.Shared {
		return []Param{{p.Slope, []int{1}}}
	}
	return perChannel(in, p.Slope)
}
func (*PReLU) macs([]Shape, Shape) int64 { return 0 }

// Add is the sum of two or more values, from the first to the last. Axes of extent 1 are repeated to fit the others, so that a 1x1xC map, a vector of C, an HxWx1 map
// or a single value can be added to a map.
type Add struct{ noParams }

func (*Add) Kind() string                    { return "Add" }
func (*Add) infer(in []Shape) (Shape, error) { return broadcast(in) }

// The functions of Arithmetic.
const (
	Mul  = "mul"
	Sub  = "sub" // two inputs
	Div  = "div" // two inputs
	Max  = "max"
	Min  = "min"
	Pow  = "pow" // two inputs: the second is the exponent
	Mean = "mean"
)

var arithmeticKinds = map[string]string{Mul: "Mul", Sub: "Sub", Div: "Div", Max: "Max", Min: "Min", Pow: "Pow", Mean: "Mean"}

// Arithmetic combines two or more values element by element, from the first to the last, and repeats axes of extent 1 as Add does: squeeze-and-excitation's product of a
// map and a 1x1xC map. Its kind in model files and listings is its function's ("Mul").
type Arithmetic struct {
	noParams
	Func string `json:"-"`
}

func (a *Arithmetic) Kind() string    { return arithmeticKinds[a.Func] }
func (a *Arithmetic) validate() error { return knownFunc(a.Func, arithmeticKinds) }
func (a *Arithmetic) infer(in []Shape) (Shape, error) {
	if (a.Func == Sub || a.Func == Div || a.Func == Pow) && len(in) != 2 {
		return Shape{}, fmt.Errorf("%w: %d, not 2", errArity, len(in))
	}
	return broadcast(in)
}

// broadcast is the shape that the inputs have when axes of extent 1 are repeated. A vector counts as the channels of one pixel.
func broadcast(in []Shape) (Shape, error) {
	if len(in) < 2 {
		return Shape{}, fmt.Errorf("%w: %d, not 2 or more", errArity, len(in))
	}
	out := in[0]
	for _, s := range in[1:] {
		// A flattened map's order depends on the layout: it goes with its like, or with one value.
		if flattened := func(s Shape) bool { return s.Flat && s.H*s.W > 1 }; (flattened(s) || flattened(out)) && s != out && s.Elements() > 1 && out.Elements() > 1 {
			return Shape{}, fmt.Errorf("the shapes %v and %v do not go together", out, s)
		}
		for _, axis := range [3][2]*int{{&out.H, &s.H}, {&out.W, &s.W}, {&out.C, &s.C}} {
			switch {
			case *axis[0] == 1:
				*axis[0] = *axis[1]
			case *axis[1] != 1 && *axis[1] != *axis[0]:
				return Shape{}, fmt.Errorf("the shapes %v and %v do not go together", out, s)
			}
		}
		out.Flat = out.Flat && s.Flat
	}
	return out, nil
}
