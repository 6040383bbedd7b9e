//go:build !minimal

package features

import (
	"errors"
	"fmt"
	"iter"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/featx-go/featx/weights"
)

// openArrow takes the columns that are lists of numbers of an Arrow IPC file, written by whomever.
func openArrow(file *os.File, size int64) (*table, error) {
	data, release, err := weights.MapFile(file.Name())
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	a := &arrowFile{data: data}
	var t *table
	if err = safely(func() (err error) {
		t, err = a.table()
		return err
	}); err != nil {
		release()
		return nil, err
	}
	t.close = release
	return t, nil
}

// arrowFile is a mapped file.
type arrowFile struct{ data []byte }

// reader reads in place; only what is compressed is unpacked, a batch at a time.
func (a *arrowFile) reader() (*ipc.FileReader, error) {
	return ipc.NewMappedFileReader(a.data, ipc.WithAllocator(limited{memory.DefaultAllocator, 1100*len(a.data) + 1<<20}))
}

// limited is for sizes that a file claims.
type limited struct {
	memory.Allocator
	most int
}

func (l limited) check(size int) {
	if size < 0 || size > l.most {
		panic(fmt.Sprintf("%d bytes in a file that can have %d", size, l.most)) // safely makes an error of it
	}
}

// Allocate implements memory.Allocator.
func (l limited) Allocate(size int) []byte {
	l.check(size)
	return l.Allocator.Allocate(size)
}

// Reallocate implements memory.Allocator.
func (l limited) Reallocate(size int, b []byte) []byte {
	l.check(size)
	return l.Allocator.Reallocate(size, b)
}

func (a *arrowFile) table() (*table, error) {
	if err := checkFooter(a.data); err != nil {
		return nil, err
	}
	r, err := a.reader()
	if err != nil {
		return nil, err
	}
	s := r.Schema()
	t := &table{}
	if text, ok := s.Metadata().GetValue(provenanceKey); ok {
		t.provenance = []byte(text)
	}
	if s.NumFields() > maxList || r.NumRecords() > len(a.data) {
		return nil, fmt.Errorf("damaged: %d columns, %d batches", s.NumFields(), r.NumRecords())
	}
	var columns []int
	var lengths []int64
	for i, f := range s.Fields() {
		if f.Name == pathColumn && (f.Type.ID() == arrow.STRING || f.Type.ID() == arrow.LARGE_STRING) {
			t.paths = a.paths(i)
			continue
		}
		if kind := arrowKind(f.Type); kind != "" {
			t.layers = append(t.layers, Layer{f.Name, nil, typeNames[kind]})
			columns = append(columns, i)
		}
	}
	lengths = make([]int64, len(columns))
	for i := range r.NumRecords() {
		batch, err := r.RecordBatchAt(i)
		if err != nil {
			return nil, err
		}
		t.rows += batch.NumRows()
		for j, c := range columns {
			from, to := listSpan(batch.Column(c))
			lengths[j] += to - from
		}
		batch.Release()
	}
	for j := range columns {
		length, err := listLength(t.layers[j].Name, lengths[j], t.rows)
		if err != nil {
			return nil, err
		}
		t.layers[j].Dims = []int{length}
	}
	layers := t.layers
	t.each = func(layer int) iter.Seq2[[]float32, error] { return a.rows(columns[layer], layers[layer].Len()) }
	return t, nil
}

// arrowKind is NumPy's name of the type of a list's numbers, "" for other columns.
func arrowKind(t arrow.DataType) string {
	l, ok := t.(arrow.ListLikeType)
	if !ok || t.ID() != arrow.LIST && t.ID() != arrow.LARGE_LIST && t.ID() != arrow.FIXED_SIZE_LIST {
		return ""
	}
	switch l.Elem().ID() {
	case arrow.FLOAT16:
		return "f2"
	case arrow.FLOAT32:
		return "f4"
	case arrow.FLOAT64:
		return "f8"
	}
	return ""
}

// listSpan is which values a column of lists has.
func listSpan(c arrow.Array) (from, to int64) {
	l := c.(array.ListLike)
	if l.Len() == 0 {
		return 0, 0
	}
	from, _ = l.ValueOffsets(0)
	_, to = l.ValueOffsets(l.Len() - 1)
	return from, to
}

// batches gives a column, batch by batch.
func (a *arrowFile) batches(column int) iter.Seq2[arrow.Array, error] {
	return func(yield func(arrow.Array, error) bool) {
		var r *ipc.FileReader
		err := safely(func() (err error) {
			r, err = a.reader()
			return err
		})
		for i := 0; err == nil && i < r.NumRecords(); i++ {
			var batch arrow.RecordBatch
			err = safely(func() (err error) {
				batch, err = r.RecordBatchAt(i)
				return err
			})
			if err == nil {
				ok := yield(batch.Column(column), nil)
				batch.Release()
				if !ok {
					return
				}
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func (a *arrowFile) paths(column int) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for c, err := range a.batches(column) {
			if err != nil {
				yield("", err)
				return
			}
			for i := range c.Len() {
				path := ""
				err := safely(func() error {
					if c.IsNull(i) {
						return errors.New("a row without a path")
					}
					switch s := c.(type) {
					case *array.String:
						path = s.Value(i)
					case *array.LargeString:
						path = s.Value(i)
					}
					return nil
				})
				// The mapped bytes are not for keeping.
				if !yield(string([]byte(path)), err) || err != nil {
					return
				}
			}
		}
	}
}

func (a *arrowFile) rows(column, length int) iter.Seq2[[]float32, error] {
	return func(yield func([]float32, error) bool) {
		row := make([]float32, length)
		for c, err := range a.batches(column) {
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range c.Len() {
				err := safely(func() error { return listAt(row, c.(array.ListLike), i) })
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
	}
}

// listAt reads a list into a row of the same length.
func listAt(row []float32, l array.ListLike, i int) error {
	from, to := l.ValueOffsets(i)
	if l.IsNull(i) || to-from != int64(len(row)) {
		return fmt.Errorf("a list of another length than %d, or null", len(row))
	}
	values := array.NewSlice(l.ListValues(), from, to)
	defer values.Release()
	if values.NullN() > 0 {
		return errors.New("a list with nulls")
	}
	switch v := values.(type) {
	case *array.Float16:
		for j, x := range v.Values() {
			row[j] = x.Float32()
		}
	case *array.Float32:
		copy(row, v.Float32Values())
	case *array.Float64:
		for j, x := range v.Float64Values() {
			row[j] = float32(x)
		}
	}
	return nil
}
