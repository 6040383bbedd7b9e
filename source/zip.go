package source

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// zipped is the pictures in a zip archive, in the order of its directory.
type zipped struct {
	path     string
	options  Options
	file     *os.File
	pictures []*zip.File // the rest
}

func zipArchive(path string, o Options) (Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	z := &zipped{path: path, options: o, file: f}
	if err := z.list(); err != nil {
		f.Close()
		return nil, err
	}
	return z, nil
}

func (z *zipped) list() error {
	info, err := z.file.Stat()
	if err != nil {
		return err
	}
	directory, err := zip.NewReader(z.file, info.Size())
	if err != nil {
		return fmt.Errorf("the archive cannot be read: %w", err)
	}
	for _, m := range directory.File {
		if !m.Mode().IsDir() && isPicture(m.Name) && !isHidden(m.Name) {
			z.pictures = append(z.pictures, m)
		}
	}
	if len(z.pictures) == 0 {
		return noPictures("archive")
	}
	return nil
}

func (z *zipped) Next(ctx context.Context) (Item, error) {
	rest := z.pictures
	name, err := z.Skip(ctx)
	if err != nil {
		return Item{}, err
	}
	item := Item{Name: name}
	item.Open, item.Err = z.read(rest[0])
	return item, nil
}

func (z *zipped) Skip(ctx context.Context) (string, error) {
	if len(z.pictures) == 0 {
		return "", io.EOF
	}
	m := z.pictures[0]
	z.pictures = z.pictures[1:]
	return inside(z.path, m.Name), nil
}

// read gets the bytes of a member as they are in the file; they are inflated when the item is opened.
func (z *zipped) read(m *zip.File) (func() (io.ReadCloser, error), error) {
	const encrypted = 1
	switch {
	case m.Flags&encrypted != 0:
		return nil, errors.New("is encrypted")
	case !m.Mode().IsRegular():
		return nil, errors.New("is a link, and links in archives are not followed")
	case m.Method != zip.Store && m.Method != zip.Deflate:
		return nil, fmt.Errorf("is compressed with method %d; deflate (8) and none (0) can be read", m.Method)
	}
	if size := max(m.CompressedSize64, m.UncompressedSize64); size > uint64(z.options.MaxBytes) {
		return nil, z.options.tooLarge(int64(min(size, 1<<62)))
	}
	raw, err := m.OpenRaw()
	if err != nil {
		return nil, err
	}
	var data bytes.Buffer // it grows with what is there, not with what the directory promises
	if _, err := data.ReadFrom(raw); err != nil {
		return nil, Reason(err)
	}
	if uint64(data.Len()) != m.CompressedSize64 {
		return nil, fmt.Errorf("%d of %d bytes are in the archive", data.Len(), m.CompressedSize64)
	}
	return func() (io.ReadCloser, error) {
		content := io.Reader(bytes.NewReader(data.Bytes()))
		if m.Method == zip.Deflate {
			content = flate.NewReader(content)
		}
		// All of it, as a decoder that has what it wants would not come to the checksum.
		inflated, err := io.ReadAll(io.LimitReader(content, int64(m.UncompressedSize64)+1))
		switch {
		case err != nil:
			return nil, fmt.Errorf("the archive is broken here: %w", err)
		case uint64(len(inflated)) != m.UncompressedSize64 || crc32.ChecksumIEEE(inflated) != m.CRC32:
			return nil, errors.New("the archive is broken here: the size or the checksum is not what its directory says")
		}
		return held{bytes.NewReader(inflated)}, nil
	}, nil
}

func (z *zipped) Close() error { return z.file.Close() }
