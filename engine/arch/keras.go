package arch

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/featx-go/featx/engine"
)

// KerasOptions vary a network of keras.applications.
type KerasOptions struct {
	Classes int  // outputs of the classifier; 0 is 1000
	NoTop   bool // without the classifier (include_top=False)
	Scratch bool // built with weights=None: EfficientNets then lack a rescaling that belongs to the published weights
}

// kerasBuilders are the networks of keras.applications by name, for files that hold their weights alone. A builder's nodes have Keras's names; tensors are
// called LAYER/WEIGHT, and come in Keras's order within a layer.
var kerasBuilders = map[string]func(o KerasOptions) *engine.Graph{}

// kerasPrefix begins the names of Keras's networks, which differ from torchvision's of the same name.
const kerasPrefix = "keras/"

// KerasNames lists the networks: keras/vgg16.
func KerasNames() []string {
	var names []string
	for n := range kerasBuilders {
		names = append(names, kerasPrefix+n)
	}
	sort.Strings(names)
	return names
}

// BuildKeras makes the graph of a network by its name, with or without the prefix.
func BuildKeras(name string, o KerasOptions) (*engine.Graph, error) {
	name = strings.TrimPrefix(name, kerasPrefix)
	build := kerasBuilders[name]
	if build == nil {
		return nil, fmt.Errorf("unknown Keras network %q; known are %s", name, strings.Join(KerasNames(), ", "))
	}
	if o.Classes < 0 {
		return nil, fmt.Errorf("%s with %d classes", name, o.Classes)
	}
	if o.Classes == 0 {
		o.Classes = 1000
	}
	g := build(o)
	g.Arch = kerasPrefix + name
	return g, g.Validate()
}

// keras is what the builders of Keras's networks share: layers that own their tensors by name, and what Keras calls those without a name.
type keras struct {
	*engine.Graph
	fxNames // conv2d, conv2d_1
	shapes  map[string]engine.Shape
}

func newKeras(size int) keras {
	g := &engine.Graph{Layout: engine.NHWC, Input: engine.Shape{H: size, W: size, C: 3}}
	return keras{g, fxNames{}, map[string]engine.Shape{engine.InputName: g.Input}}
}

// Add appends a node. A shape that does not fit is found by Graph.Infer.
func (k keras) Add(name string, op engine.Op, inputs ...string) string {
	in := make([]engine.Shape, len(inputs))
	for i, x := range inputs {
		in[i] = k.shapes[x]
	}
	k.shapes[name], _ = engine.OutputShape(op, in...)
	return k.Graph.Add(name, op, inputs...)
}

func (k keras) channels(x string) int { return k.shapes[x].C }

// kerasConv is what a Conv2D layer can have beside its filters and kernel.
type kerasConv struct {
	stride     [2]int // 0 is 1
	valid      bool   // padding; "same" otherwise
	noBias     bool
	activation engine.Op // its value has the layer's name, the linear part NAME/linear
}

// conv is Conv2D.
func (k keras) conv(name, x string, filters int, kernel [2]int, o kerasConv) string {
	w := engine.Window{Kernel: kernel, Stride: [2]int{max(1, o.stride[0]), max(1, o.stride[1])}, Dilation: [2]int{1, 1}, Same: !o.valid}
	op := &engine.Conv2D{Window: w, OutC: filters, Groups: 1, Weight: name + "/kernel"}
	if !o.noBias {
		op.Bias = name + "/bias"
	}
	return k.activated(name, op, o.activation, x)
}

// depthwise is DepthwiseConv2D without a bias.
func (k keras) depthwise(name, x string, size, stride int, valid bool) string {
	return k.Add(name, k.depthwiseOp(x, name+"/depthwise_kernel", size, stride, valid), x)
}

func (k keras) depthwiseOp(x, weight string, size, stride int, valid bool) engine.Op {
	w := engine.Square(size, stride, 0)
	w.Same = !valid
	return &engine.Conv2D{Window: w, OutC: k.channels(x), Groups: k.channels(x), Weight: weight}
}

// separable is SeparableConv2D without a bias: two convolutions, of which the first is called NAME/depthwise.
func (k keras) separable(name, x string, filters, size, stride int, valid bool) string {
	x = k.Add(name+"/depthwise", k.depthwiseOp(x, name+"/depthwise_kernel", size, stride, valid), x)
	return k.Add(name, &engine.Conv2D{Window: engine.Square(1, 1, 0), OutC: filters, Groups: 1, Weight: name + "/pointwise_kernel"}, x)
}

func (k keras) activated(name string, op, activation engine.Op, x string) string {
	if activation == nil {
		return k.Add(name, op, x)
	}
	return k.Add(name, activation, k.Add(name+"/linear", op, x))
}

// dense is Dense.
func (k keras) dense(name, x string, units int, activation engine.Op) string {
	return k.activated(name, &engine.Dense{Out: units, Weight: name + "/kernel", Bias: name + "/bias"}, activation, x)
}

// bn is BatchNormalization.
func (k keras) bn(name, x string, eps float64, scale bool) string {
	op := &engine.BatchNorm{Eps: eps, Beta: name + "/beta", Mean: name + "/moving_mean", Var: name + "/moving_variance"}
	if scale {
		op.Gamma = name + "/gamma"
	}
	return k.Add(name, op, x)
}

func (k keras) maxPool(name, x string, size, stride int, same bool) string {
	w := engine.Square(size, stride, 0)
	w.Same = same
	return k.Add(name, &engine.MaxPool{Window: w}, x)
}

func (k keras) avgPool(name, x string, size, stride int, same bool) string {
	w := engine.Square(size, stride, 0)
	w.Same = same
	return k.Add(name, &engine.AvgPool{Window: w}, x)
}

// pad is ZeroPadding2D.
func (k keras) pad(name, x string, p engine.Pad) string {
	return k.Add(name, &engine.ZeroPad{Pad: p}, x)
}

// correctPad is ZeroPadding2D by imagenet_utils.correct_pad, for a window of stride 2.
func (k keras) correctPad(name, x string, size int) string {
	return k.Add(name, &engine.ZeroPad{Halving: size}, x)
}

// affine is x*scale + shift, the same for all channels.
func (k keras) affine(name, x string, scale, shift float64) string {
	c := k.channels(x)
	return k.Add(name, &engine.Affine{Scale: slices.Repeat([]float64{scale}, c), Shift: slices.Repeat([]float64{shift}, c)}, x)
}

func (k keras) add(name string, inputs ...string) string {
	return k.Add(name, &engine.Add{}, inputs...)
}

func (k keras) mul(name string, inputs ...string) string {
	return k.Add(name, &engine.Arithmetic{Func: engine.Mul}, inputs...)
}

func (k keras) join(name string, inputs ...string) string {
	return k.Add(name, &engine.Concat{}, inputs...)
}

func (k keras) dropout(name, x string) string { return k.Add(name, &engine.Identity{Dropout: true}, x) }

func (k keras) globalPool(name, x string) string {
	return k.Add(name, &engine.AdaptivePool{OutH: 1, OutW: 1, Flatten: true}, x)
}

// classifier ends a builder: the mean of each map, and the classes, if there is a top.
func (k keras) classifier(pool, x string, o KerasOptions) *engine.Graph {
	if o.NoTop {
		return k.finish(x)
	}
	features := k.globalPool(pool, x)
	k.dense("predictions", features, o.Classes, softmax())
	return k.finish(features)
}

func relu() engine.Op    { return &engine.ReLU{} }
func relu6() engine.Op   { return &engine.ReLU{Max: 6} }
func silu() engine.Op    { return &engine.Activation{Func: engine.SiLU} }
func softmax() engine.Op { return &engine.Softmax{} }

func square(k int) [2]int { return [2]int{k, k} }

// finish ends a builder. Where there is no top, the last node is the feature.
func (k keras) finish(features string) *engine.Graph {
	k.Features = features
	return k.Graph
}
