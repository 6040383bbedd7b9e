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
	eachISA(t, "widen", func(t *testing.T, isa ISA) {
		isa.WidenF16(got, src)
		mustEqual(t, "float16", got, want)
	})
}

func TestWidenF16Memory(t *testing.T) {
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, "widen", func(t *testing.T, isa ISA) {
				r := newRand(12)
				for n := 1; n < 140; n++ {
					src, dst, want := bytesOf(t, p, 2*n), p.alloc(t, n), make([]float32, n)
					for i := range want {
						h := uint16(r.Uint32())
						binary.LittleEndian.PutUint16(src[2*i:], h)
						want[i] = float16.Frombits(h).Float32()
					}
					isa.WidenF16(dst, src)
					mustEqual(t, n, dst, want)
				}
			})
		})
	}
}

func BenchmarkWidenF16(b *testing.B) {
	src, dst := make([]byte, 1<<17), make([]float32, 1<<16)
	r := newRand(11)
	for i := range dst {
		binary.LittleEndian.PutUint16(src[2*i:], float16.Fromfloat32(float32(r.NormFloat64()*0.1)).Bits())
	}
	for _, isa := range All() {
		b.Run(isa.String(), func(b *testing.B) {
			b.SetBytes(1 << 17)
			for b.Loop() {
				isa.WidenF16(dst, src)
			}
		})
	}
}
