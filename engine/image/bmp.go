package image

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// A decoder for BMP: Windows' headers from 2.0 to 5 and OS/2's, as Microsoft's "Bitmap Header Types" and the OS/2 toolkit describe them.
type bmpDecoder struct {
	bmpHeader
	r       *countingReader
	palette [256][3]uint8 // an index beyond the file's palette is black
	bgr     [3]int        // which bytes of a 24 or 32-bit pixel are red, green and blue
	green6  bool          // 16-bit pixels have 5, 6 and 5 bits instead of 5 each
}

type bmpHeader struct {
	offset      int64 // of the pixels in the file
	size        int   // of the header behind the file's own
	w, h        int64
	topDown     bool
	bits        int
	compression uint32
	colors      int64
	masks       [4]uint32 // red, green, blue, alpha
}

const (
	bmpRaw, bmpRLE8, bmpRLE4, bmpBitfields = 0, 1, 2, 3

	bmpFileHeader = 14
)

// countingReader knows how far it has read.
type countingReader struct {
	r  io.Reader
	at int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.at += int64(n)
	return n, err
}

func (c *countingReader) full(b []byte) error {
	_, err := io.ReadFull(c, b)
	return err
}

func (c *countingReader) skip(n int64) error {
	_, err := io.CopyN(io.Discard, c, n)
	return err
}

func brokenBMP(format string, args ...any) error {
	return fmt.Errorf("broken BMP: "+format, args...)
}

func decodeBMP(r io.Reader, limit int64, memory *memory) (*RGB, error) {
	d := bmpDecoder{r: &countingReader{r: r}}
	if err := d.readHeader(); err != nil {
		return nil, err
	}
	if err := checkSize(d.w, d.h, limit); err != nil {
		return nil, err
	}
	bytes := 3 * d.w * d.h
	rle := d.compression == bmpRLE8 || d.compression == bmpRLE4
	if rle {
		bytes += d.w * d.h
	}
	if err := memory.check(bytes); err != nil {
		return nil, err
	}
	if err := d.readFormat(); err != nil {
		return nil, err
	}
	if d.offset != 0 {
		if d.offset < d.r.at {
			return nil, brokenBMP("its pixels begin inside its header, at byte %d", d.offset)
		}
		if err := d.r.skip(d.offset - d.r.at); err != nil {
			return nil, err
		}
	}
	m := memory.picture(int(d.w), int(d.h))
	if rle {
		return m, d.readRuns(m)
	}
	return m, d.readRows(m)
}

func (d *bmpDecoder) readHeader() error {
	var b [bmpFileHeader + 124]byte
	le := binary.LittleEndian
	if err := d.r.full(b[:bmpFileHeader+4]); err != nil {
		return err
	}
	d.offset, d.size = int64(le.Uint32(b[10:])), int(le.Uint32(b[14:]))
	h := b[bmpFileHeader:]
	if !slices.Contains([]int{12, 40, 52, 56, 64, 108, 124}, d.size) {
		return fmt.Errorf("a BMP with a header of a rare kind (%d bytes); save it as PNG", uint32(d.size))
	}
	h = h[:d.size]
	if err := d.r.full(h[4:]); err != nil {
		return err
	}
	if d.size == 12 {
		d.w, d.h, d.bits = int64(le.Uint16(h[4:])), int64(le.Uint16(h[6:])), int(le.Uint16(h[10:]))
	} else {
		d.w, d.h, d.bits = int64(le.Uint32(h[4:])), int64(le.Uint32(h[8:])), int(le.Uint16(h[14:]))
		if d.topDown = h[11] == 0xff; d.topDown {
			d.h = 1<<32 - d.h
		}
		d.compression, d.colors = le.Uint32(h[16:]), int64(le.Uint32(h[32:]))
	}
	if d.colors == 0 && d.bits <= 8 {
		d.colors = 1 << d.bits
	}
	if d.offset == int64(bmpFileHeader+d.size) && d.bits <= 8 { // some writers forget the palette
		d.offset += 4 * d.colors
	}
	if d.compression != bmpBitfields {
		return nil
	}
	masks := 3
	switch {
	case d.size >= 56:
		masks = 4
		fallthrough
	case d.size >= 52:
		h = h[40:]
	default:
		h = b[:12]
		if err := d.r.full(h); err != nil {
			return err
		}
	}
	for i := range masks {
		d.masks[i] = le.Uint32(h[4*i:])
	}
	return nil
}

// readFormat finds out what the pixels are, and reads the palette.
func (d *bmpDecoder) readFormat() error {
	rgb := [3]uint32(d.masks[:3])
	d.bgr = [3]int{2, 1, 0}
	rare := func() error {
		return fmt.Errorf("a BMP of a rare kind (%d bits, compression %d, masks %x); save it as PNG", d.bits, d.compression, d.masks)
	}
	switch {
	case d.compression == bmpRaw && slices.Contains([]int{1, 4, 8}, d.bits), d.compression == bmpRLE8 && d.bits == 8, d.compression == bmpRLE4 && d.bits == 4:
		return d.readPalette()
	case d.compression == bmpRaw && slices.Contains([]int{16, 24, 32}, d.bits):
	case d.compression != bmpBitfields:
		return rare()
	case d.bits == 16 && rgb == [3]uint32{0xf800, 0x7e0, 0x1f}:
		d.green6 = true
	case d.bits == 16 && rgb == [3]uint32{0x7c00, 0x3e0, 0x1f}:
	case d.bits == 24 && rgb == [3]uint32{0xff0000, 0xff00, 0xff}:
	case d.bits == 32 && d.masks == [4]uint32{}:
	case d.bits == 32:
		var used uint32
		for i, mask := range d.masks {
			at := slices.Index([]uint32{0xff, 0xff00, 0xff0000, 0xff000000}, mask)
			if i < 3 {
				d.bgr[i] = at
			}
			if at < 0 && (i < 3 || mask != 0) || used&mask != 0 {
				return rare()
			}
			used |= mask
		}
	default:
		return rare()
	}
	return nil
}

func (d *bmpDecoder) readPalette() error {
	entry := make([]byte, 4)
	if d.size == 12 {
		entry = entry[:3]
	}
	if d.colors > 1<<16 {
		return brokenBMP("a palette of %d colours", d.colors)
	}
	for i := range d.colors {
		if err := d.r.full(entry); err != nil {
			return err
		}
		if i < int64(len(d.palette)) {
			d.palette[i] = [3]uint8{entry[2], entry[1], entry[0]}
		}
	}
	extendGrey(&d.palette, int(d.colors))
	return nil
}

// row is where the file's row y goes.
func (d *bmpDecoder) row(m *RGB, y int) []uint8 {
	if d.topDown {
		return m.row(y)
	}
	return m.row(m.H - 1 - y)
}

func (d *bmpDecoder) readRows(m *RGB) error {
	line := make([]byte, (m.W*d.bits+7)/8)
	padding := int64(-len(line) & 3)
	for y := range m.H {
		if err := d.r.full(line); err != nil {
			return err
		}
		if y < m.H-1 {
			if err := d.r.skip(padding); err != nil {
				return err
			}
		}
		d.convert(d.row(m, y), line)
	}
	return nil
}

// convert makes RGB of a row of pixels.
func (d *bmpDecoder) convert(row, line []byte) {
	step := d.bits / 8
	switch {
	case d.bits <= 8:
		perByte, mask := 8/d.bits, byte(1<<d.bits-1)
		for x := range len(row) / 3 {
			index := line[x/perByte] >> (8 - d.bits - x%perByte*d.bits) & mask
			copy(row[3*x:3*x+3], d.palette[index][:])
		}
	case d.bits == 16:
		blue, green, most := 5, 5, 31
		if d.green6 {
			green, most = 6, 63
		}
		for x := range len(row) / 3 {
			v := int(binary.LittleEndian.Uint16(line[2*x:]))
			row[3*x] = uint8(v >> (blue + green) & 31 * 255 / 31)
			row[3*x+1] = uint8(v >> blue & most * 255 / most)
			row[3*x+2] = uint8(v & 31 * 255 / 31)
		}
	default:
		for i := 0; len(line) >= step; i, line = i+3, line[step:] {
			row[i], row[i+1], row[i+2] = line[d.bgr[0]], line[d.bgr[1]], line[d.bgr[2]]
		}
	}
}

// readRuns reads run-length encoding: pairs of a number and what to repeat, or of 0 and an escape.
func (d *bmpDecoder) readRuns(m *RGB) error {
	indices := make([]byte, m.W*m.H) // what is passed over has colour 0
	x, y := 0, 0
	put := func(index byte) {
		if x < m.W {
			indices[y*m.W+x] = index
			x++
		}
	}
	pixels := func(n int, of func(i int) byte) {
		for i := range n {
			if d.bits == 8 {
				put(of(i))
			} else {
				put(of(i/2) >> (4 - i%2*4) & 15)
			}
		}
	}
	var b [256]byte
	for y < m.H {
		err := d.r.full(b[:2])
		if (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) && y == m.H-1 && x == m.W {
			break // only the end's mark is missing
		}
		if err != nil {
			return err
		}
		n := int(b[1])
		switch {
		case b[0] > 0:
			value := b[1]
			pixels(int(b[0]), func(int) byte { return value })
		case n == 0:
			x, y = 0, y+1
		case n == 1:
			y = m.H
		case n == 2:
			if err := d.r.full(b[:2]); err != nil {
				return err
			}
			x, y = min(x+int(b[0]), m.W), y+int(b[1])
		default:
			length := (n*d.bits + 7) / 8
			if err := d.r.full(b[:length+length&1]); err != nil {
				return err
			}
			pixels(n, func(i int) byte { return b[i] })
		}
	}
	for y := range m.H {
		row := d.row(m, y)
		for x, index := range indices[y*m.W:][:m.W] {
			copy(row[3*x:3*x+3], d.palette[index][:])
		}
	}
	return nil
}
