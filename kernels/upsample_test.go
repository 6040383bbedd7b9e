package kernels

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func noise(t testing.TB, p placement, r *rand.Rand, n int) []uint8 {
	b := bytesOf(t, p, n)
	for i := range b {
		if b[i] = uint8(r.Uint32()); r.IntN(4) == 0 {
			b[i] = uint8(-r.IntN(2)) // the limits
		}
	}
	return b
}

// lengths of rows: all remainders, and some long ones.
func lengths(yield func(n int) bool) {
	for n := 1; n < 140; n++ {
		if !yield(n) {
			return
		}
	}
	for _, n := range []int{500, 1023, 4096} {
		if !yield(n) {
			return
		}
	}
}

func TestUpsample(t *testing.T) {
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, "upsample", func(t *testing.T, isa ISA) {
				r := newRand(34)
				for n := range lengths {
					near, far := noise(t, p, r, n), noise(t, p, r, n)
					got, want := bytesOf(t, p, 2*n), make([]uint8, 2*n)
					at := func(s []uint8, x int) int { return int(s[min(max(x, 0), n-1)]) }
					for x := range n {
						want[2*x], want[2*x+1] = uint8((3*at(near, x)+at(near, x-1)+1)>>2), uint8((3*at(near, x)+at(near, x+1)+2)>>2)
					}
					if isa.UpsampleH2V1(got, near); !bytes.Equal(got, want) {
						t.Fatalf("%d samples across: %d, want %d", n, got, want)
					}
					sum := func(x int) int { return 3*at(near, x) + at(far, x) }
					for x := range n {
						want[2*x], want[2*x+1] = uint8((3*sum(x)+sum(x-1)+8)>>4), uint8((3*sum(x)+sum(x+1)+7)>>4)
					}
					if isa.UpsampleH2V2(got, near, far); !bytes.Equal(got, want) {
						t.Fatalf("%d samples both ways: %d, want %d", n, got, want)
					}
				}
			})
		})
	}
}

func TestYCbCrToRGB(t *testing.T) {
	clamp := func(v int) uint8 { return uint8(min(max(v, 0), 255)) }
	pixel := func(y, cb, cr int) [3]uint8 {
		cb, cr = cb-128, cr-128
		return [3]uint8{clamp(y + (91881*cr+1<<15)>>16), clamp(y + (-22554*cb-46802*cr+1<<15)>>16), clamp(y + (116130*cb+1<<15)>>16)}
	}
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, "ycc", func(t *testing.T, isa ISA) {
				r := newRand(35)
				for n := range lengths {
					y, cb, cr, got := noise(t, p, r, n), noise(t, p, r, n), noise(t, p, r, n), bytesOf(t, p, 3*n)
					isa.YCbCrToRGB(got, y, cb, cr)
					for x := range n {
						if want := pixel(int(y[x]), int(cb[x]), int(cr[x])); [3]uint8(got[3*x:]) != want {
							t.Fatalf("pixel %d of %d: %v, want %v", x, n, got[3*x:3*x+3], want)
						}
					}
				}
			})
		})
	}
	// Every pair of chroma.
	y, cb, cr, got := make([]uint8, 1<<16), make([]uint8, 1<<16), make([]uint8, 1<<16), make([]uint8, 3<<16)
	for _, isa := range All() {
		for _, light := range []int{0, 77, 130, 255} {
			for i := range y {
				y[i], cb[i], cr[i] = uint8(light), uint8(i), uint8(i>>8)
			}
			isa.YCbCrToRGB(got, y, cb, cr)
			for i := range y {
				if want := pixel(light, i&255, i>>8); [3]uint8(got[3*i:]) != want {
					t.Fatalf("%s: %d %d %d is %v, want %v", isa, light, i&255, i>>8, got[3*i:3*i+3], want)
				}
			}
		}
	}
}

func BenchmarkUpsample(b *testing.B) {
	r := newRand(36)
	near, far, dst := noise(b, placements[0], r, 250), noise(b, placements[0], r, 250), make([]uint8, 500)
	for _, isa := range All() {
		b.Run(isa.String(), func(b *testing.B) {
			b.SetBytes(500)
			for b.Loop() {
				isa.UpsampleH2V2(dst, near, far)
			}
		})
	}
}

func BenchmarkYCbCrToRGB(b *testing.B) {
	r := newRand(37)
	y, dst := noise(b, placements[0], r, 500), make([]uint8, 1500)
	for _, isa := range All() {
		b.Run(isa.String(), func(b *testing.B) {
			b.SetBytes(1500)
			for b.Loop() {
				isa.YCbCrToRGB(dst, y, y, y)
			}
		})
	}
}
