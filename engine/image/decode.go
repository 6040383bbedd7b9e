package image

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	stdimage "image"
	"image/png"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/featx-go/featx/kernels"
)

// MaxPixels is the largest picture, in pixels, that Decode reads: the number
// from which Pillow, too, takes a picture for a decompression bomb.
const MaxPixels = 178_956_970

// Formats names the formats that Decode reads.
const Formats = "JPEG, PNG, GIF (first frame), BMP, TIFF (first page), WebP (first frame)"

// Endings are those of the names of pictures' files. Some are of formats that Decode reads only in a build with the tag heif: it says so.
var Endings = []string{".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".avif", ".heic", ".heif"}

// Decode reads a picture of one of the [Formats], told apart by its content. The result has
// the pixels of Pillow's Image.open(f).convert("RGB"): alpha is dropped, EXIF
// orientation (but see [Decoder]; of TIFF it is applied, as Pillow does without being asked) and colour profiles are not looked at. A picture that is truncated
// or broken, or larger than [MaxPixels], is an error.
func Decode(r io.Reader) (*RGB, error) { return new(Decoder).Decode(r) }

// Decoder decodes one picture after the other and uses its memory again.
type Decoder struct {
	MaxPixels int64 // a larger picture is refused before memory is spent on it; 0 is [MaxPixels]
	MaxMemory int64 // bytes; so is a picture that takes more to decode, the result included; 0 is no limit

	// ApplyOrientation turns pictures upright as their EXIF says, which is Pillow's ImageOps.exif_transpose. The frameworks do not, but to TIFF: it is always turned.
	ApplyOrientation bool

	// Reduce is what pictures will be resized to, if they may be decoded at 1/2, 1/4 or 1/8 for that: a JPEG is, as far as it stays at least twice as large both ways, which is quicker.
	// It then has the pixels of Pillow's Image.draft for twice the size, and [Recipe.Apply] resizes it to where the whole picture would come. The values differ a little from the
	// whole picture's. The zero value decodes every picture whole.
	Reduce Resize

	// ISA is generic, avx2, avx512 or neon; "" is the variable FEATX_ISA, or else the best of this CPU. The pixels are the same.
	ISA string

	reader *bufio.Reader
	isa    kernels.ISA // chosen with the reader
	memory memory
}

// Decode is the function [Decode], but for the limit. The picture is valid until the next call.
func (d *Decoder) Decode(r io.Reader) (m *RGB, err error) {
	// No decoder is known to panic, but files come from anywhere.
	defer func() {
		if p := recover(); p != nil {
			m, err = nil, fmt.Errorf("broken picture: %v", p)
		}
	}()
	if d.reader == nil {
		if d.isa, err = kernels.Select(d.ISA); err != nil {
			return nil, err
		}
		d.reader = bufio.NewReaderSize(nil, 1<<16)
	}
	br := d.reader
	br.Reset(r)
	defer br.Reset(nil)
	limit := d.MaxPixels
	if limit == 0 {
		limit = MaxPixels
	}
	d.memory.most, d.memory.held = d.MaxMemory, 0
	var about *metadata
	if d.ApplyOrientation {
		about = new(metadata)
	}
	head, err := br.Peek(512)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case len(head) == 0:
		return nil, errors.New("no picture: 0 bytes")
	case bytes.HasPrefix(head, []byte("\xff\xd8")):
		m, err = decodeJPEG(br, d.isa, d.Reduce, limit, &d.memory, about)
	case bytes.HasPrefix(head, []byte(pngSignature)):
		m, err = decodePNG(br, head, limit, &d.memory, about)
	case bytes.HasPrefix(head, []byte("BM")) && !isText(head):
		m, err = decodeBMP(br, limit, &d.memory)
	case bytes.HasPrefix(head, []byte("GIF87a")), bytes.HasPrefix(head, []byte("GIF89a")):
		m, err = decodeGIF(br, limit, &d.memory)
	case bytes.HasPrefix(head, []byte("RIFF")) && len(head) >= 12 && string(head[8:12]) == "WEBP":
		m, err = decodeWebP(br, limit, &d.memory, about)
	case isTIFF(head):
		var at io.ReaderAt
		var size int64
		if at, size, err = d.memory.randomAccess(r, br); err == nil {
			m, err = decodeTIFF(at, size, d.isa, limit, &d.memory)
		}
	case heifKind(head) != "":
		m, err = decodeHEIF(br, heifKind(head), limit, &d.memory, about)
	default:
		return nil, fmt.Errorf("not a picture of a known format (%s): %s", Formats, looksLike(head))
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = errors.New("truncated: the file ends before the picture does")
	}
	if err != nil {
		return nil, err
	}
	if about != nil {
		return orient(m, about.orientation(), &d.memory)
	}
	return m, nil
}

// bestISA is the instruction set of what has no choice of its own: that of the variable FEATX_ISA, or else the best of this CPU.
var bestISA = sync.OnceValue(func() kernels.ISA {
	isa, err := kernels.Select("")
	if err != nil {
		return kernels.Generic
	}
	return isa
})

// DecodeFile is [Decode] for the file at path. Its errors begin with the path.
func DecodeFile(path string) (*RGB, error) { return new(Decoder).DecodeFile(path) }

// DecodeFile is [Decoder.Decode] for the file at path. Its errors begin with the path.
func (d *Decoder) DecodeFile(path string) (*RGB, error) {
	f, err := os.Open(path)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s: is a directory, not a picture", path)
	}
	m, err := d.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// checkSize refuses pictures before memory is spent on them.
func checkSize(w, h, limit int64) error {
	if w <= 0 || h <= 0 {
		return fmt.Errorf("broken picture: its header says %d x %d pixels", w, h)
	}
	if uint64(w)*uint64(h) > uint64(limit) {
		return fmt.Errorf("too large: its header says %d x %d pixels, the limit is %s", w, h, brief(limit))
	}
	return nil
}

// brief is a number of pixels as people say it.
func brief(pixels int64) string {
	if pixels < 1_000_000 {
		return fmt.Sprint(pixels)
	}
	return fmt.Sprintf("%d million", pixels/1_000_000)
}

const pngSignature = "\x89PNG\r\n\x1a\n"

// decodePNG reads a PNG whose first bytes are head, and what it says about itself if that is wanted.
func decodePNG(r io.Reader, head []byte, limit int64, memory *memory, about *metadata) (*RGB, error) {
	const ihdr = len(pngSignature) + 8 // width, height, bit depth, colour type
	if len(head) < ihdr+10 {
		return nil, io.ErrUnexpectedEOF
	}
	if string(head[ihdr-4:ihdr]) != "IHDR" {
		return nil, errors.New("broken PNG: it does not begin with its header (IHDR)")
	}
	w, h := binary.BigEndian.Uint32(head[ihdr:]), binary.BigEndian.Uint32(head[ihdr+4:])
	if err := checkSize(int64(w), int64(h), limit); err != nil {
		return nil, err
	}
	// The standard library's picture, twice where it is interlaced or has a transparent colour, and ours.
	perPixel := 3 + 2*4
	if head[ihdr+8] == 16 {
		perPixel = 3 + 2*8
	}
	if err := memory.check(int64(perPixel) * int64(w) * int64(h)); err != nil {
		return nil, err
	}
	if about != nil {
		p := &pngMetadata{r: r}
		defer func() { *about = p.metadata }()
		r = p
	}
	img, err := png.Decode(r)
	if err != nil && strings.HasSuffix(err.Error(), io.ErrUnexpectedEOF.Error()) { // not wrapped, in some places
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	if n, ok := img.(*stdimage.NRGBA64); ok && head[ihdr+9] == 0 {
		// 16-bit grey with a transparent colour: clipped like 16-bit grey without one.
		m := NewRGB(int(w), int(h))
		for y := range m.H {
			grey16Row(m.row(y), n.Pix[y*n.Stride:], 8)
		}
		return m, nil
	}
	return FromImage(img), nil
}

// looksLike says what a file seems to be that is no picture for us.
func looksLike(head []byte) string {
	for _, k := range []struct {
		offset      int
		magic, name string
	}{
		{4, "ftypmif1", "another kind of HEIF"}, {4, "ftyp", "a video"}, {0, "\x00\x00\x00\x0cJXL ", "a JPEG XL"},
		{0, "\x00\x00\x00\x0cjP  ", "a JPEG 2000"}, {0, "%PDF", "a PDF"}, {0, "PK\x03\x04", "a zip"}, {0, "\x1f\x8b", "a gzip"},
		{0, "\x93NUMPY", "a .npy array"},
	} {
		if len(head) > k.offset && bytes.HasPrefix(head[k.offset:], []byte(k.magic)) {
			return "looks like " + k.name + " file"
		}
	}
	if isText(head) {
		return "looks like text"
	}
	return fmt.Sprintf("begins with the bytes % x", head[:min(4, len(head))])
}

func isText(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError && n == 1 && len(head) >= utf8.UTFMax || r < ' ' && r != '\n' && r != '\r' && r != '\t' {
			return false
		}
		head = head[n:]
	}
	return true
}
