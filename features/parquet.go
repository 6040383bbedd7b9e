//go:build !minimal

package features

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/parquet-go/parquet-go"
	parquetformat "github.com/parquet-go/parquet-go/format"
	"github.com/x448/float16"
)

// openParquet takes the columns that are lists of numbers, written by whomever.
func openParquet(file *os.File, size int64) (t *table, err error) {
	err = safely(func() error {
		f, err := parquet.OpenFile(file, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		if err != nil {
			return err
		}
		t, err = parquetTable(f)
		return err
	})
	return t, err
}

// parquetColumn is a list of numbers, or the paths.
type parquetColumn struct {
	file *parquet.File
	leaf int
	kind string // NumPy's name of the type
}

func parquetTable(f *parquet.File) (*table, error) {
	t := &table{rows: f.NumRows()}
	if text, ok := f.Lookup(provenanceKey); ok {
		t.provenance = []byte(text)
	}
	if t.rows < 0 || len(f.Root().Columns()) > maxList {
		return nil, fmt.Errorf("damaged: %d rows of %d columns", t.rows, len(f.Root().Columns()))
	}
	// The library does not tell float16 from other pairs of bytes.
	var halves []bool
	for _, e := range f.Metadata().Schema {
		if !e.NumChildren.Valid || e.NumChildren.V == 0 {
			_, half := e.LogicalType.Value.(*parquetformat.Float16Type)
			halves = append(halves, half)
		}
	}
	var columns []parquetColumn
	for _, c := range f.Root().Columns() {
		leaf := c
		for len(leaf.Columns()) == 1 {
			leaf = leaf.Columns()[0]
		}
		if !leaf.Leaf() {
			continue
		}
		if c.Name() == pathColumn && leaf == c && c.Type().Kind() == parquet.ByteArray && !c.Repeated() {
			t.paths = parquetColumn{file: f, leaf: leaf.Index()}.paths
			continue
		}
		kind := parquetKind(leaf.Type(), halves[leaf.Index()])
		if kind == "" || leaf.MaxRepetitionLevel() != 1 {
			continue
		}
		values := int64(0)
		for _, g := range f.RowGroups() {
			values += g.ColumnChunks()[leaf.Index()].NumValues()
		}
		length, err := listLength(c.Name(), values, t.rows)
		if err != nil {
			return nil, err
		}
		t.layers = append(t.layers, Layer{c.Name(), []int{length}, typeNames[kind]})
		columns = append(columns, parquetColumn{f, leaf.Index(), kind})
	}
	layers := t.layers
	t.each = func(layer int) iter.Seq2[[]float32, error] { return columns[layer].rows(layers[layer].Len()) }
	return t, nil
}

func parquetKind(t parquet.Type, half bool) string {
	switch t.Kind() {
	case parquet.Float:
		return "f4"
	case parquet.Double:
		return "f8"
	case parquet.FixedLenByteArray:
		if half && t.Length() == 2 {
			return "f2"
		}
	}
	return ""
}

// values goes through all values of the column.
func (c parquetColumn) values(yield func(parquet.Value, error) bool) {
	var none parquet.Value
	buffer := make([]parquet.Value, 1024)
	for _, g := range c.file.RowGroups() {
		pages := g.ColumnChunks()[c.leaf].Pages()
		ok := c.ofPages(pages, buffer, yield)
		if err := safely(pages.Close); err != nil && ok {
			yield(none, err)
			ok = false
		}
		if !ok {
			return
		}
	}
}

func (c parquetColumn) ofPages(pages parquet.Pages, buffer []parquet.Value, yield func(parquet.Value, error) bool) bool {
	for {
		var page parquet.Page
		err := safely(func() (err error) {
			page, err = pages.ReadPage()
			return err
		})
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			yield(parquet.Value{}, err)
			return false
		}
		ok := c.ofPage(page, buffer, yield)
		parquet.Release(page)
		if !ok {
			return false
		}
	}
}

func (c parquetColumn) ofPage(page parquet.Page, buffer []parquet.Value, yield func(parquet.Value, error) bool) bool {
	values := page.Values()
	for {
		n := 0
		err := safely(func() (err error) {
			n, err = values.ReadValues(buffer)
			return err
		})
		for _, v := range buffer[:n] {
			if !yield(v, nil) {
				return false
			}
		}
		if errors.Is(err, io.EOF) {
			return true
		}
		if err == nil && n == 0 {
			err = errors.New("damaged: a page that does not end")
		}
		if err != nil {
			yield(parquet.Value{}, err)
			return false
		}
	}
}

func (c parquetColumn) paths(yield func(string, error) bool) {
	for v, err := range c.values {
		if err == nil && v.IsNull() {
			err = errors.New("a row without a path")
		}
		path := ""
		if err == nil {
			path = string(v.ByteArray())
		}
		if !yield(path, err) || err != nil {
			return
		}
	}
}

// rows gives the lists, all of that length.
func (c parquetColumn) rows(length int) iter.Seq2[[]float32, error] {
	return func(yield func([]float32, error) bool) {
		row := make([]float32, 0, length)
		n := 0
		for v, err := range c.values {
			switch {
			case err != nil:
			case v.IsNull():
				err = fmt.Errorf("row %d: an empty list, or one with nulls", n)
			case v.RepetitionLevel() == 0 && len(row) != 0 || v.RepetitionLevel() != 0 && len(row) == 0:
				err = fmt.Errorf("row %d: a list of another length than %d", n, length)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if row = append(row, c.number(v)); len(row) < length {
				continue
			}
			if !yield(row, nil) {
				return
			}
			row = row[:0]
			n++
		}
		if len(row) > 0 {
			yield(nil, errors.New("truncated"))
		}
	}
}

func (c parquetColumn) number(v parquet.Value) float32 {
	switch c.kind {
	case "f2":
		return float16.Frombits(binary.LittleEndian.Uint16(v.ByteArray())).Float32()
	case "f8":
		return float32(v.Double())
	}
	return v.Float()
}
