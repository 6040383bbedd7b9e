package onnx

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/internal/brief"
)

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
	weights  []Weight
	tensors  map[string]string // of weights by what they are
	unused   names             // of weights
	free     names             // of nodes
	taken    map[*tensorProto]bool
	budget   int // elements that constants may still be computed to
	nodes    int // visited, functions unfolded
	problems problems
	dropped  []string
	at       string // the node that is being translated
}

var errInternal = errors.New("internal error")

// Import translates the model for pictures of h x w, which count only where the input has both axes. Errors name every node that cannot be translated.
func (m *Model) Import(h, w int) (network *Network, err error) {
	im := &importer{}
	// A mistake of this package's must not end the program: files come from anywhere. The fuzzer takes it for what it is.
	defer func() {
		if r := recover(); r != nil {
			network, err = nil, fmt.Errorf("ONNX: %s: %w (%v): please report it with the file", im.at, errInternal, r)
		}
	}()
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
	*im = importer{
		model: m, batch: max(1, m.input.dims[0]), shapes: map[string]engine.Shape{}, position: map[string]int{}, made: map[string]*value{}, alias: map[string]string{}, renamed: map[string]string{},
		tensors: map[string]string{}, unused: newNames(), free: newNames(), taken: map[*tensorProto]bool{}, budget: 1<<20 + 4*m.size,
		g: &engine.Graph{Arch: "onnx", Layout: engine.NCHW, Input: engine.Shape{H: high, W: wide, C: c}},
	}
	im.problems.opset = m.Opset()
	im.shapes[engine.InputName] = im.g.Input
	im.free.taken[engine.InputName] = true
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
	im.at = c.name
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
	for _, name := range n.outputs {
		if _, ok := s.values[name]; ok && name != "" {
			return fmt.Errorf("%s gives %q, which is there already", c.name, name)
		}
	}
	outputs(nil) // until it is translated
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
	for _, v := range in {
		if v != nil && v.stored != nil {
			im.taken[v.stored] = true
		}
	}
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
	name = im.free.name(name)
	s, err := im.emit(name, op, v.node)
	if err != nil {
		return nil, err
	}
	return plain(v.name, name, s), nil
}

// rename gives the last node the name of the tensor that it lays out, if that is free.
func (im *importer) rename(last, v *value) *value {
	name := v.name
	if im.free.taken[name] || name == "" {
		return last
	}
	im.free.taken[name] = true
	n := &im.g.Nodes[len(im.g.Nodes)-1]
	im.shapes[name], im.position[name] = im.shapes[n.Name], im.position[n.Name]
	delete(im.shapes, n.Name)
	delete(im.position, n.Name)
	n.Name = name
	return plain(v.name, name, last.shape)
}
