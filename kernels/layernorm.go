package kernels

import (
	"math"
	"unsafe"
)

// LayerNorm is the arguments of LayerNorm: rows (pixels) whose channels are normalised. Sums over channels have 16 accumulators, which begin at +0: that of
// channel c is c%16. They are added up as halves, sum[j] + sum[j+8], then +4, +2, +1 ("total"). With n = Channels and every operation in float32:
//
//	mean := total(Src[c]) / n
//	d[c] := Src[c] - mean
//	rest := total(d[c]) / n                      // what rounding left of the mean
//	v := fma(-rest, rest, total(fma d[c]*d[c]) / n);  v = 0 > v ? 0 : v
//	scale := 1 / sqrt(v + Eps)
//	Dst[c] = fma((d[c]-rest)*scale, Gamma[c], Beta[c])
//
// Dst may be Src itself (same pointer, same stride); otherwise they do not overlap. Assembly reads this struct by its offsets.
type LayerNorm struct {
	Dst, Src             *float32
	DstStride, SrcStride int      // bytes from row to row
	Rows, Channels       int      // at least 1
	Gamma, Beta          *float32 // Channels values each
	N                    float32  // Channels; set by the method
	Eps                  float32
}

// LayerNorm computes l.
func (isa ISA) LayerNorm(l *LayerNorm) {
	rows := max(1, chunkFloats/4/l.Channels)
	for r := 0; r < l.Rows; r += rows {
		part := *l
		part.Rows, part.N = min(rows, l.Rows-r), float32(l.Channels)
		part.Dst, part.Src = offset(l.Dst, r*l.DstStride), offset(l.Src, r*l.SrcStride)
		isa.layerNorm(&part)
	}
}

func layerNormGeneric(l *LayerNorm) {
	n := l.Channels
	gamma, beta := unsafe.Slice(l.Gamma, n), unsafe.Slice(l.Beta, n)
	for r := range l.Rows {
		src := unsafe.Slice(offset(l.Src, r*l.SrcStride), n)
		dst := unsafe.Slice(offset(l.Dst, r*l.DstStride), n)
		var sums, rests, squares [16]float32
		for c, x := range src {
			sums[c%16] += x
		}
		mean := total(&sums) / l.N
		for c, x := range src {
			d := x - mean
			rests[c%16] += d
			squares[c%16] = fma32(d, d, squares[c%16])
		}
		rest := total(&rests) / l.N
		v := clamp(fma32(-rest, rest, total(&squares)/l.N), 0, posInf)
		scale := 1 / float32(math.Sqrt(float64(v+l.Eps)))
		for c, x := range src {
			dst[c] = fma32((x-mean-rest)*scale, gamma[c], beta[c])
		}
	}
}

// total adds up halves.
func total(sums *[16]float32) float32 {
	for half := 8; half > 0; half /= 2 {
		for j := range half {
			sums[j] += sums[j+half]
		}
	}
	return sums[0]
}

var posInf = float32(math.Inf(1))
