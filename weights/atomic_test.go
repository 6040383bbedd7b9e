package weights

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
)

func TestWriteAtomic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	write := func(text string, then error) error {
		return writeAtomic(path, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return errors.Join(err, then)
		})
	}
	content := func() string {
		t.Helper()
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		entries, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		require.Len(t, entries, 1, "no temporary file is left")
		return string(data)
	}
	require.NoError(t, write("one", nil))
	require.Equal(t, "one", content())
	require.EqualError(t, write("two", errors.New("broken")), path+": not written: broken")
	require.Equal(t, "one", content(), "the old file stays")
	require.EqualError(t, write("two", &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}), path+": not written: the disk is full")
	require.Equal(t, "one", content())
	require.NoError(t, write("two", nil))
	require.Equal(t, "two", content())

	if runtime.GOOS != "windows" {
		plain, err := os.Create(filepath.Join(t.TempDir(), "plain"))
		require.NoError(t, err)
		want, err := plain.Stat()
		require.NoError(t, err)
		got, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, want.Mode(), got.Mode(), "the user's usual permissions")
	}
}

func TestWriteWhereItCannot(t *testing.T) {
	info, source := tiny(t)
	dir := t.TempDir()
	require.EqualError(t, Write(filepath.Join(dir, "no", "m"), info, source, engine.F32), fmt.Sprintf("%s/no/m: cannot be written: no such file or directory", dir))
	require.ErrorContains(t, Write(dir, info, source, engine.F32), dir+": is there already and is no regular file")
	require.ErrorContains(t, Write(os.DevNull, info, source, engine.F32), "no regular file")

	locked := filepath.Join(dir, "locked")
	require.NoError(t, os.Mkdir(locked, 0o555))
	if f, err := os.Create(filepath.Join(locked, "probe")); err == nil {
		f.Close()
		t.Skip("this user may write to read-only folders (see TestFullDisk for a read-only file system)")
	}
	require.ErrorContains(t, Write(filepath.Join(locked, "m"), info, source, engine.F32), "locked/m: cannot be written: permission denied")
}
