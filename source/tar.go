package source

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/featx-go/featx/internal/unzstd"
)

// tarEndings are the names of tar archives, and what opens their compression.
var tarEndings = map[string]func(io.Reader) (io.ReadCloser, error){
	".tar": nil,
	".tgz": gunzip, ".tar.gz": gunzip,
	".tar.zst": unzst, ".tar.zstd": unzst, ".tzst": unzst,
	".tar.bz2": bunzip2, ".tbz2": bunzip2,
}

func gunzip(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }

// maxWindow bounds the memory that a zstd file can ask for: what zstd --long=27 makes.
const maxWindow = 128 << 20

func unzst(r io.Reader) (io.ReadCloser, error) {
	d, err := unzstd.NewReader(r, maxWindow)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func bunzip2(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(bzip2.NewReader(r)), nil }

func tarEnding(name string) string {
	name = strings.ToLower(name)
	for e := range tarEndings {
		if strings.HasSuffix(name, e) {
			return e
		}
	}
	return ""
}

func isTar(path string) bool { return tarEnding(path) != "" }

// inside is the name of a row from an archive.
func inside(archive, member string) string { return archive + path.Clean("/"+member) }

// tarred is the pictures in a tar archive, in its order.
type tarred struct {
	path    string
	options Options
	file    *os.File
	opened  io.ReadCloser // of the compression; nil is none
	raw     *tarReader
	reader  *tar.Reader
	found   int
	ended   bool
}

func tarArchive(path string, o Options) (Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	t := &tarred{path: path, options: o, file: f, raw: &tarReader{Reader: f, seeker: f}}
	if open := tarEndings[tarEnding(path)]; open != nil {
		if t.opened, err = open(f); err != nil {
			f.Close()
			return nil, fmt.Errorf("its compression cannot be read: %w", err)
		}
		t.raw = &tarReader{Reader: t.opened}
	}
	t.reader = tar.NewReader(t.raw)
	return t, nil
}

// tarReader counts what has been read, and sees whether it ended with a block of zeros, as tar archives do.
type tarReader struct {
	io.Reader
	seeker io.Seeker // nil: what is skipped has to be read
	at     int64
	zeros  int // bytes, in a row until now
	end    bool
}

func (r *tarReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.at += int64(n)
	if n > 0 {
		rest := len(bytes.TrimRight(p[:n], "\x00"))
		if rest > 0 {
			r.zeros = 0
		}
		r.zeros += n - rest
	}
	r.end = r.end || err == io.EOF
	return n, err
}

// Seek is what the tar package skips with, if it can.
func (r *tarReader) Seek(offset int64, whence int) (at int64, err error) {
	if r.seeker == nil {
		return -1, errors.ErrUnsupported
	}
	if at, err = r.seeker.Seek(offset, whence); err == nil {
		r.at, r.zeros = at, 0
	}
	return at, err
}

func (t *tarred) Next(ctx context.Context) (Item, error) {
	item, size, err := t.header(ctx)
	if err != nil || item.Err != nil {
		return item, err
	}
	var data bytes.Buffer // it grows with what is there, not with what the header promises
	data.Grow(int(min(size, 1<<20)) + bytes.MinRead)
	if _, err := data.ReadFrom(t.reader); err != nil {
		item.Err = fmt.Errorf("the archive is broken here: %w", unexpected(err))
		return item, nil
	}
	item.Open = func() (io.ReadCloser, error) { return held{bytes.NewReader(data.Bytes())}, nil }
	return item, nil
}

func (t *tarred) Skip(ctx context.Context) (string, error) {
	item, _, err := t.header(ctx)
	return item.Name, err
}

// header goes to the next picture.
func (t *tarred) header(ctx context.Context) (Item, int64, error) {
	for !t.ended {
		if err := context.Cause(ctx); err != nil {
			return Item{}, 0, err
		}
		h, err := t.reader.Next()
		if err == io.EOF && t.raw.end && t.raw.zeros < 512 {
			err = errors.New("the mark of its end is missing")
		}
		if err == io.EOF {
			t.ended = true
			if t.found == 0 {
				return Item{Name: t.path, Err: noPictures("archive")}, 0, nil
			}
			break
		}
		if err != nil {
			t.ended = true
			return Item{Name: t.path, Err: t.broken(err)}, 0, nil
		}
		if !isPicture(h.Name) || isHidden(h.Name) {
			continue
		}
		item := Item{Name: inside(t.path, h.Name)}
		switch h.Typeflag {
		case tar.TypeReg, tar.TypeGNUSparse:
		case tar.TypeLink, tar.TypeSymlink:
			item.Err = fmt.Errorf("is a link to %.200q, and links in archives are not followed", h.Linkname)
		default:
			continue
		}
		if h.Size > t.options.MaxBytes {
			item.Err = t.options.tooLarge(h.Size)
		}
		t.found++
		return item, h.Size, nil
	}
	return Item{}, 0, io.EOF
}

// broken is the error of an archive that cannot be read on.
func (t *tarred) broken(err error) error {
	return fmt.Errorf("the archive is broken at byte %d of what it holds, behind %d pictures: %w; what follows is not read", t.raw.at, t.found, unexpected(err))
}

func unexpected(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it ends too early")
	}
	return err
}

func (t *tarred) Close() error {
	var err error
	if t.opened != nil {
		err = t.opened.Close()
	}
	return errors.Join(err, t.file.Close())
}
