package image

import (
	"bufio"
	"compress/lzw"
	"encoding/binary"
	"fmt"
	"io"
)

// decodeGIF reads the first frame of a GIF, on its screen: the frame's transparent colour around it if there is one, else colour 0.
// A picture without palette, which the standard library refuses, is grey. The screen grows if the frame is larger, as in Pillow.
func decodeGIF(r *bufio.Reader, limit int64, memory *memory) (*RGB, error) {
	var b [13]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	w, h := int(le.Uint16(b[6:])), int(le.Uint16(b[8:]))
	if err := checkSize(int64(w), int64(h), limit); err != nil {
		return nil, err
	}
	var palette [256][3]uint8 // an index beyond the file's palette is black
	for i := range palette {
		palette[i] = [3]uint8{uint8(i), uint8(i), uint8(i)}
	}
	if err := gifPalette(r, b[10], &palette); err != nil {
		return nil, err
	}
	around := 0 // the colour there
	for {
		kind, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		switch kind {
		case ',':
			if _, err := io.ReadFull(r, b[:9]); err != nil {
				return nil, err
			}
			f := gifFrame{x: int(le.Uint16(b[:])), y: int(le.Uint16(b[2:])), w: int(le.Uint16(b[4:])), h: int(le.Uint16(b[6:])), interlaced: b[8]&0x40 != 0}
			w, h = max(w, f.x+f.w), max(h, f.y+f.h)
			if err := checkSize(int64(w), int64(h), limit); err != nil {
				return nil, err
			}
			if err := memory.check(4 * int64(w) * int64(h)); err != nil {
				return nil, err
			}
			if err := gifPalette(r, b[8], &palette); err != nil {
				return nil, err
			}
			m := memory.picture(w, h)
			for i := 0; i < len(m.Pix); i += 3 {
				copy(m.Pix[i:i+3], palette[around][:])
			}
			return m, f.decode(r, m, &palette)
		case '!':
			label, err := r.ReadByte()
			if err != nil {
				return nil, err
			}
			block := blockReader{r: r}
			if label == 0xf9 { // graphic control: flags, delay, transparent colour
				if n, err := io.ReadFull(&block, b[:4]); n == 4 && b[0]&1 != 0 {
					around = int(b[3])
				} else if n < 4 && block.err != io.EOF {
					return nil, err
				}
			}
			if _, err := io.Copy(io.Discard, &block); err != nil {
				return nil, err
			}
		case ';':
			return nil, fmt.Errorf("broken GIF: it ends without a picture")
		}
	}
}

// gifPalette reads the palette that flags announce.
func gifPalette(r io.Reader, flags byte, palette *[256][3]uint8) error {
	if flags&0x80 == 0 {
		return nil
	}
	*palette = [256][3]uint8{}
	n := 2 << (flags & 7)
	for i := range n {
		if _, err := io.ReadFull(r, palette[i][:]); err != nil {
			return err
		}
	}
	extendGrey(palette, n)
	return nil
}

// extendGrey goes on with a palette of n greys, each its own index: Pillow takes the picture for a grey one without palette.
func extendGrey(palette *[256][3]uint8, n int) {
	for i := range palette {
		grey := [3]uint8{uint8(i), uint8(i), uint8(i)}
		if i >= n {
			palette[i] = grey
		} else if palette[i] != grey {
			return
		}
	}
}

type gifFrame struct {
	x, y, w, h int
	interlaced bool
}

func (f gifFrame) decode(r *bufio.Reader, m *RGB, palette *[256][3]uint8) error {
	width, err := r.ReadByte()
	if err != nil {
		return err
	}
	if width < 2 || width > 8 { // Pillow, too, reads no others
		return fmt.Errorf("broken GIF: codes of %d bits", width)
	}
	codes := lzw.NewReader(&blockReader{r: r}, lzw.LSB, int(width))
	defer codes.Close()
	line := make([]byte, f.w)
	passes := []struct{ first, step int }{{0, 1}}
	if f.interlaced {
		passes = []struct{ first, step int }{{0, 8}, {4, 8}, {2, 4}, {1, 2}}
	}
	for _, p := range passes {
		for y := p.first; y < f.h; y += p.step {
			if _, err := io.ReadFull(codes, line); err == io.EOF || err == io.ErrUnexpectedEOF {
				return io.ErrUnexpectedEOF
			} else if err != nil {
				return fmt.Errorf("broken GIF: %w", err)
			}
			row := m.row(f.y + y)[3*f.x:]
			for x, index := range line {
				copy(row[3*x:3*x+3], palette[index][:])
			}
		}
	}
	return nil
}

// blockReader joins a GIF's data blocks: each has its length in a byte before it, and a length of 0 ends them.
type blockReader struct {
	r    *bufio.Reader
	left int
	err  error
}

func (b *blockReader) Read(p []byte) (int, error) {
	if b.left == 0 && b.err == nil {
		var n byte
		if n, b.err = b.r.ReadByte(); n == 0 && b.err == nil {
			b.err = io.EOF
		} else if b.err == io.EOF {
			b.err = io.ErrUnexpectedEOF
		}
		b.left = int(n)
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	b.err = err
	return n, err
}
