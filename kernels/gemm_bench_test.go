package kernels

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
	"unsafe"
)

// benchLayer is a convolution of ResNet-50 at 224 x 224, batch 1.
type benchLayer struct {
	name                   string
	inC, outC              int
	size, out, kern, pitch int // side of the input and the output map, side of the kernel, stride
}

var benchLayers = []benchLayer{
	{"conv1 7x7/2 3-64", 3, 64, 224, 112, 7, 2},
	{"layer1 1x1 64-64", 64, 64, 56, 56, 1, 1},
	{"layer1 3x3 64-64", 64, 64, 56, 56, 3, 1},
	{"layer1 1x1 64-256", 64, 256, 56, 56, 1, 1},
	{"layer1 1x1 256-64", 256, 64, 56, 56, 1, 1},
	{"layer2 1x1 256-128", 256, 128, 56, 56, 1, 1},
	{"layer2 3x3/2 128-128", 128, 128, 56, 28, 3, 2},
	{"layer2 1x1 128-512", 128, 512, 28, 28, 1, 1},
	{"layer2 1x1 512-128", 512, 128, 28, 28, 1, 1},
	{"layer2 3x3 128-128", 128, 128, 28, 28, 3, 1},
	{"layer3 1x1 256-1024", 256, 1024, 14, 14, 1, 1},
	{"layer3 1x1 1024-256", 1024, 256, 14, 14, 1, 1},
	{"layer3 3x3 256-256", 256, 256, 14, 14, 3, 1},
	{"layer4 1x1 512-2048", 512, 2048, 7, 7, 1, 1},
	{"layer4 1x1 2048-512", 2048, 512, 7, 7, 1, 1},
	{"layer4 3x3 512-512", 512, 512, 7, 7, 3, 1},
	{"fc 2048-1000", 2048, 1000, 1, 1, 1, 1},
}

// benchConv runs a layer as tiles of the GEMM, the rows split evenly over them. A block of tiles whose input fits L2 stays
// while the panels pass by. The input is padded.
type benchConv struct {
	tiles []GemmTile
	rows  []int
	nr    []int
	flop  float64
}

func newBenchConv(l benchLayer, isa ISA) *benchConv {
	const blockBytes = 512 << 10
	r := newRand(5)
	side := l.size + l.kern/2*2
	k, pixels := l.kern*l.kern*l.inC, l.out*l.out
	segs, segLen := l.kern, l.kern*l.inC // a kernel row of an NHWC picture is contiguous
	mr := isa.GemmPanels()[0].MR
	tiles := (pixels + mr - 1) / mr
	from := func(tile int) int { return pixels * tile / tiles }

	a := make([]float32, side*side*l.inC)
	fill(r, a, false)
	c := make([]float32, pixels*l.outC)
	off := make([]int64, tiles*segs*mr)
	for i := range tiles {
		for s := range segs {
			for p := from(i); p < from(i+1); p++ {
				y, x := p/l.out*l.pitch+s, p%l.out*l.pitch
				off[(i*segs+s)*mr+p-from(i)] = 4 * int64((y*side+x)*l.inC)
			}
		}
	}
	var panels []GemmTile
	var first, widths []int
	for n := 0; n < l.outC; {
		nr := isa.PanelWidth(l.outC - n)
		w, scale, shift := make([]float32, k*nr), make([]float32, nr), make([]float32, nr)
		fill(r, w, false)
		panels = append(panels, GemmTile{
			A: unsafe.Pointer(&a[0]), W: &w[0], Segments: segs, SegLen: segLen, First: true, Last: true,
			Scale: &scale[0], Shift: &shift[0], CStride: 4 * l.outC, Cols: min(nr, l.outC-n), Hi: float32(math.Inf(1)),
		})
		first, widths = append(first, n), append(widths, nr)
		n += nr
	}
	b := &benchConv{flop: 2 * float64(pixels) * float64(k) * float64(l.outC)}
	block := max(1, tiles*blockBytes/(4*len(a)))
	for start := 0; start < tiles; start += block {
		for j, t := range panels {
			for i := start; i < min(start+block, tiles); i++ {
				t.Off, t.C = &off[i*segs*mr], &c[from(i)*l.outC+first[j]]
				b.tiles, b.rows, b.nr = append(b.tiles, t), append(b.rows, from(i+1)-from(i)), append(b.nr, widths[j])
			}
		}
	}
	return b
}

func (b *benchConv) run(isa ISA) {
	for i := range b.tiles {
		isa.Gemm(b.nr[i], b.rows[i], &b.tiles[i])
	}
}

// report adds the GFLOP/s of the best run and the share of the FMA peak. Each run is compared with the peak measured right
// before and after it, as the clock of a CPU moves by more than the difference between two kernels; of the shares it takes
// the 90th percentile, as a busy machine takes the CPU away in the middle of a run.
func report(b *testing.B, isa ISA, flop float64, run func()) {
	var shares []float64
	best, before := math.Inf(1), isa.peakBurst()
	for b.Loop() {
		start := time.Now()
		run()
		t := time.Since(start).Seconds()
		after := isa.peakBurst()
		best = min(best, t)
		shares = append(shares, flop/t/max(before, after))
		before = after
	}
	slices.Sort(shares)
	b.ReportMetric(flop/best/1e9, "GFLOP/s")
	b.ReportMetric(100*shares[len(shares)*9/10], "%peak")
	b.ReportMetric(0, "ns/op") // it includes the probe
}

func BenchmarkGemm(b *testing.B) {
	for _, isa := range All() {
		for _, l := range benchLayers {
			b.Run(fmt.Sprintf("%s/%s", isa, l.name), func(b *testing.B) {
				c := newBenchConv(l, isa)
				report(b, isa, c.flop, func() { c.run(isa) })
			})
		}
	}
}

// BenchmarkDense is dense layers of one picture, of VGG-16 and ResNet-50, which are bound by reading their weights, here from beyond the caches.
func BenchmarkDense(b *testing.B) {
	for _, isa := range All()[1:] {
		for _, l := range [][2]int{{25088, 4096}, {4096, 4096}, {4096, 1000}, {2048, 1000}} {
			for _, f16 := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s/%dx%d/f16=%v", isa, l[0], l[1], f16), func(b *testing.B) {
					kBlock := isa.GemmDepth()
					shape := isa.GemmPanels()[0]
					panels := (l[1] + shape.NR - 1) / shape.NR
					a, off, acc := make([]float32, l[0]), []int64{0}, make([]float32, shape.MR*shape.NR)
					n := l[0] * shape.NR
					var w []float32
					var w16 []uint16
					if f16 {
						w16 = make([]uint16, n*panels)
						for i := range w16 {
							w16[i] = 0x3c00
						}
						b.SetBytes(int64(2 * len(w16)))
					} else {
						w = fillWith(make([]float32, n*panels), 1)
						b.SetBytes(int64(4 * len(w)))
					}
					out := make([]float32, shape.NR)
					for b.Loop() {
						for p := range panels {
							for k := 0; k < l[0]; k += kBlock {
								t := GemmTile{A: unsafe.Pointer(&a[k]), Off: &off[0], Segments: 1, SegLen: min(kBlock, l[0]-k), First: k == 0, Last: k+kBlock >= l[0],
									Acc: &acc[0], C: &out[0], Cols: shape.NR, Hi: float32(math.Inf(1))}
								if f16 {
									t.W16 = &w16[p*n+k*shape.NR]
								} else {
									t.W = &w[p*n+k*shape.NR]
								}
								isa.Gemm(shape.NR, 1, &t)
							}
						}
					}
				})
			}
		}
	}
}

// BenchmarkGemmRows shows every number of rows on data that stays in the caches: 1024 channels, one panel.
func BenchmarkGemmRows(b *testing.B) {
	for _, isa := range All() {
		for _, shape := range isa.GemmPanels() {
			for rows := 1; rows <= shape.MR; rows++ {
				b.Run(fmt.Sprintf("%s/%dx%d", isa, rows, shape.NR), func(b *testing.B) {
					d := gemmCase{shape: shape, rows: rows, cols: shape.NR, segs: 1, segLen: 1024, affine: true, acted: true, first: true}.layOut(b, placements[0].alloc)
					const calls = 8
					report(b, isa, calls*2*float64(rows*shape.NR*1024), func() {
						for range calls {
							isa.Gemm(shape.NR, rows, &d.tile)
						}
					})
				})
			}
		}
	}
}

// BenchmarkGemmGrouped is a tile of a 3x3 convolution in groups of 4 and 8 channels, 64 in all, as many panels a call as the instruction set takes.
func BenchmarkGemmGrouped(b *testing.B) {
	const taps, channels = 9, 64
	for _, isa := range All()[1:] {
		for _, width := range []int{4, 8} {
			b.Run(fmt.Sprintf("%s/%d", isa, width), func(b *testing.B) {
				mr := isa.GemmPanels()[0].MR
				r := newRand(8)
				buffer := func(n int) []float32 { s := make([]float32, n); fill(r, s, false); return s }
				a, c, w := buffer((mr+2)*3*channels), buffer(mr*channels), buffer(taps*width*channels)
				scale, shift := buffer(channels), buffer(channels)
				off := make([]int64, taps*mr)
				for s := range taps {
					for p := range mr {
						off[s*mr+p] = 4 * int64(s/3*(mr+2)+s%3+p) * channels
					}
				}
				panels := min(isa.GroupRun(), channels/groupsWidth)
				report(b, isa, 100*2*float64(mr*taps*width*channels), func() {
					for range 100 {
						for first := 0; first < channels; first += panels * groupsWidth {
							isa.GemmGrouped(mr, &GemmTile{
								A: unsafe.Pointer(&a[first]), Off: &off[0], W: &w[first*taps*width], Segments: taps, SegLen: width, First: true, Last: true,
								Scale: &scale[first], Shift: &shift[first], C: &c[first], CStride: 4 * channels, Cols: groupsWidth, Hi: float32(math.Inf(1)),
								Panels: panels, AStep: 4 * groupsWidth,
							})
						}
					}
				})
			})
		}
	}
}

// BenchmarkGemmRun is eight tiles of 1x1 convolutions of MobileNetV2, channels in and out, as many panels a call as the instruction set takes.
func BenchmarkGemmRun(b *testing.B) {
	const tiles = 8
	for _, isa := range All()[1:] {
		for _, l := range [][2]int{{16, 96}, {24, 144}, {144, 24}, {32, 192}, {64, 384}, {384, 64}, {96, 576}} {
			k, n := l[0], l[1]
			b.Run(fmt.Sprintf("%s/%dx%d", isa, k, n), func(b *testing.B) {
				mr := isa.GemmPanels()[0].MR
				r := newRand(9)
				buffer := func(n int) []float32 { s := make([]float32, n); fill(r, s, false); return s }
				a, c, w, scale, shift := buffer(tiles*mr*k), buffer(tiles*mr*n), buffer(k*(n+64)), buffer(n+64), buffer(n+64)
				off := make([]int64, mr)
				for p := range off {
					off[p] = 4 * int64(p*k)
				}
				report(b, isa, 20*2*float64(tiles*mr*k*n), func() {
					for range 20 {
						for first, panels := 0, 0; first < n; first += panels {
							nr := isa.PanelWidth(n - first)
							panels = 1
							if nr == isa.GemmPanels()[0].NR {
								panels = min(isa.GemmRun(), (n-first)/nr)
							}
							for t := range tiles {
								isa.Gemm(nr, mr, &GemmTile{
									A: unsafe.Pointer(&a[t*mr*k]), Off: &off[0], W: &w[first*k], Segments: 1, SegLen: k, First: true, Last: true, Scale: &scale[first], Shift: &shift[first],
									C: &c[t*mr*n+first], CStride: 4 * n, Cols: min(nr, n-first), Hi: 6, Panels: panels,
								})
							}
							panels *= nr
						}
					}
				})
			})
		}
	}
}
