package engine

import (
	"fmt"
	"math"
)

// Op is an operation with its attributes. The set is closed: kernels must exist for each.
type Op interface {
	// Kind is the operation's name in model files and listings.
	Kind() string
	validate() error
	infer(in []Shape) (Shape, error)
	// params lists the tensors that it needs, in the layout's shapes.
	params(l Layout, in []Shape) []Param
	// macs is the number of multiply-adds for one picture.
	macs(in []Shape, out Shape) int64
}

// Param is a tensor that a node needs.
type Param struct {
	Tensor string // its name in the model file
	Shape  []int
}

// Pad is a number of rows or columns on each side.
type Pad struct {
	Top    int `json:"top,omitempty"`
	Left   int `json:"left,omitempty"`
	Bottom int `json:"bottom,omitempty"`
	Right  int `json:"right,omitempty"`
}

// Same is the same padding on all four sides.
func Same(n int) Pad { return Pad{n, n, n, n} }

func (p Pad) any() bool { return p != Pad{} }

// Window is how a kernel moves over a map: rows, columns.
type Window struct {
	Kernel   [2]int `json:"kernel"`
	Stride   [2]int `json:"stride"`
	Dilation [2]int `json:"dilation"`
	Pad      Pad    `json:"pad"`
	Ceil     bool   `json:"ceil,omitempty"` // round the output's size up (PyTorch's ceil_mode); pooling only
}

// Square is a k x k window with the same stride and padding on both axes.
func Square(k, stride, pad int) Window {
	return Window{Kernel: [2]int{k, k}, Stride: [2]int{stride, stride}, Dilation: [2]int{1, 1}, Pad: Same(pad)}
}

func (w Window) validate() error {
	for _, v := range []struct {
		name string
		n    [2]int
	}{{"kernel", w.Kernel}, {"stride", w.Stride}, {"dilation", w.Dilation}} {
		if v.n[0] < 1 || v.n[1] < 1 || v.n[0] > maxExtent || v.n[1] > maxExtent {
			return fmt.Errorf("%s %v is out of range", v.name, v.n)
		}
	}
	return w.Pad.validate()
}

func (p Pad) validate() error {
	for _, n := range [4]int{p.Top, p.Left, p.Bottom, p.Right} {
		if n < 0 || n > maxExtent {
			return fmt.Errorf("padding %+v is out of range", p)
		}
	}
	return nil
}

// out is the number of positions of the window on both axes (PyTorch's formula; Keras's paddings are written as explicit pads).
func (w Window) out(in Shape) (h, wd int, err error) {
	one := func(size, before, after, k, stride, dilation int) int {
		span := int(min(int64(k-1)*int64(dilation), 1<<30)) + 1 // 1<<30 is beyond every map, and an int of 32 bits holds it
		room := size + before + after - span
		if room < 0 {
			if w.Ceil && room > -stride {
				return 1 // larger than the map: rounded up as well
			}
			return 0
		}
		n := room/stride + 1
		// A window that would start in the padding behind the map does not count.
		if w.Ceil && room%stride != 0 && n*stride < size+before {
			n++
		}
		return n
	}
	h = one(in.H, w.Pad.Top, w.Pad.Bottom, w.Kernel[0], w.Stride[0], w.Dilation[0])
	wd = one(in.W, w.Pad.Left, w.Pad.Right, w.Kernel[1], w.Stride[1], w.Dilation[1])
	if h < 1 || wd < 1 {
		return 0, 0, fmt.Errorf("a %dx%d window (dilation %v) does not fit: give a larger picture", w.Kernel[0], w.Kernel[1], w.Dilation)
	}
	return h, wd, nil
}

func single(in []Shape) (Shape, error) {
	if len(in) != 1 {
		return Shape{}, fmt.Errorf("%w: %d, not 1", errArity, len(in))
	}
	return in[0], nil
}

func singleMap(in []Shape) (Shape, error) {
	s, err := single(in)
	if err == nil && s.Flat {
		err = fmt.Errorf("needs a map, not a vector of %v", s)
	}
	return s, err
}

// noParams is embedded by operations without weights or multiply-adds.
type noParams struct{}

func (noParams) params(Layout, []Shape) []Param { return nil }
func (noParams) macs([]Shape, Shape) int64      { return 0 }
func (noParams) validate() error                { return nil }

// Conv2D is a cross-correlation, as frameworks mean by convolution. Weight is [outC][inC/groups][kh][kw] in NCHW graphs, [kh][kw][inC/groups][outC] in NHWC ones.
type Conv2D struct {
	Window
	OutC   int    `json:"out_c"`
	Groups int    `json:"groups"`
	Weight string `json:"weight"`
	Bias   string `json:"bias,omitempty"` // tensor [outC]; "" is none
}

func (*Conv2D) Kind() string { return "Conv2D" }

func (c *Conv2D) validate() error {
	if c.OutC < 1 || c.OutC > maxExtent || c.Groups < 1 || c.OutC%c.Groups != 0 {
		return fmt.Errorf("%d output channels in %d groups", c.OutC, c.Groups)
	}
	if c.Ceil {
		return fmt.Errorf("a convolution cannot round its output's size up")
	}
	if c.Weight == "" {
		return fmt.Errorf("no weight tensor")
	}
	return c.Window.validate()
}

func (c *Conv2D) infer(in []Shape) (Shape, error) {
	s, err := singleMap(in)
	if err != nil {
		return Shape{}, err
	}
	if s.C%c.Groups != 0 {
		return Shape{}, fmt.Errorf("%d input channels do not divide into %d groups", s.C, c.Groups)
	}
	h, w, err := c.out(s)
	return Shape{H: h, W: w, C: c.OutC}, err
}

func (c *Conv2D) params(l Layout, in []Shape) []Param {
	cin := in[0].C / c.Groups
	shape := []int{c.OutC, cin, c.Kernel[0], c.Kernel[1]}
	if l == NHWC {
		shape = []int{c.Kernel[0], c.Kernel[1], cin, c.OutC}
	}
	return withBias(Param{c.Weight, shape}, c.Bias, c.OutC)
}

func (c *Conv2D) macs(in []Shape, out Shape) int64 {
	return int64(out.Elements()) * int64(in[0].C/c.Groups) * int64(c.Kernel[0]) * int64(c.Kernel[1])
}

func withBias(p Param, bias string, n int) []Param {
	if bias == "" {
		return []Param{p}
	}
	return []Param{p, {bias, []int{n}}}
}

// Dense is a fully connected layer. Weight is [out][in] in NCHW graphs, [in][out] in NHWC ones.
type Dense struct {
	Out    int    `json:"out"`
	Weight string `json:"weight"`
	Bias   string `json:"bias,omitempty"`
}

func (*Dense) Kind() string { return "Dense" }

func (d *Dense) validate() error {
	if d.Out < 1 || d.Out > maxExtent {
		return fmt.Errorf("%d outputs", d.Out)
	}
	if d.Weight == "" {
		return fmt.Errorf("no weight tensor")
	}
	return nil
}

func (d *Dense) infer(in []Shape) (Shape, error) {
	s, err := single(in)
	if err == nil && !s.Flat {
		err = fmt.Errorf("needs a vector: flatten the map %v first", s)
	}
	return Shape{H: 1, W: 1, C: d.Out, Flat: true}, err
}

func (d *Dense) params(l Layout, in []Shape) []Param {
	shape := []int{d.Out, in[0].Elements()}
	if l == NHWC {
		shape = []int{in[0].Elements(), d.Out}
	}
	return withBias(Param{d.Weight, shape}, d.Bias, d.Out)
}

func (d *Dense) macs(in []Shape, out Shape) int64 { return int64(in[0].Elements()) * int64(d.Out) }

// BatchNorm is (x-mean)/sqrt(var+eps)*gamma+beta per channel with the running statistics (Ioffe and Szegedy 2015). Gamma or Beta may be "" (1 and 0).
type BatchNorm struct {
	Eps   float64 `json:"eps"`
	Gamma string  `json:"gamma,omitempty"`
	Beta  string  `json:"beta,omitempty"`
	Mean  string  `json:"mean"`
	Var   string  `json:"var"`
}

func (*BatchNorm) Kind() string { return "BatchNorm" }

func (b *BatchNorm) validate() error {
	if !(b.Eps >= 0) || math.IsInf(b.Eps, 0) {
		return fmt.Errorf("eps %v", b.Eps)
	}
	if b.Mean == "" || b.Var == "" {
		return fmt.Errorf("no mean or variance tensor")
	}
	return nil
}

func (*BatchNorm) infer(in []Shape) (Shape, error) {
	s, err := single(in)
	if err == nil && s.Flat && s.H*s.W > 1 {
		err = fmt.Errorf("over a flattened map: put it before the flatten")
	}
	return s, err
}

func (b *BatchNorm) params(_ Layout, in []Shape) []Param {
	var list []Param
	for _, name := range []string{b.Gamma, b.Beta, b.Mean, b.Var} {
		if name != "" {
			list = append(list, Param{name, []int{in[0].C}})
		}
	}
	return list
}

func (*BatchNorm) macs(_ []Shape, out Shape) int64 { return int64(out.Elements()) }

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
	s, err := single(in)
	switch {
	case err != nil:
	case s.Flat && s.H*s.W > 1:
		err = fmt.Errorf("over a flattened map: put it before the flatten")
	case s.C != len(a.Scale):
		err = fmt.Errorf("%d scales for %d channels", len(a.Scale), s.C)
	}
	return s, err
}

func (*Affine) params(Layout, []Shape) []Param  { return nil }
func (*Affine) macs(_ []Shape, out Shape) int64 { return int64(out.Elements()) }

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

// MaxPool takes the largest value of each window; padding never wins.
type MaxPool struct {
	noParams
	Window
}

func (*MaxPool) Kind() string      { return "MaxPool" }
func (p *MaxPool) validate() error { return p.Window.validate() }
func (p *MaxPool) infer(in []Shape) (Shape, error) {
	return p.pooled(in)
}

// AvgPool takes the mean of each window: of the values inside the map, or of the padding's zeros too if CountPad is set (PyTorch's count_include_pad; Keras does not count it).
type AvgPool struct {
	noParams
	Window
	CountPad bool `json:"count_pad,omitempty"`
}

func (*AvgPool) Kind() string { return "AvgPool" }
func (p *AvgPool) validate() error {
	if p.Dilation != [2]int{1, 1} {
		return fmt.Errorf("a mean over a dilated window")
	}
	return p.Window.validate()
}
func (p *AvgPool) infer(in []Shape) (Shape, error) {
	return p.pooled(in)
}

func (w Window) pooled(in []Shape) (Shape, error) {
	s, err := singleMap(in)
	if err != nil {
		return Shape{}, err
	}
	h, wd, err := w.out(s)
	if err != nil {
		return Shape{}, err
	}
	if out := (Shape{H: h, W: wd, C: s.C}); out.check() != nil {
		return out, nil // the caller says so
	}
	empty := func(n, size, axis, before int) bool {
		for i := range n {
			if _, taps := tapsInside(i*w.Stride[axis]-before, size, w.Kernel[axis], w.Dilation[axis]); taps == 0 {
				return true
			}
		}
		return false
	}
	if empty(h, s.H, 0, w.Pad.Top) || empty(wd, s.W, 1, w.Pad.Left) {
		return Shape{}, fmt.Errorf("with padding %+v some %v windows lie in the padding alone", w.Pad, w.Kernel)
	}
	return Shape{H: h, W: wd, C: s.C}, nil
}

// AdaptivePool divides the map into OutH x OutW windows, as PyTorch's AdaptiveAvgPool2d does; 1 x 1 is global pooling. Flatten makes the result a vector, as Keras's global pooling is.
type AdaptivePool struct {
	noParams
	OutH    int  `json:"out_h"`
	OutW    int  `json:"out_w"`
	Max     bool `json:"max,omitempty"` // the largest value instead of the mean
	Flatten bool `json:"flatten,omitempty"`
}

func (p *AdaptivePool) Kind() string {
	name := "AdaptiveAvgPool"
	if p.Max {
		name = "AdaptiveMaxPool"
	}
	if p.OutH == 1 && p.OutW == 1 {
		name = "Global" + name[len("Adaptive"):]
	}
	return name
}

func (p *AdaptivePool) validate() error {
	if p.OutH < 1 || p.OutW < 1 || p.OutH > maxExtent || p.OutW > maxExtent {
		return fmt.Errorf("output %dx%d", p.OutH, p.OutW)
	}
	return nil
}

func (p *AdaptivePool) infer(in []Shape) (Shape, error) {
	s, err := singleMap(in)
	return Shape{H: p.OutH, W: p.OutW, C: s.C, Flat: p.Flatten}, err
}

// Add is the sum of two values of the same shape.
type Add struct{ noParams }

func (*Add) Kind() string { return "Add" }
func (*Add) infer(in []Shape) (Shape, error) {
	if len(in) != 2 {
		return Shape{}, fmt.Errorf("%w: %d, not 2", errArity, len(in))
	}
	if in[0] != in[1] {
		return Shape{}, fmt.Errorf("the shapes differ")
	}
	return in[0], nil
}

// Concat joins maps along the channels.
type Concat struct{ noParams }

func (*Concat) Kind() string { return "Concat" }
func (*Concat) infer(in []Shape) (Shape, error) {
	out := in[0]
	for _, s := range in[1:] {
		if s.H != out.H || s.W != out.W || s.Flat != out.Flat {
			return Shape{}, fmt.Errorf("heights and widths differ")
		}
		out.C += s.C
		if err := out.check(); err != nil { // here, lest many of them overflow
			return Shape{}, err
		}
	}
	if out.Flat && out.H*out.W > 1 && len(in) > 1 {
		return Shape{}, fmt.Errorf("flattened maps cannot be joined: join the maps, then flatten")
	}
	return out, nil
}

// ZeroPad adds zeros around the map, and before and after its channels.
type ZeroPad struct {
	noParams
	Pad            Pad `json:"pad"`
	ChannelsBefore int `json:"channels_before,omitempty"`
	ChannelsAfter  int `json:"channels_after,omitempty"`
}

func (*ZeroPad) Kind() string { return "Pad" }
func (p *ZeroPad) validate() error {
	if p.ChannelsBefore < 0 || p.ChannelsAfter < 0 || p.ChannelsBefore > maxExtent || p.ChannelsAfter > maxExtent {
		return fmt.Errorf("%d channels before, %d after", p.ChannelsBefore, p.ChannelsAfter)
	}
	return p.Pad.validate()
}
func (p *ZeroPad) infer(in []Shape) (Shape, error) {
	s, err := singleMap(in)
	s.H += p.Pad.Top + p.Pad.Bottom
	s.W += p.Pad.Left + p.Pad.Right
	s.C += p.ChannelsBefore + p.ChannelsAfter
	return s, err
}

// Flatten makes a map a vector. In memory nothing moves; the order that users and dense weights see is the layout's.
type Flatten struct{ noParams }

func (*Flatten) Kind() string { return "Flatten" }
func (*Flatten) infer(in []Shape) (Shape, error) {
	s, err := single(in)
	s.Flat = true
	return s, err
}

// Softmax is exp(x) over its sum, along the channels.
type Softmax struct{ noParams }

func (*Softmax) Kind() string { return "Softmax" }
func (*Softmax) infer(in []Shape) (Shape, error) {
	s, err := single(in)
	if err == nil && s.Flat && s.H*s.W > 1 {
		err = fmt.Errorf("over a flattened map")
	}
	return s, err
}

// Identity passes its input on. Dropout at inference is one.
type Identity struct {
	noParams
	Dropout bool `json:"dropout,omitempty"`
}

func (i *Identity) Kind() string {
	if i.Dropout {
		return "Dropout"
	}
	return "Identity"
}
func (*Identity) infer(in []Shape) (Shape, error) { return single(in) }

// newOp makes an empty operation of a kind, to be filled from a model file.
func newOp(kind string) (Op, error) {
	switch kind {
	case "Conv2D":
		return &Conv2D{}, nil
	case "Dense":
		return &Dense{}, nil
	case "BatchNorm":
		return &BatchNorm{}, nil
	case "Affine":
		return &Affine{}, nil
	case "ReLU", "ReLU6":
		return &ReLU{}, nil
	case "MaxPool":
		return &MaxPool{}, nil
	case "AvgPool":
		return &AvgPool{}, nil
	case "AdaptiveAvgPool", "AdaptiveMaxPool", "GlobalAvgPool", "GlobalMaxPool":
		return &AdaptivePool{}, nil
	case "Add":
		return &Add{}, nil
	case "Concat":
		return &Concat{}, nil
	case "Pad":
		return &ZeroPad{}, nil
	case "Flatten":
		return &Flatten{}, nil
	case "Softmax":
		return &Softmax{}, nil
	case "Identity", "Dropout":
		return &Identity{}, nil
	}
	return nil, fmt.Errorf("unknown operation %q", kind)
}
