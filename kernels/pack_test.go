package kernels

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/x448/float16"
)

// halves writes float16 numbers of an ordinary size, and if special is set any bits.
func halves(r *rand.Rand, s []uint16, special bool) {
	for i := range s {
		s[i] = float16.Fromfloat32(float32(r.NormFloat64())).Bits()
		if special && r.IntN(4) == 0 {
			s[i] = uint16(r.Uint32())
		}
	}
}

// bytesOf gives n bytes of a placement: at its end if that is what it guards, at an odd address if it is misaligned.
func bytesOf(t testing.TB, p placement, n int) []byte {
	floats := p.alloc(t, (n+3)/4+1)
	all := unsafe.Slice((*byte)(unsafe.Pointer(&floats[0])), 4*len(floats))
	switch p.name {
	case "behind a guard page", "aligned":
		return all[:n]
	}
	return all[len(all)-n:]
}

// sameF16 is equality of bits, where a NaN equals a NaN.
func sameF16(a, b uint16) bool {
	return a == b || float16.Frombits(a).IsNaN() && float16.Frombits(b).IsNaN()
}

func TestPack(t *testing.T) {
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, "pack", func(t *testing.T, isa ISA) {
				r := newRand(21)
				for cols := 1; cols <= 32; cols++ {
					for _, n := range []int{1 + r.IntN(7), 8, 9 + r.IntN(7), 16 * (1 + r.IntN(5)), packChunk + r.IntN(20)} {
						for kind := range 3 {
							testPack(t, isa, p, r, n, cols, kind > 0, kind > 1)
						}
					}
				}
			})
		})
	}
}

func testPack(t *testing.T, isa ISA, p placement, r *rand.Rand, n, cols int, srcF16, dstF16 bool) {
	t.Helper()
	what := fmt.Sprintf("%d numbers, %d columns, from float16 %v, to float16 %v", n, cols, srcF16, dstF16)
	src, dst, gap := 4, 4, r.IntN(3)
	if srcF16 {
		src = 2
	}
	if dstF16 {
		dst = 2
	}
	stride := n + gap // numbers
	from := bytesOf(t, p, src*(cols*stride-gap))
	wide := make([]float32, cols*stride)
	narrow := make([]uint16, cols*stride)
	fill(r, wide, true)
	halves(r, narrow, true)
	if srcF16 {
		copy(from, unsafe.Slice((*byte)(unsafe.Pointer(&narrow[0])), len(from)))
	} else {
		copy(from, unsafe.Slice((*byte)(unsafe.Pointer(&wide[0])), len(from)))
	}
	nr := cols + r.IntN(3) // what is behind the columns must not be touched
	to := p.alloc(t, (dst*((n-1)*nr+cols)+3)/4)
	fillWith(to, canary)
	untouched := append([]float32(nil), to...)
	off := make([]int64, n)
	for i, at := range r.Perm(n) {
		off[i] = int64(dst * nr * at)
	}
	isa.Pack(&PanelPart{Src: unsafe.Pointer(&from[0]), SrcStride: src * stride, N: n, Cols: cols, Dst: unsafe.Pointer(&to[0]), Off: &off[0], SrcF16: srcF16, DstF16: dstF16})

	got16 := unsafe.Slice((*uint16)(unsafe.Pointer(&to[0])), 2*len(to))
	was16 := unsafe.Slice((*uint16)(unsafe.Pointer(&untouched[0])), 2*len(to))
	written := make([]bool, 2*len(to)) // by halves
	for i := range n {
		for c := range cols {
			at := (int(off[i]) + dst*c) / 2
			written[at] = true
			if dstF16 {
				if !sameF16(got16[at], narrow[c*stride+i]) {
					t.Fatalf("%s: number %d of column %d is %#04x, want %#04x", what, i, c, got16[at], narrow[c*stride+i])
				}
				continue
			}
			written[at+1] = true
			want := wide[c*stride+i]
			if srcF16 {
				want = float16.Frombits(narrow[c*stride+i]).Float32()
			}
			if got := to[at/2]; !same(got, want) {
				t.Fatalf("%s: number %d of column %d is %v, want %v", what, i, c, got, want)
			}
		}
	}
	for i, w := range written {
		if !w && got16[i] != was16[i] {
			t.Fatalf("%s: wrote beyond the columns, at byte %d", what, 2*i)
		}
	}
}

// TestPackF16 packs every float16.
func TestPackF16(t *testing.T) {
	eachISA(t, "pack", func(t *testing.T, isa ISA) {
		const cols, n = 16, 1 << 12
		src := make([]uint16, cols*n)
		off := make([]int64, n)
		for i := range src {
			src[i] = uint16(i)
		}
		wide, narrow := make([]float32, cols*n), make([]uint16, cols*n)
		for _, dst := range []int{2, 4} {
			for i := range off {
				off[i] = int64(i * cols * dst)
			}
			part := PanelPart{Src: unsafe.Pointer(&src[0]), SrcStride: 2 * n, N: n, Cols: cols, Dst: unsafe.Pointer(&wide[0]), Off: &off[0], SrcF16: true}
			if part.DstF16 = dst == 2; part.DstF16 {
				part.Dst = unsafe.Pointer(&narrow[0])
			}
			isa.Pack(&part)
		}
		for i := range n {
			for c := range cols {
				h := src[c*n+i]
				if got := narrow[i*cols+c]; !sameF16(got, h) {
					t.Fatalf("%#04x became %#04x", h, got)
				}
				if got, want := wide[i*cols+c], float16.Frombits(h).Float32(); !same(got, want) {
					t.Fatalf("%#04x became %v, want %v", h, got, want)
				}
			}
		}
	})
}

// BenchmarkPack packs a 1x1 layer's panel from memory that is in the cache.
func BenchmarkPack(b *testing.B) {
	for _, isa := range All() {
		b.Run(isa.String(), func(b *testing.B) {
			const cols, n = 32, 2048
			src, dst, off := make([]float32, cols*n), make([]float32, cols*n), make([]int64, n)
			for i := range off {
				off[i] = int64(4 * cols * i)
			}
			b.SetBytes(4 * cols * n)
			for b.Loop() {
				isa.Pack(&PanelPart{Src: unsafe.Pointer(&src[0]), SrcStride: 4 * n, N: n, Cols: cols, Dst: unsafe.Pointer(&dst[0]), Off: &off[0]})
			}
		})
	}
}
