package weights

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/internal/testdisk"
)

// A file system of one page, and then a read-only one.
func TestFullDisk(t *testing.T) {
	dir := testdisk.Small(t, 4096)
	info, source := tiny(t)
	path := filepath.Join(dir, "m.safetensors")
	require.NoError(t, Write(t.Context(), path, info, source, engine.F32), "a small model fits")
	old, err := os.ReadFile(path)
	require.NoError(t, err)

	require.EqualError(t, Write(t.Context(), path, info, source, engine.F32), path+": not written: the disk is full")
	again, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, old, again, "the old file stays")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)

	require.NoError(t, os.Remove(path))
	require.NoError(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	require.EqualError(t, Write(t.Context(), path, info, source, engine.F32), path+": cannot be written: read-only file system")
	requireNothing(t, dir)
}
