package image

import (
	"fmt"
	"unsafe"
)

// memory is what decoding one picture after the other needs, to be used again. What is taken from it holds what was there before.
type memory struct {
	pixels  []uint8
	samples [4][]uint8 // of a JPEG's components
	blocks  [4][]block
	huffman [2][4]*huffman
	rows    [4][]uint8 // of samples, upsampled
	segment []uint8
	data    [1 << 13]uint8 // of a JPEG's scan
	turned  []uint8
	most    int64 // bytes of one picture; 0 is no limit
	taken   int64 // of these, by the picture that is being decoded
}

// check refuses a picture before memory is spent on it.
func (m *memory) check(bytes int64) error {
	m.taken = bytes
	if m.most > 0 && bytes > m.most {
		return fmt.Errorf("too large for the memory that there is: decoding takes %.1f MB, of which %.1f are left", float64(bytes)/1e6, float64(m.most)/1e6)
	}
	return nil
}

// more is check for so many bytes more than were asked for so far.
func (m *memory) more(bytes int64) error { return m.check(m.taken + bytes) }

// picture gives room for a picture of w x h pixels.
func (m *memory) picture(w, h int) *RGB { return &RGB{Pix: grow(&m.pixels, 3*w*h), W: w, H: h} }

// keepBytes bounds each piece that is kept for the next picture: a rare larger one gets memory of its own.
const keepBytes = 48 << 20

// grow gives n elements of *kept, which a longer one replaces if need be.
func grow[T any](kept *[]T, n int) []T {
	if n <= cap(*kept) {
		return (*kept)[:n]
	}
	fresh := make([]T, n)
	if uintptr(n)*unsafe.Sizeof(fresh[0]) <= keepBytes {
		*kept = fresh
	}
	return fresh
}
