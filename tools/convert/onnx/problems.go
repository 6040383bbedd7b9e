package onnx

import (
	"fmt"
	"strings"

	"github.com/featx-go/featx/internal/brief"
)

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
