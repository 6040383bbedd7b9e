package onnx

import (
	"errors"
	"fmt"
	"slices"

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
	if t := m.input.dtype; !isFloat(t) {
		return nil, fmt.Errorf("ONNX: the input %q is of %s: only floating point is supported", m.input.name, typeName(t))
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
