package npy_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/sink/npy"
)

const numpyFiles = "../../testdata/npz/" // written by make.py there

func TestArchive(t *testing.T) {
	for _, file := range []string{"stored.npz", "deflated.npz"} {
		a, err := npy.OpenArchive(numpyFiles + file)
		require.NoError(t, err)
		defer a.Close()
		read := func(name string) []float32 {
			x := a.Find(name)
			require.NotNil(t, x, name)
			values, err := x.Values()
			require.NoError(t, err)
			require.Len(t, values, x.Len())
			return values
		}
		for _, kind := range []string{"f2", "f4", "f8"} {
			for prefix, order := range map[string]string{"little": "<", "big": ">"} {
				for _, layout := range []string{"C", "F"} {
					x := a.Find(prefix + kind + "_" + layout)
					require.Equal(t, []int{2, 3, 4}, x.Dims)
					require.Equal(t, order+kind, x.Type)
					require.Equal(t, layout == "F", x.Fortran)
					for i, v := range read(x.Name) {
						require.Equal(t, float32(i)*0.5-3, v, "%s[%d]", x.Name, i)
					}
				}
			}
		}
		require.Equal(t, []float32{1.5}, read("scalar"))
		require.Empty(t, read("empty"))
		require.Equal(t, []float32{1, 1}, read("block/conv:0"))
		require.Nil(t, a.Find("nothing"))
		for name, kind := range map[string]string{"names": "<U2", "integers": "<i8"} {
			x := a.Find(name)
			require.Equal(t, kind, x.Type)
			_, err := x.Values()
			require.ErrorContains(t, err, "its type is "+kind+": want float32, float64 or float16")
		}
		if large := a.Find("large_F"); file == "deflated.npz" {
			require.Equal(t, []int{3, 40, 100}, large.Dims)
			for i, v := range read("large_F") {
				require.EqualValues(t, i, v)
			}
		}
	}
}

// archive makes a zip of one or more entries.
func archive(t testing.TB, names []string, data []byte, change func(h *zip.FileHeader)) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		if change != nil {
			change(h)
		}
		w, err := z.CreateHeader(h)
		require.NoError(t, err)
		_, err = w.Write(data)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

func TestArchiveErrors(t *testing.T) {
	good := npy.AppendFloats(npy.Header("<f4", 2, 3), make([]float32, 6))
	noise := append([]byte(nil), good...)
	binary.LittleEndian.PutUint32(noise[len(noise)-8:], math.Float32bits(77))
	var damaged []byte
	{
		stored := archive(t, []string{"a.npy"}, noise, func(h *zip.FileHeader) { h.Method = zip.Store })
		at := bytes.Index(stored, noise[len(noise)-8:])
		stored[at] ^= 1
		damaged = stored
	}
	var squeezed bytes.Buffer
	w, err := flate.NewWriter(&squeezed, 9)
	require.NoError(t, err)
	_, err = w.Write(good)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	var bomb bytes.Buffer
	z := zip.NewWriter(&bomb)
	raw, err := z.CreateRaw(&zip.FileHeader{Name: "a.npy", Method: zip.Deflate, CompressedSize64: uint64(squeezed.Len()), UncompressedSize64: 1 << 40})
	require.NoError(t, err)
	_, err = raw.Write(squeezed.Bytes())
	require.NoError(t, err)
	require.NoError(t, z.Close())

	dir := t.TempDir()
	for want, data := range map[string][]byte{
		"is no .npz file":                       []byte("hello"),
		"two arrays are called \"a\"":           archive(t, []string{"a.npy", "a.npy"}, good, nil),
		"array \"a\": truncated or broken":      archive(t, []string{"a.npy"}, good[:len(good)-4], nil),
		"array \"a\": not a .npy file":          archive(t, []string{"a.npy"}, []byte("some text in a file"), nil),
		"array \"a\": no array: 0 bytes":        archive(t, []string{"a.npy"}, nil, nil),
		"bytes cannot hold 1099511627776":       bomb.Bytes(),
		"array \"a\": zip: checksum error":      damaged,
		"array \"a\": truncated or broken: a h": archive(t, []string{"a.npy"}, append([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), make([]byte, 99)...), nil),
		"4294967296 4294967297":                 archive(t, []string{"a.npy"}, file(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967297), }\n"), nil),
	} {
		path := filepath.Join(dir, "x.npz")
		require.NoError(t, os.WriteFile(path, data, 0o666))
		a, err := npy.OpenArchive(path)
		if err == nil {
			_, err = a.Arrays[0].Values()
			a.Close()
		} else {
			require.Contains(t, err.Error(), path+": ")
		}
		require.ErrorContains(t, err, want)
	}
	_, err = npy.OpenArchive(filepath.Join(dir, "nothing.npz"))
	require.ErrorContains(t, err, "nothing.npz: no such file")
	_, err = npy.OpenArchive(dir)
	require.ErrorContains(t, err, "is a directory")
}

// FuzzArchive: whatever the bytes, an error or arrays that fit the file.
func FuzzArchive(f *testing.F) {
	good := npy.AppendFloats(npy.Header("<f4", 2, 3), make([]float32, 6))
	f.Add(archive(f, []string{"a.npy", "b.npy", "c.txt"}, good, nil))
	f.Add(archive(f, []string{"a.npy"}, good, func(h *zip.FileHeader) { h.Method = zip.Store }))
	if data, err := os.ReadFile(numpyFiles + "stored.npz"); err == nil {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := npy.ReadArchive(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for _, x := range a.Arrays {
			if values, err := x.Values(); err == nil {
				require.LessOrEqual(t, len(values), 1200*len(data))
			}
		}
	})
}
