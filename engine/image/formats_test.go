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

// BMP where Pillow errs: an odd absolute run of 4 bits, and a jump.
func TestBMPRuns(t *testing.T) {
	for bits, rows := range map[byte]string{4: "\x00\x03\x12\x30\x02\x44\x00\x00\x00\x01", 8: "\x01\x01\x00\x02\x02\x00\x02\x04\x00\x00\x00\x01"} {
		file := "BM\x00\x00\x00\x00\x00\x00\x00\x00\x4a\x00\x00\x00\x28\x00\x00\x00\x05\x00\x00\x00\x01\x00\x00\x00\x01\x00" + string([]byte{bits, 0, 3 - bits/4}) +
			"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00\x01\x01\x01\x00\x02\x02\x02\x00\x03\x03\x03\x00\x04\x04\x04\x00" + rows
		m, err := Decode(bytes.NewReader([]byte(file)))
		require.NoError(t, err)
		want := map[byte][]uint8{4: {1, 2, 3, 4, 4}, 8: {1, 0, 0, 4, 4}}[bits]
		for x, v := range want {
			require.Equal(t, v, m.Pix[3*x], "%d bits, pixel %d", bits, x)
		}
	}
}
