package arch

import (
	"fmt"
	"maps"
	"sort"
	"strings"

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
	training   string // begins the names of tensors that only training needs; "" is none
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
		return nil, fmt.Errorf("unknown network %q; known are %s", name, strings.Join(Names(), ", "))
	}
	if o.Classes < 0 {
		return nil, fmt.Errorf("%s with %d classes", name, o.Classes)
	}
	if o.Classes == 0 {
		o.Classes = b.classes
	}
	g := b.build(o)
	g.Arch = name
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
	return b != nil && b.training != "" && strings.HasPrefix(tensor, b.training)
}

// Recognise finds the network whose parameters have exactly the stored tensors' names and shapes, but for those of TrainingOnly. The number of
// classes is free. Networks that differ in something else than tensors are not told apart: that is an error that names them. If none fits, the error is an *UnknownError.
func Recognise(stored map[string][]int) (*engine.Graph, error) {
	var found []*engine.Graph
	var names []string
	var unknown UnknownError
	fewest := len(stored) // a network that differs in more tensors is not near
	for _, name := range Names() {
		g, err := BuildFor(name, stored)
		if err != nil {
			continue
		}
		needed := maps.Clone(stored)
		maps.DeleteFunc(needed, func(tensor string, _ []int) bool { return TrainingOnly(name, tensor) })
		err = g.CheckWeights(needed)
		if err == nil {
			found, names = append(found, g), append(names, fmt.Sprintf("%s (%s)", name, builders[name].note))
		}
		if m, ok := err.(*engine.MismatchError); ok {
			if n := len(m.Missing) + len(m.Misshapen) + len(m.Surplus); n < fewest {
				unknown, fewest = UnknownError{name, m}, n
			}
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, fmt.Errorf("the tensors fit %s alike: name one with --arch", strings.Join(names, " and "))
	}
	return nil, &unknown
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
	return fmt.Sprintf("the tensors' names and shapes are those of no known network%s: name one with --arch, of %s", hint, strings.Join(Names(), ", "))
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
