package image

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// heif is a file in ISO's base media format (ISO 23008-12) with a still picture: what its boxes say that matters before it is decoded.
type heif struct {
	kind       string // AVIF or HEIC
	w, h       int64  // the largest of all pictures in it
	angle      byte   // by which it is to be turned, in steps of 90 degrees to the left
	turned     bool
	axis       byte // where it is to be mirrored: 0 top and bottom, 1 left and right
	mirrored   bool
	matrix     uint16 // of its colours, as ITU-T H.273 numbers them; 2: not said
	limited    bool   // luma is 16 to 235
	hasColours bool
}

// heifBrands are those that files begin with, and what decodes them. The general ones (mif1, msf1) say nothing of it: then a compatible one decides.
var heifBrands = map[string]string{
	"avif": "AVIF", "avis": "AVIF",
	"heic": "HEIC", "heix": "HEIC", "heim": "HEIC", "heis": "HEIC", "hevc": "HEIC", "hevx": "HEIC", "hevm": "HEIC", "hevs": "HEIC",
}

// heifKind is AVIF or HEIC, or nothing.
func heifKind(head []byte) string {
	if len(head) < 16 || string(head[4:8]) != "ftyp" {
		return ""
	}
	end := min(int(min(binary.BigEndian.Uint32(head), 1<<10)), len(head))
	if kind := heifBrands[string(head[8:12])]; kind != "" || !slices.Contains([]string{"mif1", "msf1"}, string(head[8:12])) {
		return kind
	}
	for at := 16; at+4 <= end; at += 4 {
		if kind := heifBrands[string(head[at:at+4])]; kind != "" {
			return kind
		}
	}
	return ""
}

// decodeHEIF reads an AVIF or HEIC picture as a whole. Of an AVIF, how it is to be turned is metadata, as Pillow has it; a HEIC is turned when it is decoded.
func decodeHEIF(r io.Reader, kind string, limit int64, memory *memory, about *metadata) (*RGB, error) {
	if heifPixels == nil {
		return nil, fmt.Errorf("%s: this build of featx does not read it, one with the build tags heif and nodynamic does (docs/decoding.md)", kind)
	}
	data, err := memory.readAll(r)
	if err != nil {
		return nil, err
	}
	f := heif{kind: kind, matrix: 2}
	if err := f.boxes(data, 0); err != nil {
		return nil, err
	}
	if err := checkSize(f.w, f.h, limit); err != nil {
		return nil, err
	}
	// The samples, twice, and the pixels, of up to 16 bits; ours.
	const perPixel = 2*3*2 + 8 + 3
	if err := memory.check(perPixel*f.w*f.h + 16<<20); err != nil {
		return nil, err
	}
	m, err := heifPixels(data, &f)
	if err != nil {
		return nil, err
	}
	if err := checkSize(int64(m.W), int64(m.H), limit); err != nil {
		return nil, err
	}
	if about != nil && kind == "AVIF" {
		about.known = f.orientation()
	}
	return m, nil
}

// heifPixels decodes the primary picture. It is missing without the build tag heif.
var heifPixels func(data []byte, f *heif) (*RGB, error)

// boxes looks into the boxes of b.
func (f *heif) boxes(b []byte, depth int) error {
	for len(b) >= 8 {
		size, header := uint64(binary.BigEndian.Uint32(b)), 8
		switch {
		case size == 1 && len(b) >= 16:
			size, header = binary.BigEndian.Uint64(b[8:]), 16
		case size == 0:
			size = uint64(len(b))
		}
		if size < uint64(header) || size > uint64(len(b)) {
			if depth == 0 && f.w > 0 { // mdat is cut off
				return io.ErrUnexpectedEOF
			}
			return fmt.Errorf("broken %s: a box %q of %d bytes where %d are left", f.kind, b[4:8], size, len(b))
		}
		if err := f.box(string(b[4:8]), b[header:size], depth); err != nil {
			return err
		}
		b = b[size:]
	}
	if depth == 0 && f.w == 0 {
		return fmt.Errorf("broken %s: it does not say how large its picture is", f.kind)
	}
	return nil
}

func (f *heif) box(kind string, b []byte, depth int) error {
	switch {
	case kind == "meta" && depth == 0 && len(b) >= 4:
		return f.boxes(b[4:], 1)
	case kind == "iprp" && depth == 1, kind == "ipco" && depth == 2:
		return f.boxes(b, depth+1)
	case depth != 3:
	case kind == "ispe" && len(b) >= 12:
		if w, h := int64(binary.BigEndian.Uint32(b[4:])), int64(binary.BigEndian.Uint32(b[8:])); float64(w)*float64(h) >= float64(f.w)*float64(f.h) {
			f.w, f.h = w, h
		}
	case kind == "irot" && len(b) >= 1:
		f.angle, f.turned = b[0]&3, b[0]&3 != 0
	case kind == "imir" && len(b) >= 1:
		f.axis, f.mirrored = b[0]&1, true
	case kind == "colr" && len(b) >= 11 && string(b[:4]) == "nclx" && !f.hasColours:
		f.matrix, f.limited, f.hasColours = binary.BigEndian.Uint16(b[8:]), b[10]&0x80 == 0, true
	}
	return nil
}

// orientation is EXIF's for the turn and the mirror, in this order.
func (f *heif) orientation() int {
	pick := func(sideways, upsideDown int) int {
		if f.axis == 1 {
			return sideways
		}
		return upsideDown
	}
	switch {
	case !f.turned && f.mirrored:
		return pick(2, 4)
	case !f.turned:
		return 1
	case !f.mirrored:
		return [...]int{1: 8, 2: 3, 3: 6}[f.angle]
	}
	switch f.angle {
	case 1:
		return pick(7, 5)
	case 2:
		return pick(4, 2)
	}
	return pick(5, 7)
}
