package arch

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/featx-go/featx/engine"
)

// KerasOptions vary a network of keras.applications.
type KerasOptions struct {
	Classes int  // outputs of the classifier; 0 is 1000
	NoTop   bool // without the classifier (include_top=False)
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

// KerasLayer is a layer of a file that has weights: its name, and their shapes in the file's order.
type KerasLayer struct {
	Name   string
	Shapes [][]int
}

// RecogniseKeras finds the network with such layers, all of them or all but the classifier, and gives for each layer the parameters that its weights are. Layers are compared
// by name; where Keras made the names up, by their order. name limits the search to one network.
func RecogniseKeras(name string, stored []KerasLayer) (*engine.Graph, [][]engine.Param, error) {
	names := KerasNames()
	if name != "" {
		if _, err := BuildKeras(name, KerasOptions{}); err != nil {
			return nil, nil, err
		}
		names = []string{name}
	}
	classes := 0
	if last := stored[len(stored)-1].Shapes; len(last) > 0 && len(last[0]) > 0 {
		classes = last[0][len(last[0])-1]
	}
	for _, n := range names {
		for _, o := range []KerasOptions{{Classes: classes}, {NoTop: true}} {
			g, err := BuildKeras(n, o)
			if err != nil {
				continue
			}
			params, err := g.Params()
			if err != nil {
				return nil, nil, err
			}
			if matched := matchKeras(params, stored); matched != nil {
				return g, matched, nil
			}
		}
	}
	if name != "" {
		return nil, nil, fmt.Errorf("they are not those of %s", name)
	}
	return nil, nil, fmt.Errorf("they are those of no network that featx can build (%s)", strings.Join(names, ", "))
}

// matchKeras gives each stored layer its parameters; nil if they do not fit.
func matchKeras(params []engine.Param, stored []KerasLayer) [][]engine.Param {
	var order []string
	layers := map[string][]engine.Param{}
	for _, p := range params {
		layer := p.Tensor[:strings.LastIndexByte(p.Tensor, '/')]
		if layers[layer] == nil {
			order = append(order, layer)
		}
		layers[layer] = append(layers[layer], p)
	}
	if len(order) != len(stored) {
		return nil
	}
	fits := func(params []engine.Param, s KerasLayer) bool {
		return slices.EqualFunc(params, s.Shapes, func(p engine.Param, shape []int) bool { return slices.Equal(p.Shape, kerasShape(p, shape)) })
	}
	matched := make([][]engine.Param, len(stored))
	names := renumbered(stored)
	for i, s := range stored {
		if matched[i] = layers[names[i]]; matched[i] == nil || !fits(matched[i], s) {
			return nil
		}
	}
	return matched
}

var numbered = regexp.MustCompile(`^(conv2d|batch_normalization|dense)(?:_(\d+))?$`)

// renumbered gives the layers' names, with those that Keras made up counted from 0: they depend on what else the session had built, their order does not.
func renumbered(stored []KerasLayer) []string {
	used := map[string][]int{}
	split := func(name string) (class string, n int) {
		m := numbered.FindStringSubmatch(name)
		if m == nil {
			return "", 0
		}
		n, _ = strconv.Atoi(m[2])
		return m[1], n
	}
	for _, s := range stored {
		if class, n := split(s.Name); class != "" {
			used[class] = append(used[class], n)
		}
	}
	for _, list := range used {
		slices.Sort(list)
	}
	names := make([]string, len(stored))
	for i, s := range stored {
		names[i] = s.Name
		if class, n := split(s.Name); class != "" {
			names[i] = class
			if rank, _ := slices.BinarySearch(used[class], n); rank > 0 {
				names[i] = fmt.Sprintf("%s_%d", class, rank)
			}
		}
	}
	return names
}

// kerasShape is a stored shape in the engine's axes: depthwise kernels are stored as [kh][kw][in][multiplier].
func kerasShape(p engine.Param, shape []int) []int {
	if len(shape) == 4 && len(p.Shape) == 4 && p.Shape[2] == 1 && shape[2]*shape[3] == p.Shape[3] {
		return []int{shape[0], shape[1], 1, p.Shape[3]}
	}
	return shape
}

// keras is what the builders of Keras's networks share: layers that own their tensors by name.
type keras struct{ *engine.Graph }

func newKeras(size int) keras {
	return keras{&engine.Graph{Layout: engine.NHWC, Input: engine.Shape{H: size, W: size, C: 3}}}
}

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

func (k keras) globalPool(name, x string) string {
	return k.Add(name, &engine.AdaptivePool{OutH: 1, OutW: 1, Flatten: true}, x)
}

func relu() engine.Op    { return &engine.ReLU{} }
func softmax() engine.Op { return &engine.Softmax{} }

func square(k int) [2]int { return [2]int{k, k} }

// finish ends a builder. Where there is no top, the last node is the feature.
func (k keras) finish(features string) *engine.Graph {
	k.Features = features
	return k.Graph
}
