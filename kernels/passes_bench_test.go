package kernels

import (
	"fmt"
	"math"
	"testing"
)

// The passes are bound by memory: what they report is the bytes that they read and write.

func BenchmarkMaxPool(b *testing.B) {
	benchPool(b, "3x3/2 112x112x64", ISA.MaxPool, 3, 112, 64, 2)
	benchPool(b, "2x2/2 28x28x512", ISA.MaxPool, 2, 28, 512, 2)
}

func BenchmarkAvgPool(b *testing.B) {
	benchPool(b, "7x7x2048 to 1x1", ISA.AvgPool, 7, 7, 2048, 1)
	benchPool(b, "2x2/2 28x28x512", ISA.AvgPool, 2, 28, 512, 2)
}

func benchPool(b *testing.B, name string, kernel func(ISA, *PoolRow), window, side, channels, stride int) {
	out := (side-window)/stride + 1
	src, dst := make([]float32, side*side*channels), make([]float32, out*out*channels)
	fill(newRand(1), src, false)
	for _, isa := range All() {
		b.Run(fmt.Sprintf("%s/%s", isa, name), func(b *testing.B) {
			b.SetBytes(int64(4 * (len(src) + len(dst))))
			for b.Loop() {
				for y := range out {
					kernel(isa, &PoolRow{
						Dst: &dst[y*out*channels], DstStride: 4 * channels,
						Src: &src[y*stride*side*channels], SrcStride: 4 * stride * channels,
						RowStride: 4 * side * channels, ColStride: 4 * channels,
						Rows: window, Cols: window, Channels: channels, Outputs: out, Divisor: float32(window * window),
					})
				}
			}
		})
	}
}

func BenchmarkEpilogue(b *testing.B) {
	for _, isa := range All() {
		for _, c := range []struct{ side, channels int }{{56, 256}, {28, 512}, {56, 3}} {
			b.Run(fmt.Sprintf("%s/add+relu %dx%dx%d", isa, c.side, c.side, c.channels), func(b *testing.B) {
				n := c.side * c.side * c.channels
				src, res, dst := make([]float32, n), make([]float32, n), make([]float32, n)
				b.SetBytes(int64(12 * n))
				for b.Loop() {
					isa.Epilogue(&Elementwise{
						Dst: &dst[0], Src: &src[0], Res: &res[0], DstStride: 4 * c.channels, SrcStride: 4 * c.channels, ResStride: 4 * c.channels,
						Rows: c.side * c.side, Channels: c.channels, Lo: 0, Hi: float32(math.Inf(1)),
					})
				}
			})
		}
	}
}

func BenchmarkSoftmax(b *testing.B) {
	src, dst := make([]float32, 1000), make([]float32, 1000)
	fill(newRand(1), src, false)
	for b.Loop() {
		Softmax(dst, src)
	}
}
