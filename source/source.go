package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/featx-go/featx/internal/web"
)

// Item is one row to be: a picture, or a tensor that is already preprocessed. One of Open, Tensor and Err is set.
type Item struct {
	Name   string                             // of the row in the outputs
	Open   func() (io.ReadCloser, error)      // the bytes of a picture
	Tensor func(values []float32) (err error) // writes the network's input, in the order of Options.Dims
	Err    error                              // what is wrong with this input; it leaves out the name

	start func() // begins to fetch what Open waits for; nil: it is here
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

// Options say how paths and lists are meant, and what tensors have to look like. The zero value reads lists of lines.
type Options struct {
	Dims     []int     // of the network's input for one picture
	Stdin    io.Reader // what "-" and "@-" read; nil is nothing
	Null     bool      // a NUL byte ends each path of a list, not a line
	Column   string    // of tables: a name in their header, or the number, from 1 on, in tables without header; "" finds the usual names
	Root     string    // folder that relative paths in lists and tables start from; "" is the working folder
	MaxBytes int64     // of one picture file that has to be held in memory: from archives and servers; 0 is 256 MB

	client *http.Client
	retry  web.Retry
	stall  time.Duration
}

const defaultMaxBytes = 256 << 20

func (o Options) withDefaults() Options {
	if o.Stdin == nil {
		o.Stdin = strings.NewReader("")
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	o.client, o.stall = web.NewClient(), 30*time.Second
	o.retry = web.Retry{Attempts: 4, Backoff: time.Second / 2}
	return o
}

// tooLarge is the error of a picture file of more than MaxBytes.
func (o Options) tooLarge(bytes int64) error {
	return fmt.Errorf("%d bytes; at most %d are read, --max-bytes allows more", bytes, o.MaxBytes)
}

// Paths gives what the paths mean, one after the other:
//
//   - a picture file; a folder's pictures and those of its folders, in the order of their names, without hidden ones; the rows of a .npy file of float32, called FILE.npy[0], ...
//   - .tar (also compressed with gzip, zstd or bzip2) and .zip archives: the pictures in them, in their order, called ARCHIVE/MEMBER
//   - http:// and https:// addresses of pictures
//   - a pattern (*, ?, [...], {...}, ** for folders in folders) that is no file's name: the files that match, by name; {000..099} counts
//   - @LIST: a path on each line; @TABLE.csv and @TABLE.tsv: the paths in a column; both may hold all of the above. @- is a list from standard input
//   - -: one picture's bytes from standard input
func Paths(paths []string, o Options) Source {
	o = o.withDefaults()
	i := 0
	return &ahead{Source: &chain{
		next: func() (string, error) {
			if i == len(paths) {
				return "", io.EOF
			}
			i++
			return paths[i-1], nil
		},
		open: func(ctx context.Context, path string) (Source, error) {
			switch {
			case path == "-":
				return one(Item{Name: path, Open: func() (io.ReadCloser, error) { return io.NopCloser(o.Stdin), nil }}), nil
			case strings.HasPrefix(path, "@"):
				return listed(path, o)
			}
			return open(ctx, path, path, o)
		},
	}}
}

// Count is the number of items of the paths, to be counted beside the source that is read; -1 if it cannot be known without reading all there is.
func Count(ctx context.Context, paths []string, o Options) int {
	for _, p := range paths {
		if p == "@-" {
			return -1
		}
	}
	s := Paths(paths, o)
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
	next    func() (path string, err error) // after the last, io.EOF. Another error is that of the path, and next may be called again
	open    func(ctx context.Context, path string) (Source, error)
	close   func() error // may be nil
	current Source       // of the path before; nil is none
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
			c.closeCurrent()
		}
		path, err := c.next()
		if err == io.EOF {
			return none, io.EOF
		}
		var s Source
		if err == nil {
			s, err = c.open(ctx, path)
		}
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

func (c *chain) closeCurrent() (err error) {
	if c.current != nil {
		err = c.current.Close()
	}
	c.current = nil
	return err
}

func (c *chain) Close() error {
	err := c.closeCurrent()
	if c.close != nil {
		err = errors.Join(err, c.close())
	}
	return err
}

// open gives the source that a path means, its own item under the name. Its errors are those of the path as a whole.
func open(ctx context.Context, name, path string, o Options) (Source, error) {
	if isAddress(path) {
		return addresses(ctx, path, o)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && isPattern(path):
		return matches(path, o)
	case err != nil:
		return nil, err
	case info.IsDir():
		return folder(ctx, path)
	case ending(path) == ".npy":
		return tensors(path, o.Dims)
	case isTar(path):
		return tarArchive(path, o)
	case ending(path) == ".zip":
		return zipArchive(path, o)
	}
	return one(file(name, path)), nil
}

func ending(path string) string { return strings.ToLower(filepath.Ext(path)) }

// file is a picture's item.
func file(name, path string) Item {
	return Item{Name: name, Open: func() (io.ReadCloser, error) {
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

// held is a file in memory, which can be read anywhere.
type held struct{ *bytes.Reader }

func (held) Close() error { return nil }

// list is a source whose length is known.
type list struct {
	at, n int
	item  func(i int) Item
}

// one is a source of one item.
func one(item Item) Source { return &list{n: 1, item: func(int) Item { return item }} }

func (l *list) Next(context.Context) (Item, error) {
	if l.at == l.n {
		return Item{}, io.EOF
	}
	l.at++
	return l.item(l.at - 1), nil
}

func (l *list) Skip(ctx context.Context) (string, error) {
	item, err := l.Next(ctx)
	return item.Name, err
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
