package onnx

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/weights"
)

// The operator sets that are read.
const (
	minOpset = 7
	maxOpset = 23
)

// Model is an ONNX file that has been read, but not translated.
type Model struct {
	proto *modelProto
	files *files
	size  int // of the file in bytes: what constants may grow to follows from it
	input valueInfo
	nhwc  bool // the input's axes are batch, height, width, channels
}

// Network is a model as the engine has it, in the layout NCHW.
type Network struct {
	Graph   *engine.Graph
	Weights []Weight // those that the graph needs
	Dropped []string // initialisers and nodes that it does not
}

// Weight is a tensor of the network. Fetch gives its bytes: the file's own where it holds them in this form.
type Weight struct {
	Name  string
	DType weights.DType
	Shape []int
	Fetch func() (weights.Tensor, error)

	source *tensorProto // what it is made of,
	data   []byte       // or its computed elements
}

// Parse reads the messages; tensors stay where they are. open gives the bytes of a file beside the model, for data that are kept there, or is nil.
func Parse(data []byte, open func(name string) ([]byte, error)) (*Model, error) {
	p, err := parseModel(data)
	if err != nil {
		return nil, fmt.Errorf("ONNX: %w", err)
	}
	opset, ok := p.opsets[""]
	if !ok {
		return nil, errors.New("ONNX: the model names no operator set")
	}
	if opset < minOpset || opset > maxOpset {
		return nil, fmt.Errorf("ONNX: operator set %d: %d to %d are supported; export the model again with one of them", opset, minOpset, maxOpset)
	}
	m := &Model{proto: p, size: len(data), files: &files{open: open, data: map[string][]byte{}}}
	initial := map[string]bool{}
	for _, t := range p.graph.tensors {
		initial[t.name] = true
	}
	var inputs []string
	for _, v := range p.graph.inputs {
		if !initial[v.name] {
			inputs = append(inputs, v.name)
			m.input = v
		}
	}
	if len(inputs) != 1 {
		return nil, fmt.Errorf("ONNX: the model has %d inputs (%s): one is supported, the pictures", len(inputs), brief.List(inputs, 8))
	}
	if t := m.input.dtype; t != tFloat {
		return nil, fmt.Errorf("ONNX: the input %q is of %s: only float is supported", m.input.name, typeName(t))
	}
	if len(m.input.dims) < 2 || len(m.input.dims) > 5 {
		return nil, fmt.Errorf("ONNX: the input %q has %d axes: batch x channels x height x width are supported", m.input.name, len(m.input.dims))
	}
	m.nhwc = len(m.input.dims) == 4 && p.graph.channelsLast(m.input)
	return m, nil
}

// channelsLast says whether the input is batch x height x width x channels: by the transposition that it goes through, or else by its channels, which are few.
func (g *graphProto) channelsLast(input valueInfo) bool {
	for _, n := range g.nodes {
		if a := n.attrs["perm"]; n.op == "Transpose" && a != nil && slices.Contains(n.inputs, input.name) {
			switch {
			case slices.Equal(a.ints, []int64{0, 3, 1, 2}):
				return true
			case slices.Equal(a.ints, []int64{0, 2, 3, 1}):
				return false
			}
		}
	}
	few := func(n int) bool { return n >= 1 && n <= 4 }
	return few(input.dims[3]) && !few(input.dims[1])
}

// Size is the height and width of the model's input; 0 where the file leaves it open.
func (m *Model) Size() (h, w int) {
	d := m.input.dims
	if len(d) != 4 {
		return 0, 0
	}
	if m.nhwc {
		d = []int{d[0], d[3], d[1], d[2]}
	}
	return max(d[2], 0), max(d[3], 0)
}

// Producer is the program that wrote the file, as it calls itself.
func (m *Model) Producer() string { return m.proto.producer }

// Opset is the version of ONNX's operator set that the model imports.
func (m *Model) Opset() int { return int(m.proto.opsets[""]) }

// errBatch says that pictures would depend on each other.
var errBatch = errors.New("it mixes the pictures of a batch, or moves the batch from the first axis")

// importer translates the nodes, one after the other.
type importer struct {
	model    *Model
	g        *engine.Graph
	batch    int                     // the file's batch: 1 if it is open
	shapes   map[string]engine.Shape // of the graph's nodes
	position map[string]int          // of the graph's nodes
	made     map[string]*value       // by what materialise was asked for
	alias    map[string]string       // tensors and ONNX nodes that are not engine nodes of their own
	renamed  map[string]string       // nodes that gave their name up
	weights  map[string]*Weight
	list     []*Weight
	taken    map[*tensorProto]bool
	budget   int // elements that constants may still be computed to
	nodes    int // visited, functions unfolded
	problems problems
	dropped  []string
}

// scope is the tensors of a graph or of a function's body.
type scope struct {
	values  map[string]*value // nil: its node could not be translated
	outer   *scope            // of a condition's branches; nil for functions
	prefix  string            // of the tensors' names
	rename  map[string]string // a function's outputs: what the caller calls them
	opset   int64
	attrs   map[string]*attrProto // of the function's call
	depth   int
	domains map[string]int64
}

func (s *scope) find(name string) (*value, bool) {
	for ; s != nil; s = s.outer {
		if v, ok := s.values[name]; ok {
			return v, true
		}
	}
	return nil, false
}

func (s *scope) full(name string) string {
	if to, ok := s.rename[name]; ok {
		return to
	}
	return s.prefix + name
}

// Import translates the model for pictures of h x w, which count only where the input has both axes. Errors name every node that cannot be translated.
func (m *Model) Import(h, w int) (*Network, error) {
	dims := slices.Clone(m.input.dims)
	if m.nhwc {
		dims[1], dims[2] = h, w
	} else if len(dims) == 4 {
		dims[2], dims[3] = h, w
	}
	for i, d := range dims[1:] {
		if d < 1 {
			return nil, fmt.Errorf("ONNX: axis %d of the input %q is not known: %v", i+1, m.input.name, m.input.dims)
		}
	}
	for len(dims) < 4 {
		dims = append(dims, 1)
	}
	c, high, wide := dims[1], dims[2], dims[3]*product(dims[4:])
	switch {
	case m.nhwc:
		c, high, wide = dims[3], dims[1], dims[2]
	case len(m.input.dims) == 3:
		high, wide = 1, dims[2]
	}
	im := &importer{
		model: m, batch: max(1, m.input.dims[0]), shapes: map[string]engine.Shape{}, position: map[string]int{}, made: map[string]*value{}, alias: map[string]string{}, renamed: map[string]string{},
		weights: map[string]*Weight{}, taken: map[*tensorProto]bool{}, budget: 1<<20 + 2*m.size,
		g: &engine.Graph{Arch: "onnx", Layout: engine.NCHW, Input: engine.Shape{H: high, W: wide, C: c}},
	}
	im.problems.opset = m.Opset()
	im.shapes[engine.InputName] = im.g.Input
	top := &scope{values: map[string]*value{}, opset: m.proto.opsets[""], domains: m.proto.opsets}
	for _, t := range m.proto.graph.tensors {
		t.files = m.files
		top.values[t.name] = &value{name: t.name, stored: t}
	}
	input := plain(m.input.name, engine.InputName, im.g.Input)
	if m.nhwc {
		input = input.permuted([]int{0, 2, 3, 1})
	} else {
		input, _ = input.reshaped(append([]int{1}, m.input.dims4(h, w)...))
	}
	input.name = m.input.name
	top.values[m.input.name] = input

	wanted := map[string]bool{}
	for _, o := range m.proto.graph.outputs {
		wanted[o.name] = true
	}
	if err := im.run(top, m.proto.graph, wanted); err != nil {
		return nil, fmt.Errorf("ONNX: %w", err)
	}
	if err := im.problems.err(); err != nil {
		return nil, fmt.Errorf("ONNX: %w", err)
	}
	if err := im.outputs(top); err != nil {
		return nil, fmt.Errorf("ONNX: %w", err)
	}
	return im.finish()
}

// dims4 are the input's axes behind the batch, for pictures of h x w.
func (v valueInfo) dims4(h, w int) []int {
	dims := slices.Clone(v.dims[1:])
	if len(dims) == 3 {
		dims[1], dims[2] = h, w
	}
	return dims
}

// outputs lays the model's outputs out with exactly the axes that the file gives them.
func (im *importer) outputs(top *scope) error {
	found := false
	for _, o := range im.model.proto.graph.outputs {
		v, ok := top.find(o.name)
		switch {
		case !ok:
			return fmt.Errorf("the output %q is given by no node", o.name)
		case v.above != nil:
			return fmt.Errorf("the output %q is a comparison, which is not supported", o.name)
		case v.dropped:
			continue
		case v.constant():
			im.dropped = append(im.dropped, fmt.Sprintf("%s (a constant output)", o.name))
			continue
		}
		found = true
		if other, ok := im.renamed[v.node]; ok {
			w := *v
			w.node = other
			v = &w
		}
		if len(v.dims[0]) > 0 {
			return fmt.Errorf("output %q: %w", o.name, errBatch)
		}
		dims := v.extents()
		want, flat := [3]int{1, 1, 1}, len(dims) <= 2
		switch len(dims) {
		case 1:
		case 2:
			want[axisC] = dims[1]
		case 3:
			want[axisC], want[axisW] = dims[1], dims[2]
		default:
			want = [3]int{dims[1], dims[2], product(dims[3:])}
		}
		// A flattened map is a vector as it is.
		if v.straight() && (flat && v.shape.Flat || v.shape == engine.Shape{C: want[axisC], H: want[axisH], W: want[axisW], Flat: flat}) {
			if v.node == engine.InputName {
				if _, err := im.emit(im.free(o.name), &engine.Identity{}, v.node); err != nil {
					return err
				}
			}
			continue
		}
		w := *v
		im.giveUp(o.name)
		if other, ok := im.renamed[w.node]; ok {
			w.node = other
		}
		w.name = o.name
		if _, err := im.materialise(&w, want, flat); err != nil {
			return fmt.Errorf("output %q: %w", o.name, err)
		}
	}
	if !found {
		return errors.New("the model has no output that depends on the picture as a number")
	}
	return nil
}

// giveUp frees the name of an output for the node that will have its axes.
func (im *importer) giveUp(name string) {
	at, ok := im.position[name]
	if !ok {
		return
	}
	other := im.free(name + ".channels")
	for i := range im.g.Nodes {
		n := &im.g.Nodes[i]
		for j, in := range n.Inputs {
			if in == name {
				n.Inputs[j] = other
			}
		}
	}
	for alias, node := range im.alias {
		if node == name {
			im.alias[alias] = other
		}
	}
	for _, v := range im.made {
		if v.node == name {
			v.node = other
		}
	}
	im.g.Nodes[at].Name = other
	im.position[other], im.shapes[other] = at, im.shapes[name]
	delete(im.position, name)
	delete(im.shapes, name)
	im.renamed[name] = other
}

func (im *importer) finish() (*Network, error) {
	g := im.g
	for _, name := range slices.Sorted(maps.Keys(im.alias)) {
		node := im.alias[name]
		if _, ok := im.position[name]; !ok && node != engine.InputName && name != engine.InputName && name != "" {
			g.Alias(name, node)
		}
	}
	g.Features = im.features()
	n := &Network{Graph: g, Dropped: im.dropped}
	for _, w := range im.list {
		n.Weights = append(n.Weights, *w)
	}
	for _, t := range im.model.proto.graph.tensors {
		if !im.taken[t] {
			n.Dropped = append(n.Dropped, t.name)
		}
	}
	if _, err := g.Infer(g.Input); err != nil {
		return nil, fmt.Errorf("ONNX: %w", err)
	}
	return n, nil
}

// features is the layer before the classifier: what the last dense layer, or 1x1 convolution of a single pixel, reads, if nothing but shapes and
// activations comes after it; else "", the last layer.
func (im *importer) features() string {
	g := im.g
	for name := g.Nodes[len(g.Nodes)-1].Name; name != engine.InputName; {
		n := g.Nodes[im.position[name]]
		classifier := false
		switch op := n.Op.(type) {
		case *engine.Dense:
			classifier = true
		case *engine.Conv2D:
			in := im.shapes[n.Inputs[0]]
			classifier = in.H*in.W == 1 && op.Groups == 1
			if !classifier {
				return ""
			}
		case *engine.Softmax, *engine.LogSoftmax, *engine.Activation, *engine.Flatten, *engine.Reshape, *engine.Identity, *engine.Scale:
		default:
			return ""
		}
		name = n.Inputs[0]
		if !classifier {
			continue
		}
		// Padding by nothing and shapes are not what people mean.
		for name != engine.InputName {
			n := g.Nodes[im.position[name]]
			if _, ok := n.Op.(*engine.Identity); !ok {
				return name
			}
			name = n.Inputs[0]
		}
	}
	return ""
}

// problems are the nodes that cannot be translated.
type problems struct {
	opset   int
	ops     []string            // unsupported operators in order of appearance
	nodes   map[string][]string // their nodes
	refused []string            // nodes of operators that are supported, but not so
}

func (p *problems) unsupported(op, node string) {
	if p.nodes == nil {
		p.nodes = map[string][]string{}
	}
	if p.nodes[op] == nil {
		p.ops = append(p.ops, op)
	}
	p.nodes[op] = append(p.nodes[op], node)
}

func (p *problems) err() error {
	var parts []string
	if len(p.ops) > 0 {
		var list []string
		for _, op := range p.ops {
			list = append(list, fmt.Sprintf("%s (%s)", op, brief.List(p.nodes[op], 4)))
		}
		parts = append(parts, fmt.Sprintf("%d operators of opset %d are not supported: %s", len(list), p.opset, strings.Join(list, ", ")))
	}
	if len(p.refused) > 0 {
		parts = append(parts, strings.Join(p.refused[:min(len(p.refused), 20)], "; "))
		if more := len(p.refused) - 20; more > 0 {
			parts = append(parts, fmt.Sprintf("and %d more nodes", more))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return &UnsupportedError{Text: strings.Join(parts, "; "), Ops: p.ops}
}

// UnsupportedError lists what an ONNX model has that featx cannot compute.
type UnsupportedError struct {
	Text string
	Ops  []string // operators that are not supported at all
}

func (e *UnsupportedError) Error() string { return e.Text }

// label is how errors show a node.
func label(n *nodeProto) string {
	if n.name != "" {
		return fmt.Sprintf("%q", n.name)
	}
	if len(n.outputs) > 0 {
		return fmt.Sprintf("of %q", n.outputs[0])
	}
	return "without a name"
}

// run translates the nodes that the wanted tensors depend on.
func (im *importer) run(s *scope, g *graphProto, wanted map[string]bool) error {
	if len(g.sparse) > 0 {
		return fmt.Errorf("the initialisers %s are sparse, which featx does not read: export the model with dense ones", brief.List(g.sparse, 4))
	}
	needed := make([]bool, len(g.nodes))
	reads := maps.Clone(wanted)
	for i := len(g.nodes) - 1; i >= 0; i-- {
		n := g.nodes[i]
		for _, o := range n.outputs {
			needed[i] = needed[i] || o != "" && reads[o]
		}
		if needed[i] {
			for _, name := range n.inputs {
				reads[name] = true
			}
			for _, a := range n.attrs {
				if a.graph != nil {
					a.graph.captured(reads, 0)
				}
			}
		}
	}
	for i, n := range g.nodes {
		if im.nodes++; im.nodes > maxNodes {
			return fmt.Errorf("the functions unfold to more than %d nodes", maxNodes)
		}
		if !needed[i] {
			continue
		}
		if err := im.node(s, n); err != nil {
			return err
		}
	}
	return nil
}

// captured adds what a branch reads from outside.
func (g *graphProto) captured(reads map[string]bool, depth int) {
	for _, o := range g.outputs {
		reads[o.name] = true
	}
	for _, n := range g.nodes {
		for _, name := range n.inputs {
			reads[name] = true
		}
		for _, a := range n.attrs {
			if a.graph != nil && depth < maxDepth {
				a.graph.captured(reads, depth+1)
			}
		}
	}
}

// node translates one node. Its error ends the import; what is only unsupported goes into problems.
func (im *importer) node(s *scope, n *nodeProto) error {
	c := &call{nodeProto: n, opset: s.opset, name: n.op + " " + label(n)}
	if s.attrs != nil {
		c.nodeProto = n.bound(s.attrs)
	}
	for _, name := range n.outputs {
		c.names = append(c.names, s.full(name))
	}
	outputs := func(list []*value) {
		for i, name := range n.outputs {
			if name == "" {
				continue
			}
			s.values[name] = nil
			if i < len(list) {
				s.values[name] = list[i]
			}
		}
	}
	outputs(nil)
	in := make([]*value, len(n.inputs))
	failed, dropped, constant := false, false, true
	for i, name := range n.inputs {
		if name == "" {
			continue
		}
		v, ok := s.find(name)
		if !ok {
			return fmt.Errorf("%s reads %q, which no node before it gives", c.name, name)
		}
		in[i] = v
		switch {
		case v == nil:
			failed = true
		case v.dropped:
			dropped = true
		case v.above != nil && n.op != "Where":
			im.problems.unsupported("Greater", label(n))
			return nil
		case !v.constant():
			constant = false
		}
	}
	if n.domain != "" || im.model.proto.functions[functionKey(n.domain, n.op, n.overload)] != nil {
		f := im.model.proto.functions[functionKey(n.domain, n.op, n.overload)]
		if f == nil {
			im.problems.unsupported(n.domain+"."+n.op, label(n))
			return nil
		}
		if failed {
			return nil
		}
		list, err := im.inline(s, c, f, in)
		outputs(list)
		return err
	}
	translate, fold := operators[n.op], folds[n.op]
	control := n.op == "If" || n.op == "Constant" || n.op == "Shape" || n.op == "Size"
	switch {
	case postprocessing[n.op] && !constant || dropped:
		im.dropped = append(im.dropped, fmt.Sprintf("%s (%s)", strings.Trim(label(n), `"`), n.op))
		var list []*value
		for range n.outputs {
			list = append(list, &value{dropped: true})
		}
		outputs(list)
		return nil
	case translate == nil && (fold == nil || !constant && !failed) && !control:
		im.problems.unsupported(n.op, label(n))
		return nil
	case failed:
		return nil
	}
	list, err := im.evaluate(s, c, in, constant)
	if err == errNotConstant {
		if translate == nil {
			im.problems.unsupported(n.op, label(n))
			return nil
		}
		list, err = translate(im, c, in)
	}
	if err != nil {
		im.problems.refused = append(im.problems.refused, fmt.Sprintf("%s: %v", c.name, err))
		return nil
	}
	for i, name := range n.outputs {
		if name != "" && (i >= len(list) || list[i] == nil && translate != nil) {
			im.problems.refused = append(im.problems.refused, fmt.Sprintf("%s: its output %q is not supported", c.name, name))
			return nil
		}
	}
	outputs(list)
	for i, v := range list {
		if i < len(n.outputs) && v != nil && v.node != "" && n.outputs[i] != "" {
			im.alias[s.full(n.outputs[i])] = v.node
			if i == 0 && n.name != "" {
				im.alias[s.prefix+n.name] = v.node
			}
		}
	}
	return nil
}

// postprocessing are operators behind a network's outputs that give no features.
var postprocessing = map[string]bool{"ArgMax": true, "ArgMin": true, "TopK": true}

var errNotConstant = errors.New("not constant")

// evaluate gives the outputs of a node that can be known now; errNotConstant if they depend on the picture.
func (im *importer) evaluate(s *scope, c *call, in []*value, constant bool) ([]*value, error) {
	one := func(a *array, err error) ([]*value, error) {
		if err != nil {
			return nil, err
		}
		return []*value{{name: c.names[0], array: a}}, nil
	}
	if len(c.outputs) == 0 {
		return nil, errors.New("it has no output")
	}
	switch c.op {
	case "Constant":
		a, stored, err := im.constantNode(c)
		if stored != nil {
			return []*value{{name: c.names[0], stored: stored}}, nil
		}
		return one(a, err)
	case "If":
		if !constant || len(in) != 1 || in[0] == nil {
			return nil, errors.New("its condition is not constant")
		}
		return im.branch(s, c, in[0])
	case "Shape", "Size":
		if len(in) != 1 || in[0] == nil {
			return nil, errEmptyInput
		}
		dims := im.shown(in[0])
		if c.op == "Shape" {
			return one(shapeOf(c, dims), nil)
		}
		return one(&array{dtype: tInt64, shape: []int{}, ints: []int64{int64(product(dims))}}, nil)
	}
	if !constant || folds[c.op] == nil {
		return nil, errNotConstant
	}
	// What keeps a stored tensor as it is need not decode it.
	if c.op == "Identity" && len(in) > 0 && in[0] != nil {
		return []*value{in[0]}, nil
	}
	args := make([]*array, len(in))
	for i, v := range in {
		if v == nil {
			if i == 0 {
				return nil, errEmptyInput
			}
			continue
		}
		if v.stored != nil {
			if im.taken[v.stored] = true; v.array == nil {
				im.budget -= v.stored.elements()
			}
			if im.budget < 0 {
				return nil, errBudget
			}
		}
		a, err := v.decoded()
		if err != nil {
			return nil, err
		}
		args[i] = a
	}
	for len(args) > 0 && args[len(args)-1] == nil {
		args = args[:len(args)-1]
	}
	if len(args) == 0 {
		return nil, errEmptyInput
	}
	if err := checkArity(c.op, args); err != nil {
		return nil, err
	}
	size := foldedSize(c, args)
	if size < 0 {
		return nil, fmt.Errorf("the shapes of its inputs make no sense: %v", argShapes(args))
	}
	if im.budget -= size; im.budget < 0 {
		return nil, errBudget
	}
	return one(folds[c.op](c, args))
}

var infinity = float32(math.Inf(1))

var errBudget = errors.New("computing the model's constants needs far more memory than the file has")

func argShapes(args []*array) (list [][]int) {
	for _, a := range args {
		if a != nil {
			list = append(list, a.shape)
		}
	}
	return list
}

// checkArity refuses missing operands of the operators that need all of theirs.
func checkArity(op string, args []*array) error {
	need := map[string]int{"Sub": 2, "Div": 2, "Pow": 2, "Mod": 2, "Equal": 2, "Greater": 2, "Less": 2, "GreaterOrEqual": 2, "LessOrEqual": 2, "And": 2, "Or": 2,
		"Where": 3, "Gather": 2, "Range": 3, "Expand": 2, "Tile": 2, "CastLike": 2, "DequantizeLinear": 2}[op]
	if len(args) < max(need, 1) {
		return errEmptyInput
	}
	for i, a := range args {
		if a == nil && (i < need || op == "Add" || op == "Mul" || op == "Max" || op == "Min" || op == "Concat") {
			return errEmptyInput
		}
		// Arithmetic is between values of one type.
		if a != nil && i > 0 && need == 2 && op != "Gather" && op != "Pow" && op != "Expand" && op != "Tile" && op != "CastLike" && op != "DequantizeLinear" && (a.ints == nil) != (args[0].ints == nil) {
			return errors.New("its inputs are of different types")
		}
	}
	switch op {
	case "Add", "Mul", "Max", "Min", "Concat":
		for _, a := range args {
			if (a.ints == nil) != (args[0].ints == nil) {
				return errors.New("its inputs are of different types")
			}
		}
	case "And", "Or", "Not":
		if args[0].ints == nil {
			return errors.New("its inputs are not of booleans")
		}
	}
	return nil
}

// constantNode reads the node Constant: a value in one of its many attributes.
func (im *importer) constantNode(c *call) (*array, *tensorProto, error) {
	if a := c.attrs["value"]; a != nil && a.tensor != nil {
		a.tensor.files = im.model.files
		if a.tensor.name == "" {
			a.tensor.name = c.outputs[0]
		}
		return nil, a.tensor, nil
	}
	for name, a := range c.attrs {
		switch name {
		case "value_float":
			return &array{dtype: tFloat, shape: []int{}, floats: []float64{float64(a.f)}}, nil, nil
		case "value_int":
			return &array{dtype: tInt64, shape: []int{}, ints: []int64{a.i}}, nil, nil
		case "value_ints":
			return intArray(append([]int64{}, a.ints...)...), nil, nil
		case "value_floats":
			out := newArray(tFloat, []int{len(a.floats)})
			for i, f := range a.floats {
				out.floats[i] = float64(f)
			}
			return out, nil, nil
		}
	}
	return nil, nil, errors.New("its value is sparse, or text, which featx does not read")
}

// branch takes the branch of an If whose condition is known.
func (im *importer) branch(s *scope, c *call, condition *value) ([]*value, error) {
	a, err := condition.decoded()
	if err != nil || a.len() != 1 {
		return nil, fmt.Errorf("its condition is no single value: %v", err)
	}
	name := "else_branch"
	if a.integer(0) != 0 {
		name = "then_branch"
	}
	body := c.attrs[name]
	if body == nil || body.graph == nil || len(body.graph.outputs) < len(c.outputs) {
		return nil, fmt.Errorf("its %s is missing", name)
	}
	if s.depth >= maxDepth {
		return nil, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	inner := &scope{values: map[string]*value{}, outer: s, prefix: s.prefix, opset: s.opset, attrs: s.attrs, depth: s.depth + 1, domains: s.domains}
	for _, t := range body.graph.tensors {
		t.files = im.model.files
		inner.values[t.name] = &value{name: t.name, stored: t}
	}
	wanted := map[string]bool{}
	for _, o := range body.graph.outputs {
		wanted[o.name] = true
	}
	if err := im.run(inner, body.graph, wanted); err != nil {
		return nil, err
	}
	var list []*value
	for i := range c.outputs {
		v, ok := inner.find(body.graph.outputs[i].name)
		if !ok {
			return nil, fmt.Errorf("its output %q is given by no node", body.graph.outputs[i].name)
		}
		list = append(list, v)
	}
	return list, nil
}

// inline translates a function's body in place of its call.
func (im *importer) inline(s *scope, c *call, f *functionProto, in []*value) ([]*value, error) {
	if s.depth >= maxDepth {
		return nil, fmt.Errorf("%s: functions call each other more than %d deep", c.name, maxDepth)
	}
	prefix := c.nodeProto.name
	if prefix == "" && len(c.outputs) > 0 {
		prefix = c.outputs[0]
	}
	inner := &scope{values: map[string]*value{}, prefix: s.prefix + prefix + "/", rename: map[string]string{}, opset: s.opset, attrs: map[string]*attrProto{}, depth: s.depth + 1, domains: f.opsets}
	if v, ok := f.opsets[""]; ok {
		inner.opset = v
	}
	maps.Copy(inner.attrs, f.defaults)
	maps.Copy(inner.attrs, c.attrs)
	for i, name := range f.inputs {
		if i < len(in) && in[i] != nil {
			inner.values[name] = in[i]
		}
	}
	wanted := map[string]bool{}
	for i, name := range f.outputs {
		wanted[name] = true
		if i < len(c.outputs) && c.outputs[i] != "" {
			inner.rename[name] = s.full(c.outputs[i])
		}
	}
	if err := im.run(inner, &graphProto{nodes: f.nodes}, wanted); err != nil {
		return nil, err
	}
	var list []*value
	for _, name := range f.outputs {
		list = append(list, inner.values[name])
	}
	return list, nil
}

// bound is the node with the attributes of the function's call in place of references to them.
func (n *nodeProto) bound(attrs map[string]*attrProto) *nodeProto {
	out := *n
	out.attrs = map[string]*attrProto{}
	for name, a := range n.attrs {
		if a.ref != "" {
			a = attrs[a.ref]
		}
		if a != nil {
			out.attrs[name] = a
		}
	}
	return &out
}

// shown are the axes that the file gives a tensor.
func (im *importer) shown(v *value) []int {
	if v.array != nil {
		return v.array.shape
	}
	if v.stored != nil {
		return v.stored.shape
	}
	dims := v.extents()
	if len(dims) > 0 {
		dims[0] *= im.batch
	}
	return dims
}

// free gives a node name that is not taken: name itself, or with a number.
func (im *importer) free(name string) string {
	if name == "" {
		name = "node"
	}
	candidate := name
	for i := 1; ; i++ {
		if _, ok := im.shapes[candidate]; !ok {
			return candidate
		}
		candidate = fmt.Sprintf("%s.%d", name, i)
	}
}

// emit appends a node to the engine's graph.
func (im *importer) emit(name string, op engine.Op, inputs ...string) (engine.Shape, error) {
	shapes := make([]engine.Shape, len(inputs))
	for i, in := range inputs {
		shapes[i] = im.shapes[in]
	}
	s, err := engine.OutputShape(op, shapes...)
	if err != nil {
		return s, err
	}
	im.position[name] = len(im.g.Nodes)
	im.shapes[name] = s
	im.g.Add(name, op, inputs...)
	return s, nil
}

// view emits a node that only moves v's elements. Without a suffix it has the tensor's own name, if that is free.
func (im *importer) view(v *value, op engine.Op, suffix string) (*value, error) {
	name := v.name
	if suffix != "" {
		name += "." + suffix
	}
	name = im.free(name)
	s, err := im.emit(name, op, v.node)
	if err != nil {
		return nil, err
	}
	return plain(v.name, name, s), nil
}

// rename gives the last node the name of the tensor that it lays out, if that is free.
func (im *importer) rename(last, v *value) *value {
	name := im.free(v.name)
	if name != v.name {
		return last
	}
	n := &im.g.Nodes[len(im.g.Nodes)-1]
	im.shapes[name], im.position[name] = im.shapes[n.Name], im.position[n.Name]
	delete(im.shapes, n.Name)
	delete(im.position, n.Name)
	n.Name = name
	return plain(v.name, name, last.shape)
}
