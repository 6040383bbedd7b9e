package pca

import (
	"sync"
	"sync/atomic"
)

// side is the width of a panel: so many columns of a matrix, value by value next to each other.
const side = 4

// tile adds up what two panels of depth rows give: out[i][j] = sum over k of a[k][i] * b[k][j], from +0 on, in the order of k, every product and every sum rounded to
// float64. The explicit conversions keep compilers from fusing, so that the bits are the same everywhere. Two rows of outputs at a time, and what they need, stay in registers.
func tile(out *[side][side]float64, a, b []float64) {
	for i := 0; i < side; i += 2 {
		var c00, c01, c02, c03, c10, c11, c12, c13 float64
		a, b := a[i:], b
		for len(a) >= 2 && len(b) >= side {
			x, y := a[0], a[1]
			b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
			c00 += float64(x * b0)
			c01 += float64(x * b1)
			c02 += float64(x * b2)
			c03 += float64(x * b3)
			c10 += float64(y * b0)
			c11 += float64(y * b1)
			c12 += float64(y * b2)
			c13 += float64(y * b3)
			if len(a) < side {
				break
			}
			a, b = a[side:], b[side:]
		}
		out[i] = [side]float64{c00, c01, c02, c03}
		out[i+1] = [side]float64{c10, c11, c12, c13}
	}
}

// panels is the number of panels of n columns.
func panels(n int) int { return (n + side - 1) / side }

// parallel does the parts 0 to n-1 on so many threads. No result depends on who does what.
func parallel(n, threads int, part func(i int)) {
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			part(i)
		}
	}
	var others sync.WaitGroup
	for range min(threads, n) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
}
