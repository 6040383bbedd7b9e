package keras

import (
	"errors"
	"fmt"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/internal/brief"
)

// builder makes a graph of a model's layers.
type builder struct {
	*engine.Graph
	keras3   bool // meanings that changed with Keras 3
	shapes   map[string]engine.Shape
	weights  *weightTree
	inner    map[string][]string // layers of nested models: their nodes' full names
	problems []string
}

// broken stands for the output of a layer that could not be made, so that all such layers can be listed at once.
const broken = ""

// buildGraph makes the graph. size is for networks that take pictures of any size: height and width where the model leaves them open.
func buildGraph(t *topology, keras3 bool, size [2]int) (*engine.Graph, *weightTree, error) {
	b := &builder{Graph: &engine.Graph{Layout: engine.NHWC}, keras3: keras3, shapes: map[string]engine.Shape{}, weights: &weightTree{}, inner: map[string][]string{}}
	if len(t.inputs) != 1 {
		return nil, nil, fmt.Errorf("the model has %d inputs; only models with one are supported", len(t.inputs))
	}
	input, err := t.inputShape(size)
	if err != nil {
		return nil, nil, err
	}
	b.Input = input
	b.shapes[engine.InputName] = input
	outputs, err := b.model(t, "", b.weights, []string{engine.InputName})
	if err != nil {
		return nil, nil, err
	}
	if len(b.problems) > 0 {
		return nil, nil, fmt.Errorf("%d layers are not supported: %s", len(b.problems), brief.List(b.problems, 20))
	}
	if len(b.Nodes) == 0 {
		return nil, nil, errors.New("the model has no layers")
	}
	b.Arch = "keras"
	if t.name != "" {
		b.Arch = "keras/" + t.name
	}
	b.chooseFeatures(outputs[0])
	b.aliasInner()
	return b.Graph, b.weights, b.Validate()
}

// inputShape is the shape of the model's input: a map, or a vector.
func (t *topology) inputShape(size [2]int) (engine.Shape, error) {
	l := t.layer(t.inputs[0].layer)
	if l == nil {
		return engine.Shape{}, fmt.Errorf("the model's input layer %q does not exist", t.inputs[0].layer)
	}
	if l.inner != nil {
		return l.inner.inputShape(size)
	}
	r := &reader{config: l.config}
	v, _ := r.get("batch_shape", "batch_input_shape")
	dims, _ := v.([]any)
	if len(dims) == 1 { // Keras 2 sometimes wraps the shape in a list
		if inner, ok := dims[0].([]any); ok {
			dims = inner
		}
	}
	if len(dims) != 2 && len(dims) != 4 {
		return engine.Shape{}, fmt.Errorf("the model's input has the shape %v; supported are maps (batch, height, width, channels) and vectors (batch, values)", v)
	}
	extents := make([]int, len(dims)-1)
	for i, d := range dims[1:] {
		switch n, ok := d.(float64); {
		case d == nil && i < 2 && len(dims) == 4:
			extents[i] = size[i]
		case ok:
			extents[i] = r.whole(n, "the input's shape")
		default:
			return engine.Shape{}, fmt.Errorf("the model's input has the shape %v, whose channels are open", v)
		}
	}
	if r.err != nil {
		return engine.Shape{}, r.err
	}
	if len(dims) == 2 {
		return engine.Shape{H: 1, W: 1, C: extents[0], Flat: true}, nil
	}
	return engine.Shape{H: extents[0], W: extents[1], C: extents[2]}, nil
}

func (t *topology) layer(name string) *layer {
	for _, l := range t.layers {
		if l.name == name {
			return l
		}
	}
	return nil
}

// model adds the layers of a model that is called with inputs. prefix is what its nodes' names begin with.
func (b *builder) model(t *topology, prefix string, w *weightTree, inputs []string) ([]string, error) {
	if len(inputs) != len(t.inputs) {
		return nil, fmt.Errorf("model %q has %d inputs and is called with %d", t.name, len(t.inputs), len(inputs))
	}
	type at struct {
		layer string
		call  int
	}
	values := map[at][]string{}
	for i, r := range t.inputs {
		values[at{r.layer, 0}] = []string{inputs[i]}
	}
	byName := map[string]*layer{}
	for _, l := range t.layers {
		byName[l.name] = l
	}
	find := func(r reference) (string, bool) {
		l := byName[r.layer]
		if l == nil {
			return broken, false
		}
		out, ok := values[at{r.layer, r.call - l.firstCall}]
		if !ok || r.output >= len(out) {
			return broken, false
		}
		return out[r.output], true
	}
	// Keras lists layers in an order in which what is used comes first, but for layers that are called several times.
	type pending struct {
		layer *layer
		call  int
	}
	var todo []pending
	for _, l := range t.layers {
		if _, given := values[at{l.name, 0}]; given && l.class == "InputLayer" {
			continue
		}
		w.add(l)
		if len(l.calls) == 0 {
			return nil, fmt.Errorf("layer %q (%s) is never called", l.name, l.class)
		}
		for i := range l.calls {
			todo = append(todo, pending{l, i})
		}
	}
	for len(todo) > 0 {
		var later []pending
		for _, p := range todo {
			c, ready := p.layer.calls[p.call].resolve(find)
			if !ready {
				later = append(later, p)
				continue
			}
			name := prefix + p.layer.name
			if p.call > 0 {
				name += fmt.Sprintf(":%d", p.call)
			}
			if prefix != "" && p.call == 0 {
				b.inner[p.layer.name] = append(b.inner[p.layer.name], name)
			}
			out, err := b.use(p.layer, c, name, w.child(p.layer))
			if err != nil {
				return nil, err
			}
			values[at{p.layer.name, p.call}] = out
		}
		if len(later) == len(todo) {
			return nil, fmt.Errorf("layer %q (%s) reads what no layer gives", later[0].layer.name, later[0].layer.class)
		}
		todo = later
	}
	var outputs []string
	for _, r := range t.outputs {
		out, ok := find(r)
		if !ok {
			return nil, fmt.Errorf("the output %q of model %q does not exist", r.layer, t.name)
		}
		outputs = append(outputs, out)
	}
	return outputs, nil
}

// resolve replaces references by the names of nodes; it is not ready if one of them is not made yet.
func (c call) resolve(find func(reference) (string, bool)) (call, bool) {
	ready := true
	var one func(v any) any
	one = func(v any) any {
		switch v := v.(type) {
		case reference:
			name, ok := find(v)
			ready = ready && ok
			return node(name)
		case []any:
			list := make([]any, len(v))
			for i, e := range v {
				list[i] = one(e)
			}
			return list
		}
		return v
	}
	out := call{kwargs: map[string]any{}}
	for _, a := range c.args {
		out.args = append(out.args, one(a))
	}
	for k, a := range c.kwargs {
		out.kwargs[k] = one(a)
	}
	return out, ready
}

// node is the name of a node as an operand.
type node string

// nodes gives all nodes in the arguments, in order.
func (c call) nodes() []string {
	var list []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case node:
			list = append(list, string(v))
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	for _, a := range c.args {
		walk(a)
	}
	if len(list) == 0 {
		walk(c.kwargs["inputs"])
	}
	return list
}

// use adds one call of a layer.
func (b *builder) use(l *layer, c call, name string, w *weightTree) ([]string, error) {
	in := c.nodes()
	if l.inner != nil {
		for _, x := range in {
			if x == broken { // list what is inside all the same
				b.list(l.inner)
				return make([]string, len(l.inner.outputs)), nil
			}
		}
		out, err := b.model(l.inner, name+"/", w, in)
		if err == nil && b.has(out[0]) && !b.has(name) && out[0] != engine.InputName {
			b.Alias(name, out[0])
		}
		return out, err
	}
	build, operator := layerKinds[l.class], operators[l.class]
	if l.operator && operator != nil {
		build = operator
	}
	if build == nil {
		b.problem(l, errors.New("not supported"))
		return []string{broken}, nil
	}
	for _, x := range in {
		if x == broken {
			return []string{broken}, nil
		}
	}
	u := &use{builder: b, reader: reader{config: l.config}, layer: l, name: name, in: in, call: c, weightsOf: w}
	out := broken
	err := u.checkFormat()
	if err == nil {
		out, err = build(u)
	}
	if err == nil {
		err = u.err
	}
	if err != nil {
		b.problem(l, err)
		return []string{broken}, nil
	}
	return []string{out}, nil
}

// list names the layers of a model that cannot be made anyway.
func (b *builder) list(t *topology) {
	for _, l := range t.layers {
		switch {
		case l.inner != nil:
			b.list(l.inner)
		case layerKinds[l.class] == nil && operators[l.class] == nil && l.class != "InputLayer":
			b.problem(l, errors.New("not supported"))
		}
	}
}

func (b *builder) problem(l *layer, err error) {
	text := fmt.Sprintf("%s %q", l.class, l.name)
	if why := err.Error(); why != "not supported" {
		text += " (" + why + ")"
	}
	b.problems = append(b.problems, text)
}

func (b *builder) has(name string) bool {
	_, ok := b.shapes[name]
	return ok
}

// use is one call of a layer under construction.
type use struct {
	*builder
	reader
	layer     *layer
	name      string // of the node that holds the layer's value
	in        []string
	call      call
	weightsOf *weightTree
}

// checkFormat refuses the other order of axes.
func (u *use) checkFormat() error {
	if u.text("", "data_format", "dim_ordering") == "channels_first" || u.text("", "dim_ordering") == "th" {
		return errors.New("data_format channels_first: build the model with channels_last and save it again")
	}
	return nil
}

// add appends a node and finds its shape.
func (u *use) add(name string, op engine.Op, in ...string) (string, error) {
	shapes := make([]engine.Shape, len(in))
	for i, x := range in {
		shapes[i] = u.shapes[x]
	}
	if u.has(name) {
		return broken, fmt.Errorf("two layers are called %q", name)
	}
	out, err := engine.OutputShape(op, shapes...)
	if err != nil {
		return broken, fmt.Errorf("on %v: %w", shapes, err)
	}
	u.shapes[name] = out
	return u.Add(name, op, in...), nil
}

// single is the shape of the layer's only input.
func (u *use) single() engine.Shape {
	if len(u.in) != 1 {
		u.fail("has %d inputs", len(u.in))
		return engine.Shape{H: 1, W: 1, C: 1}
	}
	return u.shapes[u.in[0]]
}

// vector makes a vector of a flattened map, whose elements are then channels, as layers that work along the last axis need it.
func (u *use) vector(x string) (string, error) {
	s := u.shapes[x]
	if !s.Flat || s.H*s.W == 1 {
		return x, nil
	}
	name := x + "/vector"
	if u.has(name) {
		return name, nil
	}
	return u.add(name, &engine.Reshape{H: 1, W: 1, C: s.Elements(), Flat: true}, x)
}

// chooseFeatures finds the layer that is meant when none is named: what the classifier at the end reads, or the output if there is none.
func (b *builder) chooseFeatures(output string) {
	if output == engine.InputName {
		return
	}
	b.Features = output
	at := map[string]engine.Node{}
	for _, n := range b.Nodes {
		at[n.Name] = n
	}
	reads := func(n engine.Node) string {
		if len(n.Inputs) != 1 {
			return engine.InputName
		}
		return n.Inputs[0]
	}
	for x := output; x != engine.InputName; x = reads(at[x]) {
		n := at[x]
		classifier := false
		switch op := n.Op.(type) {
		case *engine.Dense:
			classifier = b.shapes[x].Flat
		case *engine.Conv2D:
			s := b.shapes[n.Inputs[0]]
			classifier = op.Kernel == [2]int{1, 1} && (s.H*s.W == 1 || x != output && b.shapes[output].Elements() == b.shapes[x].C)
			if !classifier {
				return
			}
		case *engine.Softmax, *engine.Activation, *engine.ReLU, *engine.Identity, *engine.Reshape, *engine.Flatten, *engine.AdaptivePool, *engine.Clip:
			continue
		default:
			return
		}
		if classifier && n.Inputs[0] != engine.InputName {
			b.Features = n.Inputs[0]
			for {
				drop, ok := at[b.Features].Op.(*engine.Identity)
				if !ok || !drop.Dropout || at[b.Features].Inputs[0] == engine.InputName {
					break
				}
				b.Features = at[b.Features].Inputs[0]
			}
		}
		return
	}
}

// aliasInner makes a nested model's layers answer to their own names too, where these are unique.
func (b *builder) aliasInner() {
	for name, full := range b.inner {
		if _, taken := b.Aliases[name]; len(full) == 1 && !b.has(name) && !taken && b.has(full[0]) {
			b.Alias(name, full[0])
		}
	}
}
