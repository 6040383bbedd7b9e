package image

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	stdimage "image"
	"image/jpeg"
	"io"
)

// jpegFrame is what a JPEG's header says about its colours.
type jpegFrame struct {
	n         int     // components; 0 before the frame header
	id        [4]byte // their names
	jfif      bool
	adobe     bool
	transform byte // Adobe's: 0 no transform, 1 YCbCr, 2 YCCK
	luma      byte // sampling factors of the first component, horizontal<<4 | vertical
}

// isRGB, of three components, and isYCCK, of four, decide as libjpeg does (jdapimin.c).
func (f *jpegFrame) isRGB() bool {
	if f.jfif {
		return false
	}
	if f.adobe {
		return f.transform == 0
	}
	return string(f.id[:3]) == "RGB"
}

func (f *jpegFrame) isYCCK() bool { return f.adobe && f.transform != 0 }

// The standard library's decoder converts the colours of RGB, CMYK and YCCK
// files itself, after upsampling to the nearest neighbour. Behind one of these
// markers, and none other, it hands out what was coded: the planes of three
// components, or four interleaved as in plain Adobe CMYK.
var (
	markJFIF  = []byte("\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
	markAdobe = []byte("\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00")
)

func decodeJPEG(br *bufio.Reader) (*RGB, error) {
	f, head, err := readJPEGHeader(br)
	if err != nil {
		return nil, err
	}
	img, err := jpeg.Decode(io.MultiReader(bytes.NewReader(head), br))
	var unsupported jpeg.UnsupportedError
	if errors.As(err, &unsupported) {
		return nil, fmt.Errorf("%w; saved again by another program it may be readable", err)
	}
	if err != nil {
		return nil, err
	}
	switch img := img.(type) {
	case *stdimage.YCbCr:
		p := planesOf(img)
		m := NewRGB(p[0].w, p[0].h)
		if f.isRGB() {
			p.convert(m, interleaveRow)
		} else {
			p.convert(m, yccRow)
		}
		return m, nil
	case *stdimage.CMYK:
		return fromJPEGCMYK(img, f), nil
	default:
		return FromImage(img), nil
	}
}

// readJPEGHeader reads up to the first scan. It returns what the header says
// about colours, and a header for the standard library in its place: without
// application segments but with markJFIF or markAdobe.
func readJPEGHeader(br *bufio.Reader) (*jpegFrame, []byte, error) {
	var f jpegFrame
	var rest []byte // segments for the decoder
	if _, err := br.Discard(2); err != nil {
		return nil, nil, err
	}
	for {
		marker, err := nextMarker(br)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case marker == 0x01 || marker >= 0xd0 && marker <= 0xd7: // TEM, RST: no segment follows
			continue
		case marker == 0xd9:
			return nil, nil, errors.New("broken JPEG: it ends without a picture")
		case marker == 0xda: // SOS
			mark := markJFIF
			if f.n == 4 {
				mark = markAdobe
			}
			head := append([]byte{0xff, 0xd8}, mark...)
			return &f, append(append(head, rest...), 0xff, marker), nil
		}
		var length [2]byte
		if _, err := io.ReadFull(br, length[:]); err != nil {
			return nil, nil, err
		}
		segment := make([]byte, max(2, int(binary.BigEndian.Uint16(length[:])))-2)
		if _, err := io.ReadFull(br, segment); err != nil {
			return nil, nil, err
		}
		switch {
		case marker == 0xe0:
			f.jfif = f.jfif || bytes.HasPrefix(segment, []byte("JFIF\x00"))
		case marker == 0xee && len(segment) >= 12 && bytes.HasPrefix(segment, []byte("Adobe")):
			f.adobe, f.transform = true, segment[11]
		case marker >= 0xe0 && marker <= 0xef || marker == 0xfe: // other application data, comment
		default:
			if marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc {
				if err := f.readFrame(marker, segment); err != nil {
					return nil, nil, err
				}
			}
			rest = append(append(append(rest, 0xff, marker), length[:]...), segment...)
		}
	}
}

// nextMarker skips to the next marker, as leniently as libjpeg, and returns its code.
func nextMarker(br *bufio.Reader) (byte, error) {
	for {
		b, err := br.ReadByte()
		for err == nil && b == 0xff {
			if b, err = br.ReadByte(); err == nil && b != 0xff && b != 0 {
				return b, nil
			}
		}
		if err != nil {
			return 0, err
		}
	}
}

// readFrame reads and checks a frame header (SOF).
func (f *jpegFrame) readFrame(marker byte, s []byte) error {
	if marker > 0xc2 {
		return fmt.Errorf("a JPEG of a rare kind (SOF%d: lossless, hierarchical or arithmetic coding); save it as baseline or progressive JPEG", marker-0xc0)
	}
	if len(s) < 6 || len(s) != 6+3*int(s[5]) {
		return errors.New("broken JPEG: frame header of a wrong length")
	}
	if s[0] != 8 {
		return fmt.Errorf("a JPEG of %d bits per channel; only 8 are supported", s[0])
	}
	if f.n != 0 {
		return errors.New("broken JPEG: two frame headers")
	}
	f.n = int(s[5])
	if f.n != 1 && f.n != 3 && f.n != 4 {
		return fmt.Errorf("a JPEG of %d channels; 1 (grey), 3 (colour) and 4 (CMYK) are supported", f.n)
	}
	f.luma = s[7]
	for i := range f.n {
		f.id[i] = s[6+3*i]
	}
	return checkSize(int(binary.BigEndian.Uint16(s[3:])), int(binary.BigEndian.Uint16(s[1:])))
}

// fromJPEGCMYK takes the four planes, inverted, out of the standard library's
// CMYK and converts them as libjpeg and Pillow do. Where the second and the
// third component were subsampled (2x2, the one ratio that the library reads),
// it has replicated their samples, so every other one of them is the plane.
// Pillow takes all CMYK files for inverted ones, as Adobe's are.
func fromJPEGCMYK(img *stdimage.CMYK, f *jpegFrame) *RGB {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	var p planes
	for i := range p {
		p[i] = plane{w: w, h: h, stride: w, hr: 1, vr: 1}
		if (i == 1 || i == 2) && f.luma == 0x22 {
			p[i].w, p[i].h, p[i].stride, p[i].hr, p[i].vr = (w+1)/2, (h+1)/2, (w+1)/2, 2, 2
		}
		p[i].pix = make([]uint8, p[i].w*p[i].h)
		for y := range p[i].h {
			for x := range p[i].w {
				p[i].pix[y*p[i].stride+x] = 255 - img.Pix[y*p[i].vr*img.Stride+4*x*p[i].hr+i]
			}
		}
	}
	m := NewRGB(w, h)
	convert := interleaveRow
	if f.isYCCK() {
		convert = yccRow
	}
	p.convert(m, convert)
	// libjpeg's YCCK to CMYK gives 255-RGB, and Pillow inverts what libjpeg gives.
	for y := range h {
		row, k := m.row(y), p[3].pix[y*w:]
		for x := range w {
			q := row[3*x : 3*x+3]
			if !f.isYCCK() {
				q[0], q[1], q[2] = 255-q[0], 255-q[1], 255-q[2]
			}
			q[0], q[1], q[2] = cmyk(q[0], q[1], q[2], 255-k[x])
		}
	}
	return m
}
