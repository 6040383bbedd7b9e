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

// Create begins the file path; once ctx has ended it can neither grow nor get its name. It refuses what [Target] refuses. A file that it will replace hands its
// permissions on, and a link to it stays a link. Errors, here and of Commit, say why and leave path out: see [Cause].
func Create(ctx context.Context, path string) (*File, error) {
	path, mode, err := Target(path)
	if err != nil {
		return nil, err
	}
	f, err := temporary(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoFolder
	}
	if err != nil {
		return nil, Cause(err)
	}
	if mode != 0 {
		_ = f.Chmod(mode) // not every file system has permissions
	}
	return &File{tmp: f, ctx: ctx, path: path}, nil
}

var errNoFolder = errors.New("there is no such folder to write to")

// Target is where a file that is to be called path will be: behind the link that path may be, and with the permissions of the file that is there; 0 if there is none.
// A folder, a device and a file that may not be written are errors, and so is a folder that is not there.
func Target(path string) (target string, mode fs.FileMode, err error) {
	info, err := os.Stat(path)
	if err != nil {
		if info, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			return "", 0, errNoFolder
		}
		return path, 0, nil
	}
	switch {
	case info.IsDir():
		return "", 0, errors.New("is a directory")
	case !info.Mode().IsRegular():
		return "", 0, errors.New("is there already and is no regular file; give another name")
	}
	old, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return "", 0, Cause(err)
	}
	old.Close()
	if target, err = filepath.EvalSymlinks(path); err != nil {
		return "", 0, Cause(err)
	}
	return target, info.Mode().Perm(), nil
}

// Rename gives the file from, which is complete and on disk, the name of [Target] path and its permissions. Errors are those of [Create].
func Rename(from, path string) error {
	path, mode, err := Target(path)
	if err != nil {
		return err
	}
	if mode != 0 {
		_ = os.Chmod(from, mode)
	}
	if err := os.Rename(from, path); err != nil {
		return Cause(err)
	}
	SyncFolder(filepath.Dir(path))
	return nil
}

// SyncFolder makes the names in a folder outlive a power cut; where folders cannot be synced, nothing is lost but that.
func SyncFolder(path string) {
	if dir, err := os.Open(path); err == nil {
		_ = dir.Sync()
		dir.Close()
	}
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
	SyncFolder(filepath.Dir(f.path))
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
