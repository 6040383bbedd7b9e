package kernels

import (
	"encoding/binary"
	"math"
)

// WidenF16 converts IEEE 754 half precision to float32, which is exact, subnormals, infinities and NaN included. src holds
// len(dst) numbers of two bytes, little-endian, at any address.
func (isa ISA) WidenF16(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for isa != Generic {
		n := min(len(dst)&^31, 1<<18) // some ten microseconds
		if n == 0 {
			break
		}
		widenBlocks(&dst[0], &src[0], n)
		dst, src = dst[n:], src[2*n:]
	}
	for i := range dst {
		dst[i] = widenF16(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

// widenF16 moves the bits to their places in a float32 and corrects the bias of the exponent by a multiplication, which is exact and makes subnormals normal.
func widenF16(h uint16) float32 {
	b := math.Float32bits(math.Float32frombits(uint32(h&0x7fff)<<13) * 0x1p112)
	if h&0x7c00 == 0x7c00 { // infinity and NaN
		b = uint32(h&0x7fff)<<13 | 0x7f800000
	}
	return math.Float32frombits(b | uint32(h&0x8000)<<16)
}
