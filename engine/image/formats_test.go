package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// formats are the pictures of testdata/images/formats with the size and hash of Pillow's pixels: as they are, and turned upright.
func formats(t testing.TB) map[string]struct{ Pixels, Upright string } {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(pictures, "formats.json"))
	require.NoError(t, err)
	var all map[string]struct{ Pixels, Upright string }
	require.NoError(t, json.Unmarshal(text, &all))
	require.Greater(t, len(all), 20)
	return all
}

func readFormat(t testing.TB, name string) []byte {
	t.Helper()
	return read(t, filepath.Join("formats", name))
}

func hashed(m *RGB) string { return fmt.Sprintf("%dx%d %x", m.W, m.H, sha256.Sum256(m.Pix)) }

// Every format, as it is and turned upright, gives Pillow's pixels, with memory that other pictures have used too.
func TestFormatsLikePillow(t *testing.T) {
	plain, upright := new(Decoder), &Decoder{ApplyOrientation: true}
	for name, want := range formats(t) {
		if want.Upright == "" {
			want.Upright = want.Pixels
		}
		data := readFormat(t, name)
		if m, err := plain.Decode(bytes.NewReader(data)); err != nil || hashed(m) != want.Pixels {
			t.Errorf("%s: other pixels than Pillow's (%v)", name, err)
		}
		if m, err := upright.Decode(bytes.NewReader(data)); err != nil || hashed(m) != want.Upright {
			t.Errorf("%s, turned: other pixels than Pillow's (%v)", name, err)
		}
	}
}

// Turning takes memory too, and asks for it.
func TestOrientationMemory(t *testing.T) {
	data := readFormat(t, "exif-6.jpg")
	limit := int64(1)
	for ; ; limit++ {
		if _, err := (&Decoder{MaxMemory: limit}).Decode(bytes.NewReader(data)); err == nil {
			break
		}
	}
	_, err := (&Decoder{MaxMemory: limit, ApplyOrientation: true}).Decode(bytes.NewReader(data))
	require.ErrorContains(t, err, "too large for the memory that there is")
	_, err = (&Decoder{MaxMemory: limit + 3*23*17, ApplyOrientation: true}).Decode(bytes.NewReader(data))
	require.NoError(t, err)
}
