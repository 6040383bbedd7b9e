package kernels

import (
	"fmt"
	"math"
	"testing"
	"time"
	"unsafe"
)

// depthwiseLayers are 3x3 layers of MobileNetV2 and 5x5 layers of MobileNetV3.
var depthwiseLayers = []struct{ size, channels, kern, stride int }{
	{112, 32, 3, 1}, {112, 96, 3, 2}, {56, 144, 3, 1}, {56, 144, 3, 2}, {28, 192, 3, 1}, {14, 384, 3, 1}, {14, 576, 3, 2}, {7, 960, 3, 1},
	{56, 72, 5, 2}, {28, 120, 5, 1}, {14, 672, 5, 1}, {7, 960, 5, 1},
}

// BenchmarkDepthwise shows whole layers, each row with its table made anew as a plan does: GFLOP/s and the share of the FMA
// peak, and GB/s (input and output once) with the share of what a plain copy of as many bytes moves.
func BenchmarkDepthwise(b *testing.B) {
	for _, isa := range All() {
		for _, l := range depthwiseLayers {
			b.Run(fmt.Sprintf("%s/%dx%dx%d %dx%d/%d", isa, l.size, l.size, l.channels, l.kern, l.kern, l.stride), func(b *testing.B) {
				out := (l.size-1)/l.stride + 1
				zeros := (l.channels + 15) / 16 * 16
				a, c := make([]float32, zeros+l.size*l.size*l.channels), make([]float32, out*out*l.channels)
				w := make([]float32, zeros*l.kern*l.kern)
				scale, shift := make([]float32, l.channels), make([]float32, l.channels)
				r := newRand(6)
				fill(r, a[zeros:], false)
				fill(r, w, false)
				columns := (out-1)*l.stride + l.kern
				off := make([]int64, columns*l.kern)
				layer := func() {
					for y := range out {
						for ky := range l.kern {
							iy := y*l.stride + ky - l.kern/2
							for x := range columns {
								off[x*l.kern+ky] = 0
							}
							if uint(iy) < uint(l.size) {
								at := 4 * (zeros + iy*l.size*l.channels)
								for x := l.kern / 2; x < min(columns, l.kern/2+l.size); x++ {
									off[x*l.kern+ky] = int64(at)
									at += 4 * l.channels
								}
							}
						}
						isa.Depthwise(&DepthwiseRow{
							A: unsafe.Pointer(&a[0]), Off: &off[0], W: &w[0], Rows: l.kern, Cols: l.kern, Stride: l.stride, Dilation: 1,
							Outputs: out, Channels: l.channels, Scale: &scale[0], Shift: &shift[0],
							C: &c[y*out*l.channels], CStride: 4 * l.channels, Hi: float32(math.Inf(1)),
						})
					}
				}
				bytes := 4 * float64(len(a)-zeros+len(c))
				from, to := make([]float32, (len(a)+len(c))/2), make([]float32, (len(a)+len(c))/2)
				fill(r, from, false) // fresh pages are all the same one, in L1
				best, copied := math.Inf(1), math.Inf(1)
				report(b, isa, 2*float64(l.kern*l.kern*len(c)), func() {
					start := time.Now()
					layer()
					best = min(best, time.Since(start).Seconds())
				})
				for range 50 {
					start := time.Now()
					copy(to, from)
					copied = min(copied, time.Since(start).Seconds())
				}
				b.ReportMetric(1e6*best, "us")
				b.ReportMetric(bytes/best/1e9, "GB/s")
				b.ReportMetric(100*copied/best, "%copy")
			})
		}
	}
}
