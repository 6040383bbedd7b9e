package torch

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/featx-go/featx/weights"
)

// maxExtent bounds the extents, strides and storage sizes that a pickle may state: bytes of a storage fit 64 bits.
const maxExtent = 1 << 40

// storage is a block of memory that tensors are views of.
type storage struct {
	element
	key  string
	n    int64  // elements
	data []byte // nil until the archive has located it
}

// Tensor is a view of a storage.
type Tensor struct {
	Name  string
	DType weights.DType
	Shape []int

	storage *storage
	offset  int64 // elements
	stride  []int // elements, by axis
}

// elements is the product of the shape, or -1 if 63 bits do not hold it.
func (t *Tensor) elements() int64 {
	n := uint64(1)
	for _, extent := range t.Shape {
		high, low := bits.Mul64(n, uint64(extent))
		if high != 0 || low > math.MaxInt64 {
			return -1
		}
		n = low
	}
	return int64(n)
}

// check says whether the view lies within its storage.
func (t *Tensor) check() error {
	if len(t.Shape) != len(t.stride) {
		return fmt.Errorf("tensor %.100q: shape %v and strides %v differ in length", t.Name, t.Shape, t.stride)
	}
	n := t.elements()
	if n < 0 {
		return fmt.Errorf("tensor %.100q: shape %v is impossible", t.Name, t.Shape)
	}
	if n == 0 {
		return nil
	}
	last, fits := t.offset, t.offset >= 0
	for i, extent := range t.Shape {
		high, low := bits.Mul64(uint64(extent-1), uint64(t.stride[i]))
		fits = fits && high == 0 && last < t.storage.n && low < uint64(t.storage.n-last)
		if !fits {
			break
		}
		last += int64(low)
	}
	if !fits || last >= t.storage.n {
		return fmt.Errorf("tensor %.100q: shape %v with strides %v from element %d on leaves its storage of %d elements; the file is damaged", t.Name, t.Shape, t.stride, t.offset, t.storage.n)
	}
	return nil
}

// contiguous says whether the elements lie in row-major order without gaps.
func (t *Tensor) contiguous() bool {
	step := 1
	for i := len(t.Shape) - 1; i >= 0; i-- {
		if t.Shape[i] != 1 && t.stride[i] != step {
			return false
		}
		step *= t.Shape[i]
	}
	return true
}

// Contiguous gives the tensor with its elements in row-major order. It shares the file's memory if they lie so already, and is a copy if not.
func (t *Tensor) Contiguous() weights.Tensor {
	out := weights.Tensor{Name: t.Name, DType: t.DType, Shape: t.Shape}
	n, size := t.elements(), int64(t.storage.size)
	if n == 0 {
		return out
	}
	from := t.storage.data[t.offset*size:]
	if t.contiguous() {
		out.Data = from[: n*size : n*size]
		return out
	}
	out.Data = make([]byte, 0, n*size)
	t.gather(&out.Data, from, 0)
	return out
}

// gather appends the elements of the axes from the given one on.
func (t *Tensor) gather(dst *[]byte, from []byte, axis int) {
	size := t.storage.size
	if axis == len(t.Shape) {
		*dst = append(*dst, from[:size]...)
		return
	}
	for i := range t.Shape[axis] {
		t.gather(dst, from[i*t.stride[axis]*size:], axis+1)
	}
}
