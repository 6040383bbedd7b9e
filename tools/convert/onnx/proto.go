package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Wire types of protocol buffers (https://protobuf.dev/programming-guides/encoding).
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

var errTruncated = errors.New("truncated or damaged: a field ends behind its message")

// fields visits the fields of a message in order. n is the value of a number (its bits), b a field of bytes, which share data's memory.
func fields(data []byte, visit func(num, wire int, n uint64, b []byte) error) error {
	for at := 0; at < len(data); {
		key, size := binary.Uvarint(data[at:])
		if size <= 0 || key>>3 == 0 || key>>3 > 1<<29 {
			return errTruncated
		}
		at += size
		var n uint64
		var b []byte
		wire := int(key & 7)
		switch wire {
		case wireVarint, wireBytes:
			if n, size = binary.Uvarint(data[at:]); size <= 0 {
				return errTruncated
			}
			at += size
			if wire == wireBytes {
				if n > uint64(len(data)-at) {
					return errTruncated
				}
				b = data[at : at+int(n) : at+int(n)]
				at += int(n)
			}
		case wire64:
			if len(data)-at < 8 {
				return errTruncated
			}
			n = binary.LittleEndian.Uint64(data[at:])
			at += 8
		case wire32:
			if len(data)-at < 4 {
				return errTruncated
			}
			n = uint64(binary.LittleEndian.Uint32(data[at:]))
			at += 4
		default:
			return fmt.Errorf("damaged: wire type %d, which ONNX does not use", wire)
		}
		if err := visit(int(key>>3), wire, n, b); err != nil {
			return err
		}
	}
	return nil
}

// numbers visits the elements of a repeated field of numbers: packed in b, or one in n.
func numbers(elementWire, wire int, n uint64, b []byte, visit func(n uint64)) error {
	if wire != wireBytes {
		visit(n)
		return nil
	}
	for len(b) > 0 {
		size := 8
		switch elementWire {
		case wireVarint:
			if n, size = binary.Uvarint(b); size <= 0 {
				return errTruncated
			}
		case wire32:
			if size = 4; len(b) < size {
				return errTruncated
			}
			n = uint64(binary.LittleEndian.Uint32(b))
		default:
			if len(b) < size {
				return errTruncated
			}
			n = binary.LittleEndian.Uint64(b)
		}
		visit(n)
		b = b[size:]
	}
	return nil
}

// The messages, as far as they are needed. Byte fields share the file's memory.
type (
	modelProto struct {
		producer  string
		opsets    map[string]int64 // by domain; "" is ONNX's own
		graph     *graphProto
		functions map[string]*functionProto // by functionKey
	}
	graphProto struct {
		nodes           []*nodeProto
		tensors         []*tensorProto // initialisers
		sparse          []string       // names of sparse initialisers
		inputs, outputs []valueInfo
	}
	nodeProto struct {
		name, op, domain, overload string
		inputs, outputs            []string
		attrs                      map[string]*attrProto
	}
	attrProto struct {
		name, ref string // ref: the function's attribute that is meant
		f         float32
		i         int64
		s         []byte
		tensor    *tensorProto
		graph     *graphProto
		floats    []float32
		ints      []int64
		strings   int
		sparse    bool
	}
	functionProto struct {
		name, domain, overload string
		inputs, outputs        []string
		nodes                  []*nodeProto
		defaults               map[string]*attrProto
		opsets                 map[string]int64
	}
	valueInfo struct {
		name  string
		dtype int32 // 0 if it is no tensor
		dims  []int // -1: not known in advance
		shape bool  // the rank is known
	}
)

func functionKey(domain, name, overload string) string {
	return ownDomain(domain) + "\x00" + name + "\x00" + overload
}

// ownDomain spells ONNX's own domain in one way.
func ownDomain(domain string) string {
	if domain == "ai.onnx" {
		return ""
	}
	return domain
}

// Limits of a hostile file: what the messages become is about a hundred times their bytes at worst.
const (
	maxDepth = 16      // graphs inside of attributes
	maxNodes = 1 << 17 // nodes of the whole file
)

// parser counts what all messages together hold.
type parser struct{ nodes int }

func parseModel(data []byte) (*modelProto, error) {
	m := &modelProto{opsets: map[string]int64{}, functions: map[string]*functionProto{}}
	p := &parser{}
	err := fields(data, func(num, wire int, n uint64, b []byte) (err error) {
		switch num {
		case 2:
			m.producer = string(b)
		case 7:
			m.graph, err = p.graph(b, 0)
		case 8:
			err = opset(b, m.opsets)
		case 25:
			var f *functionProto
			if f, err = p.function(b); err == nil {
				m.functions[functionKey(f.domain, f.name, f.overload)] = f
			}
		}
		return err
	})
	if err == nil && m.graph == nil {
		err = errors.New("holds no graph")
	}
	return m, err
}

func opset(data []byte, into map[string]int64) error {
	var domain string
	var version int64
	err := fields(data, func(num, wire int, n uint64, b []byte) error {
		switch num {
		case 1:
			domain = string(b)
		case 2:
			version = int64(n)
		}
		return nil
	})
	into[ownDomain(domain)] = version
	return err
}

func (p *parser) graph(data []byte, depth int) (*graphProto, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("damaged: graphs are nested more than %d deep", maxDepth)
	}
	g := &graphProto{}
	return g, fields(data, func(num, wire int, n uint64, b []byte) (err error) {
		switch num {
		case 1:
			var node *nodeProto
			node, err = p.node(b, depth)
			g.nodes = append(g.nodes, node)
		case 5:
			var t *tensorProto
			t, err = parseTensor(b)
			g.tensors = append(g.tensors, t)
		case 15: // values = 1
			err = fields(b, func(num, wire int, n uint64, b []byte) error {
				if num != 1 {
					return nil
				}
				t, err := parseTensor(b)
				if err == nil {
					g.sparse = append(g.sparse, t.name)
				}
				return err
			})
		case 11, 12:
			var v valueInfo
			v, err = parseValueInfo(b)
			if num == 11 {
				g.inputs = append(g.inputs, v)
			} else {
				g.outputs = append(g.outputs, v)
			}
		}
		return err
	})
}

func (p *parser) node(data []byte, depth int) (*nodeProto, error) {
	if p.nodes++; p.nodes > maxNodes {
		return nil, fmt.Errorf("more than %d nodes", maxNodes)
	}
	node := &nodeProto{}
	return node, fields(data, func(num, wire int, n uint64, b []byte) (err error) {
		switch num {
		case 1:
			node.inputs = append(node.inputs, string(b))
		case 2:
			node.outputs = append(node.outputs, string(b))
		case 3:
			node.name = string(b)
		case 4:
			node.op = string(b)
		case 5:
			var a *attrProto
			if a, err = p.attr(b, depth); err == nil {
				if node.attrs == nil {
					node.attrs = map[string]*attrProto{}
				}
				node.attrs[a.name] = a
			}
		case 7:
			node.domain = ownDomain(string(b))
		case 8:
			node.overload = string(b)
		}
		return err
	})
}

func (p *parser) attr(data []byte, depth int) (*attrProto, error) {
	a := &attrProto{}
	return a, fields(data, func(num, wire int, n uint64, b []byte) (err error) {
		switch num {
		case 1:
			a.name = string(b)
		case 2:
			a.f = math.Float32frombits(uint32(n))
		case 3:
			a.i = int64(n)
		case 4:
			a.s = b
		case 5:
			a.tensor, err = parseTensor(b)
		case 6:
			a.graph, err = p.graph(b, depth+1)
		case 7:
			err = numbers(wire32, wire, n, b, func(n uint64) { a.floats = append(a.floats, math.Float32frombits(uint32(n))) })
		case 8:
			err = numbers(wireVarint, wire, n, b, func(n uint64) { a.ints = append(a.ints, int64(n)) })
		case 9:
			a.strings++
		case 21:
			a.ref = string(b)
		case 22:
			a.sparse = true
		}
		return err
	})
}

func (p *parser) function(data []byte) (*functionProto, error) {
	f := &functionProto{defaults: map[string]*attrProto{}, opsets: map[string]int64{}}
	return f, fields(data, func(num, wire int, n uint64, b []byte) (err error) {
		switch num {
		case 1:
			f.name = string(b)
		case 4:
			f.inputs = append(f.inputs, string(b))
		case 5:
			f.outputs = append(f.outputs, string(b))
		case 7:
			var node *nodeProto
			node, err = p.node(b, 0)
			f.nodes = append(f.nodes, node)
		case 9:
			err = opset(b, f.opsets)
		case 10:
			f.domain = string(b)
		case 11:
			var a *attrProto
			if a, err = p.attr(b, 0); err == nil {
				f.defaults[a.name] = a
			}
		case 13:
			f.overload = string(b)
		}
		return err
	})
}

// parseValueInfo reads name = 1, type = 2 { tensor_type = 1 { elem_type = 1, shape = 2 { dim = 1 { dim_value = 1, dim_param = 2 } } } }.
func parseValueInfo(data []byte) (valueInfo, error) {
	var v valueInfo
	dim := func(num, wire int, n uint64, b []byte) error {
		if num != 1 {
			return nil
		}
		extent := -1
		err := fields(b, func(num, wire int, n uint64, b []byte) error {
			if num == 1 && wire == wireVarint && n > 0 && n < 1<<31 {
				extent = int(n)
			}
			return nil
		})
		if len(v.dims) < 64 {
			v.dims = append(v.dims, extent)
		}
		return err
	}
	tensor := func(num, wire int, n uint64, b []byte) error {
		switch num {
		case 1:
			v.dtype = int32(n)
		case 2:
			v.shape = true
			return fields(b, dim)
		}
		return nil
	}
	return v, fields(data, func(num, wire int, n uint64, b []byte) error {
		switch num {
		case 1:
			v.name = string(b)
		case 2:
			return fields(b, func(num, wire int, n uint64, b []byte) error {
				if num == 1 {
					return fields(b, tensor)
				}
				return nil
			})
		}
		return nil
	})
}

// Is says whether data begins as a ModelProto does: ir_version (field 1, a small number), then a producer's name, an operator set or the graph
// (fields 2, 8, 7); or whether it is a whole one in another order. The first may still be damaged.
func Is(data []byte) bool {
	if len(data) > 3 && data[0] == 0x08 && data[1] < 0x20 && (data[2] == 0x12 || data[2] == 0x42 || data[2] == 0x3a) {
		return true
	}
	var version, graph, foreign bool
	err := fields(data, func(num, wire int, n uint64, b []byte) error {
		switch {
		case num == 1 && wire == wireVarint:
			version = true
		case num == 7 && wire == wireBytes:
			graph = true
		case num > 26:
			foreign = true
		}
		return nil
	})
	return err == nil && version && graph && !foreign
}
