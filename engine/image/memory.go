package image

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
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
	file    []byte
	most    int64 // bytes of one picture; 0 is no limit
	held    int64 // of these, by the picture's file as a whole
	taken   int64 // of these, by the picture that is being decoded
}

// check refuses a picture before memory is spent on it.
func (m *memory) check(bytes int64) error {
	bytes += m.held
	m.taken = bytes
	if m.most > 0 && bytes > m.most {
		return fmt.Errorf("too large for the memory that there is: decoding takes %.1f MB, of which %.1f are left", float64(bytes)/1e6, float64(m.most)/1e6)
	}
	return nil
}

// more is check for so many bytes more than were asked for so far.
func (m *memory) more(bytes int64) error { return m.check(m.taken - m.held + bytes) }

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

// maxStream is the longest file that is held in memory because its format needs random access and its reader has none.
const maxStream = 1 << 30

// randomAccess gives the whole file that r has begun to read through br, without reading it if r can be read anywhere.
func (m *memory) randomAccess(r io.Reader, br *bufio.Reader) (io.ReaderAt, int64, error) {
	type anywhere interface {
		io.ReaderAt
		io.Seeker
	}
	if a, ok := r.(anywhere); ok {
		if now, err := a.Seek(0, io.SeekCurrent); err == nil { // not of a pipe
			if end, err := a.Seek(0, io.SeekEnd); err == nil {
				start := now - int64(br.Buffered())
				return io.NewSectionReader(a, start, end-start), end - start, nil
			}
		}
	}
	file, err := m.readAll(br)
	return bytes.NewReader(file), int64(len(file)), err
}

// readAll reads the whole file, as long as it fits.
func (m *memory) readAll(r io.Reader) ([]byte, error) {
	b := m.file[:0]
	for {
		if len(b) == cap(b) {
			more := make([]byte, len(b), max(64<<10, 2*cap(b)))
			copy(more, b)
			b = more
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if m.held = int64(cap(b)); len(b) > maxStream {
			return nil, fmt.Errorf("too large: more than %d bytes of a format that has to be read as a whole", maxStream)
		}
		if err := m.check(0); err != nil {
			return nil, err
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if cap(b) <= keepBytes {
		m.file = b
	}
	return b, nil
}
