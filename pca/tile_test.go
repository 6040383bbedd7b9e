package pca

import (
	"testing"
)

func BenchmarkTile(b *testing.B) {
	x := make([]float64, 256*4)
	y := make([]float64, 256*4)
	for i := range x {
		x[i] = float64(i)
		y[i] = float64(i) * .5
	}
	var o [4][4]float64
	for b.Loop() {
		tile(&o, x, y)
	}
	b.ReportMetric(float64(b.N)*256*16/float64(b.Elapsed().Nanoseconds()), "GMA/s")
}
