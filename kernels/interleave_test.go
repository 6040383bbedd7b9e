package kernels

import "testing"

func TestInterleave(t *testing.T) {
	r := newRand(14)
	for _, p := range placements {
		for n := range 40 {
			a, b, dst := p.alloc(t, n+1)[:n], p.alloc(t, n+1)[:n], p.alloc(t, 2*n+1)
			fill(r, a, true)
			fill(r, b, true)
			want := append([]float32(nil), fillWith(dst, canary)...)
			for i := range a {
				want[2*i], want[2*i+1] = a[i], b[i]
			}
			Interleave(dst[:2*n], a, b)
			mustEqual(t, p.name, dst, want)
		}
	}
}
