package source

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Item is one row to be: a picture, or a tensor that is already preprocessed. One of Open, Tensor and Err is set.
type Item struct {
	Name   string                             // of the row in the outputs
	Open   func() (io.ReadCloser, error)      // the bytes of a picture
	Tensor func(values []float32) (err error) // writes the network's input, in the order of Options.Dims
	Err    error                              // what is wrong with this input; it leaves out the name
}

// Source gives items in an order that depends on its inputs alone. It is for one goroutine; the functions of its items may run in others, at the same time, and
// before or after the next item is asked for.
type Source interface {
	// Next gives the next item. An input that cannot be read is an item with an error, and the stream goes on; after the last item comes io.EOF. Other errors, as
	// ctx's when it has ended, end the stream.
	Next(ctx context.Context) (Item, error)
	// Skip is Next for who needs only the name, and may be much cheaper.
	Skip(ctx context.Context) (name string, err error)
	// Close releases what the source holds.
	Close() error
}

// Options say what tensors have to look like.
type Options struct {
	Dims []int // of the network's input for one picture
}

// Paths gives what the paths mean, one after the other: a file is a picture, a folder its pictures in the order of their names, a .npy file the rows of an array of
// float32, called FILE.npy[0], ...
func Paths(paths []string, o Options) Source { return &chain{paths: paths, options: o} }

// Count is the number of items of a new source, to be counted beside the one that is read; -1 if it cannot be known.
func Count(ctx context.Context, s Source) int {
	defer s.Close()
	for n := 0; ; n++ {
		if _, err := s.Skip(ctx); err == io.EOF {
			return n
		} else if err != nil {
			return -1
		}
	}
}

// chain opens a path when its turn has come.
type chain struct {
	paths   []string
	options Options
	current Source // of the path before paths[0]; nil is none
}

func (c *chain) Next(ctx context.Context) (Item, error) {
	return advance(ctx, c, Source.Next, func(path string, err error) Item { return Item{Name: path, Err: err} })
}

func (c *chain) Skip(ctx context.Context) (string, error) {
	return advance(ctx, c, Source.Skip, func(path string, _ error) string { return path })
}

// advance takes one step of the current source, or of the first one behind it that is not at its end.
func advance[T any](ctx context.Context, c *chain, step func(Source, context.Context) (T, error), failed func(path string, err error) T) (none T, _ error) {
	for {
		if err := context.Cause(ctx); err != nil {
			return none, err
		}
		if c.current != nil {
			t, err := step(c.current, ctx)
			if err != io.EOF {
				return t, err
			}
			c.Close()
		}
		if len(c.paths) == 0 {
			return none, io.EOF
		}
		path := c.paths[0]
		c.paths = c.paths[1:]
		s, err := open(ctx, path, c.options)
		if err == nil {
			c.current = s
			continue
		}
		if cause := context.Cause(ctx); cause != nil {
			return none, cause
		}
		return failed(path, Reason(err)), nil
	}
}

func (c *chain) Close() error {
	if c.current == nil {
		return nil
	}
	err := c.current.Close()
	c.current = nil
	return err
}

// open gives the source that a path means. Its errors are those of the path as a whole.
func open(ctx context.Context, path string, o Options) (Source, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return folder(ctx, path)
	case ending(path) == ".npy":
		return tensors(path, o.Dims)
	}
	return &list{n: 1, item: func(int) Item { return file(path) }}, nil
}

func ending(path string) string { return strings.ToLower(filepath.Ext(path)) }

// file is a picture's item.
func file(path string) Item {
	return Item{Name: path, Open: func() (io.ReadCloser, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		if info, err := f.Stat(); err == nil && info.IsDir() {
			f.Close()
			return nil, errors.New("is a directory, not a picture")
		}
		return f, nil
	}}
}

// list is a source whose length is known.
type list struct {
	at, n int
	item  func(i int) Item
}

func (l *list) Next(context.Context) (Item, error) {
	if l.at == l.n {
		return Item{}, io.EOF
	}
	l.at++
	return l.item(l.at - 1), nil
}

func (l *list) Skip(ctx context.Context) (string, error) {
	i, err := l.Next(ctx)
	return i.Name, err
}

func (l *list) Close() error { return nil }

// Reason is an error without the operation and the path, which whoever reports it has already.
func Reason(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
