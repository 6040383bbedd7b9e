package image

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// tiffWith is a little-endian file of testdata with other values in its directory: tag, value pairs, the first of each field.
func tiffWith(t *testing.T, name string, changes ...uint32) []byte {
	data := readFormat(t, name)
	le := binary.LittleEndian
	at := le.Uint32(data[4:])
	for len(changes) > 0 {
		found := false
		for i := range uint32(le.Uint16(data[at:])) {
			if e := data[at+2+12*i:]; uint32(le.Uint16(e)) == changes[0] {
				found = true
				le.PutUint32(e[8:], changes[1])
				if le.Uint32(e[4:]) > 2 && changes[0] == tiffBits { // an array elsewhere
					le.PutUint32(e[4:], 1)
				}
			}
		}
		require.True(t, found, "%s has no field %d", name, changes[0])
		changes = changes[2:]
	}
	return data
}

func TestTIFFErrors(t *testing.T) {
	jpegBomb := readFormat(t, "jpeg-grey.tif")
	sof := bytes.Index(jpegBomb, []byte("\xff\xc0\x00\x0b\x08"))
	require.Positive(t, sof)
	copy(jpegBomb[sof+5:], "\xff\xdc\xff\xdc")
	for _, c := range []struct {
		what string
		data []byte
		want string
	}{
		{"LZMA", tiffWith(t, "tiff_lzw-8x3.tif", tiffCompression, 34925), "compressed with LZMA; save it as"},
		{"old JPEG", tiffWith(t, "tiff_lzw-8x3.tif", tiffCompression, 6), "JPEG of TIFF's version 6.0 of 1992"},
		{"unknown compression", tiffWith(t, "tiff_lzw-8x3.tif", tiffCompression, 4711), "compressed with number 4711"},
		{"Lab", tiffWith(t, "rgb-ii.tif", tiffPhotometric, 8), "CIE L*a*b*"},
		{"camera", tiffWith(t, "rgb-ii.tif", tiffPhotometric, 32803), "colour filter array"},
		{"half floats", tiffWith(t, "grey16-signed-ii.tif", tiffSampleFormat, 3), "1 channels of 16 bits, floating point"},
		{"64 bits", tiffWith(t, "rgb-ii.tif", tiffBits, 64), "3 channels of 64 bits"},
		{"0 bits", tiffWith(t, "rgb-ii.tif", tiffBits, 0), "0 bits per channel"},
		{"bands", tiffWith(t, "rgb-ii.tif", tiffSamples, 300), "300 channels"},
		{"wide", tiffWith(t, "rgb-ii.tif", tiffWidth, 60000, tiffLength, 60000), "too large: its header says 60000 x 60000"},
		{"flat", tiffWith(t, "rgb-ii.tif", tiffWidth, 0), "0 x 17 pixels"},
		{"tiles", tiffWith(t, "tiles-16x16.tif", tiffTileWidth, 60000, tiffTileLength, 60000), "tiles: too large"},
		{"no tiles", tiffWith(t, "tiles-16x16.tif", tiffTileWidth, 0), "tiles of 0 x 16"},
		{"strip elsewhere", tiffWith(t, "one-strip.tif", tiffStripOffsets, 1<<31), "truncated"},
		{"strips", tiffWith(t, "rgb-ii.tif", tiffRowsPerStrip, 1), "truncated"},
		{"strips of 0", tiffWith(t, "rgb-ii.tif", tiffRowsPerStrip, 0), "field 278 is 0"},
		{"short strip", tiffWith(t, "tiff_lzw-8x3.tif", tiffRowsPerStrip, 17), "end early"},
		{"predictor", tiffWith(t, "tiff_lzw-8x3-predictor.tif", tiffPredictor, 3), "predictor 3 for 8 bits"},
		{"palette", tiffWith(t, "palette1-ii.tif", tiffBits, 8), "palette of 6 values; 8 bits need 768"},
		{"no fax", tiffWith(t, "rgb-ii.tif", tiffCompression, 4), "fax compression of 3 channels"},
		{"fax", tiffWith(t, "rgb-ii.tif", tiffCompression, 4, tiffSamples, 1, tiffBits, 1, tiffPhotometric, 0), "broken TIFF: the data"},
		{"not deflate", tiffWith(t, "rgb-ii.tif", tiffCompression, 8), "broken TIFF: the data of a strip or tile: zlib"},
		{"not Zstandard", tiffWith(t, "rgb-ii.tif", tiffCompression, 50000), "broken TIFF: the data of a strip or tile"},
		{"not JPEG", tiffWith(t, "rgb-ii.tif", tiffCompression, 7), "end early"},
		{"JPEG bomb", jpegBomb, "too large: its header says 65500 x 65500"},
		{"subsampling", tiffWith(t, "ycc-22.tif", tiffSubsampling, 3|3<<16), "subsampling of 3 x 3"},
		{"directory", []byte("II*\x00\x08\x00\x00\x00\xff\xff"), "truncated"},
		{"no directory", []byte("MM\x00*\xff\xff\xff\xff"), "truncated"},
		{"directory of a BigTIFF", []byte("II+\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"), "a directory of 18446744073709551615 fields"},
		{"empty directory", []byte("II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00"), "0 x 0 pixels"},
	} {
		_, err := Decode(bytes.NewReader(c.data))
		wantError(t, c.what, err, c.want)
	}
}

// No part of a file gives a picture, whether its directory or its pixels come last.
func TestTIFFTruncated(t *testing.T) {
	for _, name := range []string{"pillow-RGB.tif", "pillow-L-lzw.tif", "fax-group4-0-0.tif", "jpeg-pillow-30.tif", "tiff_lzw-tiles.tif"} {
		data := readFormat(t, name)
		for n := 8; n < len(data)-4; n += 1 + len(data)/300 { // the last 4 bytes point to a next picture
			_, err := Decode(bytes.NewReader(data[:n]))
			require.Error(t, err, "%s cut after %d of %d bytes", name, n, len(data))
			require.NotContains(t, err.Error(), "EOF")
		}
	}
}

// A file that can be read anywhere, and from where its reader is, and one that cannot give the same pixels; the one costs no copy of the file.
func TestTIFFReaders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tif")
	data := readFormat(t, "tiles-planes.tif")
	require.NoError(t, os.WriteFile(path, append([]byte("junk"), data...), 0o666))
	want, err := Decode(bytes.NewReader(data))
	require.NoError(t, err)
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Seek(4, io.SeekStart)
	require.NoError(t, err)
	for what, r := range map[string]io.Reader{"file": f, "stream": struct{ io.Reader }{bytes.NewReader(data)}, "bytes": iotest.OneByteReader(bytes.NewReader(data))} {
		m, err := Decode(r)
		require.NoError(t, err, what)
		require.Equal(t, want.Pix, m.Pix, what)
	}
	const enough = 64 << 10 // more than decoding takes, less than a longer file
	long := append(slices.Clone(data), make([]byte, enough)...)
	_, err = (&Decoder{MaxMemory: enough}).Decode(bytes.NewReader(long))
	require.NoError(t, err)
	_, err = (&Decoder{MaxMemory: enough}).Decode(struct{ io.Reader }{bytes.NewReader(long)})
	require.ErrorContains(t, err, "too large for the memory that there is")
}

// A strip that inflates to far more than its rows costs no more than they do.
func TestTIFFDeflateBomb(t *testing.T) {
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	for range 64 {
		_, err := w.Write(make([]byte, 1<<20))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	data := tiffWith(t, "deflate-no-counts.tif", tiffStripOffsets, uint32(len(readFormat(t, "deflate-no-counts.tif"))))
	m, err := (&Decoder{MaxMemory: 100 << 10}).Decode(bytes.NewReader(append(data, packed.Bytes()...)))
	require.NoError(t, err)
	require.Equal(t, make([]uint8, 3*23*17), m.Pix)
}

func FuzzTIFF(f *testing.F) {
	for name := range formats(f) {
		if strings.HasSuffix(name, ".tif") {
			f.Add(readFormat(f, name))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !isTIFF(data) {
			return
		}
		m, err := (&Decoder{MaxPixels: 1 << 18, MaxMemory: 1 << 26}).Decode(bytes.NewReader(data))
		if err == nil && (m.W < 1 || m.H < 1 || len(m.Pix) != 3*m.W*m.H) {
			t.Errorf("a picture of %d x %d with %d bytes", m.W, m.H, len(m.Pix))
		}
		if err != nil && strings.Contains(err.Error(), "runtime error") {
			t.Errorf("panic: %v", err)
		}
	})
}
