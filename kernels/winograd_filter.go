package kernels

import "unsafe"

// WinogradFilterPanel is the arguments of WinogradFilters: the filters of a panel, transformed.
//
//	for c in 0..Channels, l in 0..NR:
//		u := WinogradFilter(G[c][0..9][l])
//		for f in 0..36: *(U + f*UStride + 4*(c*NR+l)) = u[f]
//
// Assembly reads this struct by its offsets.
type WinogradFilterPanel struct {
	G        *float32 // [Channels][9][NR]
	Channels int      // at least 1
	NR       int      // a multiple of 8, at most 32
	U        *float32 // [36][..][NR]
	UStride  int      // bytes from frequency to frequency

	gathered *float32 // [36][NR], scratch
}

// winogradFilterChunk bounds the filters of one call of assembly to some twenty microseconds.
const winogradFilterChunk = 1 << 11

// WinogradFilters transforms the filters of t.
func (isa ISA) WinogradFilters(t *WinogradFilterPanel) {
	var gathered [WinogradFrequencies * 32]float32
	channels := max(1, winogradFilterChunk/t.NR)
	for c := 0; c < t.Channels; c += channels {
		part := *t
		part.Channels = min(channels, t.Channels-c)
		part.G, part.U = index(t.G, c*9*t.NR), index(t.U, c*t.NR)
		part.gathered = &gathered[0]
		isa.winogradFilters(&part)
	}
}

func winogradFiltersGeneric(t *WinogradFilterPanel) {
	var g [9]float32
	var u [WinogradFrequencies]float32
	for c := range t.Channels {
		taps := unsafe.Slice(index(t.G, c*9*t.NR), 9*t.NR)
		for l := range t.NR {
			for tap := range g {
				g[tap] = taps[tap*t.NR+l]
			}
			WinogradFilter(&u, &g)
			for f, v := range u {
				*index(offset(t.U, f*t.UStride), c*t.NR+l) = v
			}
		}
	}
}
