//go:build !minimal

// Package unzstd decompresses Zstandard, but in the minimal build.
package unzstd

import (
	"io"

	"github.com/klauspost/compress/zstd"
)

// Reader decompresses a stream. It may be Reset to another one, and is to be closed.
type Reader struct{ *zstd.Decoder }

// NewReader begins a stream that may ask for a window of so many bytes.
func NewReader(r io.Reader, window uint64) (*Reader, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	return &Reader{d}, nil
}

// Close frees the decoder.
func (r *Reader) Close() error {
	r.Decoder.Close()
	return nil
}
