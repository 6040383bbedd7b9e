package atomicfile

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/internal/testdisk"
)

// write makes a file as its users do.
func write(path, text string, then error) error {
	f, err := Create(context.Background(), path)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := io.WriteString(f, text); err != nil {
		return Cause(err)
	}
	if then != nil {
		return Cause(then)
	}
	return f.Commit()
}

// requireOnly expects one file in the folder of path, with this text.
func requireOnly(t *testing.T, path, text string) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, string(data))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file is left")
}

func TestWholeOrNotAtAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	require.EqualError(t, write(path, "none", errors.New("broken")), "broken")
	require.NoFileExists(t, path)
	require.NoError(t, write(path, "one", nil))
	requireOnly(t, path, "one")
	require.EqualError(t, write(path, "two", errors.New("broken")), "broken")
	requireOnly(t, path, "one")
	err := write(path, "two", &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC})
	require.EqualError(t, err, "the disk is full")
	require.ErrorIs(t, err, syscall.ENOSPC)
	requireOnly(t, path, "one")
	require.NoError(t, write(path, "two", nil))
	requireOnly(t, path, "two")

	f, err := Create(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, f.Commit())
	f.Abort() // does nothing now
	requireOnly(t, path, "")
}

func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions")
	}
	mode := func(path string) os.FileMode {
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info.Mode()
	}
	plain, err := os.Create(filepath.Join(t.TempDir(), "plain"))
	require.NoError(t, err)
	plain.Close()
	path := filepath.Join(t.TempDir(), "m")
	require.NoError(t, write(path, "one", nil))
	require.Equal(t, mode(plain.Name()), mode(path), "the user's usual ones")
	require.NoError(t, os.Chmod(path, 0o640))
	require.NoError(t, write(path, "two", nil))
	require.Equal(t, os.FileMode(0o640), mode(path), "those of the file that was there")

	require.NoError(t, os.Chmod(path, 0o444))
	if f, err := os.OpenFile(path, os.O_WRONLY, 0); err == nil {
		f.Close()
		t.Skip("this user may write to read-only files")
	}
	require.EqualError(t, write(path, "three", nil), "permission denied")
	requireOnly(t, path, "two")
}

func TestLinkStays(t *testing.T) {
	target, link := filepath.Join(t.TempDir(), "m"), filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.WriteFile(target, []byte("old"), 0o666))
	if err := os.Symlink(target, link); err != nil {
		t.Skip("no symbolic links: ", err)
	}
	require.NoError(t, write(link, "new", nil))
	requireOnly(t, target, "new")
	again, err := os.Readlink(link)
	require.NoError(t, err)
	require.Equal(t, target, again)
}

func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	require.EqualError(t, write(dir, "", nil), "is a directory")
	require.EqualError(t, write(filepath.Join(dir, "no", "m"), "", nil), "there is no such folder to write to")
	if runtime.GOOS != "windows" {
		require.EqualError(t, write(os.DevNull, "", nil), "is there already and is no regular file; give another name")
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	require.NoError(t, write(path, "old", nil))
	for _, late := range []bool{false, true} {
		ctx, interrupt := context.WithCancel(t.Context())
		f, err := Create(ctx, path)
		require.NoError(t, err)
		_, err = io.WriteString(f, "new")
		require.NoError(t, err)
		interrupt()
		if !late {
			_, err = io.WriteString(f, "er")
			require.ErrorIs(t, err, context.Canceled)
		}
		require.ErrorIs(t, f.Commit(), context.Canceled)
		requireOnly(t, path, "old")
	}
}

func TestFullDisk(t *testing.T) {
	path := filepath.Join(testdisk.Small(t, 1<<14), "m")
	require.NoError(t, write(path, "old", nil))
	require.EqualError(t, write(path, string(make([]byte, 1<<15)), nil), "the disk is full")
	requireOnly(t, path, "old")
}
