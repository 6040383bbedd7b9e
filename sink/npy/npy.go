package npy

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

const magic = "\x93NUMPY"

// Header gives the header of an array: magic, version, and a dictionary padded to a multiple of 64 bytes. For any number of rows, the first of
// the dims, it has the same length, so that the number can be patched in when it is known.
//
// descr is NumPy's name of the type: "<f4" is float32, "<U7" are strings of 7 characters. Without dims the array is a single value.
func Header(descr string, dims ...int) []byte {
	const digits = 19 // of the largest int64
	length := len(magic) + 2 + 2 + 1
	if len(dims) > 0 {
		length += len(dictionary(descr, append([]int{0}, dims[1:]...))) + digits - 1
	} else {
		length += len(dictionary(descr, nil))
	}
	length = (length + 63) / 64 * 64
	b := append([]byte(magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(length-len(magic)-4))
	b = append(b, dictionary(descr, dims)...)
	for len(b) < length-1 {
		b = append(b, ' ')
	}
	return append(b, '\n')
}

func dictionary(descr string, dims []int) string {
	var shape strings.Builder
	for _, d := range dims {
		fmt.Fprintf(&shape, "%d, ", d)
	}
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, strings.TrimSuffix(shape.String(), " "))
}

// AppendFloats appends the values as they stand in a file.
func AppendFloats(b []byte, values []float32) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
