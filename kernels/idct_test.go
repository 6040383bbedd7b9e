package kernels

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

func int16Slice(p *int16, n int) []int16 { return unsafe.Slice(p, n) }

// int16sOf gives n words of a placement; the misaligned ones are at an odd address.
func int16sOf(t testing.TB, p placement, n int) []int16 {
	return int16Slice((*int16)(unsafe.Pointer(&bytesOf(t, p, 2*n)[0])), n)
}

// rowOfBlocks is a row of n blocks in memory as p lays it, between bytes that must stay as they are.
func rowOfBlocks(t testing.TB, p placement, r *rand.Rand, n int, wild bool) (row IDCTRow, out []uint8) {
	coef := int16sOf(t, p, 64*n)
	for i := range coef {
		switch {
		case wild:
			coef[i] = int16(r.Uint32())
		case r.IntN(1+i%64) < 4:
			coef[i] = int16(r.IntN(129)) - 64
		}
	}
	quant := new([64]uint16)
	for i := range quant {
		if quant[i] = uint16(1 + r.IntN(16)); wild {
			quant[i] = uint16(r.Uint32())
		}
	}
	stride := 8*n + r.IntN(40)
	out = bytesOf(t, p, 7*stride+8*n)
	for i := range out {
		out[i] = 0xa5
	}
	return IDCTRow{Coef: &coef[0], Quant: quant, Out: &out[0], Stride: stride, Size: 8, N: n}, out
}

// thin leaves some blocks as they are, of some the upper left corner or two coefficients, as kernels may take shorter ways to zeros.
func thin(r *rand.Rand, coef []int16) {
	for ; len(coef) > 0; coef = coef[64:] {
		kind, w, h, a, b := r.IntN(3), r.IntN(9), r.IntN(9), r.IntN(64), r.IntN(64)
		for i := range 64 {
			if kind == 1 && (i%8 >= w || i/8 >= h) || kind == 2 && i != a && i != b {
				coef[i] = 0
			}
		}
		if kind == 2 {
			coef[a] |= 64
		}
	}
}

func TestIDCT(t *testing.T) {
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, "idct", func(t *testing.T, isa ISA) {
				r := newRand(31)
				for n := range 20 {
					if n++; n == 20 {
						n = 2*idctMost + 3
					}
					row, out := rowOfBlocks(t, p, r, n, n%3 == 0)
					thin(r, int16Slice(row.Coef, 64*n))
					want := bytes.Clone(out)
					generic := row
					generic.Out = &want[0]
					idctGeneric(&generic)
					isa.IDCT(&row)
					if !bytes.Equal(out, want) {
						t.Fatalf("%d blocks differ", n)
					}
				}
			})
		})
	}
}

// The samples are those of an inverse DCT in float64, but for rounding.
func TestIDCTAccuracy(t *testing.T) {
	r := newRand(32)
	worst := 0.0
	for range 200 {
		row, out := rowOfBlocks(t, placements[0], r, 1, false)
		coef := int16Slice(row.Coef, 64)
		idctGeneric(&row)
		for y := range 8 {
			for x := range 8 {
				sum := 0.0
				for v := range 8 {
					for u := range 8 {
						c := float64(coef[8*v+u]) * float64(row.Quant[8*v+u]) / 4
						if u == 0 {
							c /= math.Sqrt2
						}
						if v == 0 {
							c /= math.Sqrt2
						}
						sum += c * math.Cos(float64((2*x+1)*u)*math.Pi/16) * math.Cos(float64((2*y+1)*v)*math.Pi/16)
					}
				}
				worst = max(worst, math.Abs(min(max(sum+128, 0), 255)-float64(out[y*row.Stride+x])))
			}
		}
	}
	if t.Logf("worst %.3f", worst); worst > 0.6 {
		t.Errorf("a sample is %.3f away from its inverse DCT", worst)
	}
}

func BenchmarkIDCT(b *testing.B) {
	row, _ := rowOfBlocks(b, placements[0], newRand(33), 64, false)
	for _, isa := range All() {
		b.Run(isa.String(), func(b *testing.B) {
			b.SetBytes(64 * 64)
			for b.Loop() {
				isa.IDCT(&row)
			}
		})
	}
}
