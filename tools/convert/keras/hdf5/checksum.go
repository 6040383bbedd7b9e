package hdf5

import (
	"encoding/binary"
	"math/bits"
)

// lookup3 is Bob Jenkins's hash of that name (2006, hashlittle with the initial value 0), the checksum of the format's metadata.
func lookup3(b []byte) uint32 {
	x := 0xdeadbeef + uint32(len(b))
	y, z := x, x
	word := func(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
	for len(b) > 12 {
		x, y, z = x+word(b), y+word(b[4:]), z+word(b[8:])
		x -= z
		x ^= bits.RotateLeft32(z, 4)
		z += y
		y -= x
		y ^= bits.RotateLeft32(x, 6)
		x += z
		z -= y
		z ^= bits.RotateLeft32(y, 8)
		y += x
		x -= z
		x ^= bits.RotateLeft32(z, 16)
		z += y
		y -= x
		y ^= bits.RotateLeft32(x, 19)
		x += z
		z -= y
		z ^= bits.RotateLeft32(y, 4)
		y += x
		b = b[12:]
	}
	if len(b) == 0 {
		return z
	}
	var last [12]byte
	copy(last[:], b)
	x, y, z = x+word(last[:]), y+word(last[4:]), z+word(last[8:])
	z ^= y
	z -= bits.RotateLeft32(y, 14)
	x ^= z
	x -= bits.RotateLeft32(z, 11)
	y ^= x
	y -= bits.RotateLeft32(x, 25)
	z ^= y
	z -= bits.RotateLeft32(y, 16)
	x ^= z
	x -= bits.RotateLeft32(z, 4)
	y ^= x
	y -= bits.RotateLeft32(x, 14)
	z ^= y
	z -= bits.RotateLeft32(y, 24)
	return z
}

// fletcher32 is the checksum of chunks: Fletcher's over big-endian words of 16 bits.
func fletcher32(b []byte) uint32 {
	var sum1, sum2 uint32
	for len(b) > 1 {
		n := min(len(b)/2, 360) // so many sums cannot overflow
		for range n {
			sum1 += uint32(binary.BigEndian.Uint16(b))
			sum2 += sum1
			b = b[2:]
		}
		sum1 = sum1&0xffff + sum1>>16
		sum2 = sum2&0xffff + sum2>>16
	}
	if len(b) == 1 {
		sum1 += uint32(b[0]) << 8
		sum2 += sum1
		sum1 = sum1&0xffff + sum1>>16
		sum2 = sum2&0xffff + sum2>>16
	}
	sum1 = sum1&0xffff + sum1>>16
	sum2 = sum2&0xffff + sum2>>16
	return sum2<<16 | sum1
}
