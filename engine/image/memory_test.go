package image

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a decoder has in its memory from other pictures changes none.
func TestDecoderMemory(t *testing.T) {
	entries, err := os.ReadDir(pictures)
	require.NoError(t, err)
	entries = slices.DeleteFunc(entries, os.DirEntry.IsDir)
	var d Decoder
	reused := 0
	for round := range 2 {
		for i := range entries {
			e := entries[i]
			if round == 1 {
				e = entries[len(entries)-1-i]
			}
			data, err := os.ReadFile(filepath.Join(pictures, e.Name()))
			require.NoError(t, err)
			want, wantErr := Decode(bytes.NewReader(data))
			for i := range d.memory.pixels[:cap(d.memory.pixels)] {
				d.memory.pixels[i] = 0xa5
			}
			for c := range d.memory.samples {
				for i := range d.memory.samples[c][:cap(d.memory.samples[c])] {
					d.memory.samples[c][i] = 0x5a
				}
				for i := range d.memory.blocks[c][:cap(d.memory.blocks[c])] {
					d.memory.blocks[c][i][i%64] = 77
				}
			}
			before := cap(d.memory.pixels)
			got, err := d.Decode(bytes.NewReader(data))
			require.Equal(t, wantErr, err, e.Name())
			require.Equal(t, want, got, e.Name())
			if before > 0 && cap(d.memory.pixels) == before {
				reused++
			}
		}
	}
	require.Greater(t, reused, len(entries))
}

func TestMaxPixels(t *testing.T) {
	for _, name := range []string{"ship.jpg", "grey8.png"} {
		data, err := os.ReadFile(filepath.Join(pictures, name))
		require.NoError(t, err)
		m, err := Decode(bytes.NewReader(data))
		require.NoError(t, err)
		n := int64(m.W * m.H)
		_, err = (&Decoder{MaxPixels: n}).Decode(bytes.NewReader(data))
		require.NoError(t, err)
		_, err = (&Decoder{MaxPixels: n - 1}).Decode(bytes.NewReader(data))
		require.ErrorContains(t, err, "too large: its header says")
	}
}
