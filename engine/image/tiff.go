package image

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/featx-go/featx/kernels"
)

// tiffDecoder reads the first picture of a TIFF 6.0 or BigTIFF file. golang.org/x/image/tiff lacks most of what such files hold
// (planes, floats, 2 and 4 bits, fax in two dimensions, JPEG, BigTIFF, Zstandard) and reads strips before it knows their size, so the directory is read here. This file
// reads it, tiff_pieces.go decompresses strips and tiles, tiff_rows.go makes RGB of rows.
type tiffDecoder struct {
	tiffFile
	isa    kernels.ISA
	memory *memory
	jpegs  memory // of JPEG-compressed pieces, one after the other

	w, h, bits, samples       int
	compression, photometric  int
	planar, predictor, format int
	reversed                  bool // the lowest bit of a byte comes first
	associated                bool // colours are multiplied by alpha
	tiled                     bool
	pw, ph                    int // of a strip or tile
	offsets, counts           tiffField
	tables                    []byte // of JPEG
	fax                       int    // T4Options
	subX, subY                int    // pixels of a chroma sample
	row                       tiffRow
}

// The tags that are read, and the values that matter.
const (
	tiffWidth, tiffLength, tiffBits, tiffCompression, tiffPhotometric = 256, 257, 258, 259, 262
	tiffFillOrder, tiffStripOffsets, tiffSamples, tiffRowsPerStrip    = 266, 273, 277, 278
	tiffStripCounts, tiffPlanar, tiffT4Options, tiffPredictor         = 279, 284, 292, 317
	tiffColorMap, tiffTileWidth, tiffTileLength, tiffTileOffsets      = 320, 322, 323, 324
	tiffTileCounts, tiffExtraSamples, tiffSampleFormat                = 325, 338, 339
	tiffJPEGTables, tiffCoefficients, tiffSubsampling, tiffReference  = 347, 529, 530, 532
	tiffXMP                                                           = 700

	tiffWhiteIsZero, tiffBlackIsZero, tiffRGB, tiffPalette, tiffCMYK, tiffYCbCr = 0, 1, 2, 3, 5, 6

	tiffUint, tiffInt, tiffFloat = 1, 2, 3
)

func brokenTIFF(format string, args ...any) error {
	return fmt.Errorf("broken TIFF: "+format, args...)
}

func rareTIFF(format string, args ...any) error {
	return fmt.Errorf("a TIFF "+format+"; save it as PNG, or as TIFF with LZW compression", args...)
}

// isTIFF takes the headers that Pillow takes, two of them wrong.
func isTIFF(head []byte) bool {
	return len(head) >= 4 && slices.Contains([]string{"II*\x00", "MM\x00*", "II\x00*", "MM*\x00", "II+\x00", "MM\x00+"}, string(head[:4]))
}

// decodeTIFF reads a TIFF of so many bytes. Like Pillow it turns the picture upright, whether or not that is asked for.
func decodeTIFF(r io.ReaderAt, size int64, isa kernels.ISA, limit int64, memory *memory) (*RGB, error) {
	d := tiffDecoder{tiffFile: tiffFile{r: r, size: size}, isa: isa, memory: memory}
	if err := d.readDirectory(); err != nil {
		return nil, err
	}
	if err := d.readLayout(limit); err != nil {
		return nil, err
	}
	if err := d.readFormat(); err != nil {
		return nil, err
	}
	orientation, err := d.orientation()
	if err != nil {
		return nil, err
	}
	m := memory.picture(d.w, d.h)
	if err := d.readPieces(m); err != nil {
		return nil, err
	}
	return orient(m, orientation, memory)
}

// tiffFile is the structure of a file, without a meaning.
type tiffFile struct {
	r      io.ReaderAt
	size   int64
	order  binary.ByteOrder
	fields map[uint16]tiffField
}

// tiffField is an array of numbers somewhere in the file.
type tiffField struct {
	kind  uint16
	count uint64
	at    int64

	page  []byte // of values, from number first on
	first uint64
}

// tiffSizes are the sizes of the kinds of numbers.
var tiffSizes = [...]int64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}

func (f *tiffFile) read(b []byte, at int64) error {
	if at < 0 || at > f.size-int64(len(b)) {
		return io.ErrUnexpectedEOF
	}
	_, err := f.r.ReadAt(b, at)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// maxTIFFFields bounds a directory; the classic format could have no more.
const maxTIFFFields = 1<<16 - 1

// readDirectory reads the first directory.
func (f *tiffFile) readDirectory() error {
	var b [16]byte
	if err := f.read(b[:8], 0); err != nil {
		return err
	}
	f.order = binary.LittleEndian
	if b[0] == 'M' {
		f.order = binary.BigEndian
	}
	big := b[2] == '+' || b[3] == '+'
	at, n, counted, entry := int64(f.order.Uint32(b[4:])), uint64(0), int64(2), int64(12)
	if big {
		if err := f.read(b[:], 0); err != nil {
			return err
		}
		at, counted, entry = int64(f.order.Uint64(b[8:])), 8, 20
	}
	if err := f.read(b[:counted], at); err != nil {
		return err
	}
	if n = uint64(f.order.Uint16(b[:])); big {
		n = f.order.Uint64(b[:])
	}
	if n > maxTIFFFields {
		return brokenTIFF("a directory of %d fields", n)
	}
	entries := make([]byte, min(int64(n)*entry, max(0, f.size-at-counted)))
	if err := f.read(entries, at+counted); err != nil {
		return err
	}
	if int64(len(entries)) < int64(n)*entry {
		return io.ErrUnexpectedEOF
	}
	f.fields = make(map[uint16]tiffField)
	for i := range int64(n) {
		e := entries[i*entry:][:entry]
		v := tiffField{kind: f.order.Uint16(e[2:]), count: uint64(f.order.Uint32(e[4:])), at: at + counted + i*entry + 8}
		inline := uint64(4)
		if big {
			v.count, v.at, inline = f.order.Uint64(e[4:]), v.at+4, 8
		}
		if int(v.kind) >= len(tiffSizes) || tiffSizes[v.kind] == 0 {
			continue
		}
		if v.count > inline/uint64(tiffSizes[v.kind]) {
			if v.at = int64(f.order.Uint32(e[8:])); big {
				v.at = int64(f.order.Uint64(e[12:]))
			}
		}
		f.fields[f.order.Uint16(e)] = v
	}
	return nil
}

// number gives number i of a field.
func (f *tiffFile) number(v *tiffField, i uint64) (uint64, error) {
	size := uint64(tiffSizes[v.kind])
	if i >= v.count || v.count > uint64(f.size) {
		return 0, io.ErrUnexpectedEOF
	}
	if i < v.first || (i-v.first)*size >= uint64(len(v.page)) {
		const values = 512
		n := int64(min(values, v.count-i) * size)
		at := v.at + int64(i*size)
		if v.at < 0 || at > f.size-int64(size) {
			return 0, io.ErrUnexpectedEOF
		}
		v.page, v.first = make([]byte, min(n, (f.size-at)/int64(size)*int64(size))), i
		if err := f.read(v.page, at); err != nil {
			return 0, err
		}
	}
	b := v.page[(i-v.first)*size:]
	switch v.kind {
	case 1, 2, 6, 7:
		return uint64(b[0]), nil
	case 3, 8:
		return uint64(f.order.Uint16(b)), nil
	case 4, 9, 11, 13:
		return uint64(f.order.Uint32(b)), nil
	}
	return f.order.Uint64(b), nil
}

// value is the first number of a field, or the default where the file has none.
func (f *tiffFile) value(tag uint16, otherwise int) (int, error) {
	v, ok := f.fields[tag]
	if !ok || v.count == 0 {
		return otherwise, nil
	}
	if v.kind == 5 || v.kind >= 10 && v.kind <= 12 {
		return 0, brokenTIFF("field %d is not a whole number", tag)
	}
	n, err := f.number(&v, 0)
	if n > 1<<32 {
		return 0, brokenTIFF("field %d is %d", tag, n)
	}
	return int(n), err
}

// values are the first numbers of a field, at most so many.
func (f *tiffFile) values(tag uint16, most uint64) ([]int, error) {
	v := f.fields[tag]
	all := make([]int, min(v.count, most))
	for i := range all {
		n, err := f.number(&v, uint64(i))
		if err != nil {
			return nil, err
		}
		all[i] = int(n)
	}
	return all, nil
}

// bytes are those of a field, at most so many.
func (f *tiffFile) bytes(tag uint16, most int64) ([]byte, error) {
	v := f.fields[tag]
	b := make([]byte, min(int64(min(v.count, uint64(f.size))), most))
	return b, f.read(b, v.at)
}

// readLayout finds out what the picture is and where.
func (d *tiffDecoder) readLayout(limit int64) error {
	fill, resolved := 1, 0
	for _, f := range []struct {
		to               *int
		tag              uint16
		otherwise, least int
	}{
		{&d.w, tiffWidth, 0, 0}, {&d.h, tiffLength, 0, 0}, {&d.compression, tiffCompression, tiffRaw, 0}, {&d.photometric, tiffPhotometric, tiffWhiteIsZero, 0},
		{&d.samples, tiffSamples, 1, 1}, {&d.planar, tiffPlanar, 1, 0}, {&d.predictor, tiffPredictor, 1, 0}, {&fill, tiffFillOrder, 1, 0},
		{&d.pw, tiffTileWidth, 0, 0}, {&d.ph, tiffTileLength, 0, 0}, {&d.fax, tiffT4Options, 0, 0}, {&d.format, tiffSampleFormat, tiffUint, 0}, {&resolved, tiffRowsPerStrip, math.MaxInt32, 1},
	} {
		var err error
		if *f.to, err = d.value(f.tag, f.otherwise); err != nil {
			return err
		}
		if *f.to < f.least {
			return brokenTIFF("field %d is %d", f.tag, *f.to)
		}
	}
	if err := checkSize(int64(d.w), int64(d.h), limit); err != nil {
		return err
	}
	if d.planar == 2 { // planes of unknown meaning behind the others do not matter
		extra, err := d.values(tiffExtraSamples, 1<<16)
		if err != nil {
			return err
		}
		if len(extra) < d.samples && !slices.ContainsFunc(extra, func(kind int) bool { return kind != 0 }) {
			d.samples -= len(extra)
		}
	}
	const maxSamples = 16
	if d.samples > maxSamples {
		return rareTIFF("of %d channels", d.samples)
	}
	d.reversed = fill == 2
	var ok bool
	if d.offsets, ok = d.fields[tiffStripOffsets]; ok {
		d.counts = d.fields[tiffStripCounts]
		d.pw, d.ph = d.w, min(resolved, d.h)
	} else if d.offsets, ok = d.fields[tiffTileOffsets]; ok {
		d.tiled, d.counts = true, d.fields[tiffTileCounts]
		if d.pw == 0 || d.ph == 0 {
			return brokenTIFF("tiles of %d x %d pixels", d.pw, d.ph)
		}
		if err := checkSize(int64(d.pw), int64(d.ph), max(limit, 1<<20)); err != nil {
			return fmt.Errorf("tiles: %w", err)
		}
	} else {
		return brokenTIFF("neither strips nor tiles")
	}
	var bits [maxSamples]int
	all, err := d.values(tiffBits, maxSamples)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		all = []int{1}
	}
	for i := range bits {
		bits[i] = all[min(i, len(all)-1)]
	}
	if d.bits = bits[0]; d.bits < 1 {
		return brokenTIFF("%d bits per channel", d.bits)
	}
	if slices.ContainsFunc(bits[:d.samples], func(b int) bool { return b != d.bits }) {
		return rareTIFF("of %v bits per channel", bits[:d.samples])
	}
	formats, err := d.values(tiffSampleFormat, maxSamples)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(formats, func(f int) bool { return f != d.format }) {
		return rareTIFF("of channels of different formats")
	}
	return nil
}

// pieces is how many strips or tiles lie side by side and below each other.
func (d *tiffDecoder) pieces() (across, down int) { return ceilDiv(d.w, d.pw), ceilDiv(d.h, d.ph) }

// planes is in how many places the channels of a pixel are.
func (d *tiffDecoder) planes() int {
	if d.planar == 2 {
		return d.samples
	}
	return 1
}

// rowBytes is the length of a row of a strip or tile, of all its planes.
func (d *tiffDecoder) rowBytes() int64 { return (int64(d.pw)*int64(d.samples)*int64(d.bits) + 7) / 8 }

// orientation is what Pillow's exif_transpose would find.
func (d *tiffDecoder) orientation() (int, error) {
	about := metadata{}
	if n, err := d.value(orientationTag, 0); err != nil || n != 0 {
		return n, err
	}
	var err error
	about.xmp, err = d.bytes(tiffXMP, maxMetadata)
	return about.orientation(), err
}

var errEarlyPiece = errors.New("broken TIFF: the data of a strip or tile end early")
