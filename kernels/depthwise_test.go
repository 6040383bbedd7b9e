package kernels

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// depthwiseCase describes one row; its values follow from seed.
type depthwiseCase struct {
	seed                                            uint64
	rows, cols, stride, dilation, outputs, channels int
	affine, added, inPlace, acted/* with a clamp */ bool
	special/* NaN, Inf, -0, subnormals among the values */ bool
}

// randomDepthwise draws a window: two times of three one with a loop of its own, else any.
func randomDepthwise(r *rand.Rand, outputs, channels int) depthwiseCase {
	bit := func() bool { return r.IntN(2) == 0 }
	c := depthwiseCase{r.Uint64(), 3, 3, 1 + r.IntN(2), 1, outputs, channels, bit(), bit(), bit(), bit(), r.IntN(3) == 0}
	switch r.IntN(3) {
	case 0:
		c.rows, c.cols = 5, 5
	case 1:
		c.rows, c.cols, c.stride, c.dilation = 1+r.IntN(7), 1+r.IntN(7), 1+r.IntN(3), 1+r.IntN(3)
	}
	c.inPlace = c.inPlace && c.added
	return c
}

// depthwiseData is a case laid out in memory.
type depthwiseData struct {
	depthwiseCase
	a, w, scale, shift, res, c []float32
	off                        []int64
	row                        DepthwiseRow
}

const depthwiseGap = 3 // floats between the pixels of C, which must not be touched

func (g depthwiseCase) layOut(t testing.TB, alloc func(testing.TB, int) []float32) *depthwiseData {
	r := newRand(g.seed)
	d := &depthwiseData{depthwiseCase: g}
	columns := (g.outputs-1)*g.stride + (g.cols-1)*g.dilation + 1
	n := g.channels * (columns*g.rows + 1) // the first pixel is the padding
	d.a = alloc(t, n)
	d.off = unsafe.Slice((*int64)(unsafe.Pointer(&alloc(t, 2*columns*g.rows)[0])), columns*g.rows)
	for x := range columns {
		used := false // whoever reads a column that no window has crashes
		for o := range g.outputs {
			for kx := range g.cols {
				used = used || o*g.stride+kx*g.dilation == x
			}
		}
		for y := range g.rows {
			switch at := x*g.rows + y; {
			case !used:
				d.off[at] = math.MinInt64 / 2
			case r.IntN(5) > 0:
				d.off[at] = 4 * int64(g.channels*(y*columns+x+1))
			}
		}
	}
	d.off[len(d.off)-1] = 4 * int64(n-g.channels) // some window ends with the buffer
	blocks := (g.channels + DepthwiseBlock - 1) / DepthwiseBlock
	d.w = alloc(t, blocks*g.rows*g.cols*DepthwiseBlock)
	d.scale, d.shift = alloc(t, g.channels), alloc(t, g.channels)
	d.res = alloc(t, (g.outputs-1)*(g.channels+1)+g.channels)
	d.c = alloc(t, (g.outputs-1)*(g.channels+depthwiseGap)+g.channels)
	for _, s := range [][]float32{d.a[g.channels:], d.w, d.scale, d.shift, d.res} {
		fill(r, s, g.special)
	}
	fillWith(d.c, canary)
	d.row = DepthwiseRow{
		A: unsafe.Pointer(&d.a[0]), Off: &d.off[0], W: &d.w[0], Rows: g.rows, Cols: g.cols, Stride: g.stride, Dilation: g.dilation,
		Outputs: g.outputs, Channels: g.channels, C: &d.c[0], CStride: 4 * (g.channels + depthwiseGap),
		Lo: float32(math.Inf(-1)), Hi: float32(math.Inf(1)),
	}
	if g.affine {
		d.row.Scale, d.row.Shift = &d.scale[0], &d.shift[0]
	}
	if g.added {
		d.row.Res, d.row.ResStride = &d.res[0], 4*(g.channels+1)
	}
	if g.inPlace {
		fill(r, d.c, g.special)
		d.row.Res, d.row.ResStride = d.row.C, d.row.CStride
	}
	if g.acted {
		d.row.Lo, d.row.Hi = 0, 6
	}
	return d
}

// x and weight are the operands of one product.
func (d *depthwiseData) x(o, ky, kx, c int) float32 {
	return d.a[int(d.off[(o*d.stride+kx*d.dilation)*d.rows+ky])/4+c]
}

func (d *depthwiseData) weight(ky, kx, c int) float32 {
	return d.w[((c/DepthwiseBlock*d.rows+ky)*d.cols+kx)*DepthwiseBlock+c%DepthwiseBlock]
}

// reference is the contract by way of the GEMM: each channel is a tile of one row and column whose segments are the taps.
func (d *depthwiseData) reference() []float32 {
	out := append([]float32(nil), d.c...)
	shape := Generic.GemmPanels()[0]
	w := make([]float32, d.rows*d.cols*shape.NR)
	off := make([]int64, d.rows*d.cols*shape.MR)
	for o := range d.outputs {
		for c := range d.channels {
			for ky := range d.rows {
				for kx := range d.cols {
					tap := ky*d.cols + kx
					w[tap*shape.NR] = d.weight(ky, kx, c)
					off[tap*shape.MR] = d.off[(o*d.stride+kx*d.dilation)*d.rows+ky] + 4*int64(c)
				}
			}
			t := GemmTile{
				A: d.row.A, Off: &off[0], W: &w[0], Segments: d.rows * d.cols, SegLen: 1, First: true, Last: true,
				C: &out[o*(d.channels+depthwiseGap)+c], Cols: 1, Lo: d.row.Lo, Hi: d.row.Hi,
			}
			if d.affine {
				t.Scale, t.Shift = &d.scale[c], &d.shift[c]
			}
			switch {
			case d.inPlace:
				t.Res = t.C
			case d.added:
				t.Res = &d.res[o*(d.channels+1)+c]
			}
			Generic.Gemm(shape.NR, 1, &t)
		}
	}
	return out
}

// check compares the kernel with the reference, bit for bit.
func (g depthwiseCase) check(t *testing.T, isa ISA, p placement) {
	t.Helper()
	d := g.layOut(t, p.alloc)
	want := d.reference()
	isa.Depthwise(&d.row)
	mustEqual(t, g, d.c, want)
}

func TestDepthwise(t *testing.T) {
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, "depthwise", func(t *testing.T, isa ISA) {
				r := newRand(41)
				for channels := 1; channels <= 70; channels++ {
					for outputs := 1; outputs <= 9; outputs++ {
						randomDepthwise(r, outputs, channels).check(t, isa, p)
					}
				}
			})
		})
	}
}

// TestDepthwiseWindows takes every small window, stride and dilation with every kind of epilogue.
func TestDepthwiseWindows(t *testing.T) {
	eachISA(t, "depthwise", func(t *testing.T, isa ISA) {
		r := newRand(42)
		for _, rows := range []int{1, 2, 3, 4, 5, 7} {
			for _, cols := range []int{1, 2, 3, 4, 5, 7} {
				for stride := 1; stride <= 3; stride++ {
					for dilation := 1; dilation <= 2; dilation++ {
						for kind := range 16 {
							bit := func(i int) bool { return kind>>i&1 > 0 }
							depthwiseCase{r.Uint64(), rows, cols, stride, dilation, 1 + r.IntN(8), 1 + r.IntN(40),
								bit(0), bit(1), bit(1) && bit(2), bit(3), r.IntN(2) == 0}.check(t, isa, placements[0])
						}
					}
				}
			}
		}
	})
}

// TestDepthwiseInParts has rows that are cut into calls, along the outputs and along the channels.
func TestDepthwiseInParts(t *testing.T) {
	eachISA(t, "depthwise", func(t *testing.T, isa ISA) {
		for _, g := range []depthwiseCase{
			{rows: 3, cols: 3, stride: 1, dilation: 1, outputs: 112, channels: 530, affine: true, added: true, acted: true},
			{rows: 31, cols: 31, stride: 1, dilation: 1, outputs: 3, channels: 600, affine: true, added: true},
			{rows: 160, cols: 120, stride: 1, dilation: 1, outputs: 2, channels: 17},
		} {
			if g.rows*g.cols*g.outputs*g.channels <= depthwiseChunk {
				t.Fatalf("%+v is not cut", g)
			}
			g.check(t, isa, placements[len(placements)-1])
		}
	})
}

// TestDepthwiseChannelsApart computes the channels in two calls, as a plan may that cuts a layer along its channels.
func TestDepthwiseChannelsApart(t *testing.T) {
	eachISA(t, "depthwise", func(t *testing.T, isa ISA) {
		g := depthwiseCase{seed: 5, rows: 3, cols: 3, stride: 1, dilation: 1, outputs: 6, channels: 75, affine: true, added: true}
		d := g.layOut(t, placements[0].alloc)
		want := d.reference()
		const c = 2 * DepthwiseBlock
		first, second := d.row, d.row
		first.Channels, second.Channels = c, g.channels-c
		second.A, second.W = unsafe.Add(d.row.A, 4*c), &d.w[c*g.rows*g.cols]
		second.C, second.Res, second.Scale, second.Shift = &d.c[c], &d.res[c], &d.scale[c], &d.shift[c]
		isa.Depthwise(&first)
		isa.Depthwise(&second)
		mustEqual(t, g, d.c, want)
	})
}

func TestDepthwiseAgainstFloat64(t *testing.T) {
	eachISA(t, "depthwise", func(t *testing.T, isa ISA) {
		r := newRand(43)
		for range 200 {
			g := randomDepthwise(r, 1+r.IntN(12), 1+r.IntN(70))
			g.special, g.inPlace = false, false
			d := g.layOut(t, placements[0].alloc)
			isa.Depthwise(&d.row)
			for o := range g.outputs {
				for c := range g.channels {
					var v, size float64
					for ky := range g.rows {
						for kx := range g.cols {
							p := float64(d.x(o, ky, kx, c)) * float64(d.weight(ky, kx, c))
							v, size = v+p, size+math.Abs(p)
						}
					}
					if g.affine {
						v, size = v*float64(d.scale[c])+float64(d.shift[c]), size*math.Abs(float64(d.scale[c]))+math.Abs(float64(d.shift[c]))
					}
					if g.added {
						res := float64(d.res[o*(g.channels+1)+c])
						v, size = v+res, size+math.Abs(res)
					}
					v = min(max(v, float64(d.row.Lo)), float64(d.row.Hi))
					got, tolerance := float64(d.c[o*(g.channels+depthwiseGap)+c]), float64(g.rows*g.cols+2)*0x1p-24*size
					if !(math.Abs(got-v) <= tolerance) {
						t.Fatalf("%+v: (%d,%d) is %g, want %g +- %g", g, o, c, got, v, tolerance)
					}
				}
			}
		}
	})
}

// TestDepthwiseMultipliesPadding: a tap in the padding is a product with zero, so an infinite weight makes a NaN, and a -0
// from an underflow becomes +0.
func TestDepthwiseMultipliesPadding(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, isa := range All() {
		a, off := []float32{0, -1e-30}, []int64{4, 0} // an input, then padding
		for _, c := range []struct{ w0, w1, want float32 }{
			{1, inf, float32(math.NaN())}, {1e-30, 1, 0}, {1e-30, -1, negZero}, {1, 1, -1e-30},
		} {
			w, got := make([]float32, 2*DepthwiseBlock), []float32{canary}
			w[0], w[DepthwiseBlock] = c.w0, c.w1
			isa.Depthwise(&DepthwiseRow{A: unsafe.Pointer(&a[0]), Off: &off[0], W: &w[0], Rows: 1, Cols: 2, Stride: 1, Dilation: 1,
				Outputs: 1, Channels: 1, C: &got[0], Lo: -inf, Hi: inf})
			mustEqual(t, isa, got, []float32{c.want})
		}
	}
}

func TestDepthwiseAllocatesNothing(t *testing.T) {
	eachISA(t, "depthwise", func(t *testing.T, isa ISA) {
		d := depthwiseCase{rows: 3, cols: 3, stride: 1, dilation: 1, outputs: 8, channels: 48, affine: true}.layOut(t, placements[0].alloc)
		if n := testing.AllocsPerRun(10, func() { isa.Depthwise(&d.row) }); n != 0 {
			t.Errorf("%v allocations per call", n)
		}
	})
}
