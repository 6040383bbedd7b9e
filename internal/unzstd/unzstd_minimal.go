//go:build minimal

// Package unzstd decompresses Zstandard, but in the minimal build.
package unzstd

import (
	"errors"
	"io"
)

// Reader is never made in this build.
type Reader struct{ io.ReadCloser }

var errMissing = errors.New("compressed with zstd: this is a minimal build of featx, without it; the usual build has it")

// NewReader is an error in this build.
func NewReader(io.Reader, uint64) (*Reader, error) { return nil, errMissing }

// Reset is never called in this build.
func (r *Reader) Reset(io.Reader) error { return errMissing }
