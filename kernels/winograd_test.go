package kernels

import (
	"fmt"
	"math"
	"math/big"
	"testing"
	"unsafe"
)

// winograds are the algorithms along one axis.
var winograds = []*Winograd{WinogradNone, Winograd2x3, Winograd4x3, Winograd4x5, Winograd6x7}

// rat is an exact fraction.
func rat(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }

// filterRat is one value of the matrix that transforms a filter.
func (w *Winograd) filterRat(product, tap int) *big.Rat {
	v := rat(w.Filter[product*w.R+tap])
	return v.Quo(v, rat(w.Divisor[product]))
}

// TestWinogradIsACorrelation: in fractions, the matrices of each algorithm make the correlation of a window and a filter. Both
// sides are linear in the window and in the filter, so the unit vectors prove it for all.
func TestWinogradIsACorrelation(t *testing.T) {
	for _, w := range winograds {
		t.Run(w.Name, func(t *testing.T) {
			n := w.Window()
			if len(w.Input) != w.Products*n || len(w.Output) != w.M*w.Products || len(w.Filter) != w.Products*w.R || len(w.Divisor) != w.Products {
				t.Fatalf("matrices of %d, %d, %d and %d values", len(w.Input), len(w.Output), len(w.Filter), len(w.Divisor))
			}
			for k := range w.R {
				for d := range n {
					for y := range w.M {
						sum := new(big.Rat)
						for f := range w.Products {
							v := w.filterRat(f, k)
							v.Mul(v, rat(float64(w.Input[f*n+d])))
							sum.Add(sum, v.Mul(v, rat(float64(w.Output[y*w.Products+f]))))
						}
						want := new(big.Rat)
						if y+k == d {
							want.SetInt64(1)
						}
						if sum.Cmp(want) != 0 {
							t.Errorf("d%d g%d counts %s times in output %d, want %s", d, k, sum.RatString(), y, want.RatString())
						}
					}
				}
			}
			// What a filter is multiplied by does not round, so that a compiler may fuse it with the sum.
			for i, v := range w.Filter {
				if fraction, _ := math.Frexp(math.Abs(v)); v != 0 && fraction != 0.5 {
					t.Errorf("Filter[%d] is %v, no power of two", i, v)
				}
			}
		})
	}
}

// TestWinogradSequences: the sequences of the fused kernels are the matrices of F(4, 3). Small whole numbers let every step be exact.
func TestWinogradSequences(t *testing.T) {
	w := Winograd4x3
	check := func(name string, column int, want []float32, got ...float32) {
		for row, v := range got {
			if x := want[row*6+column]; v != x {
				t.Errorf("%s[%d][%d] is %v, want %v", name, row, column, v, x)
			}
		}
	}
	for i := range 6 {
		var e [6]float32
		e[i] = 1
		v0, v1, v2, v3, v4, v5 := winogradInput1(e[0], e[1], e[2], e[3], e[4], e[5])
		check("Input", i, w.Input, v0, v1, v2, v3, v4, v5)
		y0, y1, y2, y3 := winogradOutput1(e[0], e[1], e[2], e[3], e[4], e[5])
		check("Output", i, w.Output, y0, y1, y2, y3)
	}
}

// TestWinogradFilter: the transformed filter is the float32 next to the exact value.
func TestWinogradFilter(t *testing.T) {
	eachISA(t, "winogradfilter", func(t *testing.T, _ ISA) {
		r := newRand(1)
		for _, y := range winograds {
			for _, x := range winograds {
				const n, gap = 5, 2
				filters, u := make([]float32, y.R*x.R*n), fillWith(make([]float32, y.Products*x.Products*(n+gap)), canary)
				fill(r, filters, false)
				NewWinogradFilters(y, x, n+3).Transform(u, n+gap, filters, n)
				for i := range u {
					f, j := i/(n+gap), i%(n+gap)
					if j >= n {
						if u[i] != canary {
							t.Fatalf("%s and %s: wrote beyond frequency %d", y.Name, x.Name, f)
						}
						continue
					}
					exact := new(big.Rat)
					for k := range y.R * x.R {
						p := rat(float64(filters[k*n+j]))
						p.Mul(p, y.filterRat(f/x.Products, k/x.R))
						exact.Add(exact, p.Mul(p, x.filterRat(f%x.Products, k%x.R)))
					}
					if want, _ := exact.Float32(); u[i] != want {
						t.Fatalf("%s and %s, filter %d: frequency %d is %v, want %v", y.Name, x.Name, j, f, u[i], want)
					}
				}
			}
		}
	})
}

// axisCase describes one call of WinogradAxis; its values follow from seed.
type axisCase struct {
	seed                          uint64
	tiles, channels, rows, cols   int
	shared                        bool // one table of offsets for all tiles
	last                          bool
	affine, added, inPlace, acted bool
	special                       bool
}

// run compares every bit with the contract and, if the values are ordinary, the sums with float64.
func (c axisCase) run(t *testing.T, isa ISA, alloc func(testing.TB, int) []float32) {
	t.Helper()
	const pixels, dstGap, resGap, rowGap = 40, 2, 1, 7
	r := newRand(c.seed)
	matrix, a := alloc(t, c.rows*c.cols), alloc(t, (pixels+c.tiles)*c.channels)
	fill(r, matrix, false)
	fill(r, a, c.special)
	tables := c.tiles
	if c.shared {
		tables = 1
	}
	off := unsafe.Slice((*int64)(unsafe.Pointer(&alloc(t, 2*c.cols*tables)[0])), c.cols*tables)
	for i := range off {
		off[i] = 4 * int64(r.IntN(pixels)*c.channels)
	}
	off[0], off[len(off)-1] = 0, 4*int64((pixels-1)*c.channels)
	args := WinogradAxis{Matrix: &matrix[0], Rows: c.rows, Cols: c.cols, A: unsafe.Pointer(&a[0]), Off: &off[0], OffTile: 8 * c.cols,
		Tiles: c.tiles, Channels: c.channels, Last: c.last, Lo: float32(math.Inf(-1)), Hi: float32(math.Inf(1))}
	if c.shared {
		args.OffTile, args.ATile = 0, 4*c.channels
	}
	// geometry is the floats from tile to tile and from row to row, and of a buffer that ends with the last value.
	geometry := func(gap int) (tile, row, size int) {
		tile = c.channels + gap
		row = c.tiles*tile + rowGap
		return tile, row, (c.rows-1)*row + (c.tiles-1)*tile + c.channels
	}
	dstTile, dstRow, size := geometry(dstGap)
	dst := fillWith(alloc(t, size), canary)
	args.C, args.CTile, args.CRow = &dst[0], 4*dstTile, 4*dstRow
	resTile, resRow, size := geometry(resGap)
	res, scale, shift := alloc(t, size), alloc(t, c.channels), alloc(t, c.channels)
	for _, s := range [][]float32{res, scale, shift} {
		fill(r, s, c.special)
	}
	if c.affine {
		args.Scale, args.Shift = &scale[0], &shift[0]
	}
	if c.added {
		args.Res, args.ResTile, args.ResRow = &res[0], 4*resTile, 4*resRow
	}
	if c.added && c.inPlace {
		fill(r, dst, c.special)
		res, resTile, resRow = dst, dstTile, dstRow
		args.Res, args.ResTile, args.ResRow = args.C, args.CTile, args.CRow
	}
	if c.acted {
		args.Lo, args.Hi = 0, 6
	}
	want := append([]float32(nil), dst...)
	for i := range c.tiles {
		table, base := off, i*c.channels
		if !c.shared {
			table, base = off[i*c.cols:], 0
		}
		for row := range c.rows {
			for ch := range c.channels {
				var v float32
				var exact, magnitude float64
				for j := range c.cols {
					m, d := matrix[row*c.cols+j], a[base+int(table[j])/4+ch]
					if j == 0 {
						v = m * d
					} else {
						v = fma32(m, d, v)
					}
					exact, magnitude = exact+float64(m)*float64(d), magnitude+math.Abs(float64(m)*float64(d))
				}
				if !c.special && !(math.Abs(float64(v)-exact) <= float64(c.cols)*0x1p-24*magnitude) {
					t.Fatalf("%+v: tile %d row %d channel %d is %g, want %g", c, i, row, ch, v, exact)
				}
				if c.last {
					if c.affine {
						v = fma32(v, scale[ch], shift[ch])
					}
					if c.added {
						v += res[i*resTile+row*resRow+ch]
					}
					if args.Lo > v {
						v = args.Lo
					}
					if args.Hi < v {
						v = args.Hi
					}
				}
				want[i*dstTile+row*dstRow+ch] = v
			}
		}
	}
	isa.WinogradAxis(&args)
	mustEqual(t, c, dst, want)
}

func TestWinogradAxis(t *testing.T) {
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, "winogradaxis", func(t *testing.T, isa ISA) {
				r := newRand(4)
				bit := func() bool { return r.IntN(2) == 0 }
				for cols := 1; cols <= WinogradMaxCols; cols++ {
					for channels := 1; channels <= 50; channels += 1 + r.IntN(4) {
						axisCase{r.Uint64(), 1 + r.IntN(4), channels, 1 + r.IntN(15), cols, bit(), bit(), bit(), bit(), bit(), bit(), bit()}.run(t, isa, p.alloc)
					}
				}
				for channels := 1; channels <= 40; channels++ { // every remainder, with an epilogue
					axisCase{r.Uint64(), 2, channels, 6, 14, true, true, bit(), bit(), bit(), bit(), bit()}.run(t, isa, p.alloc)
				}
				// More than one call of assembly, of many tiles or of one.
				for _, shared := range []bool{false, true} {
					axisCase{r.Uint64(), winogradAxisChunk/(64*14*12) + 3, 64, 14, 12, shared, true, true, true, false, true, true}.run(t, isa, p.alloc)
					axisCase{r.Uint64(), 2, winogradAxisChunk/(6*14) + 21, 6, 14, shared, true, true, true, false, true, true}.run(t, isa, p.alloc)
				}
			})
		})
	}
}

func TestWinogradAxisRefusesAnImpossibleMatrix(t *testing.T) {
	for _, shape := range [][2]int{{0, 4}, {4, 0}, {4, WinogradMaxCols + 1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a matrix of %v is accepted", shape)
				}
			}()
			Generic.WinogradAxis(&WinogradAxis{Rows: shape[0], Cols: shape[1], Tiles: 1, Channels: 1})
		}()
	}
}

// TestWinogradAxisKeepsMinusZero: an epilogue with nothing in it must not make +0 of -0.
func TestWinogradAxisKeepsMinusZero(t *testing.T) {
	for _, isa := range All() {
		matrix, d, y, off, inf := []float32{1}, fillWith(make([]float32, 20), negZero), make([]float32, 20), int64(0), float32(math.Inf(1))
		isa.WinogradAxis(&WinogradAxis{Matrix: &matrix[0], Rows: 1, Cols: 1, A: unsafe.Pointer(&d[0]), Off: &off, Tiles: 1, Channels: 20,
			C: &y[0], Last: true, Lo: -inf, Hi: inf})
		mustEqual(t, isa, y, d)
	}
}

// windowCase describes one call of WinogradInput; its values follow from seed.
type windowCase struct {
	seed            uint64
	tiles, channels int
	special         bool
}

// inputReference is the contract of the 1D transform, written once more.
func inputReference(d [6]float32) [6]float32 {
	p, q := d[4]-d[2], d[3]-d[1]
	m, n := fma32(d[3], 1.5, p), fma32(d[2], 1.5, q)
	return [6]float32{fma32(q, 1.5, d[0]-d[2]) + p, m + n, m - n, fma32(q, 2, p), fma32(q, -0.5, p), fma32(p, 1.5, d[5]-d[3]) - q}
}

// run compares every bit with the contract and, if the values are ordinary, the values with B^T d B in float64.
func (c windowCase) run(t *testing.T, isa ISA, alloc func(testing.TB, int) []float32) {
	t.Helper()
	const tileGap, freqGap = 3, 5
	r := newRand(c.seed)
	pixels := 40
	a := alloc(t, pixels*c.channels)
	fill(r, a, c.special)
	off := unsafe.Slice((*int64)(unsafe.Pointer(&alloc(t, 2*36*c.tiles)[0])), 36*c.tiles)
	for i := range off {
		off[i] = 4 * int64(r.IntN(pixels)*c.channels)
	}
	off[0], off[len(off)-1] = 0, 4*int64((pixels-1)*c.channels)
	tile := c.channels + tileGap
	freq := c.tiles*tile + freqGap
	v := alloc(t, 35*freq+(c.tiles-1)*tile+c.channels)
	fillWith(v, canary)
	want := append([]float32(nil), v...)
	b := func(row, col int) float64 { return float64(Winograd4x3.Input[6*row+col]) }
	for i := range c.tiles {
		for ch := range c.channels {
			var d, w [6][6]float32
			for x := range 6 {
				var column [6]float32
				for y := range 6 {
					d[y][x] = a[int(off[36*i+6*y+x])/4+ch]
					column[y] = d[y][x]
				}
				for y, s := range inputReference(column) {
					w[y][x] = s
				}
			}
			for y := range 6 {
				for x, s := range inputReference(w[y]) {
					want[(6*y+x)*freq+i*tile+ch] = s
					if c.special {
						continue
					}
					var exact, size float64
					for k := range 6 {
						for l := range 6 {
							p := b(y, k) * float64(d[k][l]) * b(x, l)
							exact, size = exact+p, size+math.Abs(p)
						}
					}
					if !(math.Abs(float64(s)-exact) <= 8*0x1p-24*size) { // four roundings deep, twice
						t.Fatalf("%+v: tile %d channel %d frequency %d is %g, want %g", c, i, ch, 6*y+x, s, exact)
					}
				}
			}
		}
	}
	isa.WinogradInput(&WinogradInputTiles{A: unsafe.Pointer(&a[0]), Off: &off[0], Tiles: c.tiles, Channels: c.channels,
		V: &v[0], VStride: 4 * freq, VTile: 4 * tile})
	mustEqual(t, c, v, want)
}

func TestWinogradInput(t *testing.T) {
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, "winogradinput", func(t *testing.T, isa ISA) {
				r := newRand(2)
				for channels := 1; channels <= 50; channels++ {
					windowCase{r.Uint64(), 1 + r.IntN(4), channels, channels%3 == 0}.run(t, isa, p.alloc)
				}
				// More than one call of assembly, of many tiles or of one.
				windowCase{r.Uint64(), winogradChunk/64 + 3, 64, true}.run(t, isa, p.alloc)
				windowCase{r.Uint64(), 2, winogradChunk/2 + 21, true}.run(t, isa, p.alloc)
			})
		})
	}
}

// sumsCase describes one call of WinogradOutput; its values follow from seed.
type sumsCase struct {
	seed                          uint64
	channels, rows, width         int
	affine, added, inPlace, acted bool
	special                       bool
}

func outputReference(m [6]float32) [4]float32 {
	s, r := m[1]+m[2], m[1]-m[2]
	return [4]float32{(m[0] + s) + (m[3] + m[4]), fma32(m[4], -2, fma32(m[3], 0.5, r)),
		fma32(m[4], 4, fma32(m[3], 0.25, s)), fma32(m[4], -8, fma32(m[3], 0.125, r+m[5]))}
}

func (c sumsCase) run(t *testing.T, isa ISA, alloc func(testing.TB, int) []float32) {
	t.Helper()
	const tileGap, freqGap, resGap, dstGap, rowGap = 3, 5, 1, 2, 7
	r := newRand(c.seed)
	tiles := (c.width + 3) / 4
	tile := c.channels + tileGap
	freq := tiles*tile + freqGap
	m := alloc(t, 35*freq+(tiles-1)*tile+c.channels)
	picture := func(gap int) []float32 {
		col := c.channels + gap
		return alloc(t, (c.rows-1)*(c.width*col+rowGap)+(c.width-1)*col+c.channels)
	}
	res, dst := picture(resGap), picture(dstGap)
	scale, shift := alloc(t, c.channels), alloc(t, c.channels)
	for _, s := range [][]float32{m, res, scale, shift} {
		fill(r, s, c.special)
	}
	fillWith(dst, canary)
	resCol, dstCol := c.channels+resGap, c.channels+dstGap
	resRow, dstRow := c.width*resCol+rowGap, c.width*dstCol+rowGap
	args := WinogradOutputTiles{M: &m[0], MStride: 4 * freq, MTile: 4 * tile, Channels: c.channels, Rows: c.rows, Width: c.width,
		C: &dst[0], CRow: 4 * dstRow, CCol: 4 * dstCol, Lo: float32(math.Inf(-1)), Hi: float32(math.Inf(1))}
	if c.affine {
		args.Scale, args.Shift = &scale[0], &shift[0]
	}
	if c.added {
		args.Res, args.ResRow, args.ResCol = &res[0], 4*resRow, 4*resCol
	}
	if c.added && c.inPlace {
		fill(r, dst, c.special)
		res, resRow, resCol = dst, dstRow, dstCol
		args.Res, args.ResRow, args.ResCol = args.C, args.CRow, args.CCol
	}
	if c.acted {
		args.Lo, args.Hi = 0, 6
	}
	want := append([]float32(nil), dst...)
	a := func(row, col int) float64 { return float64(Winograd4x3.Output[6*row+col]) }
	for i := range tiles {
		for ch := range c.channels {
			var f [6][6]float32
			var s [4][6]float32
			for x := range 6 {
				var column [6]float32
				for y := range 6 {
					f[y][x] = m[(6*y+x)*freq+i*tile+ch]
					column[y] = f[y][x]
				}
				for y, v := range outputReference(column) {
					s[y][x] = v
				}
			}
			for y := range c.rows {
				for x, v := range outputReference(s[y]) {
					x4 := 4*i + x
					if x4 >= c.width {
						break
					}
					var exact, size float64
					for k := range 6 {
						for l := range 6 {
							p := a(y, k) * float64(f[k][l]) * a(x, l)
							exact, size = exact+p, size+math.Abs(p)
						}
					}
					if !c.special && !(math.Abs(float64(v)-exact) <= 8*0x1p-24*size) {
						t.Fatalf("%+v: (%d,%d) channel %d is %g, want %g", c, y, x4, ch, v, exact)
					}
					if c.affine {
						v = fma32(v, scale[ch], shift[ch])
					}
					if c.added {
						v += res[y*resRow+x4*resCol+ch]
					}
					if args.Lo > v {
						v = args.Lo
					}
					if args.Hi < v {
						v = args.Hi
					}
					want[y*dstRow+x4*dstCol+ch] = v
				}
			}
		}
	}
	isa.WinogradOutput(&args)
	mustEqual(t, c, dst, want)
}

func TestWinogradOutput(t *testing.T) {
	step := 6
	if testing.Short() {
		step = 20
	}
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, "winogradoutput", func(t *testing.T, isa ISA) {
				r := newRand(3)
				bit := func() bool { return r.IntN(2) == 0 }
				for rows := 1; rows <= 4; rows++ {
					for width := 1; width <= 9; width++ {
						for channels := 1 + r.IntN(4); channels <= 50; channels += 1 + r.IntN(step) {
							sumsCase{r.Uint64(), channels, rows, width, bit(), bit(), bit(), bit(), bit()}.run(t, isa, p.alloc)
						}
					}
				}
				for channels := 1; channels <= 33; channels++ {
					sumsCase{r.Uint64(), channels, 4, 8, bit(), bit(), bit(), bit(), false}.run(t, isa, p.alloc)
				}
				// More than one call of assembly, of many tiles or of one.
				sumsCase{r.Uint64(), 64, 3, 4*(winogradChunk/64) + 5, true, true, false, true, true}.run(t, isa, p.alloc)
				sumsCase{r.Uint64(), winogradChunk/2 + 21, 2, 5, true, true, false, true, true}.run(t, isa, p.alloc)
			})
		})
	}
}

// TestWinogradOutputKeepsMinusZero: an epilogue with nothing in it must not make +0 of -0.
func TestWinogradOutputKeepsMinusZero(t *testing.T) {
	for _, isa := range All() {
		m, y, inf := fillWith(make([]float32, 36), negZero), make([]float32, 16), float32(math.Inf(1))
		isa.WinogradOutput(&WinogradOutputTiles{M: &m[0], MStride: 4, MTile: 4, Channels: 1, Rows: 4, Width: 4,
			C: &y[0], CRow: 16, CCol: 4, Lo: -inf, Hi: inf})
		if !same(y[0], negZero) { // the only output that no subtraction enters
			t.Errorf("%s: %v, want -0", isa, y[0])
		}
	}
}

// winogradConv is a whole convolution, stride 1, padded by one pixel: what the engine does with the three pieces. The side
// of the map, size, and the buffers are fixed when it is made.
type winogradConv struct {
	size, inC, outC int
	in              []float32 // [size+2][size+2][inC], the padding is zero
	filters         []float32 // [outC][inC][9]
	out             []float32 // [size][size][outC]
	block           int       // rows of tiles in one block
	nr              []int     // widths of the panels
	u               [][]float32
	v, m            []float32
	off             []int64
	rowOff          []int64
}

func newWinogradConv(isa ISA, seed uint64, size, inC, outC, block int) *winogradConv {
	r := newRand(seed)
	c := &winogradConv{size: size, inC: inC, outC: outC, block: block, in: make([]float32, (size+2)*(size+2)*inC),
		filters: make([]float32, 9*inC*outC), out: make([]float32, size*size*outC)}
	for y := 1; y <= size; y++ {
		row := c.in[(y*(size+2)+1)*inC:][:size*inC]
		fill(r, row, false)
		for i, v := range row { // as behind a ReLU
			row[i] = max(v, 0)
		}
	}
	fill(r, c.filters, false)
	for i := range c.filters {
		c.filters[i] *= float32(math.Sqrt(2 / float64(9*inC)))
	}
	for n := 0; n < outC; {
		nr := isa.PanelWidth(outC - n)
		panel := make([]float32, 36*inC*nr)
		cols := min(outC-n, nr)
		taps, transform := make([]float32, 9*cols), NewWinogradFilters(Winograd4x3, Winograd4x3, cols)
		for ch := range inC {
			for i := range taps {
				taps[i] = c.filters[9*((n+i%cols)*inC+ch)+i/cols]
			}
			transform.Transform(panel[ch*nr:], inC*nr, taps, cols)
		}
		c.u, c.nr = append(c.u, panel), append(c.nr, nr)
		n += nr
	}
	across := (size + 3) / 4
	c.v, c.m, c.off = make([]float32, 36*c.stride(block, inC)), make([]float32, 36*c.stride(block, c.nr[0])), make([]int64, 36*across*across)
	zeros := len(c.in)
	c.in = append(c.in, make([]float32, inC)...)
	for i := range c.off {
		tile, y, x := i/36, i%36/6, i%6
		y, x = y+tile/across*4, x+tile%across*4
		c.off[i] = 4 * int64(zeros)
		if y < size+2 && x < size+2 {
			c.off[i] = 4 * int64((y*(size+2)+x)*inC)
		}
	}
	for i := range isa.GemmPanels()[0].MR {
		c.rowOff = append(c.rowOff, 4*int64(i*inC))
	}
	return c
}

// stride is the floats from frequency to frequency of rows of tiles with so many channels.
func (c *winogradConv) stride(rows, channels int) int {
	return WinogradStride(rows * ((c.size + 3) / 4) * channels)
}

func (c *winogradConv) blocks(do func(firstRow, rows int)) {
	across := (c.size + 3) / 4
	for row := 0; row < across; row += c.block {
		do(row, min(c.block, across-row))
	}
}

func (c *winogradConv) input(isa ISA, firstRow, rows int) {
	across := (c.size + 3) / 4
	isa.WinogradInput(&WinogradInputTiles{A: unsafe.Pointer(&c.in[0]), Off: &c.off[36*across*firstRow], Tiles: rows * across,
		Channels: c.inC, V: &c.v[0], VStride: 4 * c.stride(rows, c.inC), VTile: 4 * c.inC})
}

func (c *winogradConv) multiply(isa ISA, panel, rows int) {
	tiles, nr := rows*((c.size+3)/4), c.nr[panel]
	mr := isa.GemmPanels()[0].MR
	parts := (tiles + mr - 1) / mr
	g := GemmTile{Off: &c.rowOff[0], Segments: 1, SegLen: c.inC, First: true, Last: true, CStride: 4 * nr, Cols: nr,
		Lo: float32(math.Inf(-1)), Hi: float32(math.Inf(1))}
	for f := range 36 {
		g.W = &c.u[panel][f*c.inC*nr]
		for i := range parts {
			from, to := tiles*i/parts, tiles*(i+1)/parts
			g.A, g.C = unsafe.Pointer(&c.v[f*c.stride(rows, c.inC)+from*c.inC]), &c.m[f*c.stride(rows, nr)+from*nr]
			isa.Gemm(nr, to-from, &g)
		}
	}
}

func (c *winogradConv) output(isa ISA, panel, firstRow, rows int) {
	across, nr := (c.size+3)/4, c.nr[panel]
	first := 0
	for _, w := range c.nr[:panel] {
		first += w
	}
	for r := range rows {
		y := 4 * (firstRow + r)
		isa.WinogradOutput(&WinogradOutputTiles{M: &c.m[r*across*nr], MStride: 4 * c.stride(rows, nr), MTile: 4 * nr,
			Channels: min(nr, c.outC-first), Rows: min(4, c.size-y), Width: c.size,
			C: &c.out[y*c.size*c.outC+first], CRow: 4 * c.size * c.outC, CCol: 4 * c.outC,
			Lo: float32(math.Inf(-1)), Hi: float32(math.Inf(1))})
	}
}

func (c *winogradConv) run(isa ISA) {
	c.blocks(func(firstRow, rows int) {
		c.input(isa, firstRow, rows)
		for panel := range c.u {
			c.multiply(isa, panel, rows)
			c.output(isa, panel, firstRow, rows)
		}
	})
}

// at is one output in float64 by the definition, and in float32 as the direct kernels compute it.
func (c *winogradConv) at(y, x, k int) (exact float64, direct float32) {
	for i := range 9 {
		in := c.in[((y+i/3)*(c.size+2)+x+i%3)*c.inC:]
		for ch := range c.inC {
			w := c.filters[9*(k*c.inC+ch)+i]
			exact += float64(in[ch]) * float64(w)
			direct = fma32(in[ch], w, direct)
		}
	}
	return exact, direct
}

// TestWinogradConvolution: the three pieces together are a convolution. The error is that of the worst output over the
// largest output, which is how the accuracy of whole networks is measured.
func TestWinogradConvolution(t *testing.T) {
	for _, isa := range All() {
		for _, channels := range []int{1, 64, 256, 512} {
			t.Run(fmt.Sprintf("%s/%d channels", isa, channels), func(t *testing.T) {
				c := newWinogradConv(isa, 7, 10, channels, 20, 2)
				c.run(isa)
				var largest, worst, worstDirect float64
				for i, v := range c.out {
					exact, direct := c.at(i/c.outC/c.size, i/c.outC%c.size, i%c.outC)
					largest = max(largest, math.Abs(exact))
					worst = max(worst, math.Abs(float64(v)-exact))
					worstDirect = max(worstDirect, math.Abs(float64(direct)-exact))
				}
				t.Logf("largest error over largest value: %.2g (direct: %.2g)", worst/largest, worstDirect/largest)
				if !(worst/largest < 4e-6) {
					t.Errorf("error %g of the largest value", worst/largest)
				}
			})
		}
	}
}

func TestWinogradRefusesAnImpossibleTile(t *testing.T) {
	for _, rows := range []int{-1, 0, 5} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d output rows are accepted", rows)
				}
			}()
			Generic.WinogradOutput(&WinogradOutputTiles{Channels: 1, Width: 1, Rows: rows})
		}()
	}
}

func TestWinogradStride(t *testing.T) {
	for n := 1; n < 5000; n++ {
		if s := WinogradStride(n); s < n || s > n+31 || s%32 != 16 {
			t.Fatalf("%d floats: stride %d", n, s)
		}
	}
}

func TestWinogradAllocatesNothing(t *testing.T) {
	for _, isa := range All() {
		c := newWinogradConv(isa, 1, 8, 16, 16, 2)
		if n := testing.AllocsPerRun(10, func() { c.input(isa, 0, 2); c.output(isa, 0, 0, 2) }); n != 0 {
			t.Errorf("%s: %v allocations per call", isa, n)
		}
	}
}
