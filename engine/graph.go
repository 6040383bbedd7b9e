package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Layout is the order of axes of the framework that a graph came from: it decides the order of weights and of outputs.
type Layout string

const (
	NCHW Layout = "NCHW" // PyTorch, ONNX: kernels OIHW, dense weights [out][in], maps flatten to C, H, W
	NHWC Layout = "NHWC" // Keras: kernels HWIO, dense weights [in][out], maps flatten to H, W, C
)

// Shape is the shape of one picture's value. A flat shape is a vector of H*W*C elements that was, or still is in memory, a map.
type Shape struct {
	H    int  `json:"h"`
	W    int  `json:"w"`
	C    int  `json:"c"`
	Flat bool `json:"flat,omitempty"`
}

// Elements is the number of values of one picture.
func (s Shape) Elements() int { return s.H * s.W * s.C }

// Dims gives the axes as the framework of the layout shows them, without the batch.
func (s Shape) Dims(l Layout) []int {
	switch {
	case s.Flat:
		return []int{s.Elements()}
	case l == NHWC:
		return []int{s.H, s.W, s.C}
	default:
		return []int{s.C, s.H, s.W}
	}
}

func (s Shape) String() string {
	if s.Flat {
		return strconv.Itoa(s.Elements())
	}
	return fmt.Sprintf("%dx%dx%d (HxWxC)", s.H, s.W, s.C)
}

// Limits keep a hostile model file from asking for absurd amounts of memory.
const (
	maxNodes    = 1 << 16
	maxExtent   = 1 << 20   // of any one axis, kernel, stride or padding
	maxElements = 1<<31 - 1 // of one picture's value
)

func (s Shape) check() error {
	if s.H < 1 || s.W < 1 || s.C < 1 {
		return fmt.Errorf("shape %v has no elements", s)
	}
	if s.H > maxExtent || s.W > maxExtent || s.C > maxExtent || int64(s.H)*int64(s.W) > maxElements/int64(s.C) {
		return fmt.Errorf("shape %v is too large (at most %d values a picture)", s, maxElements)
	}
	return nil
}

// Node is one operation. Its inputs are the names of nodes before it; the name [InputName] is the picture.
type Node struct {
	Name   string
	Op     Op
	Inputs []string
}

// InputName is the name of the graph's input.
const InputName = "input"

// Graph is a network: nodes in topological order, without weights.
type Graph struct {
	Arch     string            `json:"arch"`               // the builder that made it, or the source format
	Layout   Layout            `json:"layout"`             // of the framework it came from
	Input    Shape             `json:"input"`              // the size it was made for
	Nodes    []Node            `json:"nodes"`              //
	Aliases  map[string]string `json:"aliases,omitempty"`  // other name -> node name
	Features string            `json:"features,omitempty"` // the layer that is meant when none is named: the one before the classifier
}

// Add appends a node and gives its name, so that builders read like the framework's forward function.
//
//go:noinline
func (g *Graph) Add(name string, op Op, inputs ...string) string {
	g.Nodes = append(g.Nodes, Node{Name: name, Op: op, Inputs: inputs})
	return name
}

// Alias makes a node answer to a second name.
//
//go:noinline
func (g *Graph) Alias(alias, name string) {
	if g.Aliases == nil {
		g.Aliases = map[string]string{}
	}
	g.Aliases[alias] = name
}

// Validate checks everything that does not depend on the input's size: names, order of nodes, attributes.
func (g *Graph) Validate() error {
	if g.Layout != NCHW && g.Layout != NHWC {
		return fmt.Errorf("graph: layout %q is neither NCHW nor NHWC", g.Layout)
	}
	if err := g.Input.check(); err != nil {
		return fmt.Errorf("graph: input: %w", err)
	}
	if len(g.Nodes) == 0 || len(g.Nodes) > maxNodes {
		return fmt.Errorf("graph: %d nodes (1 to %d are possible)", len(g.Nodes), maxNodes)
	}
	seen := map[string]bool{InputName: true}
	for i, n := range g.Nodes {
		switch {
		case n.Name == "":
			return fmt.Errorf("graph: node %d has no name", i)
		case seen[n.Name]:
			return fmt.Errorf("graph: two nodes are called %q", n.Name)
		case n.Op == nil:
			return fmt.Errorf("graph: node %q has no operation", n.Name)
		}
		if _, constant := n.Op.(*Constant); len(n.Inputs) == 0 && !constant {
			return fmt.Errorf("graph: node %q has no input", n.Name)
		}
		for _, in := range n.Inputs {
			if !seen[in] {
				return fmt.Errorf("graph: node %q reads %q, which is no node before it", n.Name, in)
			}
		}
		if err := n.Op.validate(); err != nil {
			return fmt.Errorf("graph: node %q (%s): %w", n.Name, n.Op.Kind(), err)
		}
		seen[n.Name] = true
	}
	for alias, name := range g.Aliases {
		if !seen[name] {
			return fmt.Errorf("graph: alias %q means %q, which is no node", alias, name)
		}
	}
	if g.Features != "" {
		if _, err := g.find(g.Features); err != nil {
			return fmt.Errorf("graph: features: %w", err)
		}
	}
	return nil
}

// Infer gives the shape of every node for one picture of the given shape; errors name the node and its inputs' shapes.
func (g *Graph) Infer(input Shape) ([]Shape, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	if err := input.check(); err != nil {
		return nil, fmt.Errorf("input: %w", err)
	}
	if input.C != g.Input.C {
		return nil, fmt.Errorf("input: %d channels, the network takes %d", input.C, g.Input.C)
	}
	byName := map[string]Shape{InputName: input}
	shapes := make([]Shape, len(g.Nodes))
	for i, n := range g.Nodes {
		in := make([]Shape, len(n.Inputs))
		for j, name := range n.Inputs {
			in[j] = byName[name]
		}
		out, err := n.Op.infer(in)
		if err == nil {
			err = out.check()
		}
		if err != nil {
			given := make([]string, len(in))
			for j, s := range in {
				given[j] = fmt.Sprintf("%s %v", n.Inputs[j], s)
			}
			return nil, fmt.Errorf("layer %q (%s) on %s: %w", n.Name, n.Op.Kind(), strings.Join(given, ", "), err)
		}
		shapes[i], byName[n.Name] = out, out
	}
	return shapes, nil
}

// edges gives each node's inputs as positions, -1 for the picture. The graph must be valid.
func (g *Graph) edges() [][]int {
	at := map[string]int{InputName: -1}
	list := make([][]int, len(g.Nodes))
	for i, n := range g.Nodes {
		list[i] = make([]int, len(n.Inputs))
		for j, name := range n.Inputs {
			list[i][j] = at[name]
		}
		at[n.Name] = i
	}
	return list
}

// pick gives the shapes at the positions, -1 being the picture's.
func pick(at []int, input Shape, shapes []Shape) []Shape {
	in := make([]Shape, len(at))
	for j, i := range at {
		in[j] = input
		if i >= 0 {
			in[j] = shapes[i]
		}
	}
	return in
}

// jsonNode is a node in a model file: the operation's kind beside its attributes.
type jsonNode struct {
	Name   string          `json:"name"`
	Kind   string          `json:"op"`
	Inputs []string        `json:"inputs"`
	Attrs  json.RawMessage `json:"attrs,omitempty"`
}

func (n Node) MarshalJSON() ([]byte, error) {
	if n.Op == nil {
		return nil, fmt.Errorf("node %q has no operation", n.Name)
	}
	attrs, err := json.Marshal(n.Op)
	if err != nil {
		return nil, err
	}
	if string(attrs) == "{}" {
		attrs = nil
	}
	return json.Marshal(jsonNode{n.Name, n.Op.Kind(), n.Inputs, attrs})
}

func (n *Node) UnmarshalJSON(data []byte) error {
	var j jsonNode
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	op, err := newOp(j.Kind)
	if err != nil {
		return fmt.Errorf("node %q: %w", j.Name, err)
	}
	if len(j.Attrs) > 0 {
		if err := json.Unmarshal(j.Attrs, op); err != nil {
			return fmt.Errorf("node %q (%s): %w", j.Name, j.Kind, err)
		}
	}
	n.Name, n.Op, n.Inputs = j.Name, op, j.Inputs
	return nil
}

var errArity = errors.New("wrong number of inputs")
