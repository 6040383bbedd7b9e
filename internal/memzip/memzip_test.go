package memzip

import (
	"archive/zip"
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func archive(t *testing.T, names ...string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i, name := range names {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: []uint16{zip.Store, zip.Deflate}[i%2]})
		require.NoError(t, err)
		_, err = w.Write(bytes.Repeat([]byte(name), 1000))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

func TestRead(t *testing.T) {
	data := archive(t, "stored", "packed")
	a, err := Open(data)
	require.NoError(t, err)
	require.Equal(t, []string{"stored", "packed"}, a.Names)
	require.False(t, a.Compressed("stored"))
	require.True(t, a.Compressed("packed"))
	for _, name := range a.Names {
		got, err := a.Read(name)
		require.NoError(t, err)
		require.Equal(t, bytes.Repeat([]byte(name), 1000), got)
	}
	stored, _ := Open(data)
	part, err := stored.Read("stored")
	require.NoError(t, err)
	at := bytes.LastIndex(data, part)    // the name, in front of it, looks alike
	require.Same(t, &data[at], &part[0]) // in place
	_, err = a.Read("none")
	require.ErrorContains(t, err, "is missing")

	// What lies in place twice is read once: files do not overlap.
	_, err = a.Read("stored")
	require.ErrorContains(t, err, "do not fit the file")

	data[at+5]++
	_, err = stored.Read("packed")
	require.NoError(t, err)
	damaged, err := Open(data)
	require.NoError(t, err)
	_, err = damaged.Read("stored")
	require.ErrorContains(t, err, "wrong checksum")
	_, err = Open(data[:len(data)-30])
	require.ErrorContains(t, err, "damaged or cut off")
	_, err = Open(archive(t, "twice", "twice"))
	require.ErrorContains(t, err, `two files "twice"`)
}

// A small file that says it unpacks to terabytes costs nothing.
func TestBomb(t *testing.T) {
	data := archive(t, "a", "bomb")
	directory := bytes.LastIndex(data, []byte("PK\x01\x02"))
	copy(data[directory+24:], "\xff\xff\xff\x7f")
	a, err := Open(data)
	require.NoError(t, err)
	_, err = a.Read("bomb")
	require.ErrorContains(t, err, "2147483647 bytes cannot be in an archive of")
}
