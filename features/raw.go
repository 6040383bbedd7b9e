package features

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/featx-go/featx/sink/npy"
)

// typeNames are the types that can be read, by NumPy's names of them.
var typeNames = map[string]string{"f2": "float16", "f4": "float32", "f8": "float64"}

// column is rows of values as they lie in a file, one after the other.
type column struct {
	Layer
	kind string // NumPy's name of the type
	raw  func() (io.ReadCloser, error)
}

// each gives the rows, and reads to the end, where an archive compares its checksum.
func (c column) each(rows int64) iter.Seq2[[]float32, error] {
	return func(yield func([]float32, error) bool) {
		r, err := c.raw()
		if err != nil {
			yield(nil, err)
			return
		}
		defer r.Close()
		in := bufio.NewReaderSize(r, 1<<18)
		row := make([]float32, c.Len())
		raw := make([]byte, len(row)*npy.ItemBytes(c.kind))
		for range rows {
			if _, err := io.ReadFull(in, raw); err != nil {
				yield(nil, cutOff(err))
				return
			}
			npy.Decode(row, raw, c.kind)
			if !yield(row, nil) {
				return
			}
		}
		if _, err := in.ReadByte(); err != nil && err != io.EOF {
			yield(nil, err)
		}
	}
}

// tableOf makes a table of columns, all with so many rows.
func tableOf(columns []column, rows int64, paths iter.Seq2[string, error]) *table {
	t := &table{rows: rows, paths: paths}
	for _, c := range columns {
		t.layers = append(t.layers, c.Layer)
	}
	t.each = func(layer int) iter.Seq2[[]float32, error] { return columns[layer].each(rows) }
	return t
}

// rowsOf compares the number of rows of a layer with that of those before it; -1 is none yet.
func rowsOf(rows int64, l Layer, n int) (int64, error) {
	if rows >= 0 && rows != int64(n) {
		return 0, fmt.Errorf("%s has %d rows, and the one before it %d", l.title(), n, rows)
	}
	return int64(n), nil
}

// cutOff is the error for a file that ends too soon.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("truncated")
	}
	return err
}
