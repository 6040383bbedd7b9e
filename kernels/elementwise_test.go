package kernels

import (
	"math"
	"math/rand/v2"
	"testing"
)

// passCase describes one call of Epilogue; its values follow from seed.
type passCase struct {
	seed                 uint64
	rows, channels       int
	affine, added, acted bool
	inPlace              int // 1: Dst is Src, 2: Dst is Res
	special              bool
}

func (c passCase) run(t testing.TB, isa ISA, alloc func(testing.TB, int) []float32) {
	t.Helper()
	r := newRand(c.seed)
	const srcGap, resGap, dstGap = 1, 2, 3
	buffer := func(gap int) []float32 {
		s := alloc(t, (c.rows-1)*(c.channels+gap)+c.channels)
		fill(r, s, c.special)
		return s
	}
	src, res, dst := buffer(srcGap), buffer(resGap), buffer(dstGap)
	scale, shift := alloc(t, c.channels), alloc(t, c.channels)
	fill(r, scale, c.special)
	fill(r, shift, c.special)
	e := Elementwise{
		Dst: &dst[0], DstStride: 4 * (c.channels + dstGap), Src: &src[0], SrcStride: 4 * (c.channels + srcGap),
		Rows: c.rows, Channels: c.channels, Lo: float32(math.Inf(-1)), Hi: float32(math.Inf(1)),
	}
	if c.affine {
		e.Scale, e.Shift = &scale[0], &shift[0]
	}
	if c.added {
		e.Res, e.ResStride = &res[0], 4*(c.channels+resGap)
	}
	if c.acted {
		e.Lo, e.Hi = 0, 6
	}
	gap := dstGap
	switch {
	case c.inPlace == 1:
		dst, gap, e.Dst, e.DstStride = src, srcGap, e.Src, e.SrcStride
	case c.inPlace == 2 && c.added:
		dst, gap, e.Dst, e.DstStride = res, resGap, e.Res, e.ResStride
	}
	want := append([]float32(nil), dst...)
	for r := range c.rows {
		for ch := range c.channels {
			v := src[r*(c.channels+srcGap)+ch]
			exact, size := float64(v), math.Abs(float64(v))
			if c.affine {
				v = fma32(v, scale[ch], shift[ch])
				exact = exact*float64(scale[ch]) + float64(shift[ch])
				size = size*math.Abs(float64(scale[ch])) + math.Abs(float64(shift[ch]))
			}
			if c.added {
				x := res[r*(c.channels+resGap)+ch]
				v += x
				exact, size = exact+float64(x), size+math.Abs(float64(x))
			}
			if e.Lo > v {
				v = e.Lo
			}
			if e.Hi < v {
				v = e.Hi
			}
			exact = min(max(exact, float64(e.Lo)), float64(e.Hi))
			if !c.special && !(math.Abs(float64(v)-exact) <= 0x1p-23*size) {
				t.Fatalf("%+v: row %d, channel %d is %g, in float64 %g", c, r, ch, v, exact)
			}
			want[r*(c.channels+gap)+ch] = v
		}
	}
	isa.Epilogue(&e)
	mustEqual(t, c, dst, want)
}

func randomPass(r *rand.Rand, rows, channels int) passCase {
	bit := func() bool { return r.IntN(2) == 0 }
	return passCase{r.Uint64(), rows, channels, bit(), bit(), bit(), r.IntN(3), bit()}
}

func TestEpilogue(t *testing.T) {
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, "epilogue", func(t *testing.T, isa ISA) {
				r := newRand(6)
				for channels := 1; channels <= 70; channels++ {
					for range 4 {
						randomPass(r, 1+r.IntN(5), channels).run(t, isa, p.alloc)
					}
				}
				randomPass(r, 2, chunkFloats+5).run(t, isa, p.alloc) // cut into calls by channels
				randomPass(r, 700, 100).run(t, isa, p.alloc)         // and by rows
			})
		})
	}
}

// TestFMAIsTheInstruction compares fma32 with what the CPU computes, through the epilogue's affine part.
func TestFMAIsTheInstruction(t *testing.T) {
	n := 2_000_000
	if testing.Short() {
		n = 100_000
	}
	x, y, z := hardTriples(n)
	got := make([]float32, n)
	for _, isa := range All()[1:] {
		e := Elementwise{Dst: &got[0], Src: &x[0], Scale: &y[0], Shift: &z[0], Rows: 1, Channels: n,
			Lo: float32(math.Inf(-1)), Hi: float32(math.Inf(1))}
		isa.Epilogue(&e)
		for i := range got {
			if want := fma32(x[i], y[i], z[i]); !same(got[i], want) {
				t.Fatalf("%s: fma(%x, %x, %x) is %x, in Go %x", isa, x[i], y[i], z[i], got[i], want)
			}
		}
	}
}

// TestClampKeepsNaNAndZero names what MAXPS with its operands the other way round gets wrong, and FMAX and FMIN, to which +0 is greater than -0.
func TestClampKeepsNaNAndZero(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	src := []float32{nan, negZero, 0, -1, 7, inf, -inf}
	for _, isa := range All() {
		for _, c := range []struct {
			lo, hi float32
			want   []float32
		}{
			{0, 6, []float32{nan, negZero, 0, 0, 6, 6, 0}},
			{negZero, 6, []float32{nan, negZero, 0, negZero, 6, 6, negZero}},
			{-inf, negZero, []float32{nan, negZero, 0, -1, negZero, negZero, -inf}},
			{-inf, 0, []float32{nan, negZero, 0, -1, 0, 0, -inf}},
		} {
			got := make([]float32, len(src))
			isa.Epilogue(&Elementwise{Dst: &got[0], Src: &src[0], Rows: 1, Channels: len(src), Lo: c.lo, Hi: c.hi})
			mustEqual(t, []any{isa, c.lo, c.hi}, got, c.want)
		}
	}
}
