package source

import (
	"archive/tar"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A folder's pipes and devices are no pictures, nor are links to them, which would keep whoever opens them waiting; a link to nothing is one that fails.
func TestFolderOfOddThings(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "pipe.jpg"), 0o600))
	for link, to := range map[string]string{"link.jpg": "pipe.jpg", "device.jpg": "/dev/null", "nothing.jpg": "missing.jpg"} {
		require.NoError(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	s := Paths([]string{dir}, Options{})
	defer s.Close()
	item, err := s.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "nothing.jpg"), item.Name)
	_, err = item.Open()
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = s.Next(t.Context())
	require.Error(t, err, "one picture")
}

// Members that point out of their archive are rows like others, within its name.
func TestMembersOutside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tar")
	f, err := os.Create(path)
	require.NoError(t, err)
	w := tar.NewWriter(f)
	for _, name := range []string{"/etc/a.jpg", "../../b.jpg", "c/../../d.jpg", "../.hidden/e.jpg"} {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: 1}))
		_, err := w.Write([]byte("x"))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, f.Close())
	s := Paths([]string{path}, Options{})
	defer s.Close()
	for _, want := range []string{"/etc/a.jpg", "/b.jpg", "/d.jpg"} {
		item, err := s.Next(t.Context())
		require.NoError(t, err)
		require.Equal(t, path+want, item.Name)
	}
	_, err = s.Next(t.Context())
	require.Error(t, err)
}
