package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// File is a file under a temporary name in the folder of its final one. A file that has that name already stays until Commit.
type File struct {
	tmp  *os.File
	ctx  context.Context
	path string // the final name
	done bool
}

// Create begins the file path; once ctx has ended it can neither grow nor get its name. It refuses to replace a folder, a device or a file that may not be
// written. A file that it will replace hands its permissions on, and a link to it stays a link. Errors, here and of Commit, say why and leave path out: see [Cause].
func Create(ctx context.Context, path string) (*File, error) {
	mode := fs.FileMode(0)
	if info, err := os.Stat(path); err == nil {
		switch {
		case info.IsDir():
			return nil, errors.New("is a directory")
		case !info.Mode().IsRegular():
			return nil, errors.New("is there already and is no regular file; give another name")
		}
		old, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, Cause(err)
		}
		old.Close()
		mode = info.Mode().Perm()
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return nil, Cause(err)
		}
	}
	f, err := temporary(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is no such folder to write to")
	}
	if err != nil {
		return nil, Cause(err)
	}
	if mode != 0 {
		_ = f.Chmod(mode) // not every file system has permissions
	}
	return &File{tmp: f, ctx: ctx, path: path}, nil
}

// temporary is os.CreateTemp, but with the permissions of an ordinary new file.
func temporary(dir string) (*os.File, error) {
	for {
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf(".featx-%016x.tmp", rand.Uint64())), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// Write implements io.Writer.
func (f *File) Write(b []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	return f.tmp.Write(b)
}

// WriteAt implements io.WriterAt.
func (f *File) WriteAt(b []byte, at int64) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	return f.tmp.WriteAt(b, at)
}

// Scratch gives another file in the same folder, for the caller to remove.
func (f *File) Scratch() (*os.File, error) { return temporary(filepath.Dir(f.path)) }

// Commit gives the complete file its name, or on an error removes it.
func (f *File) Commit() error {
	err := f.tmp.Sync()
	if err == nil {
		err = f.tmp.Close()
	}
	if err == nil {
		err = f.ctx.Err()
	}
	if err == nil {
		err = os.Rename(f.tmp.Name(), f.path)
	}
	if err != nil {
		f.Abort()
		return Cause(err)
	}
	f.done = true
	// The name, too, should outlive a power cut; where folders cannot be synced, nothing is lost but that.
	if dir, err := os.Open(filepath.Dir(f.path)); err == nil {
		_ = dir.Sync()
		dir.Close()
	}
	return nil
}

// Abort removes the file. After Commit or Abort it does nothing.
func (f *File) Abort() {
	if f.done {
		return
	}
	f.done = true
	f.tmp.Close()
	os.Remove(f.tmp.Name())
}

// Cause is the error of a write without the operation and the temporary file's name, which tell a user nothing.
func Cause(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fullDisk{}
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}

// fullDisk says in plain words what it wraps: "no space left on device".
type fullDisk struct{}

func (fullDisk) Error() string { return "the disk is full" }
func (fullDisk) Unwrap() error { return syscall.ENOSPC }
