package image

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type heifGolden struct {
	Width, Height, Orientation int
	Pixels                     string
}

func heifs(t *testing.T) map[string]heifGolden {
	text, err := os.ReadFile(filepath.Join(pictures, "heif.json"))
	require.NoError(t, err)
	var all map[string]heifGolden
	require.NoError(t, json.Unmarshal(text, &all))
	require.Greater(t, len(all), 15)
	return all
}

// A build without the decoders says which has them; one with them gives the pixels of Pillow and pillow-heif, but for how chroma is enlarged.
func TestHEIF(t *testing.T) {
	for name, want := range heifs(t) {
		data := read(t, filepath.Join("heif", name))
		m, err := (&Decoder{}).Decode(bytes.NewReader(data))
		if heifPixels == nil {
			wantError(t, name, err, strings.ToUpper(strings.TrimPrefix(filepath.Ext(name), "."))+": this build of featx does not read it", "tags heif and nodynamic")
			continue
		}
		require.NoError(t, err, name)
		pixels, err := base64.StdEncoding.DecodeString(want.Pixels)
		require.NoError(t, err)
		require.Equal(t, []int{want.Width, want.Height}, []int{m.W, m.H}, name)
		largest, mean := difference(m.Pix, pixels)
		t.Logf("%-16s largest difference %d, mean %.3f", name, largest, mean)
		switch {
		case strings.HasPrefix(name, "42"):
			require.Less(t, mean, 8.0, name)
		case strings.HasPrefix(name, "alpha"): // colours are multiplied by alpha on the way
			require.Less(t, mean, 2.0, name)
		default:
			require.Zero(t, largest, name)
		}
		if want.Orientation > 1 && strings.HasSuffix(name, ".avif") {
			turned, err := orient(&RGB{W: m.W, H: m.H, Pix: bytes.Clone(m.Pix)}, want.Orientation, new(memory))
			require.NoError(t, err)
			got, err := (&Decoder{ApplyOrientation: true}).Decode(bytes.NewReader(data))
			require.NoError(t, err)
			require.Equal(t, turned, got, name)
		}
	}
}

// What is damaged is an error of its picture, and of the next ones none.
func TestHEIFDamaged(t *testing.T) {
	if heifPixels == nil {
		t.Skip("no decoders in this build: give the tags heif and nodynamic")
	}
	for _, name := range []string{"444.avif", "444.heic"} {
		data := read(t, filepath.Join("heif", name))
		for n := 20; n < len(data)-1; n += 1 + len(data)/40 {
			_, err := Decode(bytes.NewReader(data[:n]))
			require.Error(t, err, "%s cut after %d bytes", name, n)
		}
		_, err := (&Decoder{MaxPixels: 31*23 - 1}).Decode(bytes.NewReader(data))
		wantError(t, name, err, "too large: its header says")
		_, err = (&Decoder{MaxMemory: 1 << 20}).Decode(bytes.NewReader(data))
		wantError(t, name, err, "too large for the memory that there is")
		broken := bytes.Clone(data)
		for i := bytes.Index(broken, []byte("mdat")) + 4; i < len(broken); i++ {
			broken[i] ^= byte(i * 7)
		}
		_, err = Decode(bytes.NewReader(broken))
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "\n")
		_, err = Decode(bytes.NewReader(data))
		require.NoError(t, err)
	}
}

func TestHEIFKind(t *testing.T) {
	for head, want := range map[string]string{
		"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1miaf": "AVIF", "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic": "HEIC",
		"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic": "HEIC", "\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00miafavif": "AVIF",
		"\x00\x00\x00\x14ftypmif1\x00\x00\x00\x00miafavif": "", "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isomavif": "", "ftyp": "",
	} {
		require.Equal(t, want, heifKind([]byte(head)), "%q", head)
	}
}

func FuzzHEIFBoxes(f *testing.F) {
	for _, name := range []string{"444.avif", "444.heic", "exif-6.avif"} {
		f.Add(read(f, filepath.Join("heif", name)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := heif{kind: "AVIF", matrix: 2}
		if b.boxes(data, 0) == nil {
			b.orientation()
		}
	})
}
