package image

import (
	"bytes"
	"encoding/binary"
	"io"
	"regexp"
)

// metadata is what a picture file says about how to show it: EXIF, from its TIFF header on, and XMP.
type metadata struct {
	exif, xmp []byte
	known     int // the orientation that the file's own structure gives; 0: none
}

const (
	exifHeader = "Exif\x00\x00"
	xmpHeader  = "http://ns.adobe.com/xap/1.0/\x00"

	orientationTag = 0x112
)

// jpeg takes the body of an APP1 segment. EXIF may be spread over several.
func (m *metadata) jpeg(s []byte) {
	if rest, ok := bytes.CutPrefix(s, []byte(exifHeader)); ok && len(m.exif) < 1<<20 {
		m.exif = append(m.exif, rest...)
	} else if rest, ok := bytes.CutPrefix(s, []byte(xmpHeader)); ok {
		m.xmp = bytes.Clone(rest)
	}
}

// orientation is EXIF's, 1 to 8, or XMP's if EXIF has none, as Pillow's getexif finds them. What cannot be read says nothing: 1.
func (m *metadata) orientation() int {
	if m.known > 0 {
		return m.known
	}
	if n, ok := exifOrientation(m.exif); ok {
		return n
	}
	if found := xmpOrientation.FindSubmatch(m.xmp); found != nil {
		return int(found[1][0] - '0')
	}
	return 1
}

var xmpOrientation = regexp.MustCompile(`tiff:Orientation(?:="|>)([0-9])`)

// exifOrientation looks the tag up in the first directory of a TIFF structure.
func exifOrientation(b []byte) (n int, ok bool) {
	for bytes.HasPrefix(b, []byte(exifHeader)) { // some writers repeat it
		b = b[len(exifHeader):]
	}
	if len(b) < 8 {
		return 0, false
	}
	var order binary.ByteOrder
	switch string(b[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 0, false
	}
	at := uint64(order.Uint32(b[4:]))
	if at+2 > uint64(len(b)) {
		return 0, false
	}
	entries := b[at+2:]
	for range order.Uint16(b[at:]) {
		if len(entries) < 12 {
			break
		}
		e := entries[:12]
		entries = entries[12:]
		if order.Uint16(e) != orientationTag || order.Uint32(e[4:]) != 1 {
			continue
		}
		switch order.Uint16(e[2:]) {
		case 3, 8: // short
			n, ok = int(order.Uint16(e[8:])), true
		case 4, 9, 13: // long
			n, ok = int(order.Uint32(e[8:])), true
		}
	}
	return n, ok
}

// orient turns a picture upright as Pillow's ImageOps.exif_transpose does: orientation n says where row 0 and column 0 belong.
func orient(m *RGB, n int, memory *memory) (*RGB, error) {
	if n < 2 || n > 8 {
		return m, nil
	}
	if err := memory.more(int64(len(m.Pix))); err != nil {
		return nil, err
	}
	t := &RGB{W: m.W, H: m.H, Pix: grow(&memory.turned, len(m.Pix)), full: m.full, shrunk: m.shrunk}
	if n > 4 { // rows become columns
		t.W, t.H, t.full = m.H, m.W, [2]int{m.full[1], m.full[0]}
	}
	// Source pixel 0, 0 goes to pixel at, the next one in its row dx further, the next row dy further.
	var at, dx, dy int
	switch right, below, last := 1, t.W, t.W*t.H-1; n {
	case 2:
		at, dx, dy = t.W-1, -right, below
	case 3:
		at, dx, dy = last, -right, -below
	case 4:
		at, dx, dy = last-(t.W-1), right, -below
	case 5:
		at, dx, dy = 0, below, right
	case 6:
		at, dx, dy = t.W-1, below, -right
	case 7:
		at, dx, dy = last, -below, -right
	case 8:
		at, dx, dy = last-(t.W-1), -below, right
	}
	for y := range m.H {
		to := at + y*dy
		for row := m.row(y); len(row) > 0; row = row[3:] {
			copy(t.Pix[3*to:3*to+3], row[:3])
			to += dx
		}
	}
	return t, nil
}

// pngMetadata passes a PNG on and keeps what its chunks say of its orientation: some writers put them behind the pixels.
type pngMetadata struct {
	r io.Reader
	metadata
	head [8]byte // length and type of the chunk; at the start of the file its signature
	have int     // bytes of head
	left int64   // bytes of the chunk, and of its checksum, that are to come
	body []byte  // of a chunk that is kept
	open bool    // the signature has passed
}

const maxMetadata = 1 << 20 // longer chunks are passed over

func (p *pngMetadata) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	for b = b[:n]; len(b) > 0; {
		if p.left == 0 {
			k := copy(p.head[p.have:], b)
			b, p.have = b[k:], p.have+k
			if p.have == len(p.head) {
				p.have = 0
				if p.open {
					p.left = int64(binary.BigEndian.Uint32(p.head[:])) + 4
				}
				p.open = true
			}
			continue
		}
		k := int(min(int64(len(b)), p.left))
		kind := string(p.head[4:])
		if kept := kind == "eXIf" || kind == "iTXt"; kept && int64(len(p.body))+p.left < maxMetadata {
			p.body = append(p.body, b[:k]...)
		}
		b, p.left = b[k:], p.left-int64(k)
		if p.left == 0 && len(p.body) >= 4 {
			p.chunk(kind, p.body[:len(p.body)-4])
			p.body = nil
		}
	}
	return n, err
}

func (p *pngMetadata) chunk(kind string, body []byte) {
	if kind == "eXIf" {
		p.exif = body
		return
	}
	// Keyword, 0, compressed, method, language, 0, keyword in that language, 0, text
	if rest, ok := bytes.CutPrefix(body, []byte("XML:com.adobe.xmp\x00\x00\x00")); ok {
		if parts := bytes.SplitN(rest, []byte{0}, 3); len(parts) == 3 {
			p.xmp = parts[2]
		}
	}
}
