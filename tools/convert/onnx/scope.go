package onnx

import (
	"errors"
	"fmt"
	"maps"
)

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
