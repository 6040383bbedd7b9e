package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"

	"github.com/featx-go/featx/weights"
)

// The data types of TensorProto that are read.
const (
	tFloat    = 1
	tUint8    = 2
	tInt8     = 3
	tUint16   = 4
	tInt16    = 5
	tInt32    = 6
	tInt64    = 7
	tBool     = 9
	tFloat16  = 10
	tDouble   = 11
	tUint32   = 12
	tUint64   = 13
	tBFloat16 = 16
)

var typeNames = map[int32]string{tFloat: "float", tUint8: "uint8", tInt8: "int8", tUint16: "uint16", tInt16: "int16", tInt32: "int32", tInt64: "int64",
	8: "string", tBool: "bool", tFloat16: "float16", tDouble: "double", tUint32: "uint32", tUint64: "uint64", 14: "complex64", 15: "complex128",
	tBFloat16: "bfloat16", 17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4"}

func typeName(t int32) string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return "type " + strconv.Itoa(int(t))
}

// typeSizes are bytes of an element in raw_data.
var typeSizes = map[int32]int{tFloat: 4, tUint8: 1, tInt8: 1, tUint16: 2, tInt16: 2, tInt32: 4, tInt64: 8, tBool: 1, tFloat16: 2, tDouble: 8, tUint32: 4,
	tUint64: 8, tBFloat16: 2}

func isFloat(t int32) bool { return t == tFloat || t == tFloat16 || t == tDouble || t == tBFloat16 }

// tensorProto is a stored tensor whose data have not been looked at.
type tensorProto struct {
	name     string
	dtype    int32
	shape    []int
	external map[string]string // location, offset, length; nil if the data are in the message
	message  []byte            // the whole message
	files    *files            // of external data; set for the model's initialisers and constants
}

const maxElements = math.MaxInt32

func parseTensor(data []byte) (*tensorProto, error) {
	t := &tensorProto{message: data}
	var bad error
	elements := 1
	err := fields(data, func(num, wire int, n uint64, b []byte) error {
		switch num {
		case 1:
			return numbers(wireVarint, wire, n, b, func(n uint64) {
				if n > maxElements || n > 0 && elements > maxElements/int(n) || len(t.shape) >= 64 {
					bad = fmt.Errorf("has an axis of %d elements, or too many of them", int64(n))
					return
				}
				elements *= int(n)
				t.shape = append(t.shape, int(n))
			})
		case 2:
			t.dtype = int32(n)
		case 3:
			bad = errors.New("is stored in segments, which featx does not read")
		case 8:
			t.name = string(b)
		case 13:
			var key, value string
			if t.external == nil {
				t.external = map[string]string{}
			}
			err := fields(b, func(num, wire int, n uint64, b []byte) error {
				if num == 1 {
					key = string(b)
				} else if num == 2 {
					value = string(b)
				}
				return nil
			})
			t.external[key] = value
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if bad != nil {
		return nil, fmt.Errorf("tensor %.100q %w", t.name, bad)
	}
	return t, nil
}

func (t *tensorProto) elements() int {
	n := 1
	for _, d := range t.shape {
		n *= d
	}
	return n
}

// raw gives the elements' bytes, little-endian, of the data type's size each: the file's own memory where it holds them so.
func (t *tensorProto) raw() ([]byte, error) {
	size, ok := typeSizes[t.dtype]
	if !ok {
		return nil, fmt.Errorf("tensor %.100q holds %s, which featx does not read", t.name, typeName(t.dtype))
	}
	want := size * t.elements()
	data, err := t.bytes(size, want)
	if err != nil {
		return nil, fmt.Errorf("tensor %.100q: %w", t.name, err)
	}
	if len(data) != want {
		return nil, fmt.Errorf("tensor %.100q has %d bytes for %v of %s, which need %d", t.name, len(data), t.shape, typeName(t.dtype), want)
	}
	return data, nil
}

func (t *tensorProto) bytes(size, want int) ([]byte, error) {
	if t.external != nil {
		return t.files.read(t.external, want)
	}
	var raw, out []byte
	err := fields(t.message, func(num, wire int, n uint64, b []byte) error {
		element := map[int]int{4: wire32, 5: wireVarint, 7: wireVarint, 10: wire64, 11: wireVarint}[num]
		switch num {
		case 9:
			raw = b
		case 4, 5, 7, 10, 11: // float_data, int32_data, int64_data, double_data, uint64_data
			// The field's numbers, cut to the type's size: that is how float16, bool and the small integers lie in int32_data.
			return numbers(element, wire, n, b, func(n uint64) {
				var eight [8]byte
				binary.LittleEndian.PutUint64(eight[:], n)
				if len(out) <= want { // one more than fits is enough to see that they are too many
					out = append(out, eight[:size]...)
				}
			})
		}
		return nil
	})
	if raw != nil {
		return raw, err
	}
	return out, err
}

// array decodes the tensor.
func (t *tensorProto) array() (*array, error) {
	raw, err := t.raw()
	if err != nil {
		return nil, err
	}
	if dtype, ok := storedTypes[t.dtype]; ok {
		floats, err := weights.Tensor{Name: t.name, DType: dtype, Data: raw}.Float64s()
		return &array{dtype: t.dtype, shape: slices.Clone(t.shape), floats: floats}, err
	}
	a := newArray(t.dtype, t.shape)
	le := binary.LittleEndian
	for i := range t.elements() {
		switch t.dtype {
		case tUint8, tBool:
			a.ints[i] = int64(raw[i])
		case tInt8:
			a.ints[i] = int64(int8(raw[i]))
		case tUint16:
			a.ints[i] = int64(le.Uint16(raw[2*i:]))
		case tInt16:
			a.ints[i] = int64(int16(le.Uint16(raw[2*i:])))
		case tInt32:
			a.ints[i] = int64(int32(le.Uint32(raw[4*i:])))
		case tUint32:
			a.ints[i] = int64(le.Uint32(raw[4*i:]))
		case tInt64, tUint64:
			a.ints[i] = int64(le.Uint64(raw[8*i:]))
		}
	}
	return a, nil
}

// storedTypes are the types that a weight may keep.
var storedTypes = map[int32]weights.DType{tFloat: weights.F32, tFloat16: weights.F16, tBFloat16: weights.BF16, tDouble: weights.F64}

// External gives the locations of a model's initialisers that are kept in other files, each once, cleaned.
func External(data []byte) ([]string, error) {
	p, err := parseModel(data)
	if err != nil {
		return nil, fmt.Errorf("ONNX: %w", err)
	}
	var names []string
	seen := map[string]bool{}
	for _, t := range p.graph.tensors {
		if t.external == nil || t.external["location"] == "" {
			continue
		}
		if name := path.Clean(t.external["location"]); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, nil
}

// files opens the files of external data, once each, in the folder of the model and nowhere else.
type files struct {
	open func(name string) ([]byte, error) // nil: the model came without a folder
	data map[string][]byte
}

// read gives a tensor's bytes. Location is a path relative to the model, with slashes (https://onnx.ai/onnx/repo-docs/ExternalData.html).
func (f *files) read(at map[string]string, want int) ([]byte, error) {
	location := at["location"]
	if location == "" {
		return nil, errors.New("its data are in another file, which is not named")
	}
	if f == nil || f.open == nil {
		return nil, fmt.Errorf("its data are in another file, %q: give the model as a file beside it", location)
	}
	clean := path.Clean(location)
	if !fs.ValidPath(clean) {
		return nil, fmt.Errorf("its data are in %q, outside of the model's folder: featx does not follow such paths", location)
	}
	number := func(key string, otherwise int) (int, error) {
		text, ok := at[key]
		if !ok {
			return otherwise, nil
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > math.MaxInt {
			return 0, fmt.Errorf("%s %.40q of its data in %q", key, text, location)
		}
		return int(n), nil
	}
	offset, err := number("offset", 0)
	if err != nil {
		return nil, err
	}
	length, err := number("length", want)
	if err != nil {
		return nil, err
	}
	data, ok := f.data[clean]
	if !ok {
		if data, err = f.open(clean); err != nil {
			return nil, fmt.Errorf("its data are in %q beside the model: %w", location, err)
		}
		f.data[clean] = data
	}
	if offset > len(data) || length > len(data)-offset {
		return nil, fmt.Errorf("its data are bytes %d to %d of %q, which has %d", offset, offset+length, location, len(data))
	}
	return data[offset : offset+length : offset+length], nil
}
