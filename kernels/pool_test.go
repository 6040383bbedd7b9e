package kernels

import (
	"math"
	"math/rand/v2"
	"testing"
)

type poolCase struct {
	seed                          uint64
	rows, cols, outputs, channels int
	stride                        int // pixels between windows
	special                       bool
}

func randomPool(r *rand.Rand, channels int) poolCase {
	return poolCase{r.Uint64(), 1 + r.IntN(4), 1 + r.IntN(4), 1 + r.IntN(4), channels, 1 + r.IntN(3), r.IntN(2) == 0}
}

// run compares a kernel with want, which gets one window of one channel, row by row.
func (c poolCase) run(t testing.TB, alloc func(testing.TB, int) []float32, pool func(*PoolRow), want func(rows [][]float32) float32) {
	t.Helper()
	r := newRand(c.seed)
	const gap = 3 // channels of the output pixel that are not ours
	width := (c.outputs-1)*c.stride + c.cols
	src := alloc(t, c.rows*width*c.channels)
	fill(r, src, c.special)
	dst := fillWith(alloc(t, (c.outputs-1)*(c.channels+gap)+c.channels), canary)
	expected := append([]float32(nil), dst...)
	for o := range c.outputs {
		for ch := range c.channels {
			window := make([][]float32, c.rows)
			for y := range window {
				for x := range c.cols {
					window[y] = append(window[y], src[(y*width+o*c.stride+x)*c.channels+ch])
				}
			}
			expected[o*(c.channels+gap)+ch] = want(window)
		}
	}
	pool(&PoolRow{
		Dst: &dst[0], DstStride: 4 * (c.channels + gap), Src: &src[0], SrcStride: 4 * c.stride * c.channels,
		RowStride: 4 * width * c.channels, ColStride: 4 * c.channels,
		Rows: c.rows, Cols: c.cols, Channels: c.channels, Outputs: c.outputs, Divisor: float32(c.rows * c.cols),
	})
	mustEqual(t, c, dst, expected)
}

// maxOf and averageOf are the contract in its own words: starting from the first element.
func maxOf(window [][]float32) float32 {
	m := window[0][0]
	for _, row := range window {
		for _, x := range row {
			if m == m && !(m > x) {
				m = x
			}
		}
	}
	return m
}

func averageOf(window [][]float32) float32 {
	var total float32
	n := 0
	for y, row := range window {
		sum := row[0]
		for _, x := range row[1:] {
			sum += x
		}
		if y == 0 {
			total = sum
		} else {
			total += sum
		}
		n += len(row)
	}
	return total / float32(n)
}

func testPool(t *testing.T, family string, kernel func(ISA, *PoolRow), want func([][]float32) float32) {
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, family, func(t *testing.T, isa ISA) {
				pool := func(p *PoolRow) { kernel(isa, p) }
				r := newRand(7)
				for channels := 1; channels <= 150; channels++ {
					for range 3 {
						randomPool(r, channels).run(t, p.alloc, pool, want)
					}
				}
				poolCase{seed: 1, rows: 7, cols: 7, outputs: 1, channels: 2048, stride: 1}.run(t, p.alloc, pool, want)
				poolCase{seed: 2, rows: 3, cols: 3, outputs: 112, channels: 64, stride: 2}.run(t, p.alloc, pool, want) // cut into calls
			})
		})
	}
}

func TestMaxPool(t *testing.T) { testPool(t, "maxpool", ISA.MaxPool, maxOf) }
func TestAvgPool(t *testing.T) { testPool(t, "avgpool", ISA.AvgPool, averageOf) }

func TestAvgPoolAgainstFloat64(t *testing.T) {
	r := newRand(8)
	for _, isa := range All() {
		const rows, cols, channels = 7, 9, 33
		src, dst := make([]float32, rows*cols*channels), make([]float32, channels)
		fill(r, src, false)
		isa.AvgPool(&PoolRow{Dst: &dst[0], Src: &src[0], RowStride: 4 * cols * channels, ColStride: 4 * channels,
			Rows: rows, Cols: cols, Channels: channels, Outputs: 1, Divisor: rows * cols})
		for ch, got := range dst {
			var sum, size float64
			for i := range rows * cols {
				sum += float64(src[i*channels+ch])
				size += math.Abs(float64(src[i*channels+ch]))
			}
			if d := math.Abs(float64(got) - sum/(rows*cols)); d > (rows+cols)*0x1p-24*size/(rows*cols) {
				t.Errorf("%s: channel %d is %g, want %g", isa, ch, got, sum/(rows*cols))
			}
		}
	}
}

// TestMaxPoolNaNAndZero names what a plain MAXPS gets wrong.
func TestMaxPoolNaNAndZero(t *testing.T) {
	nan := float32(math.NaN())
	for _, isa := range All() {
		for _, c := range []struct{ window, want []float32 }{
			{[]float32{nan, 1}, []float32{nan}},
			{[]float32{1, nan}, []float32{nan}},
			{[]float32{nan, float32(math.Inf(1)), 2}, []float32{nan}},
			{[]float32{negZero, 0}, []float32{0}},
			{[]float32{0, negZero}, []float32{negZero}},
			{[]float32{float32(math.Inf(-1))}, []float32{float32(math.Inf(-1))}},
		} {
			got := []float32{canary}
			isa.MaxPool(&PoolRow{Dst: &got[0], Src: &c.window[0], ColStride: 4, Rows: 1, Cols: len(c.window), Channels: 1, Outputs: 1})
			mustEqual(t, isa, got, c.want)
		}
	}
}

func TestPassesAllocateNothing(t *testing.T) {
	src, dst := make([]float32, 4096), make([]float32, 4096)
	p := PoolRow{Dst: &dst[0], DstStride: 64, Src: &src[0], SrcStride: 64, RowStride: 256, ColStride: 64, Rows: 2, Cols: 2, Channels: 16, Outputs: 4, Divisor: 4}
	e := Elementwise{Dst: &dst[0], Src: &src[0], DstStride: 64, SrcStride: 64, Rows: 4, Channels: 16}
	for _, isa := range All() {
		if n := testing.AllocsPerRun(10, func() { isa.MaxPool(&p); isa.AvgPool(&p); isa.Epilogue(&e); Softmax(dst[:8], src[:8]) }); n != 0 {
			t.Errorf("%s: %v allocations", isa, n)
		}
	}
}
