package arch

import (
	"fmt"
	"sort"
	"strings"

	"github.com/featx-go/featx/engine"
)

// Options vary a network without changing its family.
type Options struct {
	Classes int // outputs of the classifier; 0 is the published network's number
}

// builder makes a graph; classifier is the tensor whose first extent is the number of classes.
type builder struct {
	build      func(o Options) *engine.Graph
	classes    int
	classifier string
}

var builders = map[string]builder{}

func register(name string, classes int, classifier string, build func(o Options) *engine.Graph) {
	builders[name] = builder{build, classes, classifier}
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
	if shape := stored[builders[name].classifier]; len(shape) > 0 && shape[0] > 0 {
		o.Classes = shape[0]
	}
	return Build(name, o)
}

// Recognise finds the network whose parameters have exactly the stored tensors' names and shapes. The number of classes is free.
func Recognise(stored map[string][]int) (*engine.Graph, error) {
	best, fewest := "", -1
	for _, name := range Names() {
		g, err := BuildFor(name, stored)
		if err != nil {
			continue
		}
		err = g.CheckWeights(stored)
		if err == nil {
			return g, nil
		}
		if m, ok := err.(*engine.MismatchError); ok {
			if n := len(m.Missing) + len(m.Misshapen) + len(m.Surplus); fewest < 0 || n < fewest {
				best, fewest = name, n
			}
		}
	}
	hint := ""
	if fewest >= 0 && fewest < len(stored) {
		hint = fmt.Sprintf(" (nearest: %s, %d tensors differ)", best, fewest)
	}
	return nil, fmt.Errorf("the tensors' names and shapes are those of no known network%s: name one with --arch, of %s", hint, strings.Join(Names(), ", "))
}

// torch is what the builders of PyTorch networks share: modules that own their tensors by name.
type torch struct{ *engine.Graph }

func newTorch(size, channels int) torch {
	return torch{&engine.Graph{Layout: engine.NCHW, Input: engine.Shape{H: size, W: size, C: channels}}}
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
func (t torch) bn(name, in string) string {
	return t.Add(name, &engine.BatchNorm{Eps: 1e-5, Gamma: name + ".weight", Beta: name + ".bias", Mean: name + ".running_mean", Var: name + ".running_var"}, in)
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
