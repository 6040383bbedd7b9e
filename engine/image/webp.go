package image

import (
	"bufio"
	"encoding/binary"
	"fmt"
	stdimage "image"
	"io"

	"golang.org/x/image/vp8"
	"golang.org/x/image/vp8l"
)

// webpDecoder reads a WebP: a still picture, lossy or lossless, or the first frame of an animation on its canvas.
// The bit streams are golang.org/x/image's to decode; chroma and colours are made as libwebp makes them.
type webpDecoder struct {
	limit    int64
	memory   *memory
	about    *metadata
	m        *RGB
	w, h     int64 // of the canvas; 0 without VP8X
	flags    byte  // VP8X's
	animated bool
}

const webpXMP, webpEXIF = 1 << 2, 1 << 3 // of the flags

func decodeWebP(r io.Reader, limit int64, memory *memory, about *metadata) (*RGB, error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	d := webpDecoder{limit: limit, memory: memory, about: about}
	body := &io.LimitedReader{R: r, N: max(0, int64(binary.LittleEndian.Uint32(head[4:]))-4)}
	if err := d.chunks(body, 0, 0); err != nil {
		return nil, err
	}
	if d.m == nil {
		return nil, fmt.Errorf("broken WebP: it ends without a picture")
	}
	return d.m, nil
}

// chunks reads chunks up to the first picture, which is at x, y of the canvas, or all if what they say about it is wanted.
func (d *webpDecoder) chunks(r *io.LimitedReader, x, y int64) error {
	for r.N > 0 && (d.m == nil || d.about != nil) {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			if d.m != nil {
				return nil // junk behind the picture
			}
			return err
		}
		kind, n := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
		chunk := &io.LimitedReader{R: r, N: n}
		err := d.chunk(kind, chunk, x, y)
		if err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, r, chunk.N+n&1); err != nil && d.m == nil {
			return err
		}
	}
	return nil
}

func (d *webpDecoder) chunk(kind string, r *io.LimitedReader, x, y int64) error {
	switch {
	case kind == "VP8X" && d.w == 0:
		var b [10]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return err
		}
		d.flags, d.w, d.h = b[0], 1+uint24(b[4:]), 1+uint24(b[7:])
		return checkSize(d.w, d.h, d.limit)
	case kind == "ANMF" && !d.animated: // the first frame; none inside it
		var b [16]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return err
		}
		d.animated = true
		return d.chunks(r, 2*uint24(b[:]), 2*uint24(b[3:]))
	case kind == "VP8 " && d.m == nil:
		return d.lossy(r, x, y)
	case kind == "VP8L" && d.m == nil:
		return d.lossless(r, x, y)
	case d.about != nil && r.N < maxMetadata && (kind == "EXIF" && d.flags&webpEXIF != 0 || kind == "XMP " && d.flags&webpXMP != 0):
		text, err := io.ReadAll(r)
		if kind == "EXIF" {
			d.about.exif = text
		} else {
			d.about.xmp = text
		}
		return err
	}
	return nil
}

func uint24(b []byte) int64 { return int64(b[0]) | int64(b[1])<<8 | int64(b[2])<<16 }

// canvas makes room for a picture of w x h pixels at x, y of the canvas, which takes so many more bytes to decode.
func (d *webpDecoder) canvas(w, h, x, y, bytes int64) error {
	if err := checkSize(w, h, d.limit); err != nil {
		return err
	}
	if d.w == 0 {
		d.w, d.h = w, h
	}
	if x+w > d.w || y+h > d.h || !d.animated && (w != d.w || h != d.h) {
		return fmt.Errorf("broken WebP: a picture of %d x %d pixels at %d, %d of %d x %d", w, h, x, y, d.w, d.h)
	}
	if err := d.memory.check(3*d.w*d.h + bytes); err != nil {
		return err
	}
	d.m = d.memory.picture(int(d.w), int(d.h))
	clear(d.m.Pix)
	return nil
}

func (d *webpDecoder) lossy(r *io.LimitedReader, x, y int64) error {
	size := r.N
	v := vp8.NewDecoder()
	if size > 1<<30 {
		return fmt.Errorf("broken WebP: a chunk of %d bytes", size)
	}
	v.Init(r, int(size))
	head, err := v.DecodeFrameHeader()
	if err != nil {
		return err
	}
	w, h := int64(head.Width), int64(head.Height)
	if err := d.canvas(w, h, x, y, (w+15)*(h+15)*3/2+(w+h)*16+size); err != nil {
		return err
	}
	img, err := v.DecodeFrame()
	if err != nil {
		return err
	}
	fromVP8(d.m, img, int(x), int(y))
	return nil
}

func (d *webpDecoder) lossless(r *io.LimitedReader, x, y int64) error {
	br := bufio.NewReader(r)
	head, err := br.Peek(5) // a byte, and 14 bits each of width and height less 1
	if err != nil {
		return err
	}
	bits := binary.LittleEndian.Uint32(head[1:])
	w, h := int64(bits&0x3fff)+1, int64(bits>>14&0x3fff)+1
	if err := d.canvas(w, h, x, y, 9*w*h); err != nil { // pixels, twice where they are packed, and what predicts them
		return err
	}
	img, err := vp8l.Decode(br)
	if err != nil {
		return err
	}
	part := FromImage(img)
	for i := range part.H {
		copy(d.m.row(int(y) + i)[3*x:], part.row(i))
	}
	return nil
}

// fromVP8 converts a lossy picture to RGB at x, y of m: libwebp's "fancy" upsampling (upsampling.c), in which a chroma sample weighs 9, its
// neighbours 3 and 1 of 16, in libwebp's rounding.
func fromVP8(m *RGB, img *stdimage.YCbCr, x, y int) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	cw, ch := (w+1)/2, (h+1)/2
	u, v := make([]uint8, w), make([]uint8, w)
	for i := range h {
		near, far := i/2, i/2-1
		if i%2 == 1 {
			far = near + 1
		}
		far = min(max(far, 0), ch-1)
		line := func(plane []uint8, n int) []uint8 { return plane[n*img.CStride:][:cw] }
		vp8Upsample(u, line(img.Cb, near), line(img.Cb, far))
		vp8Upsample(v, line(img.Cr, near), line(img.Cr, far))
		row, luma := m.row(y + i)[3*x:], img.Y[i*img.YStride:][:w]
		for j := range luma {
			row[3*j], row[3*j+1], row[3*j+2] = vp8RGB(int(luma[j]), int(u[j]), int(v[j]))
		}
	}
}

// vp8Upsample makes a row of the rows of chroma that are nearest to it.
func vp8Upsample(dst, near, far []uint8) {
	edge := func(i int) uint8 { return uint8((3*int(near[i]) + int(far[i]) + 2) >> 2) }
	dst[0] = edge(0)
	for i := 1; 2*i-1 < len(dst); i++ {
		if i == len(near) { // the right edge of an even width
			dst[2*i-1] = edge(i - 1)
			break
		}
		nl, nr, fl, fr := int(near[i-1]), int(near[i]), int(far[i-1]), int(far[i])
		sum := nl + nr + fl + fr + 8
		dst[2*i-1] = uint8(((sum+2*(nr+fl))>>3 + nl) >> 1)
		if 2*i < len(dst) {
			dst[2*i] = uint8(((sum+2*(nl+fr))>>3 + nr) >> 1)
		}
	}
}

// vp8RGB is libwebp's conversion of BT.601 in 14 bits (yuv.h).
func vp8RGB(y, u, v int) (r, g, b uint8) {
	clip := func(v int) uint8 { return uint8(min(max(v>>6, 0), 255)) }
	y = y * 19077 >> 8
	return clip(y + v*26149>>8 - 14234), clip(y - u*6419>>8 - v*13320>>8 + 8708), clip(y + u*33050>>8 - 17685)
}
