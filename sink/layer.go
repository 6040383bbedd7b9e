package sink

import "fmt"

// Layer is one column of the output.
type Layer struct {
	Name  string `json:"name"`
	Dims  []int  `json:"dims"`           // of one picture's value
	Pool  string `json:"pool,omitempty"` // how a map was reduced: avg, max, gem or flatten
	DType DType  `json:"dtype"`          // of the values in the file
}

// DType is a type of numbers.
type DType int

// Float32 is what the network computes.
const Float32 DType = iota

var dtypeNames = []string{Float32: "f32"}

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
	return fmt.Errorf("unknown type of numbers %q", text)
}

// size is the bytes of a value.
func (DType) size() int { return 4 }

// bytes is the length of one picture's value.
func (l Layer) bytes() int64 {
	n := int64(l.DType.size())
	for _, d := range l.Dims {
		n *= int64(d)
	}
	return n
}

// dims is the shape of the array of so many rows.
func (l Layer) dims(rows int64) []int { return append([]int{int(rows)}, l.Dims...) }
