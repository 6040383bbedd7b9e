package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
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
	Same     bool   `json:"same,omitempty"` // TensorFlow's padding of that name, which follows from the map's size (see Window.padded); Pad is not used
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
	w = w.padded(in)
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

// ConvTranspose2D is the transpose of a convolution, as for upsampling ("deconvolution"): every input pixel adds its multiple of the kernel to the output,
// Stride apart; Pad is cut off the result's border and OutPad added to its bottom and right. Weight is [inC][outC/groups][kh][kw] in NCHW graphs and
// [kh][kw][outC/groups][inC] in NHWC ones.
type ConvTranspose2D struct {
	Window
	OutC   int    `json:"out_c"`
	Groups int    `json:"groups"`
	OutPad [2]int `json:"out_pad"` // rows, columns
	Weight string `json:"weight"`
	Bias   string `json:"bias,omitempty"` // tensor [outC]; "" is none
}

func (*ConvTranspose2D) Kind() string { return "ConvTranspose2D" }

func (c *ConvTranspose2D) validate() error {
	if c.Same {
		return fmt.Errorf("a transposed convolution's padding must be given")
	}
	for _, n := range c.OutPad {
		if n < 0 || n > maxExtent {
			return fmt.Errorf("output padding %v is out of range", c.OutPad)
		}
	}
	if reach := c.reach(); max(reach[0], reach[1]) > maxExtent {
		return fmt.Errorf("kernel %v with dilation %v is out of range", c.Kernel, c.Dilation)
	}
	return (&Conv2D{Window: c.Window, OutC: c.OutC, Groups: c.Groups, Weight: c.Weight}).validate()
}

// reach is how far the kernel's last row and column are from its first.
func (c *ConvTranspose2D) reach() [2]int {
	one := func(k, dilation int) int { return int(min(int64(k-1)*int64(dilation), 1<<30)) }
	return [2]int{one(c.Kernel[0], c.Dilation[0]), one(c.Kernel[1], c.Dilation[1])}
}

func (c *ConvTranspose2D) infer(in []Shape) (Shape, error) {
	s, err := singleMap(in)
	if err != nil {
		return Shape{}, err
	}
	if s.C%c.Groups != 0 {
		return Shape{}, fmt.Errorf("%d input channels do not divide into %d groups", s.C, c.Groups)
	}
	one := func(n, axis, pads int) int {
		span := int64(n-1)*int64(c.Stride[axis]) + int64(c.reach()[axis]) + 1
		return int(min(span+int64(c.OutPad[axis]-pads), 1<<30))
	}
	out := Shape{H: one(s.H, 0, c.Pad.Top+c.Pad.Bottom), W: one(s.W, 1, c.Pad.Left+c.Pad.Right), C: c.OutC}
	if out.H < 1 || out.W < 1 {
		return Shape{}, fmt.Errorf("padding %+v cuts everything off", c.Pad)
	}
	if stuffed := (Shape{H: out.H + c.reach()[0], W: out.W + c.reach()[1], C: s.C}); out.check() == nil && stuffed.check() != nil {
		return Shape{}, fmt.Errorf("with zeros between its pixels the input is %w", stuffed.check())
	}
	return out, nil
}

func (c *ConvTranspose2D) params(l Layout, in []Shape) []Param {
	shape := []int{in[0].C, c.OutC / c.Groups, c.Kernel[0], c.Kernel[1]}
	if l == NHWC {
		shape = []int{c.Kernel[0], c.Kernel[1], c.OutC / c.Groups, in[0].C}
	}
	return withBias(Param{c.Weight, shape}, c.Bias, c.OutC)
}

func (c *ConvTranspose2D) macs(in []Shape, _ Shape) int64 {
	return int64(in[0].Elements()) * int64(c.OutC/c.Groups) * int64(c.Kernel[0]) * int64(c.Kernel[1])
}

// Dense is a fully connected layer on a vector, or on the channels of each pixel of a map (then it is a 1x1 convolution). Weight is [out][in] in NCHW
// graphs, [in][out] in NHWC ones.
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
	if s.Flat {
		s.H, s.W = 1, 1
	}
	s.C = d.Out
	return s, err
}

// inputs is the number of values that each output sums up.
func (*Dense) inputs(in Shape) int {
	if in.Flat {
		return in.Elements()
	}
	return in.C
}

func (d *Dense) params(l Layout, in []Shape) []Param {
	shape := []int{d.Out, d.inputs(in[0])}
	if l == NHWC {
		shape = []int{d.inputs(in[0]), d.Out}
	}
	return withBias(Param{d.Weight, shape}, d.Bias, d.Out)
}

func (d *Dense) macs(in []Shape, out Shape) int64 {
	return int64(out.Elements()) * int64(d.inputs(in[0]))
}

// kinds makes an empty operation of each kind. Operations that are named after their function (Activation, Arithmetic, Reduce) add theirs.
var kinds = map[string]func() Op{
	"Conv2D":          func() Op { return &Conv2D{} },
	"ConvTranspose2D": func() Op { return &ConvTranspose2D{} },
	"Dense":           func() Op { return &Dense{} },
	"BatchNorm":       func() Op { return &BatchNorm{} },
	"LayerNorm":       func() Op { return &LayerNorm{} },
	"GroupNorm":       func() Op { return &GroupNorm{} },
	"InstanceNorm":    func() Op { return &InstanceNorm{} },
	"L2Normalize":     func() Op { return &L2Normalize{} },
	"LRN":             func() Op { return &LRN{} },
	"Affine":          func() Op { return &Affine{} },
	"Scale":           func() Op { return &Scale{} },
	"Constant":        func() Op { return &Constant{} },
	"ReLU":            func() Op { return &ReLU{} },
	"ReLU6":           func() Op { return &ReLU{} },
	"Clip":            func() Op { return &Clip{} },
	"PReLU":           func() Op { return &PReLU{} },
	"MaxPool":         func() Op { return &MaxPool{} },
	"AvgPool":         func() Op { return &AvgPool{} },
	"LpPool":          func() Op { return &LpPool{} },
	"AdaptiveAvgPool": func() Op { return &AdaptivePool{} },
	"AdaptiveMaxPool": func() Op { return &AdaptivePool{} },
	"GlobalAvgPool":   func() Op { return &AdaptivePool{} },
	"GlobalMaxPool":   func() Op { return &AdaptivePool{} },
	"Add":             func() Op { return &Add{} },
	"Concat":          func() Op { return &Concat{} },
	"Pad":             func() Op { return &ZeroPad{} },
	"Slice":           func() Op { return &Slice{} },
	"Reshape":         func() Op { return &Reshape{} },
	"Permute":         func() Op { return &Permute{} },
	"ChannelShuffle":  func() Op { return &ChannelShuffle{} },
	"DepthToSpace":    func() Op { return &DepthToSpace{} },
	"SpaceToDepth":    func() Op { return &SpaceToDepth{} },
	"Resize":          func() Op { return &Resize{} },
	"Flatten":         func() Op { return &Flatten{} },
	"Softmax":         func() Op { return &Softmax{} },
	"LogSoftmax":      func() Op { return &LogSoftmax{} },
	"Identity":        func() Op { return &Identity{} },
	"Dropout":         func() Op { return &Identity{} },
}

func init() {
	for f, kind := range activationKinds {
		kinds[kind] = func() Op { return &Activation{Func: f} }
	}
	for f, kind := range arithmeticKinds {
		kinds[kind] = func() Op { return &Arithmetic{Func: f} }
	}
	for f, kind := range reduceKinds {
		kinds[kind] = func() Op { return &Reduce{Func: f} }
	}
}

// newOp makes an empty operation of a kind, to be filled from a model file.
func newOp(kind string) (Op, error) {
	if make, ok := kinds[kind]; ok {
		return make(), nil
	}
	return nil, fmt.Errorf("unknown operation %q", kind)
}

// knownFunc says which functions there are if f is none of them.
func knownFunc(f string, kinds map[string]string) error {
	if _, ok := kinds[f]; ok {
		return nil
	}
	return fmt.Errorf("unknown function %q; known are %s", f, strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
}

// channelwise is the one input of an operation whose tensors have a value per channel: a map, or a vector that was none.
func channelwise(in []Shape) (Shape, error) {
	s, err := single(in)
	if err == nil && s.Flat && s.H*s.W > 1 {
		err = fmt.Errorf("over a flattened map: put it before the flatten")
	}
	return s, err
}

// perChannel lists tensors of a value per channel; "" is none.
func perChannel(in []Shape, names ...string) (list []Param) {
	for _, name := range names {
		if name != "" {
			list = append(list, Param{name, []int{in[0].C}})
		}
	}
	return list
}
