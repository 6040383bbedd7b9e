package kernels

import "time"

// FMAPeak measures, for about as long as it is given, how many float32 operations per second one core does when it does
// nothing but fused multiply-adds of this instruction set (one is two operations): the limit that a GEMM is measured
// against. It takes the best of many short bursts. Generic measures the fused multiply-add of the portable Go.
func (isa ISA) FMAPeak(d time.Duration) float64 {
	const rounds = 4000
	burst, lanes := peakGeneric, 1
	switch {
	case isa == AVX2 && isa.Supported():
		burst, lanes = peakAVX2, 8
	case isa == AVX512 && isa.Supported():
		burst, lanes = peakAVX512, 16
	}
	var best float64
	for start := time.Now(); ; {
		t := time.Now()
		burst(rounds)
		if s := time.Since(t).Seconds(); s > 0 {
			best = max(best, rounds*24*2*float64(lanes)/s)
		}
		if time.Since(start) > d {
			return best
		}
	}
}

// peakGeneric does 24 FMAs a round.
func peakGeneric(rounds int) {
	ones := [4]float32{1, 1, 1, 1}
	var v0, v1, v2, v3 float32
	for range rounds * 6 {
		v0, v1, v2, v3 = fma4(1, &ones, v0, v1, v2, v3)
	}
	peakSink = v0 + v1 + v2 + v3
}

var peakSink float32
