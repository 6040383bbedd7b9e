//go:build !unix

package weights

import (
	"io"
	"os"

	"github.com/featx-go/featx/internal/address"
)

// mapFile reads the file where it cannot be mapped.
func mapFile(f *os.File, size int) ([]byte, func() error, error) {
	if size > address.Space {
		return nil, nil, tooLarge(size)
	}
	data := make([]byte, size)
	_, err := io.ReadFull(f, data)
	return data, func() error { return nil }, err
}
