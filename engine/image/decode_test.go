package image

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	stdimage "image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/featx-go/featx/kernels"
)

const pictures = "../../testdata/images" // made by make.py there

// files are the pictures of testdata for which there is a golden.
func files(t testing.TB) []string {
	t.Helper()
	golden, err := filepath.Glob(filepath.Join(pictures, "golden", "*.png"))
	if err != nil || len(golden) < 80 {
		t.Fatalf("%d goldens in %s (%v)", len(golden), pictures, err)
	}
	names := make([]string, len(golden))
	for i, g := range golden {
		names[i] = strings.TrimSuffix(filepath.Base(g), ".png")
	}
	return names
}

// readPNG reads an 8-bit RGB PNG without the code under test.
func readPNG(t testing.TB, path string) *RGB {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	rgba := img.(*stdimage.RGBA)
	m := NewRGB(rgba.Rect.Dx(), rgba.Rect.Dy())
	for i := range m.W * m.H {
		copy(m.Pix[3*i:3*i+3], rgba.Pix[4*i:])
	}
	return m
}

// difference is the largest and the mean absolute difference of two lists of bytes.
func difference(a, b []uint8) (largest int, mean float64) {
	sum := 0
	for i := range a {
		d := max(int(a[i])-int(b[i]), int(b[i])-int(a[i]))
		largest = max(largest, d)
		sum += d
	}
	return largest, float64(sum) / float64(len(a))
}

func TestDecodeLikePillow(t *testing.T) {
	for _, name := range files(t) {
		got, err := DecodeFile(filepath.Join(pictures, name))
		if err != nil {
			t.Error(err)
			continue
		}
		want := readPNG(t, filepath.Join(pictures, "golden", name+".png"))
		if got.W != want.W || got.H != want.H {
			t.Errorf("%s: %d x %d, want %d x %d", name, got.W, got.H, want.W, want.H)
			continue
		}
		largest, mean := difference(got.Pix, want.Pix)
		t.Logf("%-32s largest difference %d, mean %.4f", name, largest, mean)
		if largest > 0 {
			t.Errorf("%s: differs by up to %d, mean %.4f", name, largest, mean)
		}
	}
}

// The README's picture and the shared photographs, decoded and through torchvision's pipeline.
func TestPhotographsLikePillow(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(pictures, "samples.json"))
	if err != nil {
		t.Fatal(err)
	}
	var samples map[string]struct {
		Width, Height    int
		Decoded, Cropped string
	}
	if err := json.Unmarshal(text, &samples); err != nil {
		t.Fatal(err)
	}
	data := os.Getenv("FEATX_DATA")
	if data == "" {
		data = "../../../shared/data"
	}
	recipe := Torchvision(256, 224)
	var worst [2]int
	var means [2]float64
	done := 0
	for name, s := range samples {
		path := filepath.Join(data, "images", name)
		if name == "ship.jpg" {
			path = filepath.Join(pictures, name)
		} else if _, err := os.Stat(filepath.Join(data, "images")); err != nil {
			continue
		}
		m, err := DecodeFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if m.W != s.Width || m.H != s.Height {
			t.Errorf("%s: %d x %d, want %d x %d", name, m.W, m.H, s.Width, s.Height)
		}
		cropped, err := recipe.Pixels(m)
		if err != nil {
			t.Error(err)
			continue
		}
		for i, c := range []struct {
			what string
			m    *RGB
			want string
		}{{"decoded", m, s.Decoded}, {"resized and cropped", cropped, s.Cropped}} {
			want, err := base64.StdEncoding.DecodeString(c.want)
			if err != nil || len(want) == 0 {
				t.Fatal(name, err)
			}
			got := make([]uint8, len(want))
			for j := range got {
				got[j] = c.m.Pix[uint64(j)*0x9E3779B97F4A7C15>>32%uint64(len(c.m.Pix))]
			}
			largest, mean := difference(got, want)
			worst[i], means[i] = max(worst[i], largest), means[i]+mean
			if largest > 0 {
				t.Errorf("%s, %s: differs by up to %d, mean %.3f", name, c.what, largest, mean)
			}
		}
		done++
	}
	t.Logf("%d pictures: decoded, largest difference %d, mean %.4f; after resize and crop %d, %.4f",
		done, worst[0], means[0]/float64(done), worst[1], means[1]/float64(done))
	if done < len(samples) {
		t.Skipf("%d photographs not compared: no folder %s/images (set FEATX_DATA)", len(samples)-done, data)
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(pictures, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// wantError fails unless err has all the parts, in one line.
func wantError(t *testing.T, what string, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want %q", what, parts)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %q, want one line with %q", what, err, p)
		}
	}
}

// manyScans is a progressive picture whose last bits of DC come again and again.
func manyScans(t *testing.T) []byte {
	data := read(t, "progressive-420-53x37.jpg")
	start := bytes.LastIndex(data, []byte("\xff\xda\x00\x0c\x03"))
	end := start + 14
	for data[end] != 0xff || data[end+1] == 0 {
		end++
	}
	return slices.Concat(data[:end], bytes.Repeat(data[start:end], 200), data[end:])
}

func TestDecodeFileErrors(t *testing.T) {
	changed := func(from, to string) []byte {
		data := read(t, "420-53x37.jpg")
		if !bytes.Contains(data, []byte(from)) {
			t.Fatalf("no %x in the picture", from)
		}
		return bytes.ReplaceAll(data, []byte(from), []byte(to))
	}
	dir := t.TempDir()
	bomb := append([]byte(pngSignature+"\x00\x00\x00\x0dIHDR"), 0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60, 8, 2, 0, 0, 0, 1, 2, 3, 4)
	bombJPEG := []byte("\xff\xd8\xff\xc0\x00\x11\x08\xea\x60\xea\x60\x03\x01\x22\x00\x02\x11\x00\x03\x11\x00")
	for _, c := range []struct {
		name string
		data []byte
		want []string
	}{
		{"empty.jpg", nil, []string{"0 bytes"}},
		{"text.jpg", []byte("Dear Sir or Madam,\nwhere is the picture? Schöne Grüße"), []string{"not a picture of a known format", "looks like text"}},
		{"movie.jpg", []byte("\x00\x00\x00\x18ftypmp42"), []string{"not a picture of a known format", "video"}},
		{"bomb.gif", []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00"), []string{"too large", "65535 x 65535"}},
		{"frame.gif", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00,\xff\xff\x00\x00\x01\x00\xff\xff\x00\x02"), []string{"too large", "65536 x 65535"}},
		{"no-frame.gif", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), []string{"ends without a picture"}},
		{"junk.png", []byte{0, 1, 2, 3, 4, 5}, []string{"not a picture of a known format", "00 01 02 03"}},
		{"bomb.png", bomb, []string{"too large", "60000 x 60000", "178 million"}},
		{"bomb.jpg", bombJPEG, []string{"too large", "60000 x 60000"}},
		{"huge.png", append([]byte(pngSignature+"\x00\x00\x00\x0dIHDR"), 0x80, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0), []string{"too large", "2147483649 x 1"}},
		{"flat.png", append([]byte(pngSignature+"\x00\x00\x00\x0dIHDR"), 0, 0, 0, 7, 0, 0, 0, 0, 8, 2, 0, 0, 0), []string{"broken picture", "7 x 0"}},
		{"short.png", []byte(pngSignature), []string{"truncated"}},
		{"lossless.jpg", []byte("\xff\xd8\xff\xc3\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00"), []string{"SOF3", "lossless"}},
		{"12bit.jpg", []byte("\xff\xd8\xff\xc1\x00\x0b\x0c\x00\x10\x00\x10\x01\x01\x11\x00"), []string{"12 bits"}},
		{"two.jpg", []byte("\xff\xd8\xff\xc0\x00\x0e\x08\x00\x10\x00\x10\x02\x01\x11\x00\x02\x11\x00"), []string{"2 channels"}},
		{"no-height.jpg", []byte("\xff\xd8\xff\xc0\x00\x0b\x08\x00\x00\x00\x10\x01\x01\x11\x00"), []string{"16 x 0"}},
		{"ratio.jpg", changed("\x03\x01\x22\x00\x02\x11", "\x03\x01\x31\x00\x02\x21"), []string{"fractional sampling ratio 3:2 x 1:1", "save it"}},
		{"mcu.jpg", changed("\x03\x01\x22\x00\x02\x11", "\x03\x01\x44\x00\x02\x11"), []string{"18 blocks per unit"}},
		{"factor.jpg", changed("\x03\x01\x22\x00\x02\x11", "\x03\x01\x20\x00\x02\x11"), []string{"sampling factors 2 x 0"}},
		{"channel.jpg", changed("\xff\xda\x00\x0c\x03\x01", "\xff\xda\x00\x0c\x03\x07"), []string{"unknown channel"}},
		{"twice.jpg", changed("\xff\xda\x00\x0c\x03\x01", "\xff\xda\x00\x0c\x03\x02"), []string{"same channel twice"}},
		{"no-dht.jpg", changed("\xff\xc4", "\xff\xe9"), []string{"Huffman table"}},
		{"no-dqt.jpg", changed("\xff\xdb", "\xff\xe9"), []string{"quantisation table"}},
		{"header.bmp", []byte("BM\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00"), []string{"BMP with a header of a rare kind (16 bytes)"}},
		{"no-sof.jpg", changed("\xff\xc0", "\xff\xe9"), []string{"scan before the frame header"}},
		{"no-sos.jpg", changed("\xff\xda", "\xff\xe9"), []string{"without data for channel 1"}},
		{"early-end.jpg", append(read(t, "420-53x37.jpg")[:900], 0xff, 0xd9), []string{"end early"}},
		{"scans.jpg", manyScans(t), []string{"more than 200 scans"}},
	} {
		path := filepath.Join(dir, c.name)
		if err := os.WriteFile(path, c.data, 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := DecodeFile(path)
		wantError(t, c.name, err, append(c.want, path+": ")...)
	}
	_, err := DecodeFile(filepath.Join(dir, "missing.jpg"))
	wantError(t, "missing", err, filepath.Join(dir, "missing.jpg")+": no such file")
	_, err = DecodeFile(dir)
	wantError(t, "directory", err, dir+": is a directory")
	_, err = Decode(iotest.ErrReader(fmt.Errorf("the disk is on fire")))
	wantError(t, "reader", err, "on fire")
}

func TestTruncated(t *testing.T) {
	for _, name := range []string{"ship.jpg", "420-53x37.jpg", "progressive-420-53x37.jpg", "ycck-adobe-420-53x37.jpg", "420-restart-53x37.jpg", "rgb8.png", "palette4-interlaced.png"} {
		data := read(t, name)
		if len(data) > 1<<14 {
			data = data[:1<<14]
		}
		step := max(1, len(data)/400)
		for n := 2; n < len(data); n += step {
			m, err := Decode(bytes.NewReader(data[:n]))
			if err == nil {
				t.Errorf("%s cut after %d of %d bytes: a picture of %d x %d, want an error", name, n, len(data), m.W, m.H)
			} else if strings.Contains(err.Error(), "EOF") {
				t.Errorf("%s cut after %d bytes: %v", name, n, err)
			}
		}
	}
	if _, err := Decode(bytes.NewReader(append(read(t, "420-53x37.jpg"), "trailing junk"...))); err != nil {
		t.Errorf("junk behind the picture: %v", err)
	}
}

// What the standard library decodes gives the pixels that Decode gives: exactly
// from PNG, and within its rounding of the inverse DCT from JPEG.
func TestFromImage(t *testing.T) {
	for _, name := range files(t) {
		data := read(t, name)
		decode, limit := png.Decode, 0
		if strings.HasSuffix(name, ".jpg") {
			decode, limit = jpeg.Decode, 3
		}
		std, err := decode(bytes.NewReader(data))
		if err != nil && limit == 0 {
			t.Fatal(name, err)
		}
		switch std.(type) {
		case nil: // a kind of JPEG that it does not read
			continue
		case *stdimage.CMYK, *stdimage.RGBA:
			if limit > 0 {
				continue // it has converted the colours in its own way
			}
		case *stdimage.NRGBA64:
			if name == "grey16-trns.png" {
				continue // it no longer tells that this was grey
			}
		}
		want, err := Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		got := FromImage(std)
		if largest, mean := difference(got.Pix, want.Pix); largest > limit || mean > 0.2 {
			t.Errorf("%s: FromImage(%T) differs from Decode by up to %d, mean %.3f", name, std, largest, mean)
		}
	}

	// A part of a picture, and a type that is not known, give the pixels that At gives.
	for _, src := range []stdimage.Image{
		stdimage.NewGray(stdimage.Rect(0, 0, 9, 8)), stdimage.NewNRGBA(stdimage.Rect(0, 0, 9, 8)), stdimage.NewRGBA(stdimage.Rect(0, 0, 9, 8)),
		stdimage.NewRGBA64(stdimage.Rect(0, 0, 9, 8)), stdimage.NewNRGBA64(stdimage.Rect(0, 0, 9, 8)), stdimage.NewPaletted(stdimage.Rect(0, 0, 9, 8), color.Palette{color.Black, color.RGBA{9, 8, 7, 255}, color.White}),
	} {
		for y := range 8 {
			for x := range 9 {
				src.(draw.Image).Set(x, y, color.RGBA{uint8(20 * x), uint8(30 * y), uint8(x * y), 255})
			}
		}
		part := src.(interface {
			SubImage(stdimage.Rectangle) stdimage.Image
		}).SubImage(stdimage.Rect(2, 3, 7, 6))
		got := FromImage(part)
		for y := range 3 {
			for x := range 5 {
				r, g, b, _ := src.At(2+x, 3+y).RGBA()
				if want := (color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}); got.At(x, y) != want {
					t.Fatalf("%T at %d, %d: %v, want %v", part, x, y, got.At(x, y), want)
				}
			}
		}
		hidden := struct{ stdimage.Image }{part}
		if !bytes.Equal(FromImage(hidden).Pix, got.Pix) {
			t.Errorf("%T behind an interface: other pixels", part)
		}
	}

	// Alpha is dropped, not blended.
	for _, c := range []color.Color{color.NRGBA{200, 100, 50, 128}, color.NRGBA{200, 100, 50, 1}} {
		n := stdimage.NewNRGBA(stdimage.Rect(0, 0, 1, 1))
		n.Set(0, 0, c)
		if got := FromImage(n).At(0, 0); got != (color.RGBA{200, 100, 50, 255}) {
			t.Errorf("NRGBA %v: %v", c, got)
		}
	}
	r := stdimage.NewRGBA(stdimage.Rect(0, 0, 1, 1))
	r.Set(0, 0, color.NRGBA{200, 100, 50, 128})
	if d, _ := difference(FromImage(r).Pix, []uint8{200, 100, 50}); d > 1 {
		t.Errorf("premultiplied: %v", FromImage(r).Pix)
	}
	ycc := stdimage.NewYCbCr(stdimage.Rect(0, 0, 16, 16), stdimage.YCbCrSubsampleRatio420)
	for i := range ycc.Cb {
		ycc.Cb[i] = uint8(i * 3)
	}
	if got := FromImage(ycc.SubImage(stdimage.Rect(3, 3, 10, 9))); got.W != 7 || got.H != 6 {
		t.Errorf("odd part of a YCbCr: %d x %d", got.W, got.H)
	}
	if m := FromImage(stdimage.NewRGBA(stdimage.Rect(0, 0, 0, 5))); len(m.Pix) != 0 {
		t.Error("an empty picture has pixels")
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range files(f) {
		f.Add(read(f, name))
	}
	for name := range formats(f) {
		f.Add(readFormat(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := (&Decoder{ApplyOrientation: true, MaxPixels: 1 << 18, MaxMemory: 1 << 26}).Decode(bytes.NewReader(data))
		if err == nil && (m.W < 1 || m.H < 1 || len(m.Pix) != 3*m.W*m.H) {
			t.Errorf("a picture of %d x %d with %d bytes", m.W, m.H, len(m.Pix))
		}
		if err != nil && strings.Contains(err.Error(), "runtime error") {
			t.Errorf("panic: %v", err)
		}
	})
}

// Every instruction set gives the pixels, and the values for the network, of portable Go.
func TestDecodeISA(t *testing.T) {
	recipe := Torchvision(90, 75)
	p, err := recipe.Preparer()
	if err != nil {
		t.Fatal(err)
	}
	var decoders []*Decoder
	for _, isa := range kernels.All() {
		decoders = append(decoders, &Decoder{ISA: isa.String()})
	}
	for _, name := range append(files(t), "ship.jpg") {
		data := read(t, name)
		var pixels []uint8
		var values []float32
		for i, isa := range kernels.All() {
			m, err := decoders[i].Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(name, err)
			}
			x := make([]float32, recipe.Len())
			p.Use(isa)
			if err := p.Apply(x, m); err != nil {
				t.Fatal(name, err)
			}
			if i == 0 {
				pixels, values = m.Pix, x
			}
			if !bytes.Equal(m.Pix, pixels) || !slices.Equal(x, values) {
				t.Errorf("%s: %s differs from generic", name, isa)
			}
		}
	}
	_, err = (&Decoder{ISA: "mmx"}).Decode(bytes.NewReader(read(t, "ship.jpg")))
	wantError(t, "unknown instruction set", err, `"mmx"`)
}

// The shared photographs, decoded and prepared, by a decoder and a preparer that are kept: milliseconds of one.
func BenchmarkPhotographs(b *testing.B) {
	paths, _ := filepath.Glob(filepath.Join(cmp.Or(os.Getenv("FEATX_DATA"), "../../../shared/data"), "images", "*"))
	if len(paths) == 0 {
		b.Skip("no folder images with photographs (set FEATX_DATA)")
	}
	var photos [][]byte
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		photos = append(photos, data)
	}
	recipe := Torchvision(256, 224)
	p, err := recipe.Preparer()
	if err != nil {
		b.Fatal(err)
	}
	x := make([]float32, recipe.Len())
	for _, isa := range kernels.All() {
		p.Use(isa)
		d := Decoder{ISA: isa.String()}
		run := func(what string, prepare bool) {
			b.Run(what+"/"+isa.String(), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					m, err := d.Decode(bytes.NewReader(photos[i%len(photos)]))
					if err == nil && prepare {
						err = p.Apply(x, m)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("decode", false)
		run("prepared", true)
	}
}

func BenchmarkDecodeShip(b *testing.B) {
	data := read(b, "ship.jpg")
	for b.Loop() {
		if _, err := Decode(bytes.NewReader(data)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStandardLibraryShip(b *testing.B) {
	data := read(b, "ship.jpg")
	for b.Loop() {
		if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil {
			b.Fatal(err)
		}
	}
}

// A picture that takes more memory than there is is refused before it is spent; what is reckoned is about what decoding allocates.
func TestMaxMemory(t *testing.T) {
	photo := stdimage.NewYCbCr(stdimage.Rect(0, 0, 1200, 900), stdimage.YCbCrSubsampleRatio420)
	for i := range photo.Y {
		photo.Y[i] = uint8(i * i >> 8)
	}
	deep := stdimage.NewNRGBA64(stdimage.Rect(0, 0, 700, 500))
	for i := range deep.Pix {
		deep.Pix[i] = uint8(i * i >> 8)
	}
	var jpg, png16 bytes.Buffer
	if err := errors.Join(jpeg.Encode(&jpg, photo, nil), png.Encode(&png16, deep)); err != nil {
		t.Fatal(err)
	}
	encoded := map[string][]byte{"jpg": jpg.Bytes(), "png": png16.Bytes()}
	for _, name := range files(t) {
		data, err := os.ReadFile(filepath.Join(pictures, name))
		if err != nil {
			t.Fatal(err)
		}
		encoded[name] = data
	}
	for name := range formats(t) {
		if !strings.HasSuffix(name, ".tif") || len(name)%4 == 0 { // of the many, some
			encoded[name] = readFormat(t, name)
		}
	}
	for name, data := range encoded {
		allocated := func(limit int64) (n int64, err error) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err = (&Decoder{MaxMemory: limit}).Decode(bytes.NewReader(data))
			runtime.ReadMemStats(&after)
			return int64(after.TotalAlloc - before.TotalAlloc), err
		}
		took, err := allocated(0)
		if err != nil {
			t.Fatal(err)
		}
		const tables = 250 << 10                                         // buffers of files, Huffman and zlib tables
		least := int64(1) + int64(sort.Search(32<<20, func(i int) bool { // limit under which it is decoded
			_, err := (&Decoder{MaxMemory: int64(i) + 1}).Decode(bytes.NewReader(data))
			return err == nil
		}))
		if took > least+tables || least > 2*took {
			t.Errorf("%s: reckoned %d bytes, took %d", name, least, took)
		}
		if spent, err := allocated(least - 1); err == nil || !strings.Contains(err.Error(), "too large for the memory that there is") || spent > tables {
			t.Errorf("%s: %v with %d of %d bytes, %d spent", name, err, least-1, least, spent)
		}
	}
}
