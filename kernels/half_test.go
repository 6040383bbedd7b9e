package kernels

import (
	"encoding/binary"
	"testing"

	"github.com/x448/float16"
)

func TestWidenF16(t *testing.T) {
	src, got, want := make([]byte, 1<<17), make([]float32, 1<<16), make([]float32, 1<<16)
	for i := range want {
		binary.LittleEndian.PutUint16(src[2*i:], uint16(i))
		want[i] = float16.Frombits(uint16(i)).Float32()
	}
	eachISA(t, "widen", func(t *testing.T, _ ISA) {
		WidenF16(got, src)
		mustEqual(t, "float16", got, want)
	})
}

func BenchmarkWidenF16(b *testing.B) {
	src, dst := make([]byte, 1<<17), make([]float32, 1<<16)
	r := newRand(11)
	for i := range dst {
		binary.LittleEndian.PutUint16(src[2*i:], float16.Fromfloat32(float32(r.NormFloat64()*0.1)).Bits())
	}
	b.SetBytes(1 << 17)
	for b.Loop() {
		WidenF16(dst, src)
	}
}
