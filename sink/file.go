package sink

import (
	"fmt"
	"io"

	"github.com/featx-go/featx/internal/atomicfile"
)

// file is a Writer to a file.
type file struct {
	*atomicfile.File
	format
	path string
	done bool
}

func (f *file) Write(path string, features [][]float32) error {
	if err := f.write(path, features); err != nil {
		return fmt.Errorf("%s: %w", f.path, atomicfile.Cause(err))
	}
	return nil
}

func (f *file) Close() error {
	if f.done {
		return nil
	}
	err := f.finish()
	if err == nil {
		err = f.Commit()
	}
	f.Abort() // what is left of it
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, atomicfile.Cause(err))
	}
	return nil
}

func (f *file) Abort() {
	f.done = true
	f.File.Abort()
	if c, ok := f.format.(io.Closer); ok {
		c.Close()
	}
}
