package sink

// Layer is one column of the output.
type Layer struct {
	Name  string
	Dims  []int // of one picture's value
	DType DType // of the values in the file
}

// DType is a type of numbers.
type DType int

// Float32 is what the network computes.
const Float32 DType = iota

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
