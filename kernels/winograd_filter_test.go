package kernels

import "testing"

// TestWinogradFilterPanel: each instruction set gives the bits of Transform, which TestWinogradFilter compares with the exact values.
func TestWinogradFilterPanel(t *testing.T) {
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, "winogradfilter", func(t *testing.T, isa ISA) {
				r := newRand(22)
				for _, y := range winograds {
					for _, x := range winograds {
						for i, nr := range []int{8, 16, 32, 16, 64} {
							channels, gap := 1+r.IntN(6), r.IntN(3)
							if i == 0 {
								channels += winogradFilterChunk / (nr * y.Products * x.Products)
							}
							stride, taps, frequencies := channels*nr+gap, y.R*x.R*nr, y.Products*x.Products
							g, u := p.alloc(t, channels*taps), p.alloc(t, (frequencies-1)*stride+channels*nr)
							fill(r, g, i > 2)
							fillWith(u, canary)
							want := append([]float32(nil), u...)
							filters := NewWinogradFilters(y, x, nr)
							for range 2 { // the second time with what the first has prepared
								filters.Panel(isa, u, stride, g, channels)
							}
							for c := range channels {
								filters.Transform(want[c*nr:], stride, g[c*taps:], nr)
							}
							mustEqual(t, []any{y.Name, x.Name, nr, channels, gap}, u, want)
						}
					}
				}
			})
		})
	}
}

func BenchmarkWinogradFilterPanel(b *testing.B) {
	for _, isa := range All() {
		b.Run(isa.String(), func(b *testing.B) {
			const nr, channels = 32, 256
			g, u := make([]float32, 9*nr*channels), make([]float32, 36*nr*channels)
			fill(newRand(23), g, false)
			filters := NewWinogradFilters(Winograd4x3, Winograd4x3, nr)
			b.SetBytes(4 * nr * channels * 36)
			for b.Loop() {
				filters.Panel(isa, u, nr*channels, g, channels)
			}
		})
	}
}
