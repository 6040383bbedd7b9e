// Package memzip reads zip archives that lie in memory, their files in place.
package memzip

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Archive is an opened archive. Its names are unique.
type Archive struct {
	Names []string // in the archive's order

	data   []byte
	files  map[string]*zip.File
	unread int64 // files do not overlap, so that there is no more to read in place than this
}

// Is says whether data begins as a zip archive.
func Is(data []byte) bool { return bytes.HasPrefix(data, []byte("PK\x03\x04")) }

// Open reads the list of an archive's files.
func Open(data []byte) (*Archive, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("the zip archive is damaged or cut off: %w", err)
	}
	a := &Archive{data: data, files: make(map[string]*zip.File, len(z.File)), unread: int64(len(data))}
	for _, f := range z.File {
		if a.files[f.Name] != nil {
			return nil, fmt.Errorf("the zip archive has two files %.100q", f.Name)
		}
		a.files[f.Name] = f
		a.Names = append(a.Names, f.Name)
	}
	return a, nil
}

// Has says whether the archive has a file of that name.
func (a *Archive) Has(name string) bool { return a.files[name] != nil }

// Compressed says whether that file would have to be unpacked.
func (a *Archive) Compressed(name string) bool {
	return a.Has(name) && a.files[name].Method != zip.Store
}

// Read gives a file, with its checksum verified unless that was left out: a part of the archive's memory where it is stored as it is.
func (a *Archive) Read(name string) ([]byte, error) {
	f := a.files[name]
	if f == nil {
		return nil, errors.New("is missing")
	}
	if f.Method != zip.Store {
		return a.unpack(f)
	}
	from, err := f.DataOffset()
	if err != nil {
		return nil, err
	}
	size := f.UncompressedSize64
	if from < 0 || from > int64(len(a.data)) || size > uint64(int64(len(a.data))-from) || size > uint64(a.unread) {
		return nil, fmt.Errorf("its %d bytes do not fit the file; it is damaged or cut off", size)
	}
	a.unread -= int64(size)
	b := a.data[from : uint64(from)+size : uint64(from)+size]
	if f.CRC32 != 0 && crc32.ChecksumIEEE(b) != f.CRC32 {
		return nil, errors.New("wrong checksum; the file is damaged")
	}
	return b, nil
}

func (a *Archive) unpack(f *zip.File) ([]byte, error) {
	if f.UncompressedSize64 > 1100*uint64(len(a.data)) { // deflate makes at most 1032 bytes of one
		return nil, fmt.Errorf("damaged: %d bytes cannot be in an archive of %d", f.UncompressedSize64, len(a.data))
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, int64(f.UncompressedSize64)+1)) // ends with the checksum's verdict
	if err != nil {
		return nil, fmt.Errorf("damaged: %w", err)
	}
	return b, nil
}
