package image

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"github.com/featx-go/featx/kernels"
)

// A decoder for baseline, extended (8 bits) and progressive Huffman-coded JPEG,
// ITU-T T.81, of its own because the standard library's neither has libjpeg's
// inverse DCT nor reads every sampling ratio, or restart intervals in scans of
// one component. This file reads the segments, jpeg_scan.go the entropy-coded
// data, upsample.go makes pixels of the samples.
type jpegDecoder struct {
	bitReader
	isa         kernels.ISA
	limit       int64 // of pixels
	memory      *memory
	about       *metadata // nil if it is not wanted
	reduce      Resize    // as Decoder.Reduce
	size        int       // of a block of the picture's first resolution: 8, or 4, 2, 1 of a reduced picture
	full        [2]int    // height and width before reduction
	w, h        int
	progressive bool
	comps       []component // none before the frame header
	quant       [4]*[64]uint16
	huffman     [2][4]*huffman // DC, AC; in memory
	restart     int            // MCUs between restart markers; 0: none
	scans       int
	jfif, adobe bool
	transform   byte // Adobe's: 0 none, 1 YCbCr, 2 YCCK
}

// component is one colour channel of the frame.
type component struct {
	id, tq       byte
	hs, vs       int // sampling factors
	plane            // its samples
	size         int // of a block: samples across and down
	bw, bh       int // blocks that carry picture, across and down
	stride8      int // blocks across, with those that fill up the last MCU
	rows8        int // and down
	quant        *[64]uint16
	blocks       []block // coefficients, stride8 across: all of a progressive picture, a row of units of others
	top          int     // the row of blocks that is the first of these
	dc           int32   // last DC value
	dcTab, acTab *huffman
}

// block is 8 x 8 coefficients, row by row.
type block [64]int16

const (
	// maxScans bounds the time that a small hostile file can take; encoders write about 10.
	maxScans = 200

	soi, eoi, sos, dqt, dht, dri, app0, app1, app14 = 0xd8, 0xd9, 0xda, 0xdb, 0xc4, 0xdd, 0xe0, 0xe1, 0xee
)

func brokenJPEG(format string, args ...any) error {
	return fmt.Errorf("broken JPEG: "+format, args...)
}

// decodeJPEG reads a JPEG from its start-of-image marker on, and what it says about itself if that is wanted.
func decodeJPEG(r *bufio.Reader, isa kernels.ISA, reduce Resize, limit int64, memory *memory, about *metadata) (*RGB, error) {
	d := jpegDecoder{bitReader: bitReader{r: r, data: &memory.data}, isa: isa, reduce: reduce, limit: limit, memory: memory, about: about}
	p, err := d.planes()
	if err != nil {
		return nil, err
	}
	m := memory.picture(d.w, d.h)
	if d.size < 8 {
		m.full, m.shrunk = d.full, 8/d.size
	}
	p.convert(m, isa, d.colours(), memory)
	return m, nil
}

// planes decodes the picture to the samples of its components.
func (d *jpegDecoder) planes() (planes, error) {
	if err := d.decode(); err != nil {
		return nil, err
	}
	p := make(planes, 0, 4)
	for i := range d.comps {
		c := &d.comps[i]
		if d.progressive {
			c.store(d.isa, c.rows8)
		}
		p = append(p, &c.plane)
	}
	return p, nil
}

// store makes samples of so many rows of blocks.
func (c *component) store(isa kernels.ISA, rows int) {
	for y := range rows {
		isa.IDCT(&kernels.IDCTRow{
			Coef: &c.blocks[y*c.stride8][0], Quant: c.quant, Out: &c.pix[c.size*(c.top+y)*c.stride], Stride: c.stride, Size: c.size, N: c.stride8,
		})
	}
}

// decode reads all segments up to the end-of-image marker.
func (d *jpegDecoder) decode() error {
	for {
		marker, err := d.nextMarker()
		if err != nil {
			return err
		}
		switch {
		case marker == soi || marker == 0x01 || marker >= 0xd0 && marker <= 0xd7: // TEM, RST: no segment follows
			continue
		case marker == eoi:
			if len(d.comps) == 0 {
				return brokenJPEG("it ends without a picture")
			}
			for i := range d.comps {
				if d.comps[i].quant == nil {
					return brokenJPEG("it ends without data for channel %d", i+1)
				}
			}
			return nil
		}
		s, err := d.segment()
		if err != nil {
			return err
		}
		switch {
		case marker == app0:
			d.jfif = d.jfif || bytes.HasPrefix(s, []byte("JFIF\x00"))
		case marker == app1 && d.about != nil && d.scans == 0:
			d.about.jpeg(s)
		case marker == app14:
			if len(s) >= 12 && bytes.HasPrefix(s, []byte("Adobe")) {
				d.adobe, d.transform = true, s[11]
			}
		case marker == dqt:
			err = d.readQuant(s)
		case marker == dht:
			err = d.readHuffman(s)
		case marker == dri:
			if len(s) != 2 {
				return brokenJPEG("restart interval of %d bytes", len(s))
			}
			d.restart = int(binary.BigEndian.Uint16(s))
		case marker == sos:
			err = d.readScan(s)
		case marker >= 0xc0 && marker <= 0xcf && marker != 0xc8 && marker != 0xcc:
			err = d.readFrame(marker, s)
		}
		if err != nil {
			return err
		}
	}
}

// segment reads what follows a marker: two bytes of length, then that much. It is valid until the next.
func (d *jpegDecoder) segment() ([]byte, error) {
	var n [2]byte
	if err := d.read(n[:]); err != nil {
		return nil, err
	}
	s := grow(&d.memory.segment, max(2, int(binary.BigEndian.Uint16(n[:])))-2)
	return s, d.read(s)
}

func (d *jpegDecoder) readQuant(s []byte) error {
	for len(s) > 0 {
		id, size := s[0]&15, 1+int(s[0]>>4)
		if id > 3 || size > 2 || len(s) < 1+64*size {
			return brokenJPEG("quantisation table")
		}
		t := new([64]uint16)
		for k := range t {
			t[zigzag[k]] = uint16(s[1+k])
			if size == 2 {
				t[zigzag[k]] = binary.BigEndian.Uint16(s[1+2*k:])
			}
		}
		d.quant[id], s = t, s[1+64*size:]
	}
	return nil
}

func (d *jpegDecoder) readHuffman(s []byte) error {
	for len(s) > 0 {
		if s[0]&0xe0 != 0 || s[0]&15 > 3 || len(s) < 17 {
			return brokenJPEG("Huffman table")
		}
		kept := &d.memory.huffman[s[0]>>4][s[0]&15]
		if *kept == nil {
			*kept = new(huffman)
		}
		h := *kept
		n := h.read(s[1:])
		if n == 0 {
			return brokenJPEG("Huffman table")
		}
		d.huffman[s[0]>>4][s[0]&15], s = h, s[1+n:]
	}
	return nil
}

// readFrame reads a frame header (SOF) and makes room for the samples.
func (d *jpegDecoder) readFrame(marker byte, s []byte) error {
	if marker > 0xc2 {
		return fmt.Errorf("a JPEG of a rare kind (SOF%d: lossless, hierarchical or arithmetic coding); save it as baseline or progressive JPEG", marker-0xc0)
	}
	if len(d.comps) > 0 {
		return brokenJPEG("two frame headers")
	}
	if len(s) < 6 || len(s) != 6+3*int(s[5]) {
		return brokenJPEG("frame header of %d bytes", len(s))
	}
	if s[0] != 8 {
		return fmt.Errorf("a JPEG of %d bits per channel; only 8 are supported", s[0])
	}
	n := int(s[5])
	if n != 1 && n != 3 && n != 4 {
		return fmt.Errorf("a JPEG of %d channels; 1 (grey), 3 (colour) and 4 (CMYK) are supported", n)
	}
	d.progressive = marker == 0xc2
	d.full = [2]int{int(binary.BigEndian.Uint16(s[1:])), int(binary.BigEndian.Uint16(s[3:]))}
	if err := checkSize(int64(d.full[1]), int64(d.full[0]), d.limit); err != nil {
		return err
	}
	d.size = d.reducedSize()
	d.h, d.w = ceilDiv(d.full[0]*d.size, 8), ceilDiv(d.full[1]*d.size, 8)
	hMax, vMax := 1, 1
	comps := make([]component, n)
	for i := range comps {
		c, t := &comps[i], s[6+3*i:]
		c.id, c.hs, c.vs, c.tq = t[0], int(t[1]>>4), int(t[1]&15), t[2]
		if c.hs < 1 || c.hs > 4 || c.vs < 1 || c.vs > 4 || c.tq > 3 {
			return brokenJPEG("channel %d with sampling factors %d x %d and quantisation table %d", i+1, c.hs, c.vs, c.tq)
		}
		hMax, vMax = max(hMax, c.hs), max(vMax, c.vs)
	}
	across, down := ceilDiv(d.full[1], 8*hMax), ceilDiv(d.full[0], 8*vMax) // MCUs
	for i := range comps {
		c := &comps[i]
		if hMax%c.hs != 0 || vMax%c.vs != 0 {
			return fmt.Errorf("a JPEG with the fractional sampling ratio %d:%d x %d:%d; save it with another chroma sampling", hMax, c.hs, vMax, c.vs)
		}
		c.hr, c.vr = hMax/c.hs, vMax/c.vs
		c.bw, c.bh = ceilDiv(d.full[1], 8*c.hr), ceilDiv(d.full[0], 8*c.vr)
		// Where both directions allow it a reduced picture has more samples of chroma instead of upsampled ones, as in libjpeg.
		for c.size = d.size; c.size < 8 && c.hr%2 == 0 && c.vr%2 == 0; c.size *= 2 {
			c.hr, c.vr = c.hr/2, c.vr/2
		}
		c.sharp = d.size == 1
		c.w, c.h = ceilDiv(d.full[1]*c.hs*c.size, 8*hMax), ceilDiv(d.full[0]*c.vs*c.size, 8*vMax)
		c.stride8 = across * c.hs
		c.stride = c.size * c.stride8
		c.rows8 = down * c.vs
	}
	if err := d.checkMemory(comps); err != nil {
		return err
	}
	for i := range comps {
		c := &comps[i]
		c.pix = grow(&d.memory.samples[i], c.size*c.size*c.stride8*c.rows8)
		c.blocks = grow(&d.memory.blocks[i], c.stride8*d.rowsKept(c))
		if d.progressive {
			clear(c.blocks) // scans add to them
		}
	}
	d.comps = comps
	return nil
}

// reducedSize is the least size of blocks with which the picture is at least twice as large as what it will be resized to, both ways: Pillow's draft mode for twice the size, as in its
// thumbnail.
func (d *jpegDecoder) reducedSize() int {
	h, w := d.full[0], d.full[1]
	if d.about != nil && d.about.orientation() >= 5 {
		h, w = w, h
	}
	to := d.reduce.of(h, w)
	for _, size := range [...]int{1, 2, 4} {
		if n := 2 * 8 / size; h >= n*to[0] && w >= n*to[1] {
			return size
		}
	}
	return 8
}

// rowsKept is how many rows of a component's blocks are kept: all of a progressive picture, or those of a row of units.
func (d *jpegDecoder) rowsKept(c *component) int {
	if d.progressive {
		return c.rows8
	}
	return c.vs
}

// checkMemory adds up the picture, the samples and the coefficients.
func (d *jpegDecoder) checkMemory(comps []component) error {
	bytes := 3 * int64(d.w) * int64(d.h)
	for i := range comps {
		c := &comps[i]
		bytes += int64(c.stride8) * (int64(c.size*c.size)*int64(c.rows8) + int64(unsafe.Sizeof(block{}))*int64(d.rowsKept(c)))
	}
	return d.memory.check(bytes)
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// colours chooses the colour conversion as libjpeg does (jdapimin.c).
func (d *jpegDecoder) colours() rowFunc {
	switch len(d.comps) {
	case 1:
		return greyRow
	case 3:
		ids := string([]byte{d.comps[0].id, d.comps[1].id, d.comps[2].id})
		if !d.jfif && (d.adobe && d.transform == 0 || !d.adobe && ids == "RGB") {
			return rgbRow
		}
		return yccRow
	}
	if d.adobe && d.transform != 0 {
		return ycckRow
	}
	return cmykRow
}

// readScan reads a scan header (SOS) and the entropy-coded data behind it.
func (d *jpegDecoder) readScan(s []byte) error {
	if len(d.comps) == 0 {
		return brokenJPEG("a scan before the frame header")
	}
	if d.scans++; d.scans > maxScans {
		return brokenJPEG("more than %d scans", maxScans)
	}
	if len(s) < 1 || s[0] < 1 || s[0] > 4 || len(s) != 4+2*int(s[0]) {
		return brokenJPEG("scan header of %d bytes", len(s))
	}
	n := int(s[0])
	sc := scan{last: 63}
	if d.progressive {
		t := s[1+2*n:]
		sc = scan{first: int(t[0]), last: int(t[1]), high: t[2] >> 4, low: t[2] & 15}
		if sc.first > sc.last || sc.last > 63 || sc.first == 0 && sc.last != 0 || sc.first > 0 && n > 1 || sc.low > 13 || sc.high != 0 && sc.high != sc.low+1 {
			return brokenJPEG("scan of coefficients %d to %d, bits %d to %d", sc.first, sc.last, sc.high, sc.low)
		}
	}
	units := 0
	for i := range n {
		id, tables := s[1+2*i], s[2+2*i]
		var c *component
		for j := range d.comps {
			if d.comps[j].id == id {
				c = &d.comps[j]
			}
		}
		if c == nil || tables>>4 > 3 || tables&15 > 3 {
			return brokenJPEG("scan of unknown channel or table")
		}
		for _, other := range sc.comps {
			if other == c {
				return brokenJPEG("scan with the same channel twice")
			}
		}
		c.dcTab, c.acTab = d.huffman[0][tables>>4], d.huffman[1][tables&15]
		if c.dcTab == nil && sc.first == 0 && sc.high == 0 || c.acTab == nil && sc.last > 0 {
			return brokenJPEG("scan without its Huffman table")
		}
		if c.quant == nil { // the table of the first scan holds, as in libjpeg
			if c.quant = d.quant[c.tq]; c.quant == nil {
				return brokenJPEG("scan without its quantisation table")
			}
		}
		units += c.hs * c.vs
		sc.comps = append(sc.comps, c)
	}
	if n > 1 && units > 10 {
		return brokenJPEG("scan with %d blocks per unit; at most 10 are allowed", units)
	}
	return d.decodeScan(&sc)
}

var errEarlyEnd = errors.New("broken JPEG: the data of a scan end early")
