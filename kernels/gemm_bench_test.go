package kernels

import (
	"fmt"
	"math"
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

// benchConv runs a layer as tiles of the GEMM, rows split evenly, the panel in the outer loop. The input is padded.
type benchConv struct {
	tiles []GemmTile
	rows  []int
	nr    []int
	flop  float64
}

func newBenchConv(l benchLayer, isa ISA) *benchConv {
	r := newRand(5)
	pad := l.kern / 2
	side := l.size + 2*pad
	k, pixels := l.kern*l.kern*l.inC, l.out*l.out
	segs, segLen := l.kern, l.kern*l.inC // a kernel row of an NHWC picture is contiguous
	a := make([]float32, side*side*l.inC)
	fill(r, a, false)
	c := make([]float32, pixels*l.outC)
	b := &benchConv{flop: 2 * float64(pixels) * float64(k) * float64(l.outC)}
	mr := isa.GemmPanels()[0].MR
	tiles := (pixels + mr - 1) / mr
	off := make([]int64, tiles*segs*mr)
	for first := 0; first < l.outC; {
		nr := isa.PanelWidth(l.outC - first)
		w, scale, shift := make([]float32, k*nr), make([]float32, nr), make([]float32, nr)
		fill(r, w, false)
		for i := range tiles {
			from, to := pixels*i/tiles, pixels*(i+1)/tiles
			for s := range segs {
				for p := from; p < to; p++ {
					y, x := p/l.out*l.pitch+s, p%l.out*l.pitch
					off[(i*segs+s)*mr+p-from] = 4 * int64((y*side+x)*l.inC)
				}
			}
			b.tiles = append(b.tiles, GemmTile{
				A: unsafe.Pointer(&a[0]), Off: &off[i*segs*mr], W: &w[0], Segments: segs, SegLen: segLen,
				First: true, Last: true, Scale: &scale[0], Shift: &shift[0],
				C: &c[from*l.outC+first], CStride: 4 * l.outC, Cols: min(nr, l.outC-first), Lo: 0, Hi: float32(math.Inf(1)),
			})
			b.rows, b.nr = append(b.rows, to-from), append(b.nr, nr)
		}
		first += nr
	}
	return b
}

func (b *benchConv) run(isa ISA) {
	for i := range b.tiles {
		isa.Gemm(b.nr[i], b.rows[i], &b.tiles[i])
	}
}

// report adds GFLOP/s of the best run and its share of the FMA peak, which is measured in turns with it, as the clock of a
// CPU moves by more than the difference between two kernels.
func report(b *testing.B, isa ISA, flop float64, run func()) {
	var peak float64
	best := math.Inf(1)
	for b.Loop() {
		peak = max(peak, isa.peakBurst())
		t := time.Now()
		run()
		best = min(best, time.Since(t).Seconds())
	}
	b.ReportMetric(flop/best/1e9, "GFLOP/s")
	b.ReportMetric(100*flop/best/peak, "%peak")
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
