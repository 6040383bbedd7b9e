package kernels

import "time"

// FMAPeak measures, for about as long as it is given, how many float32 operations per second one core does when it does
// nothing but fused multiply-adds of this instruction set (one is two operations): the limit of a GEMM. It takes the best
// of many short bursts. Generic, and what is not supported here, measures the portable Go.
func (isa ISA) FMAPeak(d time.Duration) float64 {
	var best float64
	for start := time.Now(); ; {
		best = max(best, isa.peakBurst())
		if time.Since(start) > d {
			return best
		}
	}
}

// peakBurst measures for some ten microseconds, or some hundred in portable Go.
func (isa ISA) peakBurst() float64 {
	const rounds = 2000
	start := time.Now()
	lanes := isa.fmaRounds(rounds)
	return float64(rounds*fmasPerRound*2*lanes) / max(time.Since(start).Seconds(), 1e-9)
}

const fmasPerRound = 24

func fmaRoundsGeneric(rounds int) float32 {
	ones := [4]float32{1, 1, 1, 1}
	var v0, v1, v2, v3 float32
	for range rounds * fmasPerRound / 4 {
		v0, v1, v2, v3 = fma4(1, &ones, v0, v1, v2, v3)
	}
	return v0 + v1 + v2 + v3
}
