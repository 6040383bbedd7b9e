package kernels

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/x448/float16"
)

// gemmCase describes one tile; its values follow from seed.
type gemmCase struct {
	seed                          uint64
	shape                         GemmShape
	rows, cols, segs, segLen      int
	affine, added, inPlace, acted bool // acted: with a clamp
	special                       bool // NaN, Inf, -0, subnormals among the values
	first                         bool // start from zero, else from random accumulators
	f16                           bool // the weights are float16
}

func randomGemm(r *rand.Rand, shape GemmShape, rows, cols int) gemmCase {
	lens := []int{1, 2, 3, 5, 7, 16, 21, 64}
	bit := func() bool { return r.IntN(2) == 0 }
	c := gemmCase{r.Uint64(), shape, rows, cols, 1 + r.IntN(10), lens[r.IntN(len(lens))], bit(), bit(), bit(), bit(), r.IntN(3) == 0, r.IntN(4) > 0, false}
	c.inPlace = c.inPlace && c.added
	return c
}

// gemmData is a case laid out in memory.
type gemmData struct {
	gemmCase
	a, w, acc, scale, shift, res, c []float32
	w16                             []uint16 // if f16; w has the same values
	off                             []int64
	tile                            GemmTile
}

const gemmGap = 3 // floats between the rows of C, which must not be touched

func (g gemmCase) layOut(t testing.TB, alloc func(testing.TB, int) []float32) *gemmData {
	r := newRand(g.seed)
	d := &gemmData{gemmCase: g}
	// The segments overlap here and there, as a convolution's do; one of them always ends with the buffer and one begins it.
	n := g.segLen * max(2, g.rows*g.segs/2)
	d.a = alloc(t, n)
	entries := (g.segs-1)*g.shape.MR + g.rows // those of unused rows at the end are not even there
	d.off = unsafe.Slice((*int64)(unsafe.Pointer(&alloc(t, 2*entries)[0])), entries)
	for i := range d.off {
		d.off[i] = math.MinInt64 / 2 // whoever reads here crashes
		if i%g.shape.MR < g.rows {
			d.off[i] = 4 * int64(r.IntN(n-g.segLen+1))
		}
	}
	d.off[0], d.off[(g.segs-1)*g.shape.MR+g.rows-1] = 0, 4*int64(n-g.segLen)
	d.w = alloc(t, g.segs*g.segLen*g.shape.NR)
	d.acc = alloc(t, g.shape.MR*g.shape.NR)
	d.scale, d.shift = alloc(t, g.shape.NR), alloc(t, g.shape.NR)
	d.res = alloc(t, (g.rows-1)*(g.cols+1)+g.cols)
	d.c = alloc(t, (g.rows-1)*(g.cols+gemmGap)+g.cols)
	for _, s := range [][]float32{d.a, d.w, d.acc, d.scale, d.shift, d.res} {
		fill(r, s, g.special)
	}
	if g.f16 { // the width of a panel is even
		d.w16 = unsafe.Slice((*uint16)(unsafe.Pointer(&alloc(t, len(d.w)/2)[0])), len(d.w))
		halves(r, d.w16, g.special)
		for i, h := range d.w16 {
			d.w[i] = float16.Frombits(h).Float32()
		}
	}
	fillWith(d.c, canary)
	d.tile = GemmTile{
		A: unsafe.Pointer(&d.a[0]), Off: &d.off[0], W: &d.w[0], Segments: g.segs, SegLen: g.segLen,
		First: g.first, Last: true,
		C: &d.c[0], CStride: 4 * (g.cols + gemmGap), Cols: g.cols,
		Lo: float32(math.Inf(-1)), Hi: float32(math.Inf(1)),
	}
	if g.f16 {
		d.tile.W, d.tile.W16 = nil, &d.w16[0]
	}
	if !g.first {
		d.tile.Acc = &d.acc[0]
	}
	if g.affine {
		d.tile.Scale, d.tile.Shift = &d.scale[0], &d.shift[0]
	}
	if g.added {
		d.tile.Res, d.tile.ResStride = &d.res[0], 4*(g.cols+1)
	}
	if g.inPlace {
		fill(r, d.c, g.special)
		d.tile.Res, d.tile.ResStride = d.tile.C, d.tile.CStride
	}
	if g.acted {
		limits := [][2]float32{{0, 6}, {0, d.tile.Hi}, {d.tile.Lo, 6}, {-1, negZero}}[g.seed%4]
		d.tile.Lo, d.tile.Hi = limits[0], limits[1]
	}
	return d
}

// reference is the contract, written once more without any thought of speed.
func (d *gemmData) reference() []float32 {
	out := append([]float32(nil), d.c...)
	for r := range d.rows {
		for c := range d.cols {
			var v float32
			if !d.first {
				v = d.acc[r*d.shape.NR+c]
			}
			for s := range d.segs {
				for i := range d.segLen {
					v = fma32(d.a[int(d.off[s*d.shape.MR+r])/4+i], d.w[(s*d.segLen+i)*d.shape.NR+c], v)
				}
			}
			if d.affine {
				v = fma32(v, d.scale[c], d.shift[c])
			}
			at := r*(d.cols+gemmGap) + c
			switch {
			case d.inPlace:
				v += d.c[at]
			case d.added:
				v += d.res[r*(d.cols+1)+c]
			}
			if d.tile.Lo > v {
				v = d.tile.Lo
			}
			if d.tile.Hi < v {
				v = d.tile.Hi
			}
			out[at] = v
		}
	}
	return out
}

// oracle is the contract without the clamp in float64, and how far a float32 computation may be off.
func (d *gemmData) oracle(r, c int) (v, tolerance float64) {
	var size float64
	if !d.first {
		v = float64(d.acc[r*d.shape.NR+c])
		size = math.Abs(v)
	}
	for s := range d.segs {
		for i := range d.segLen {
			p := float64(d.a[int(d.off[s*d.shape.MR+r])/4+i]) * float64(d.w[(s*d.segLen+i)*d.shape.NR+c])
			v, size = v+p, size+math.Abs(p)
		}
	}
	if d.affine {
		scale, shift := float64(d.scale[c]), float64(d.shift[c])
		v, size = v*scale+shift, size*math.Abs(scale)+math.Abs(shift)
	}
	if d.added && !d.inPlace {
		r := float64(d.res[r*(d.cols+1)+c])
		v, size = v+r, size+math.Abs(r)
	}
	return v, float64(d.segs*d.segLen+2) * 0x1p-24 * size // each of the K + 2 steps rounds once, to half a unit of 2^-23
}

// runWhole computes the tile in one call, runSplit in as many as it has segments.
func (d *gemmData) runWhole(isa ISA) { isa.Gemm(d.shape.NR, d.rows, &d.tile) }

func (d *gemmData) runSplit(isa ISA) {
	t := d.tile
	t.Segments, t.Acc = 1, &d.acc[0]
	for s := range d.segs {
		t.Off, t.W = &d.off[s*d.shape.MR], &d.w[s*d.segLen*d.shape.NR]
		if d.f16 {
			t.W, t.W16 = nil, &d.w16[s*d.segLen*d.shape.NR]
		}
		t.First, t.Last = d.first && s == 0, s == d.segs-1
		isa.Gemm(d.shape.NR, d.rows, &t)
	}
}

func TestGemm(t *testing.T)    { testGemm(t, "gemm", false) }
func TestGemmF16(t *testing.T) { testGemm(t, "gemmf16", true) }

func testGemm(t *testing.T, family string, f16 bool) {
	rounds := 3
	if testing.Short() {
		rounds = 1
	}
	eachISA(t, family, func(t *testing.T, isa ISA) {
		r := newRand(1)
		for _, shape := range isa.GemmPanels() {
			for rows := 1; rows <= shape.MR; rows++ {
				for cols := 1; cols <= shape.NR; cols++ {
					for i := range rounds {
						g := randomGemm(r, shape, rows, cols)
						g.f16 = f16
						d := g.layOut(t, placements[i%2].alloc)
						want := d.reference()
						d.runWhole(isa)
						mustEqual(t, g, d.c, want)

						d = g.layOut(t, placements[0].alloc)
						d.runSplit(isa)
						mustEqual(t, "split "+t.Name(), d.c, want)
					}
				}
			}
		}
	})
}

// TestGemmRun compares panels in one call with one call for each.
func TestGemmRun(t *testing.T) {
	eachISA(t, "gemm", func(t *testing.T, isa ISA) {
		if isa.GemmRun() == 1 {
			t.Skip("one panel a call")
		}
		r, shape := newRand(7), isa.GemmPanels()[0]
		for i := range 60 * shape.MR {
			g, panels, alloc := randomGemm(r, shape, 1+i%shape.MR, 1+r.IntN(shape.NR)), 2+r.IntN(isa.GemmRun()-1), placements[i%len(placements)].alloc
			g.first, g.f16 = true, i%5 == 4
			g.shape.NR, g.cols = panels*shape.NR, (panels-1)*shape.NR+g.cols // the memory of all panels
			got, want := g.layOut(t, alloc), g.layOut(t, alloc)
			for p := range panels {
				one, c := want.tile, p*shape.NR
				one.Cols, one.C = min(shape.NR, g.cols-c), index(one.C, c)
				if w := c * g.segs * g.segLen; g.f16 {
					one.W16 = &want.w16[w]
				} else {
					one.W = &want.w[w]
				}
				if g.affine {
					one.Scale, one.Shift = &want.scale[c], &want.shift[c]
				}
				if g.added {
					one.Res = index(one.Res, c)
				}
				isa.Gemm(shape.NR, g.rows, &one)
			}
			got.tile.Panels, got.tile.Cols = panels, g.cols-(panels-1)*shape.NR
			got.tile.Next, got.tile.NextStep = unsafe.Pointer(&got.c[0]), r.IntN(65)
			isa.Gemm(shape.NR, g.rows, &got.tile)
			mustEqual(t, g, got.c, want.c)
		}
	})
}

func TestGemmMemory(t *testing.T)    { testGemmMemory(t, "gemm", false) }
func TestGemmF16Memory(t *testing.T) { testGemmMemory(t, "gemmf16", true) }

func testGemmMemory(t *testing.T, family string, f16 bool) {
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, family, func(t *testing.T, isa ISA) {
				r := newRand(2)
				for _, shape := range isa.GemmPanels() {
					for rows := 1; rows <= shape.MR; rows++ {
						for range 6 {
							g := randomGemm(r, shape, rows, 1+r.IntN(shape.NR))
							g.f16 = f16
							d := g.layOut(t, p.alloc)
							want := d.reference()
							d.runWhole(isa)
							mustEqual(t, g, d.c, want)
							d = g.layOut(t, p.alloc)
							d.runSplit(isa)
							mustEqual(t, g, d.c, want)
						}
					}
				}
			})
		})
	}
}

func TestGemmAgainstFloat64(t *testing.T) {
	eachISA(t, "gemm", func(t *testing.T, isa ISA) {
		r := newRand(3)
		for _, shape := range isa.GemmPanels() {
			for range 200 {
				g := randomGemm(r, shape, 1+r.IntN(shape.MR), 1+r.IntN(shape.NR))
				g.special, g.inPlace = false, false
				d := g.layOut(t, placements[0].alloc)
				d.runWhole(isa)
				for r := range g.rows {
					for c := range g.cols {
						want, tolerance := d.oracle(r, c)
						want = min(max(want, float64(d.tile.Lo)), float64(d.tile.Hi))
						got := float64(d.c[r*(g.cols+gemmGap)+c])
						if !(math.Abs(got-want) <= tolerance) {
							t.Fatalf("%+v: (%d,%d) is %g, want %g +- %g", g, r, c, got, want, tolerance)
						}
					}
				}
			}
		}
	})
}

// TestGemmF16Widens multiplies every float16 by one.
func TestGemmF16Widens(t *testing.T) {
	eachISA(t, "gemmf16", func(t *testing.T, isa ISA) {
		for _, shape := range isa.GemmPanels() {
			a, off, w, c := []float32{1}, []int64{0}, make([]uint16, shape.NR), make([]float32, shape.NR)
			for first := 0; first < 1<<16; first += shape.NR {
				want := make([]float32, shape.NR)
				for i := range w {
					w[i] = uint16(first + i)
					want[i] = float16.Frombits(w[i]).Float32() + 0 // +0 is where an accumulator begins
				}
				isa.Gemm(shape.NR, 1, &GemmTile{A: unsafe.Pointer(&a[0]), Off: &off[0], W16: &w[0], Segments: 1, SegLen: 1,
					First: true, Last: true, C: &c[0], Cols: shape.NR, Lo: float32(math.Inf(-1)), Hi: float32(math.Inf(1))})
				mustEqual(t, isa, c, want)
			}
		}
	})
}

// TestGemmKeepsMinusZero: a product that underflows leaves -0, and an epilogue with nothing in it must not make it +0.
func TestGemmKeepsMinusZero(t *testing.T) {
	for _, isa := range All() {
		for _, shape := range isa.GemmPanels() {
			a, off, inf := []float32{-1e-30}, []int64{0}, float32(math.Inf(1))
			w, c := fillWith(make([]float32, shape.NR), 1e-30), make([]float32, shape.NR)
			isa.Gemm(shape.NR, 1, &GemmTile{A: unsafe.Pointer(&a[0]), Off: &off[0], W: &w[0], Segments: 1, SegLen: 1,
				First: true, Last: true, C: &c[0], Cols: shape.NR, Lo: -inf, Hi: inf})
			mustEqual(t, isa, c, fillWith(make([]float32, shape.NR), negZero))
		}
	}
}

func TestGemmAllocatesNothing(t *testing.T) {
	eachISA(t, "gemm", func(t *testing.T, isa ISA) {
		shape := isa.GemmPanels()[0]
		d := gemmCase{shape: shape, rows: shape.MR, cols: shape.NR, segs: 2, segLen: 8, first: true}.layOut(t, placements[0].alloc)
		if n := testing.AllocsPerRun(10, func() { d.runSplit(isa) }); n != 0 {
			t.Errorf("%v allocations per call", n)
		}
	})
}

func TestGemmRefusesAnUnknownTile(t *testing.T) {
	for _, isa := range All() {
		for _, tile := range [][2]int{{7, 1}, {isa.GemmPanels()[0].NR, 0}, {isa.GemmPanels()[0].NR, 13}} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: a tile of width %d and %d rows is accepted", isa, tile[0], tile[1])
					}
				}()
				isa.Gemm(tile[0], tile[1], &GemmTile{})
			}()
		}
	}
}

func TestPanelWidth(t *testing.T) {
	for _, c := range []struct {
		isa             ISA
		remaining, want int
	}{{Generic, 1, 8}, {Generic, 100, 8}, {AVX2, 8, 8}, {AVX2, 9, 16}, {AVX2, 100, 16}, {AVX512, 3, 16}, {AVX512, 17, 24}, {AVX512, 25, 32}, {AVX512, 48, 32}, {AVX512, 49, 64}, {AVX512, 100, 64}, {NEON, 8, 8}, {NEON, 9, 16}} {
		if got := c.isa.PanelWidth(c.remaining); got != c.want {
			t.Errorf("%s: the panel for %d channels is %d wide, want %d", c.isa, c.remaining, got, c.want)
		}
	}
}
