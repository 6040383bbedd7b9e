package source_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/sink/npy"
	"github.com/featx-go/featx/source"
)

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
	require.NoError(t, os.WriteFile(path, data, 0o666))
}

// all reads a source to its end: names, each with its content or error.
func all(t *testing.T, s source.Source, length int) (list []string) {
	t.Helper()
	defer s.Close()
	for {
		item, err := s.Next(t.Context())
		if err == io.EOF {
			_, err = s.Next(t.Context())
			require.Equal(t, io.EOF, err)
			return list
		}
		require.NoError(t, err)
		text := ""
		switch {
		case item.Err != nil:
			require.Nil(t, item.Open)
			text = "error: " + item.Err.Error()
		case item.Tensor != nil:
			values := make([]float32, length)
			if err := item.Tensor(values); err != nil {
				text = "error: " + err.Error()
			} else {
				text = fmt.Sprint(values)
			}
		default:
			r, err := item.Open()
			if err != nil {
				text = "error: " + source.Reason(err).Error()
				break
			}
			data, err := io.ReadAll(r)
			require.NoError(t, err)
			require.NoError(t, r.Close())
			text = string(data)
		}
		list = append(list, item.Name+": "+text)
	}
}

func TestPaths(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "b.txt", []byte("B"))
	write(t, "p/z.jpg", []byte("Z"))
	write(t, "p/A.PNG", []byte("A"))
	write(t, "p/notes.txt", []byte("no"))
	write(t, "p/folder.jpg/deep/q.jpg", []byte("Q"))
	write(t, "p/folder.jpg/.hidden.jpg", []byte("no"))
	write(t, "p/.hidden/r.jpg", []byte("no"))
	require.NoError(t, os.Symlink("../../../p", "p/folder.jpg/deep/loop"))
	require.NoError(t, os.Mkdir("empty", 0o777))
	require.NoError(t, os.Symlink("folder.jpg", "p/link.jpg"))
	require.NoError(t, os.Symlink("z.jpg", "p/m.jpeg"))
	write(t, "many.npy", npy.AppendFloats(npy.Header("<f4", 3, 2), []float32{0, 1, 2, 3, 4, 5}))
	write(t, "one.NPY", npy.AppendFloats(npy.Header("<f4", 2), []float32{8, 9}))
	write(t, "other.npy", npy.AppendFloats(npy.Header("<f4", 1, 3), []float32{8, 9, 7}))
	paths := []string{"b.txt", "missing.jpg", "p", "empty", "many.npy", "other.npy", "one.NPY"}
	o := source.Options{Dims: []int{2}}
	want := []string{
		"b.txt: B", "missing.jpg: error: no such file or directory", "p/A.PNG: A", "p/folder.jpg/deep/q.jpg: Q", "p/link.jpg/deep/q.jpg: Q", "p/m.jpeg: Z", "p/z.jpg: Z",
		"empty: error: no pictures (.jpg, .jpeg, .png, .gif, .bmp, .tif, .tiff, .webp, .avif, .heic, .heif) in this folder",
		"many.npy[0]: [0 1]", "many.npy[1]: [2 3]", "many.npy[2]: [4 5]",
		"other.npy: error: the array is [1 3]: the network takes [2], or any number of those; another size needs --size", "one.NPY[0]: [8 9]",
	}
	require.Equal(t, want, all(t, source.Paths(paths, o), 2))
	require.Equal(t, len(want), source.Count(t.Context(), paths, o))

	// Skipping some gives their names, and leaves the rest as it is.
	for skip := range len(want) + 1 {
		s := source.Paths(paths, o)
		for _, w := range want[:skip] {
			name, err := s.Skip(t.Context())
			require.NoError(t, err)
			require.Equal(t, name+": ", w[:len(name)+2])
		}
		require.Equal(t, append([]string(nil), want[skip:]...), all(t, s, 2))
	}
	s := source.Paths(paths, o)
	ctx, stop := context.WithCancel(t.Context())
	_, err := s.Next(ctx)
	require.NoError(t, err)
	stop()
	_, err = s.Next(ctx)
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Skip(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, -1, source.Count(ctx, paths, o))
}

// A file may go or change between the list and its turn.
func TestChanged(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.jpg", nil)
	write(t, "x.npy", npy.AppendFloats(npy.Header("<f4", 2, 1), []float32{0, 1}))
	s := source.Paths([]string{"a.jpg", "x.npy"}, source.Options{Dims: []int{1}})
	picture, err := s.Next(t.Context())
	require.NoError(t, err)
	_, err = s.Next(t.Context())
	require.NoError(t, err)
	row, err := s.Next(t.Context())
	require.NoError(t, err)
	require.NoError(t, os.Remove("a.jpg"))
	require.NoError(t, os.Mkdir("a.jpg", 0o777))
	_, err = picture.Open()
	require.ErrorContains(t, err, "is a directory")
	write(t, "x.npy", npy.AppendFloats(npy.Header("<f4", 1, 1), []float32{0}))
	require.ErrorContains(t, row.Tensor(make([]float32, 1)), "the file has changed: the array is [1 1] now")
}
