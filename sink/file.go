package sink

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// file is a file under a temporary name in the folder of its final one.
type file struct {
	*os.File
	format
	path string // the final name
	done bool
}

func createFile(path string) (*file, error) {
	mode := fs.FileMode(0)
	if info, err := os.Stat(path); err == nil {
		switch {
		case info.IsDir():
			return nil, errors.New("is a directory")
		case !info.Mode().IsRegular():
			return nil, errors.New("is not a regular file")
		}
		// A file that may not be written may not be replaced; one that may keeps its permissions, and a link to it stays a link.
		old, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		old.Close()
		mode = info.Mode().Perm()
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return nil, err
		}
	}
	f, err := createTemporary(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is no such folder to write to")
	}
	if err != nil {
		return nil, err
	}
	if mode != 0 {
		_ = f.Chmod(mode) // not every file system has permissions
	}
	return &file{File: f, path: path}, nil
}

// createTemporary is os.CreateTemp, but with the permissions of an ordinary new file.
func createTemporary(dir string) (*os.File, error) {
	for {
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf(".featx-%016x.tmp", rand.Uint64())), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

func (f *file) Write(path string, features [][]float32) error {
	if err := f.write(path, features); err != nil {
		return fmt.Errorf("%s: %w", f.path, reason(err))
	}
	return nil
}

func (f *file) Close() error {
	if f.done {
		return nil
	}
	err := f.finish()
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.File.Close()
	}
	if err == nil {
		err = os.Rename(f.Name(), f.path)
	}
	if err != nil {
		f.Abort()
		return fmt.Errorf("%s: %w", f.path, reason(err))
	}
	f.done = true
	closeSpool(f.format)
	// The name, too, should outlive a power cut; where folders cannot be synced, nothing is lost but that.
	if dir, err := os.Open(filepath.Dir(f.path)); err == nil {
		_ = dir.Sync()
		dir.Close()
	}
	return nil
}

func (f *file) Abort() {
	if f.done {
		return
	}
	f.done = true
	closeSpool(f.format)
	f.File.Close()
	os.Remove(f.Name())
}

func closeSpool(f format) {
	if c, ok := f.(io.Closer); ok {
		c.Close()
	}
}

// reason is the error without the name of the temporary file.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}
