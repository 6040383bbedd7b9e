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

// Paths gives the path of each row.
func (r *Rows) Paths() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		in := r.names.reader()
		for range r.N {
			path, err := readName(in)
			if err != nil {
				err = fmt.Errorf("the rows' names are damaged: %w", err)
			}
			if !yield(path, err) || err != nil {
				return
			}
		}
	}
}

// appendName appends a name, after its length.
func appendName(b []byte, name string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(name))), name...)
}

// readName is the inverse.
func readName(in *bufio.Reader) (string, error) {
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return "", err
	}
	if n > maxName {
		return "", fmt.Errorf("one of %d bytes", n)
	}
	name := make([]byte, n)
	_, err = io.ReadFull(in, name)
	return string(name), err
}

// maxName bounds what a damaged file can ask for.
const maxName = 1 << 24
