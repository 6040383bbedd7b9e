package onnx

import (
	"encoding/binary"
	"math"
)

// message joins fields; what a test needs of protocol buffers' encoding.
func message(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func number(field int, n int64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(field)<<3), uint64(n))
}

func text[T string | []byte](field int, s T) []byte {
	out := binary.AppendUvarint(nil, uint64(field)<<3|wireBytes)
	return append(binary.AppendUvarint(out, uint64(len(s))), s...)
}

func texts(field int, list ...string) (out []byte) {
	for _, s := range list {
		out = append(out, text(field, s)...)
	}
	return out
}

func packed(field int, list ...int64) []byte {
	var b []byte
	for _, n := range list {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return text(field, b)
}

func floatBytes(list ...float32) (b []byte) {
	for _, v := range list {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func intBytes(list ...int64) (b []byte) {
	for _, v := range list {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return b
}

// tensorOf is a TensorProto; data is one or several of its fields.
func tensorOf(name string, dtype int64, dims []int64, data ...[]byte) []byte {
	return message(packed(1, dims...), number(2, dtype), text(8, name), message(data...))
}

func floats(name string, dims []int64, values ...float32) []byte {
	return tensorOf(name, tFloat, dims, text(9, floatBytes(values...)))
}

func ints(name string, values ...int64) []byte {
	return tensorOf(name, tInt64, []int64{int64(len(values))}, text(9, intBytes(values...)))
}

func attrInt(name string, v int64) []byte {
	return text(5, message(text(1, name), number(3, v), number(20, 2)))
}

func attrInts(name string, list ...int64) []byte {
	return text(5, message(text(1, name), packed(8, list...), number(20, 7)))
}

func attrGraph(name string, g []byte) []byte {
	return text(5, message(text(1, name), text(6, g), number(20, 5)))
}

// node is a NodeProto; a name with a slash before it is "domain/op".
func node(op, name string, inputs, outputs []string, attrs ...[]byte) []byte {
	return message(texts(1, inputs...), texts(2, outputs...), text(3, name), text(4, op), message(attrs...))
}

func foreign(domain, op, name string, inputs, outputs []string, attrs ...[]byte) []byte {
	return message(node(op, name, inputs, outputs, attrs...), text(7, domain))
}

// info is a ValueInfoProto; an axis of 0 is symbolic.
func info(name string, dtype int64, dims ...int64) []byte {
	var shape []byte
	for _, d := range dims {
		if d == 0 {
			shape = append(shape, text(1, text(2, "n"))...)
		} else {
			shape = append(shape, text(1, number(1, d))...)
		}
	}
	return message(text(1, name), text(2, text(1, message(number(1, dtype), text(2, shape)))))
}

// each makes fields of messages.
func each(field int, list ...[]byte) (out []byte) {
	for _, m := range list {
		out = append(out, text(field, m)...)
	}
	return out
}

// modelOf is a ModelProto with the operator set.
func modelOf(opset int64, graph []byte, more ...[]byte) []byte {
	return message(number(1, 8), text(2, "test"), text(8, number(2, opset)), text(7, graph), message(more...))
}

// graphOf is a GraphProto with the input "image" (float, of dims) and one output.
func graphOf(dims []int64, output string, nodes [][]byte, tensors ...[]byte) []byte {
	return message(each(1, nodes...), each(5, tensors...), each(11, info("image", tFloat, dims...)), each(12, message(text(1, output))))
}
