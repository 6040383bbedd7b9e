package arch

import (
	"fmt"
	"maps"
	"math"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/featx-go/featx/engine"
)

// Options vary a network without changing its family.
type Options struct {
	Classes int // outputs of the classifier; 0 is the published network's number
}

type builder struct {
	build      func(o Options) *engine.Graph
	classes    int
	classifier string // the tensor whose first extent is the number of classes
	training   string // a pattern (path.Match) of the tensors that only training needs; "" is none
	note       string // what tells it from another network with the same tensors
}

var builders = map[string]*builder{}

func register(name string, classes int, classifier string, build func(o Options) *engine.Graph) *builder {
	builders[name] = &builder{build: build, classes: classes, classifier: classifier}
	return builders[name]
}

// Names lists the networks.
func Names() []string {
	names := make([]string, 0, len(builders))
	for n := range builders {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Build makes the graph of a network by its name (`resnet50`).
func Build(name string, o Options) (*engine.Graph, error) {
	b, ok := builders[name]
	if !ok {
		list, what := engine.Nearest(name, Names()), "nearest"
		if len(list) == 0 {
			list, what = Names(), "known"
		}
		return nil, fmt.Errorf("unknown network %q; %s are %s", name, what, strings.Join(list, ", "))
	}
	if o.Classes < 0 {
		return nil, fmt.Errorf("%s with %d classes", name, o.Classes)
	}
	if o.Classes == 0 {
		o.Classes = b.classes
	}
	g := b.build(o)
	g.Arch = name
	Translate(g, name)
	return g, g.Validate()
}

// BuildFor makes the graph of a network with as many classes as the stored tensors (name -> shape) have.
func BuildFor(name string, stored map[string][]int) (*engine.Graph, error) {
	o := Options{}
	if b := builders[name]; b != nil {
		if shape := stored[b.classifier]; len(shape) > 0 && shape[0] > 0 {
			o.Classes = shape[0]
		}
	}
	return Build(name, o)
}

// TrainingOnly says whether checkpoints of a network hold the tensor for training alone, as Inception's auxiliary classifier: its graph has no use for it.
func TrainingOnly(network, tensor string) bool {
	b := builders[network]
	if b == nil {
		return false
	}
	ok, _ := path.Match(b.training, tensor)
	return ok
}

// parameters are the tensors' shapes of every network, with as many classes as it was published with.
var parameters = sync.OnceValue(func() map[string]map[string][]int {
	all := map[string]map[string][]int{}
	for name := range builders {
		if g, err := Build(name, Options{}); err == nil {
			if list, err := g.Params(); err == nil {
				all[name] = make(map[string][]int, len(list))
				for _, p := range list {
					all[name][p.Tensor] = p.Shape
				}
			}
		}
	}
	return all
})

// differences counts the tensors that a network has otherwise than stored, but for the number of classes and those of TrainingOnly.
func differences(network string, stored map[string][]int) int {
	n, found := 0, 0
	b := builders[network]
	bias := strings.TrimSuffix(b.classifier, "weight") + "bias"
	for tensor, shape := range parameters()[network] {
		have, ok := stored[tensor]
		if ok {
			found++
		}
		if ok && len(have) == len(shape) && (tensor == b.classifier || tensor == bias) {
			have, shape = have[1:], shape[1:]
		}
		if !ok || !slices.Equal(have, shape) {
			n++
		}
	}
	if found == len(stored) {
		return n
	}
	for tensor := range stored {
		if _, ok := parameters()[network][tensor]; !ok && !TrainingOnly(network, tensor) {
			n++
		}
	}
	return n
}

// Recognise finds the network whose parameters have exactly the stored tensors' names and shapes, but for those of TrainingOnly. The number of
// classes is free. Networks that differ in something else than tensors are not told apart: the error is an *AlikeError. If none fits, it is an *UnknownError.
func Recognise(stored map[string][]int) (*engine.Graph, error) {
	var fitting []string
	nearest, fewest := "", len(stored) // a network that differs in more tensors is not near
	for _, name := range Names() {
		switch n := differences(name, stored); {
		case n == 0:
			fitting = append(fitting, name)
		case n < fewest:
			nearest, fewest = name, n
		}
	}
	if len(fitting) > 1 {
		return nil, &AlikeError{fitting}
	}
	if len(fitting) == 1 {
		nearest = fitting[0]
	}
	if nearest == "" {
		return nil, &UnknownError{}
	}
	g, err := BuildFor(nearest, stored)
	if err == nil {
		needed := maps.Clone(stored)
		maps.DeleteFunc(needed, func(tensor string, _ []int) bool { return TrainingOnly(nearest, tensor) })
		err = g.CheckWeights(needed)
	}
	if m, ok := err.(*engine.MismatchError); ok {
		return nil, &UnknownError{nearest, m}
	}
	return g, err
}

// AlikeError says that tensors fit several networks.
type AlikeError struct{ Networks []string }

func (e *AlikeError) Error() string {
	list := make([]string, len(e.Networks))
	for i, name := range e.Networks {
		list[i] = fmt.Sprintf("%s (%s)", name, builders[name].note)
	}
	return fmt.Sprintf("the tensors fit %s alike: name one with --arch", strings.Join(list, " and "))
}

// UnknownError says that tensors are those of no network.
type UnknownError struct {
	Nearest  string                // the network that differs least, if one is near
	Mismatch *engine.MismatchError // how it differs
}

func (e *UnknownError) Error() string {
	hint := ""
	if e.Mismatch != nil {
		hint = fmt.Sprintf(" (nearest: %s, but %s)", e.Nearest, e.Mismatch.Differences())
	}
	return fmt.Sprintf("the tensors' names and shapes are those of no known network%s: name one with --arch", hint)
}

// The published DenseNets are from before PyTorch forbade points in modules' names: denselayer1.norm.1.weight.
var oldDenseLayer = regexp.MustCompile(`^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.\w+)$`)

// Current gives a PyTorch tensor's name and shape as the networks here have them, where a checkpoint has another: old names, and the layer scale
// of ConvNeXt, whose shape is C x 1 x 1 there.
func Current(tensor string, shape []int) (string, []int) {
	if strings.HasSuffix(tensor, ".layer_scale") && len(shape) == 3 && shape[1] == 1 && shape[2] == 1 {
		shape = shape[:1]
	}
	return oldDenseLayer.ReplaceAllString(tensor, "$1$2"), shape
}

// torch is what the builders of PyTorch networks share: modules that own their tensors by name.
type torch struct{ *engine.Graph }

func newTorch(size, channels int) torch {
	return torch{&engine.Graph{Layout: engine.NCHW, Input: engine.Shape{H: size, W: size, C: channels}}}
}

// graph ends a builder: each module's name becomes an alias of its last node, whose value is what the module gives.
func (t torch) graph() *engine.Graph {
	nodes := map[string]bool{}
	for _, n := range t.Nodes {
		nodes[n.Name] = true
	}
	for _, n := range t.Nodes {
		for i, r := range n.Name {
			if module := n.Name[:i]; r == '.' && !nodes[module] {
				t.Alias(module, n.Name)
			}
		}
	}
	return t.Graph
}

// conv is nn.Conv2d with a square kernel.
func (t torch) conv(name, in string, outC, k, stride, pad int, bias bool) string {
	op := &engine.Conv2D{Window: engine.Square(k, stride, pad), OutC: outC, Groups: 1, Weight: name + ".weight"}
	if bias {
		op.Bias = name + ".bias"
	}
	return t.Add(name, op, in)
}

// groupConv is nn.Conv2d with groups, a square kernel of odd size, the padding that keeps a map's size at stride 1, and no bias.
func (t torch) groupConv(name, in string, outC, k, stride, groups int) string {
	return t.Add(name, &engine.Conv2D{Window: engine.Square(k, stride, k/2), OutC: outC, Groups: groups, Weight: name + ".weight"}, in)
}

// convNorm is torchvision's Conv2dNormActivation: a groupConv, batch normalisation, and the activation, if there is one.
type convNorm struct {
	outC, k, stride, groups int
	eps                     float64   // of the batch normalisation
	act                     engine.Op // nil is none
}

func (t torch) convNorm(name, x string, c convNorm) string {
	x = t.groupConv(name+".0", x, c.outC, c.k, c.stride, c.groups)
	x = t.bnEps(name+".1", x, c.eps)
	if c.act != nil {
		x = t.Add(name+".2", c.act, x)
	}
	return x
}

// bn is nn.BatchNorm2d with its default eps.
func (t torch) bn(name, in string) string { return t.bnEps(name, in, 1e-5) }

func (t torch) bnEps(name, in string, eps float64) string {
	return t.Add(name, &engine.BatchNorm{Eps: eps, Gamma: name + ".weight", Beta: name + ".bias", Mean: name + ".running_mean", Var: name + ".running_var"}, in)
}

func (t torch) relu(name, in string) string { return t.Add(name, &engine.ReLU{}, in) }

// linear is nn.Linear.
func (t torch) linear(name, in string, out int) string {
	return t.Add(name, &engine.Dense{Out: out, Weight: name + ".weight", Bias: name + ".bias"}, in)
}

func (t torch) globalPool(name, in string) string {
	return t.Add(name, &engine.AdaptivePool{OutH: 1, OutW: 1}, in)
}

// globalMean is x.mean([2, 3]): a vector of the channels.
func (t torch) globalMean(name, in string) string {
	return t.Add(name, &engine.AdaptivePool{OutH: 1, OutW: 1, Flatten: true}, in)
}

// makeDivisible is the multiple of divisor that is nearest to a number of channels, but not less than nine tenths of it (torchvision's _make_divisible).
func makeDivisible(channels float64, divisor int) int {
	n := max(divisor, int(channels+float64(divisor)/2)/divisor*divisor)
	if float64(n) < 0.9*channels {
		n += divisor
	}
	return n
}

// roundEven rounds as Python's round does.
func roundEven(x float64) int { return int(math.RoundToEven(x)) }

// sequence names the modules of an nn.Sequential one after the other: name.0, name.1.
func sequence(name string) (next func() string) {
	n := 0
	return func() string { n++; return fmt.Sprintf("%s.%d", name, n-1) }
}

// fxNames numbers repeated calls of one module as torch.fx does: relu, relu_1, relu_2.
type fxNames map[string]int

func (f fxNames) next(name string) string {
	n := f[name]
	f[name]++
	if n == 0 {
		return name
	}
	return fmt.Sprintf("%s_%d", name, n)
}
