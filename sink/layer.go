package sink

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/x448/float16"

	"github.com/featx-go/featx/sink/npy"
)

// Layer is one column of the output.
type Layer struct {
	Name  string `json:"name"`
	Dims  []int  `json:"dims"`           // of one picture's value
	Pool  string `json:"pool,omitempty"` // how a map was reduced: avg, max, gem or flatten
	PCA   string `json:"pca,omitempty"`  // SHA-256 of the file of the PCA that it was projected on
	DType DType  `json:"dtype"`          // of the values in the file
}

// DType is a type of numbers.
type DType int

const (
	Float32 DType = iota // what the network computes
	Float16              // the nearest, ties to even; infinite from 65520 on
)

var dtypeNames = []string{Float32: "f32", Float16: "f16"}

func (d DType) String() string { return dtypeNames[d] }

// MarshalText implements encoding.TextMarshaler.
func (d DType) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is the inverse.
func (d *DType) UnmarshalText(text []byte) error {
	for i, name := range dtypeNames {
		if name == string(text) {
			*d = DType(i)
			return nil
		}
	}
	return fmt.Errorf("unknown type of numbers %q: want one of %s", text, strings.Join(dtypeNames, ", "))
}

// size is the bytes of a value.
func (d DType) size() int64 {
	if d == Float16 {
		return 2
	}
	return 4
}

// numpy is NumPy's name of the type.
func (d DType) numpy() string { return fmt.Sprintf("<f%d", d.size()) }

// append appends values as they stand in files.
func (d DType) append(b []byte, values []float32) []byte {
	if d == Float32 {
		return npy.AppendFloats(b, values)
	}
	for _, v := range values {
		b = binary.LittleEndian.AppendUint16(b, float16.Fromfloat32(v).Bits())
	}
	return b
}

// values is the number of values of one picture.
func (l Layer) values() int64 {
	n := int64(1)
	for _, d := range l.Dims {
		n *= int64(d)
	}
	return n
}

// bytes is their length.
func (l Layer) bytes() int64 { return l.values() * l.DType.size() }

// dims is the shape of the array of so many rows.
func (l Layer) dims(rows int64) []int { return append([]int{int(rows)}, l.Dims...) }
