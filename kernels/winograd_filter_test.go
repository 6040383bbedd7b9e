package kernels

import "testing"

// TestWinogradFilters: each instruction set gives the bits of WinogradFilter, which TestWinogradFilter compares with the exact values.
func TestWinogradFilters(t *testing.T) {
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, "winogradfilter", func(t *testing.T, isa ISA) {
				r := newRand(22)
				for i := range 60 {
					nr, channels, gap := 8*(1+r.IntN(4)), 1+r.IntN(12), r.IntN(3)
					if i == 0 {
						channels = 2*winogradFilterChunk/nr + 5
					}
					stride := channels*nr + gap
					g, u := p.alloc(t, channels*9*nr), p.alloc(t, 35*stride+channels*nr)
					fill(r, g, i%2 == 1)
					fillWith(u, canary)
					want := append([]float32(nil), u...)
					isa.WinogradFilters(&WinogradFilterPanel{G: &g[0], Channels: channels, NR: nr, U: &u[0], UStride: 4 * stride})
					var filter [9]float32
					var transformed [36]float32
					for c := range channels {
						for l := range nr {
							for tap := range filter {
								filter[tap] = g[(c*9+tap)*nr+l]
							}
							WinogradFilter(&transformed, &filter)
							for f, v := range transformed {
								want[f*stride+c*nr+l] = v
							}
						}
					}
					mustEqual(t, [3]int{nr, channels, gap}, u, want)
				}
			})
		})
	}
}

func BenchmarkWinogradFilters(b *testing.B) {
	for _, isa := range All() {
		b.Run(isa.String(), func(b *testing.B) {
			const nr, channels = 32, 256
			g, u := make([]float32, 9*nr*channels), make([]float32, 36*nr*channels)
			fill(newRand(23), g, false)
			b.SetBytes(4 * nr * channels * 36)
			for b.Loop() {
				isa.WinogradFilters(&WinogradFilterPanel{G: &g[0], Channels: channels, NR: nr, U: &u[0], UStride: 4 * nr * channels})
			}
		})
	}
}
