package image

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"golang.org/x/image/tiff/lzw"

	"github.com/featx-go/featx/internal/unzstd"
)

// The compressions that are read.
const (
	tiffRaw, tiffFax, tiffFax3, tiffFax4, tiffLZW, tiffJPEG, tiffDeflate = 1, 2, 3, 4, 5, 7, 8
	tiffPackBits, tiffOldDeflate, tiffZstd                               = 32773, 32946, 50000
)

// What errors call what is not read.
var (
	tiffCompressions = map[int]string{
		6: "the JPEG of TIFF's version 6.0 of 1992", 9: "JBIG", 10: "JBIG", 32766: "NeXT", 32771: "words", 32809: "ThunderScan", 34661: "JBIG", 34676: "SGI LogLuv", 34677: "SGI LogLuv",
		33003: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 34887: "LERC", 34892: "lossy JPEG (DNG)", 34925: "LZMA", 34933: "PNG", 34934: "JPEG XR", 22610: "JPEG XR", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
	}
	tiffPhotometrics = map[int]string{
		tiffWhiteIsZero: "white is zero", tiffBlackIsZero: "grey", tiffRGB: "RGB", tiffPalette: "palette", 4: "transparency mask", tiffCMYK: "CMYK", tiffYCbCr: "YCbCr",
		8: "CIE L*a*b*", 9: "ICC L*a*b*", 10: "ITU L*a*b*", 32803: "a camera's colour filter array", 32844: "LogL", 32845: "LogLuv", 34892: "a camera's linear raw",
	}
	tiffFormats = map[int]string{tiffUint: "unsigned", tiffInt: "signed", tiffFloat: "floating point", 4: "undefined", 5: "complex", 6: "complex"}
)

func named(names map[int]string, n int) string {
	if name, ok := names[n]; ok {
		return name
	}
	return fmt.Sprint("number ", n)
}

// decompressors is about what they take of memory.
func (d *tiffDecoder) decompressors() int64 {
	each := int64(16 << 10)
	switch d.compression {
	case tiffLZW:
		each += 40 << 10
	case tiffDeflate, tiffOldDeflate:
		each += 48 << 10
	case tiffZstd:
		each += maxTIFFWindow
	}
	return each * int64(d.planes())
}

// readPieces reads strips or tiles, row by row: a piece is never in memory as a whole, unless JPEG compresses it.
func (d *tiffDecoder) readPieces(m *RGB) error {
	across, down := d.pieces()
	if d.compression == tiffJPEG {
		var err error
		if d.tables, err = d.bytes(tiffJPEGTables, 1<<20); err != nil {
			return err
		}
		d.tables = bytes.TrimSuffix(d.tables, []byte{0xff, eoi})
		if d.jpegs.most = 0; d.memory.most > 0 {
			d.jpegs.most = max(1, d.memory.most-d.memory.taken)
		}
	}
	planes := make([]tiffPiece, d.planes())
	rows := newTIFFRows(d)
	for py := range down {
		for px := range across {
			for i := range planes {
				if err := d.open(&planes[i], (i*down+py)*across+px); err != nil {
					return err
				}
			}
			x, y := px*d.pw, py*d.ph
			w, h := min(d.pw, m.W-x), min(d.ph, m.H-y)
			if err := rows.read(planes, w, h, func(i int) []uint8 { return m.row(y + i)[3*x : 3*(x+w)] }); err != nil {
				return err
			}
		}
	}
	return nil
}

// tiffPiece is a strip or tile of all channels, or of one.
type tiffPiece struct {
	rows    io.Reader // decompressed; fax gives one row in each call
	packed  *bufio.Reader
	flate   io.ReadCloser
	unzstd  *unzstd.Reader
	samples int // of a pixel, in this piece
	whole   []byte
}

// maxTIFFWindow bounds the memory that Zstandard can ask for.
const maxTIFFWindow = 8 << 20

// open begins piece number i.
func (d *tiffDecoder) open(p *tiffPiece, i int) error {
	p.samples = d.samples / d.planes()
	at, err := d.number(&d.offsets, uint64(i))
	if err != nil {
		return err
	}
	if at >= uint64(d.size) {
		return io.ErrUnexpectedEOF
	}
	n := uint64(d.size) - at // some writers forget the lengths
	if d.counts.count > 0 && d.compression != tiffRaw {
		if n, err = d.number(&d.counts, uint64(i)); err != nil {
			return err
		}
		if n > uint64(d.size)-at {
			return io.ErrUnexpectedEOF
		}
	}
	var data io.Reader = io.NewSectionReader(d.r, int64(at), int64(n))
	switch {
	case d.compression == tiffJPEG:
		data = io.MultiReader(bytes.NewReader(d.tables), data)
	case d.reversed:
		data = reversedReader{data}
	}
	if p.packed == nil {
		p.packed = bufio.NewReaderSize(nil, 4<<10)
	}
	p.packed.Reset(data)
	if d.compression == tiffJPEG {
		return d.openJPEG(p)
	}
	kind := faxRows
	switch d.compression {
	case tiffRaw:
		p.rows = p.packed
	case tiffLZW:
		if head, _ := p.packed.Peek(2); len(head) == 2 && head[0] == 0 && head[1]&1 == 1 {
			return rareTIFF("compressed with the LZW of TIFF 4")
		}
		p.rows = lzw.NewReader(p.packed, lzw.MSB, 8)
	case tiffDeflate, tiffOldDeflate:
		if p.flate == nil {
			p.flate, err = zlib.NewReader(p.packed)
		} else {
			err = p.flate.(zlib.Resetter).Reset(p.packed, nil)
		}
		p.rows = p.flate
	case tiffZstd:
		if p.unzstd == nil {
			p.unzstd, err = unzstd.NewReader(p.packed, maxTIFFWindow)
		} else {
			err = p.unzstd.Reset(p.packed)
		}
		p.rows = p.unzstd
	case tiffPackBits:
		p.rows = &packBits{r: p.packed}
	case tiffFax4:
		kind++
		fallthrough
	case tiffFax3:
		kind++
		fallthrough
	case tiffFax:
		if d.bits != 1 || p.samples != 1 {
			return brokenTIFF("fax compression of %d channels of %d bits", p.samples, d.bits)
		}
		if d.pw > maxFaxWidth {
			return rareTIFF("with fax compression of rows of %d pixels", d.pw)
		}
		p.rows = newFaxReader(p.packed, kind, kind == faxGroup3 && d.fax&1 != 0, d.pw)
	default:
		return rareTIFF("compressed with %s", named(tiffCompressions, d.compression))
	}
	return tiffData(err)
}

// tiffData is an error of decompressing.
func tiffData(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errEarlyPiece
	}
	return brokenTIFF("the data of a strip or tile: %w", err)
}

// openJPEG decodes a piece as a whole. libtiff, too, makes RGB of YCbCr here, with libjpeg's upsampling.
func (d *tiffDecoder) openJPEG(p *tiffPiece) error {
	if d.bits != 8 || d.format == tiffFloat {
		return rareTIFF("with JPEG compression of %d bits per channel", d.bits)
	}
	w, h := d.pw, d.ph
	j := jpegDecoder{bitReader: bitReader{r: p.packed, data: &d.jpegs.data}, isa: d.isa, limit: max(int64(w)*int64(h), 64*64), memory: &d.jpegs}
	comps, err := j.planes()
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errEarlyPiece
	}
	if err != nil {
		return fmt.Errorf("in a TIFF: %w", err)
	}
	if len(comps) != p.samples || j.w < w {
		return brokenTIFF("a JPEG of %d x %d pixels and %d channels where %d x %d and %d belong", j.w, j.h, len(comps), w, h, p.samples)
	}
	if err := d.jpegs.more(int64(j.w) * int64(j.h) * int64(len(comps))); err != nil {
		return err
	}
	p.whole = grow(&p.whole, w*j.h*len(comps))
	var up, in [4][]uint8
	for i := range comps {
		up[i] = grow(&d.jpegs.rows[i], comps[i].w*comps[i].hr)
	}
	for y := range j.h {
		for i := range comps {
			in[i] = comps[i].upsampled(d.isa, up[i], y)[:w]
		}
		row := p.whole[y*w*len(comps):][:w*len(comps)]
		if d.photometric == tiffYCbCr && len(comps) == 3 {
			yccRow(d.isa, row, &in)
			continue
		}
		interleave(row, in[:len(comps)], 1)
	}
	p.rows = bytes.NewReader(p.whole)
	return nil
}

// interleave puts samples of so many bytes side by side.
func interleave(dst []uint8, in [][]uint8, size int) {
	for i, plane := range in {
		for j, k := size*i, 0; j < len(dst); j, k = j+size*len(in), k+size {
			copy(dst[j:j+size], plane[k:k+size])
		}
	}
}

// tiffRows makes rows of pixels of rows of strips and tiles.
type tiffRows struct {
	*tiffDecoder
	line   []uint8   // of a row's bytes, the channels of a pixel side by side
	planes [][]uint8 // of these, where they are apart
	pixels []uint8   // of subsampled YCbCr, for subY rows: Y, Cb and Cr of each
}

func newTIFFRows(d *tiffDecoder) *tiffRows {
	r := &tiffRows{tiffDecoder: d, line: make([]uint8, d.rowBytes())}
	if d.planes() > 1 {
		each := len(r.line) / d.samples
		all := make([]uint8, len(r.line))
		for i := range d.samples {
			r.planes = append(r.planes, all[i*each:][:each])
		}
	}
	if d.subX*d.subY > 1 {
		r.line = make([]uint8, ceilDiv(d.pw, d.subX)*(d.subX*d.subY+2))
		r.pixels = make([]uint8, d.subY*3*d.pw)
	}
	return r
}

// read reads h rows of a piece, of which w pixels belong to the picture.
func (r *tiffRows) read(pieces []tiffPiece, w, h int, row func(y int) []uint8) error {
	if r.pixels != nil {
		return r.readSubsampled(&pieces[0], h, row)
	}
	for y := range h {
		for i := range r.planes {
			if err := r.samplesOf(&pieces[i], r.planes[i]); err != nil {
				return err
			}
		}
		if r.planes != nil {
			interleave(r.line, r.planes, r.bits/8)
		} else if err := r.samplesOf(&pieces[0], r.line); err != nil {
			return err
		}
		r.row(row(y), r.line)
	}
	return nil
}

// samplesOf reads one row of a piece, without what predicted it.
func (r *tiffRows) samplesOf(p *tiffPiece, line []uint8) error {
	if _, err := io.ReadFull(p.rows, line); err != nil {
		if r.compression == tiffRaw && (err == io.EOF || err == io.ErrUnexpectedEOF) {
			return io.ErrUnexpectedEOF
		}
		return tiffData(err)
	}
	switch r.compression {
	case tiffLZW, tiffDeflate, tiffOldDeflate, tiffZstd:
		switch r.predictor {
		case 2:
			addUp(line, r.bits/8, p.samples, r.order)
		case 3:
			addUpFloats(line, p.samples, r.order)
		}
	}
	return nil
}

// addUp undoes horizontal differencing of numbers of so many bytes.
func addUp(line []uint8, size, samples int, order binary.ByteOrder) {
	switch step := size * samples; size {
	case 1:
		for i := step; i < len(line); i++ {
			line[i] += line[i-step]
		}
	case 2:
		for i := step; i+2 <= len(line); i += 2 {
			order.PutUint16(line[i:], order.Uint16(line[i:])+order.Uint16(line[i-step:]))
		}
	case 4:
		for i := step; i+4 <= len(line); i += 4 {
			order.PutUint32(line[i:], order.Uint32(line[i:])+order.Uint32(line[i-step:]))
		}
	}
}

// addUpFloats undoes the floating-point predictor of Adobe's TIFF technical note 3: a row has all highest bytes first, then all second ones, ..., as differences.
func addUpFloats(line []uint8, samples int, order binary.ByteOrder) {
	addUp(line, 1, samples, order)
	n := len(line) / 4
	apart := bytes.Clone(line)
	for i := range n {
		order.PutUint32(line[4*i:], uint32(apart[i])<<24|uint32(apart[n+i])<<16|uint32(apart[2*n+i])<<8|uint32(apart[3*n+i]))
	}
}

// readSubsampled reads units of subX x subY samples of Y, then one of Cb and Cr.
func (r *tiffRows) readSubsampled(p *tiffPiece, h int, row func(y int) []uint8) error {
	unit := r.subX*r.subY + 2
	for y := 0; y < h; y += r.subY {
		if err := r.samplesOf(p, r.line); err != nil {
			return err
		}
		for i := range min(r.subY, h-y) {
			line := r.pixels[i*3*r.pw:][:3*r.pw]
			for x := range r.pw {
				u := r.line[x/r.subX*unit:][:unit]
				line[3*x], line[3*x+1], line[3*x+2] = u[i*r.subX+x%r.subX], u[unit-2], u[unit-1]
			}
			r.row(row(y+i), line)
		}
	}
	return nil
}

// reversedReader gives bytes with their bits in the other order.
type reversedReader struct{ r io.Reader }

func (r reversedReader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	for i, v := range b[:n] {
		b[i] = bits.Reverse8(v)
	}
	return n, err
}

// packBits decodes Apple's run-length encoding: a number n and n+1 bytes, or a negative one and a byte to be repeated 1-n times.
type packBits struct {
	r      *bufio.Reader
	left   int
	repeat int // the byte; -1: the bytes follow
}

func (p *packBits) Read(b []byte) (n int, err error) {
	for p.left == 0 {
		c, err := p.r.ReadByte()
		if err != nil {
			return 0, err
		}
		switch v := int8(c); {
		case v >= 0:
			p.left, p.repeat = int(v)+1, -1
		case v > -128:
			again, err := p.r.ReadByte()
			if err != nil {
				return 0, err
			}
			p.left, p.repeat = 1-int(v), int(again)
		}
	}
	b = b[:min(len(b), p.left)]
	if n = len(b); p.repeat < 0 {
		n, err = p.r.Read(b)
	} else {
		for i := range b {
			b[i] = uint8(p.repeat)
		}
	}
	p.left -= n
	return n, err
}
