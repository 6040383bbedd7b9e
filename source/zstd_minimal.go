//go:build minimal

package source

import (
	"errors"
	"io"
)

func unzstd(io.Reader) (io.ReadCloser, error) {
	return nil, errors.New("compressed with zstd: this is a minimal build of featx, without it; the usual build has it, or unpack the file with zstd -d")
}
