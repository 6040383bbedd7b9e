//go:build linux || darwin || freebsd

package weights

import "golang.org/x/sys/unix"

// freeSpace is the number of bytes that may still be written in a folder, or -1 if it cannot be told.
func freeSpace(dir string) int64 {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return -1
	}
	return int64(s.Bavail) * int64(s.Bsize)
}
