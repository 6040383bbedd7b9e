package source_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/source"
)

// resumed checks that skipping some items leaves the rest as it is, and counting finds as many.
func resumed(t *testing.T, paths []string, o source.Options, want []string) {
	t.Helper()
	require.Equal(t, len(want), source.Count(t.Context(), paths, o))
	for skip := range len(want) + 1 {
		s := source.Paths(paths, o)
		for _, w := range want[:skip] {
			name, err := s.Skip(t.Context())
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(w, name+": "), "%s, not %s", name, w)
		}
		require.Equal(t, append([]string(nil), want[skip:]...), all(t, s, 2))
	}
}

func TestArchives(t *testing.T) {
	t.Chdir("testdata")
	long := strings.Repeat("a", 90) + "/" + strings.Repeat("b", 90) + ".jpg"
	for _, name := range []string{"gnu.tar", "posix.tar", "ustar.tar", "gnu.tgz", "gnu.tar.bz2", "gnu.tar.zst", "bsd.tar.gz", "python.tar", "info.zip", "streamed.zip", "python.zip"} {
		t.Run(name, func(t *testing.T) {
			want := []string{name + "/one.jpg: one\n", name + "/sub/two.PNG: two\n", name + "/ä.jpeg: ä\n", name + "/" + long + ": long\n"}
			require.Equal(t, want, all(t, source.Paths([]string{name}, source.Options{}), 0))
			resumed(t, []string{name}, source.Options{}, want)
		})
	}
	for name, want := range map[string][]string{
		"links.tar": {"/one.jpg: one\n", `/link.jpg: error: is a link to "one.jpg", and links in archives are not followed`,
			`/hard.jpg: error: is a link to "one.jpg", and links in archives are not followed`},
		"sparse.tar":    {"/sparse.jpg: " + strings.Repeat("\x00", 100000) + "end"},
		"encrypted.zip": {"/one.jpg: error: is encrypted"},
		"lzma.zip":      {"/one.jpg: error: is compressed with method 14; deflate (8) and none (0) can be read"},
	} {
		for i := range want {
			want[i] = name + want[i]
		}
		require.Equal(t, want, all(t, source.Paths([]string{name}, source.Options{}), 0))
		resumed(t, []string{name}, source.Options{}, want)
	}
	require.Equal(t, []string{"gnu.tar/one.jpg: error: 4 bytes; at most 3 are read, --max-bytes allows more"},
		all(t, source.Paths([]string{"gnu.tar"}, source.Options{MaxBytes: 3}), 0)[:1])
	require.Equal(t, []string{"info.zip/one.jpg: error: 4 bytes; at most 3 are read, --max-bytes allows more"},
		all(t, source.Paths([]string{"info.zip"}, source.Options{MaxBytes: 3}), 0)[:1])
}

// Wherever an archive ends too early, what was before comes, and then an error.
func TestTruncatedArchives(t *testing.T) {
	whole, err := os.ReadFile("testdata/gnu.tar")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	tarEnd := 0
	for i := range len(whole) {
		if whole[i] != 0 {
			tarEnd = i + 1
		}
	}
	tarEnd = (tarEnd+511)/512*512 + 512 // a block of zeros
	check := func(name string, data []byte, complete bool) {
		write(t, name, data)
		list := all(t, source.Paths([]string{name}, source.Options{}), 0)
		last := list[len(list)-1]
		require.Equal(t, !complete, strings.Contains(last, "error: "), "%d bytes: %q", len(data), list)
		require.Len(t, list, source.Count(t.Context(), []string{name}, source.Options{}), "%d bytes", len(data))
	}
	for n := 0; n <= len(whole); n += 64 {
		check("t.tar", whole[:n], n == tarEnd || n >= tarEnd+512)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(whole)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for n := range packed.Len() - 40 {
		check("t.tgz", packed.Bytes()[:n], false)
	}
	write(t, "noise.tar", bytes.Repeat([]byte("noise"), 1000))
	require.Equal(t, []string{"noise.tar: error: the archive is broken at byte 512 of what it holds, behind 0 pictures: archive/tar: invalid tar header; what follows is not read"},
		all(t, source.Paths([]string{"noise.tar"}, source.Options{}), 0))
	write(t, "noise.tgz", []byte("noise noise noise"))
	require.Equal(t, []string{"noise.tgz: error: its compression cannot be read: gzip: invalid header"}, all(t, source.Paths([]string{"noise.tgz"}, source.Options{}), 0))
	write(t, "noise.zip", []byte("noise"))
	require.Equal(t, []string{"noise.zip: error: the archive cannot be read: zip: not a valid zip file"}, all(t, source.Paths([]string{"noise.zip"}, source.Options{}), 0))
	write(t, "none.tar", make([]byte, 1024))
	require.Equal(t, []string{"none.tar: error: no pictures (.jpg, .jpeg, .png, .gif, .bmp, .tif, .tiff, .webp, .avif, .heic, .heif) in this archive"}, all(t, source.Paths([]string{"none.tar"}, source.Options{}), 0))
}

// A directory that lies about its members costs a row, not memory.
func TestLyingArchives(t *testing.T) {
	t.Chdir(t.TempDir())
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("bomb.jpg")
	require.NoError(t, err)
	_, err = w.Write(make([]byte, 1<<20))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	directory := bytes.LastIndex(b.Bytes(), []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(b.Bytes()[directory+24:], 10) // its size once inflated
	write(t, "bomb.zip", b.Bytes())
	s := source.Paths([]string{"bomb.zip"}, source.Options{})
	defer s.Close()
	item, err := s.Next(t.Context())
	require.NoError(t, err)
	_, err = item.Open()
	require.EqualError(t, err, "the archive is broken here: the size or the checksum is not what its directory says")

	b.Reset()
	tw := tar.NewWriter(&b)
	require.NoError(t, tw.WriteHeader(&tar.Header{Name: "big.jpg", Size: 200 << 20, Mode: 0o600}))
	write(t, "big.tar", b.Bytes())
	list := all(t, source.Paths([]string{"big.tar"}, source.Options{}), 0)
	require.Equal(t, []string{"big.tar/big.jpg: error: the archive is broken here: it ends too early",
		"big.tar: error: the archive is broken at byte 512 of what it holds, behind 1 pictures: it ends too early; what follows is not read"}, list)
}

// Whatever an archive holds, reading it ends, and its names stay inside.
func FuzzArchives(f *testing.F) {
	for _, name := range []string{"gnu.tar", "sparse.tar", "posix.tar", "gnu.tgz", "gnu.tar.zst", "gnu.tar.bz2", "info.zip", "streamed.zip", "python.zip"} {
		data, err := os.ReadFile("testdata/" + name)
		require.NoError(f, err)
		f.Add(name, data)
	}
	endings := []string{".tar", ".tgz", ".tar.zst", ".tar.bz2", ".zip"}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		path := filepath.Join(t.TempDir(), "a"+endings[len(name)%len(endings)])
		require.NoError(t, os.WriteFile(path, data, 0o600))
		s := source.Paths([]string{path}, source.Options{MaxBytes: 1 << 16})
		defer s.Close()
		for range 1000 {
			item, err := s.Next(t.Context())
			if err == io.EOF {
				return
			}
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(item.Name, path), item.Name)
			if item.Err == nil {
				if r, err := item.Open(); err == nil {
					n, err := io.Copy(io.Discard, r)
					require.NoError(t, err)
					require.LessOrEqual(t, n, int64(1<<16))
				}
			}
		}
	})
}
