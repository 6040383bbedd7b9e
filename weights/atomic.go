package weights

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// writeAtomic makes the file path with what fill writes. It is there whole, on disk and under its name, or not at all: an older file of that name stays until
// then, and a temporary file beside it is removed on failure.
func writeAtomic(path string, fill func(w io.Writer) error) (err error) {
	if old, err := os.Stat(path); err == nil && !old.Mode().IsRegular() {
		return fmt.Errorf("%s: is there already and is no regular file (%s); give another name", path, old.Mode().Type())
	}
	f, err := temporary(path)
	if err != nil {
		return fmt.Errorf("%s: cannot be written: %w", path, cause(err))
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			if errors.Is(err, syscall.ENOSPC) {
				err = errors.New("the disk is full")
			}
			err = fmt.Errorf("%s: not written: %w", path, cause(err))
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := fill(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// temporary makes a new file in path's folder, with the permissions that a plain create would give (os.CreateTemp's are the owner's alone).
func temporary(path string) (*os.File, error) {
	dir, base := filepath.Split(path)
	for i := 0; ; i++ {
		name := filepath.Join(dir, fmt.Sprintf(".%s.%d-%d.tmp", base, os.Getpid(), i))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) || i == 1000 {
			return f, err
		}
	}
}

// cause leaves out the operation and the temporary file's name, which tell the user nothing.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}
