package weights

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
)

func TestWriteWhereItCannot(t *testing.T) {
	info, source := tiny(t)
	dir := t.TempDir()
	require.EqualError(t, Write(t.Context(), filepath.Join(dir, "no", "m"), info, source, engine.F32), fmt.Sprintf("%s/no/m: cannot be written: there is no such folder to write to", dir))
	require.ErrorContains(t, Write(t.Context(), dir, info, source, engine.F32), dir+": cannot be written: is a directory")
	require.ErrorContains(t, Write(t.Context(), os.DevNull, info, source, engine.F32), "is there already and is no regular file; give another name")

	locked := filepath.Join(dir, "locked")
	require.NoError(t, os.Mkdir(locked, 0o555))
	if f, err := os.Create(filepath.Join(locked, "probe")); err == nil {
		f.Close()
		t.Skip("this user may write to read-only folders (see TestFullDisk for a read-only file system)")
	}
	require.ErrorContains(t, Write(t.Context(), filepath.Join(locked, "m"), info, source, engine.F32), "locked/m: cannot be written: permission denied")
}
