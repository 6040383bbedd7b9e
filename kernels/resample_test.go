package kernels

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// coefficients are n that sum up to 1 or, if wild, any.
func coefficients(r *rand.Rand, n int, wild bool) []int32 {
	k, rest := make([]int32, n), int32(1<<resampleBits)
	for i := range k {
		k[i] = rest / int32(n-i)
		if i+1 < n {
			k[i] += int32(r.IntN(1<<20)) - 1<<19
		}
		if rest -= k[i]; wild {
			k[i] = int32(r.Uint32())
		}
	}
	return k
}

// resampled is one byte by the contract.
func resampled(k []int32, at func(j int) uint8) uint8 {
	sum := int32(1 << 21)
	for j, k := range k {
		sum += k * int32(at(j))
	}
	return uint8(min(max(sum>>22, 0), 255))
}

// int32sOf copies numbers to a placement.
func int32sOf(t testing.TB, p placement, from []int32) []int32 {
	to := unsafe.Slice((*int32)(unsafe.Pointer(&p.alloc(t, len(from))[0])), len(from))
	copy(to, from)
	return to
}

func TestResample(t *testing.T) {
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, "resample", func(t *testing.T, isa ISA) {
				r := newRand(38)
				for n := range lengths {
					taps := 1 + r.IntN(9)
					if n == 500 {
						taps = 3000
					}
					pitch := n + r.IntN(5)
					k, src, got := coefficients(r, taps, n%4 == 0), noise(t, p, r, (taps-1)*pitch+n), bytesOf(t, p, n)
					isa.ResampleColumns(got, src, pitch, k)
					for i := range got {
						if want := resampled(k, func(j int) uint8 { return src[j*pitch+i] }); got[i] != want {
							t.Fatalf("byte %d of %d, %d rows: %d, want %d", i, n, taps, got[i], want)
						}
					}
				}
				for n := range lengths {
					before, width := r.IntN(3), 1+r.IntN(2*n)
					var first, end, k []int32
					to := 0
					for x := range n {
						from := x * width / n
						to = max(to, min(width, from+1+r.IntN(12))) // no pixel ends farther left than the one before
						first, k = append(first, int32(before+from)), append(k, coefficients(r, to-from, n%4 == 0)...)
						end = append(end, int32(len(k)))
					}
					first, end, k = int32sOf(t, p, first), int32sOf(t, p, end), int32sOf(t, p, k)
					src, got := noise(t, p, r, 3*(before+width)), bytesOf(t, p, 3*n)
					isa.ResamplePixels(got, src, first, end, k)
					start := int32(0)
					for x := range n {
						for c := range 3 {
							if want := resampled(k[start:end[x]], func(j int) uint8 { return src[3*(int(first[x])+j)+c] }); got[3*x+c] != want {
								t.Fatalf("pixel %d of %d of %d: %d, want %d", x, n, width, got[3*x+c], want)
							}
						}
						start = end[x]
					}
				}
			})
		})
	}
}

// So many coefficients that one call of assembly would take long.
func TestResampleMany(t *testing.T) {
	r := newRand(39)
	src := noise(t, placements[0], r, 3*4000)
	var first, end, k []int32
	for x := range 40 {
		first, k = append(first, int32(x)), append(k, coefficients(r, 3900, false)...)
		end = append(end, int32(len(k)))
	}
	var want []uint8
	for _, isa := range All() {
		got := make([]uint8, 3*40)
		isa.ResamplePixels(got, src, first, end, k)
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs", isa)
		}
	}
}

func BenchmarkResample(b *testing.B) {
	r := newRand(40)
	src, dst, k := noise(b, placements[0], r, 4*1500), make([]uint8, 672), coefficients(r, 3, false)
	var first, end, all []int32
	for x := range 224 {
		first, all = append(first, int32(2*x)), append(all, k...)
		end = append(end, int32(len(all)))
	}
	for _, isa := range All() {
		b.Run("columns/"+isa.String(), func(b *testing.B) {
			b.SetBytes(672)
			for b.Loop() {
				isa.ResampleColumns(dst, src, 1500, k)
			}
		})
		b.Run("pixels/"+isa.String(), func(b *testing.B) {
			b.SetBytes(672)
			for b.Loop() {
				isa.ResamplePixels(dst, src[:1500], first, end, all)
			}
		})
	}
}
