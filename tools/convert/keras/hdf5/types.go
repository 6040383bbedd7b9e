package hdf5

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Class is a kind of data type.
type Class string

const (
	Int     Class = "signed integer"
	Uint    Class = "unsigned integer"
	Float   Class = "float"    // IEEE 754 of 2, 4 or 8 bytes
	BFloat  Class = "bfloat16" // the upper half of a float of 4 bytes
	Opaque  Class = "opaque"
	String  Class = "string" // of Size bytes
	VString Class = "string of variable length"
)

// Type is the type of an element.
type Type struct {
	Class Class
	Size  int // bytes of an element in the file

	bigEndian bool
	padding   int // of strings: 0 ends at a zero byte, 1 filled with zeros, 2 with spaces
}

// classNames names what is not supported.
var classNames = [...]string{2: "time", 4: "bit field", 6: "compound", 7: "reference", 8: "enumeration", 9: "variable-length sequence", 10: "array", 11: "complex"}

func readType(c *cursor) (Type, error) {
	head := c.u8()
	flags := c.uint(3)
	t := Type{Size: int(min(c.u32(), math.MaxInt32))}
	if version := head >> 4; c.err == nil && (version < 1 || version > 5) {
		return t, fmt.Errorf("a data type of version %d is not supported", version)
	}
	switch class := head & 15; class {
	case 0:
		t.Class, t.bigEndian = Uint, flags&1 != 0
		if flags&8 != 0 {
			t.Class = Int
		}
		offset, precision := c.u16(), c.u16()
		if c.err == nil && (t.Size != 1 && t.Size != 2 && t.Size != 4 && t.Size != 8 || offset != 0 || precision != 8*t.Size) {
			return t, fmt.Errorf("integers of %d bits in %d bytes are not supported", precision, t.Size)
		}
	case 1:
		t.Class, t.bigEndian = Float, flags&1 != 0
		layout := [6]uint64{c.uint(2), c.uint(2), c.uint(1), c.uint(1), c.uint(1), c.uint(1)} // offset, precision, exponent's place and size, mantissa's place and size
		bias := c.u32()
		switch {
		case c.err != nil:
		case t.Size == 2 && layout == [6]uint64{0, 16, 10, 5, 0, 10} && bias == 15:
		case t.Size == 2 && layout == [6]uint64{0, 16, 7, 8, 0, 7} && bias == 127:
			t.Class = BFloat
		case t.Size == 4 && layout == [6]uint64{0, 32, 23, 8, 0, 23} && bias == 127:
		case t.Size == 8 && layout == [6]uint64{0, 64, 52, 11, 0, 52} && bias == 1023:
		default:
			return t, fmt.Errorf("floats of %d bits, %d of them exponent, are not supported", layout[1], layout[3])
		}
		if flags&0x40 != 0 {
			return t, errors.New("VAX floats are not supported")
		}
	case 3:
		t.Class, t.padding = String, int(flags&15)
	case 5:
		t.Class = Opaque
	case 8: // an enumeration is stored as its integers: h5py's booleans
		return readType(c)
	case 9:
		if flags&15 != 1 {
			return t, errors.New("variable-length sequences are not supported")
		}
		t.Class, t.padding = VString, int(flags>>4&15)
		if c.err == nil && t.Size != 8+c.f.offsetSize {
			return t, fmt.Errorf("damaged: a reference to a string of %d bytes", t.Size)
		}
	default:
		name := "unknown"
		if class < len(classNames) && classNames[class] != "" {
			name = classNames[class]
		}
		return t, fmt.Errorf("the data type (class %d, %s) is not supported", class, name)
	}
	if c.err == nil && t.Size == 0 {
		c.fail("damaged: a data type of no bytes")
	}
	return t, c.err
}

// Array is a dataset or an attribute: row-major elements of one type.
type Array struct {
	Type Type
	Dims []int // none is a single value

	f    *file
	read func() ([]byte, error)
}

func newArray(f *file, t Type, dims []int, read func(a *Array) ([]byte, error)) (*Array, error) {
	a := &Array{Type: t, Dims: dims, f: f}
	if a.Elements() > math.MaxInt/t.Size {
		return nil, fmt.Errorf("damaged: %v elements of %d bytes", dims, t.Size)
	}
	a.read = func() ([]byte, error) { return read(a) }
	return a, nil
}

// Elements is the product of the dimensions.
func (a *Array) Elements() int {
	n := 1
	for _, d := range a.Dims {
		n *= d
	}
	return n
}

// Bytes gives the elements, little-endian. They share the file's memory where they lie there so: read-only.
func (a *Array) Bytes() ([]byte, error) {
	b, err := a.read()
	if err != nil {
		return nil, err
	}
	if want := a.Elements() * a.Type.Size; len(b) < want {
		return nil, fmt.Errorf("damaged: %d bytes for %v elements of %d", len(b), a.Dims, a.Type.Size)
	} else {
		b = b[:want]
	}
	if a.Type.bigEndian && a.Type.Size > 1 {
		b = bytes.Clone(b)
		for e := range slices.Chunk(b, a.Type.Size) {
			slices.Reverse(e)
		}
	}
	return b, nil
}

// Strings gives the elements of an array of strings, of fixed or variable length.
func (a *Array) Strings() ([]string, error) {
	if a.Elements() == 0 { // h5py stores an empty list as numbers
		return nil, nil
	}
	if a.Type.Class != String && a.Type.Class != VString {
		return nil, fmt.Errorf("holds %ss, not strings", a.Type.Class)
	}
	b, err := a.Bytes()
	if err != nil {
		return nil, err
	}
	list := make([]string, 0, a.Elements())
	total := 0
	for e := range slices.Chunk(b, a.Type.Size) {
		if a.Type.Class == VString {
			if e, err = a.f.global(e); err != nil {
				return nil, err
			}
		}
		switch i := bytes.IndexByte(e, 0); {
		case a.Type.padding == 2:
			e = bytes.TrimRight(e, " ")
		case a.Type.padding == 1:
			e = bytes.TrimRight(e, "\x00")
		case i >= 0:
			e = e[:i]
		}
		if total += len(e); total > len(a.f.data) {
			return nil, errors.New("damaged: the strings are longer than the file")
		}
		list = append(list, string(e))
	}
	return list, nil
}

// maxRank is the format's own limit.
const maxRank = 32

// readSpace gives the dimensions.
func readSpace(c *cursor) ([]int, error) {
	version, rank := c.u8(), c.u8()
	c.skip(1) // whether maximal dimensions follow, which reading does not need
	switch {
	case c.err != nil:
	case version == 1:
		c.skip(5)
	case version == 2:
		if c.u8() == 2 { // a null space
			return []int{0}, c.err
		}
	default:
		c.fail("a data space of version %d is not supported", version)
	}
	if rank > maxRank {
		c.fail("damaged: %d dimensions", rank)
	}
	dims := make([]int, 0, min(rank, maxRank))
	n := uint64(1)
	for range rank {
		d := c.length()
		if c.err != nil {
			return nil, c.err
		}
		if d > 0 && n > math.MaxInt/d {
			return nil, fmt.Errorf("damaged: dimensions %v x %d", dims, d)
		}
		n *= max(d, 1)
		dims = append(dims, int(d))
	}
	return dims, c.err
}
