//go:build unix

package weights

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// mapFile gives the file's bytes and a function that releases them. The file must not be empty.
func mapFile(f *os.File, size int) ([]byte, func() error, error) {
	data, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if errors.Is(err, unix.ENOMEM) {
		return nil, nil, tooLarge(size)
	}
	if err != nil {
		return nil, nil, err
	}
	return data, func() error { return unix.Munmap(data) }, nil
}
