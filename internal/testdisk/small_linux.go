package testdisk

import (
	"fmt"
	"syscall"
	"testing"
)

// Small mounts a file system of so many bytes and gives its folder. It skips the test where that is not allowed.
func Small(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Skip("needs the right to mount a small file system: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error("unmounting the small file system: ", err)
		}
	})
	return dir
}
