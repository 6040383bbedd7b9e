package kernels

import (
	"fmt"
	"math"
	"testing"
)

func TestLayerNorm(t *testing.T) {
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, "layernorm", func(t *testing.T, isa ISA) {
				r := newRand(13)
				for n := 1; n <= 100; n++ {
					special := r.IntN(6) == 0
					mean := []float64{0, 1, 30}[r.IntN(3)]
					channels, rows, srcGap, dstGap := n, 1+r.IntN(4), r.IntN(3), r.IntN(3)
					if n > 90 {
						channels = n * 90
					}
					src, dst := p.alloc(t, rows*channels+(rows-1)*srcGap), fillWith(p.alloc(t, rows*channels+(rows-1)*dstGap), canary)
					gamma, beta := p.alloc(t, channels), p.alloc(t, channels)
					fill(r, src, special)
					fill(r, gamma, false)
					fill(r, beta, false)
					for i := range src {
						src[i] += float32(mean)
						if n%9 == 0 { // what rounding left of the mean is then no smaller than the deviation
							src[i] = 1000./3 + 0x1p-15*src[i]
						}
					}
					l := LayerNorm{Src: &src[0], SrcStride: 4 * (channels + srcGap), Dst: &dst[0], DstStride: 4 * (channels + dstGap), Rows: rows, Channels: channels,
						Gamma: &gamma[0], Beta: &beta[0], N: float32(channels), Eps: []float32{0.01, 1e-6}[r.IntN(2)]}
					want := append([]float32(nil), dst...)
					generic := l
					generic.Dst = &want[0]
					layerNormGeneric(&generic)
					if !special {
						for row := range rows {
							x := src[row*(channels+srcGap):][:channels]
							sum, squares := 0.0, 0.0
							for _, v := range x {
								sum += float64(v)
							}
							for _, v := range x {
								d := float64(v) - sum/float64(channels)
								squares += d * d
							}
							scale := 1 / math.Sqrt(squares/float64(channels)+float64(l.Eps))
							for c, v := range x {
								exact := (float64(v)-sum/float64(channels))*scale*float64(gamma[c]) + float64(beta[c])
								if got := want[row*(channels+dstGap)+c]; !(math.Abs(float64(got)-exact) <= 2e-6*(1+math.Abs(float64(gamma[c])))) {
									t.Fatalf("%d channels, mean %v: channel %d is %v, want %v", channels, mean, c, got, exact)
								}
							}
						}
					}
					if r.IntN(3) == 0 && srcGap == dstGap {
						copy(dst, src)
						for row := range rows - 1 { // the gaps
							copy(want[row*(channels+srcGap)+channels:][:srcGap], src[row*(channels+srcGap)+channels:])
						}
						l.Src = l.Dst
					}
					isa.LayerNorm(&l)
					mustEqual(t, fmt.Sprintf("%d channels", channels), dst, want)
				}
			})
		})
	}
}

func BenchmarkLayerNorm(b *testing.B) {
	for _, isa := range All() {
		for _, c := range []struct{ pixels, channels int }{{56 * 56, 96}, {14 * 14, 384}} {
			b.Run(fmt.Sprintf("%s/%dx%d", isa, c.pixels, c.channels), func(b *testing.B) {
				src, dst, gamma := make([]float32, c.pixels*c.channels), make([]float32, c.pixels*c.channels), make([]float32, c.channels)
				fill(newRand(1), src, false)
				b.SetBytes(int64(8 * len(src)))
				for b.Loop() {
					isa.LayerNorm(&LayerNorm{Src: &src[0], SrcStride: 4 * c.channels, Dst: &dst[0], DstStride: 4 * c.channels, Rows: c.pixels, Channels: c.channels,
						Gamma: &gamma[0], Beta: &gamma[0], Eps: 1e-6})
				}
			})
		}
	}
}
