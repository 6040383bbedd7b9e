package kernels

import (
	"encoding/binary"
	"math"
)

// WidenF16 converts IEEE 754 half precision to float32, which is exact, subnormals, infinities and NaN included. src holds
// len(dst) numbers of two bytes, little-endian, at any address.
func WidenF16(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for i := range dst {
		dst[i] = widenF16(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func widenF16(h uint16) float32 {
	// The bits at their places in a float32; the biases of the exponents are 15 and 127.
	b := uint32(h&0x7fff)<<13 + (127-15)<<23
	switch h & 0x7c00 {
	case 0: // zero and subnormal
		b = math.Float32bits(float32(h&0x3ff) * 0x1p-24)
	case 0x7c00: // infinity and NaN
		b += (127 - 15) << 23
	}
	return math.Float32frombits(b | uint32(h&0x8000)<<16)
}
