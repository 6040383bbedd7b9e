package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// array is a constant: integers (and booleans) exactly, floating point in float64, rounded to the data type.
type array struct {
	dtype  int32
	shape  []int
	ints   []int64   // if the type is an integer or bool
	floats []float64 // if it is floating point
}

//go:noinline
func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func newArray(dtype int32, shape []int) *array {
	a := &array{dtype: dtype, shape: slices.Clone(shape)}
	if isFloat(dtype) {
		a.floats = make([]float64, product(shape))
	} else {
		a.ints = make([]int64, product(shape))
	}
	return a
}

func intArray(values ...int64) *array {
	return &array{dtype: tInt64, shape: []int{len(values)}, ints: values}
}

func (a *array) len() int { return product(a.shape) }

// float is element i as a floating-point number.
//
//go:noinline
func (a *array) float(i int) float64 {
	if a.floats != nil {
		return a.floats[i]
	}
	return float64(a.ints[i])
}

// integer is element i as an integer, cut as ONNX's Cast does.
//
//go:noinline
func (a *array) integer(i int) int64 {
	if a.floats == nil {
		return a.ints[i]
	}
	switch v := a.floats[i]; {
	case v >= math.MaxInt64:
		return math.MaxInt64
	case v <= math.MinInt64:
		return math.MinInt64
	case v != v:
		return 0
	default:
		return int64(v)
	}
}

// set writes element i in the array's type.
func (a *array) set(i int, from *array, j int) {
	if a.floats != nil {
		a.floats[i] = round(a.dtype, from.float(j))
		return
	}
	a.ints[i] = wrap(a.dtype, from.integer(j))
	if a.dtype == tBool && from.float(j) != 0 {
		a.ints[i] = 1
	}
}

// round gives v in the precision of the type. The 16-bit types are computed in float32, and that is near enough for constants.
func round(dtype int32, v float64) float64 {
	if dtype == tDouble {
		return v
	}
	return float64(float32(v))
}

func wrap(dtype int32, v int64) int64 {
	switch dtype {
	case tUint8:
		return int64(uint8(v))
	case tInt8:
		return int64(int8(v))
	case tUint16:
		return int64(uint16(v))
	case tInt16:
		return int64(int16(v))
	case tInt32:
		return int64(int32(v))
	case tUint32:
		return int64(uint32(v))
	}
	return v
}

func (a *array) reshaped(shape []int) *array {
	return &array{dtype: a.dtype, shape: shape, ints: a.ints, floats: a.floats}
}

func (a *array) cast(dtype int32) *array {
	out := newArray(dtype, a.shape)
	for i := range a.len() {
		out.set(i, a, i)
	}
	return out
}

// ints64 gives the elements of a small integer array, such as a shape.
func (a *array) ints64() ([]int64, error) {
	if a.floats != nil {
		return nil, fmt.Errorf("is of %s, not of integers", typeName(a.dtype))
	}
	return a.ints, nil
}

// float32s encodes the elements as a weight.
func (a *array) float32s() ([]byte, error) {
	data := make([]byte, 4*a.len())
	for i := range a.len() {
		v := a.float(i)
		f := float32(v)
		if math.IsInf(float64(f), 0) && !math.IsInf(v, 0) {
			return nil, fmt.Errorf("value %d is %g, which float32 cannot hold", i, v)
		}
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(f))
	}
	return data, nil
}

// strides of a row-major array.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

// gather makes an array of the given shape whose element at an index is a's element start + the sum of index x step.
func (a *array) gather(shape, step []int, start int) *array {
	out := newArray(a.dtype, shape)
	index := make([]int, len(shape))
	at := start
	for i := range out.len() {
		if out.floats != nil {
			out.floats[i] = a.floats[at]
		} else {
			out.ints[i] = a.ints[at]
		}
		for d := len(shape) - 1; d >= 0; d-- {
			index[d]++
			at += step[d]
			if index[d] < shape[d] {
				break
			}
			at -= index[d] * step[d]
			index[d] = 0
		}
	}
	return out
}

func (a *array) transposed(perm []int) *array {
	from := strides(a.shape)
	shape, step := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		shape[i], step[i] = a.shape[p], from[p]
	}
	return a.gather(shape, step, 0)
}

var errBroadcast = errors.New("the shapes do not broadcast")

// broadcastShape is numpy's rule.
func broadcastShape(a, b []int) ([]int, error) {
	out := slices.Clone(a)
	if len(b) > len(a) {
		a, b, out = b, a, slices.Clone(b)
	}
	for i, d := range b {
		j := len(a) - len(b) + i
		switch {
		case a[j] == d || d == 1:
		case a[j] == 1:
			out[j] = d
		default:
			return nil, fmt.Errorf("%w: %v, %v", errBroadcast, a, b)
		}
	}
	return out, nil
}

// expanded repeats axes of one element.
func (a *array) expanded(shape []int) *array {
	if slices.Equal(a.shape, shape) {
		return a
	}
	from := strides(a.shape)
	step := make([]int, len(shape))
	for i, d := range a.shape {
		if d > 1 {
			step[len(shape)-len(a.shape)+i] = from[i]
		}
	}
	return a.gather(shape, step, 0)
}

// normalAxis gives an axis of ONNX, which may count from the end, within 0 .. rank-1.
func normalAxis(axis int64, rank int) (int, error) {
	if axis < -int64(rank) || axis >= int64(rank) {
		return 0, fmt.Errorf("axis %d of a tensor of rank %d", axis, rank)
	}
	return int((axis + int64(rank)) % int64(max(rank, 1))), nil
}

// sliceRange gives where a Slice begins in an axis of n elements, and how many it takes.
func sliceRange(n int, start, end, step int64) (from, count int, err error) {
	if step == 0 || step == math.MinInt64 {
		return 0, 0, fmt.Errorf("a step of %d", step)
	}
	size := int64(n)
	clamp := func(v, lo, hi int64) int64 {
		if v < 0 {
			v = max(v, -size-1) + size // the difference cannot overflow
		}
		return max(lo, min(v, hi))
	}
	if step > 0 {
		start, end = clamp(start, 0, size), clamp(end, 0, size)
		if end > start {
			count = int((end-start-1)/step) + 1
		}
		return int(start), count, nil
	}
	start, end = clamp(start, 0, size-1), clamp(end, -1, size-1)
	if start > end {
		count = int((start-end-1)/-step) + 1
	}
	return int(start), count, nil
}
