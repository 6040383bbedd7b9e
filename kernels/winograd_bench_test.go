package kernels

import (
	"fmt"
	"math"
	"testing"
	"time"
	"unsafe"
)

// winogradLayers are 3x3 layers of ResNet-50 and VGG-16; block is the rows of tiles from transform to transform, such that
// they stay in L2.
var winogradLayers = []struct{ size, channels, block int }{{56, 64, 2}, {28, 128, 4}, {14, 256, 4}, {224, 64, 1}}

// BenchmarkWinograd shows, for a whole layer, the time of the three pieces and the operations that the direct convolution
// would have taken, which is how the algorithms compare. The transforms are bound by the caches: GB/s is what they read
// (without what neighbouring windows share) and write.
func BenchmarkWinograd(b *testing.B) {
	for _, isa := range All() {
		for _, l := range winogradLayers {
			b.Run(fmt.Sprintf("%s/%dx%dx%d", isa, l.size, l.size, l.channels), func(b *testing.B) {
				c := newWinogradConv(isa, 1, l.size, l.channels, l.channels, l.block)
				best := [4]float64{math.Inf(1), math.Inf(1), math.Inf(1), math.Inf(1)}
				for b.Loop() {
					var spent [4]time.Duration // input, GEMM, output, all
					c.blocks(func(firstRow, rows int) {
						now := time.Now()
						lap := func(i int) { d := time.Since(now); spent[i] += d; now = now.Add(d); spent[3] += d }
						c.input(isa, firstRow, rows)
						lap(0)
						for panel := range c.u {
							c.multiply(isa, panel, rows)
							lap(1)
							c.output(isa, panel, firstRow, rows)
							lap(2)
						}
					})
					for i, d := range spent {
						best[i] = min(best[i], d.Seconds())
					}
				}
				tiles := float64((l.size + 3) / 4 * ((l.size + 3) / 4))
				bytes := 4 * float64(l.channels)
				b.ReportMetric(1e3*best[0], "ms-input")
				b.ReportMetric(1e3*best[1], "ms-gemm")
				b.ReportMetric(1e3*best[2], "ms-output")
				b.ReportMetric(tiles*bytes*(16+36)/best[0]/1e9, "GB/s-input")
				b.ReportMetric(tiles*bytes*(36+16)/best[2]/1e9, "GB/s-output")
				b.ReportMetric(2*9*float64(l.size*l.size*l.channels*l.channels)/best[3]/1e9, "GFLOP/s-direct")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkWinogradProduct is one frequency of ResNet-50's and VGG-16's layers: the tiles of a block, input channels, one panel of weights, in the caches.
func BenchmarkWinogradProduct(b *testing.B) {
	for _, isa := range All()[1:] {
		nr := isa.GemmPanels()[0].NR
		for _, l := range [][2]int{{20, 64}, {98, 64}, {49, 128}, {98, 256}, {28, 256}, {49, 512}, {16, 512}} {
			b.Run(fmt.Sprintf("%s/%dx%d", isa, l[0], l[1]), func(b *testing.B) {
				rows, k := l[0], l[1]
				x, w, c := make([]float32, rows*k), make([]float32, k*nr), make([]float32, rows*nr)
				t := &WinogradProduct{A: &x[0], W: &w[0], C: &c[0], Rows: rows, K: k, Next: unsafe.Pointer(&w[0])}
				const calls = 8
				report(b, isa, calls*2*float64(rows*k*nr), func() {
					for range calls {
						isa.WinogradProduct(nr, t)
					}
				})
			})
		}
	}
}

// BenchmarkWinogradFilter is 32 filters at a time, as they are packed.
func BenchmarkWinogradFilter(b *testing.B) {
	const n = 32
	u, g, f := make([]float32, 36*n), make([]float32, 9*n), NewWinogradFilters(Winograd4x3, Winograd4x3, n)
	fill(newRand(1), g, false)
	for b.Loop() {
		f.Transform(u, n, g, n)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/filter")
}

// BenchmarkWinogradAxis is the passes over the tiles of Inception v3's 17x17x192 layers with seven taps: all windows, and the products of one
// panel of 32 channels. GB/s is what they read and write.
func BenchmarkWinogradAxis(b *testing.B) {
	w := Winograd6x7
	const tiles = 3 * 17
	pass := func(matrix []float32, rows, cols, channels int) func(b *testing.B, isa ISA) {
		return func(b *testing.B, isa ISA) {
			in, out := make([]float32, cols*WinogradStride(tiles*channels)), make([]float32, rows*WinogradStride(tiles*channels))
			fill(newRand(1), in, false)
			off := make([]int64, cols)
			for i := range off {
				off[i] = 4 * int64(i*WinogradStride(tiles*channels))
			}
			t := &WinogradAxis{Matrix: &matrix[0], Rows: rows, Cols: cols, A: unsafe.Pointer(&in[0]), ATile: 4 * channels, Off: &off[0],
				Tiles: tiles, Channels: channels, C: &out[0], CTile: 4 * channels, CRow: 4 * WinogradStride(tiles*channels)}
			for b.Loop() {
				isa.WinogradAxis(t)
			}
			b.ReportMetric(4*float64((rows+cols)*tiles*channels)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
		}
	}
	for _, isa := range All() {
		b.Run(isa.String()+"/input", func(b *testing.B) { pass(w.Input, w.Products, w.Window(), 192)(b, isa) })
		b.Run(isa.String()+"/output", func(b *testing.B) { pass(w.Output, w.M, w.Products, 32)(b, isa) })
	}
}
