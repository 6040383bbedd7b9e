package sink

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
)

// Rows are all rows of a file to be made. They are on disk, and can be read as often as a format needs.
type Rows struct {
	Layers []Layer
	N      int64 // how many

	names      span
	values     []span // by layer
	provenance Provenance
}

// span is a part of a file from its beginning.
type span struct {
	file *os.File
	n    int64
}

// reader reads it, in large pieces.
func (s span) reader() *bufio.Reader {
	return bufio.NewReaderSize(io.NewSectionReader(s.file, 0, s.n), 1<<18)
}

// Provenance is the output's, as JSON.
func (r *Rows) Provenance() []byte {
	text, err := json.Marshal(r.provenance)
	if err != nil {
		panic(err) // it has no values that JSON lacks
	}
	return text
}

// Layer reads the i-th layer's values of all rows, as they are to stand in the file: its DType, little-endian, row by row.
func (r *Rows) Layer(i int) io.Reader { return r.values[i].reader() }

// Row says which picture a row is of.
type Row struct {
	Input int64 // its number among all inputs of the job, those without a row included, from 0
	Path  string
}

// Rows gives them in order.
func (r *Rows) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		in := r.names.reader()
		for range r.N {
			row, err := readRow(in)
			if err != nil {
				err = fmt.Errorf("the rows' names are damaged: %w", err)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// Paths gives the path of each row.
func (r *Rows) Paths() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for row, err := range r.Rows() {
			if !yield(row.Path, err) {
				return
			}
		}
	}
}

// appendRow appends the number, the path's length, the path.
func appendRow(b []byte, r Row) []byte {
	b = binary.AppendUvarint(b, uint64(r.Input))
	return append(binary.AppendUvarint(b, uint64(len(r.Path))), r.Path...)
}

// readRow is the inverse.
func readRow(in *bufio.Reader) (Row, error) {
	input, err := binary.ReadUvarint(in)
	if err != nil {
		return Row{}, err
	}
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return Row{}, err
	}
	if n > maxName {
		return Row{}, fmt.Errorf("one of %d bytes", n)
	}
	name := make([]byte, n)
	_, err = io.ReadFull(in, name)
	return Row{int64(input), string(name)}, err
}

// maxName bounds what a damaged file can ask for.
const maxName = 1 << 24
