package sink

import (
	"bufio"
	"io"
	"os"

	"github.com/featx-go/featx/internal/atomicfile"
	"github.com/featx-go/featx/sink/npy"
)

// spool keeps rows of several layers in a temporary file, for the formats that want one layer after the other.
type spool struct {
	tmp    *os.File
	layers []Layer
	offset []int64 // of a layer's values in a row, in bytes; the last is the row's length
	paths  []string
	row    []byte
}

func newSpool(target *atomicfile.File, layers []Layer) (*spool, error) {
	tmp, err := target.Scratch()
	if err != nil {
		return nil, err
	}
	os.Remove(tmp.Name()) // where an open file may lose its name, nothing can be left over; elsewhere Close removes it
	s := &spool{tmp: tmp, layers: layers, offset: []int64{0}}
	for i, l := range layers {
		s.offset = append(s.offset, s.offset[i]+4*int64(elements(l.Dims)))
	}
	return s, nil
}

func elements(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

func (s *spool) write(path string, features [][]float32) error {
	s.row = s.row[:0]
	for _, f := range features {
		s.row = npy.AppendFloats(s.row, f)
	}
	if _, err := s.tmp.Write(s.row); err != nil {
		return err
	}
	s.paths = append(s.paths, path)
	return nil
}

// copyLayer writes the rows of the i-th layer to w.
func (s *spool) copyLayer(w io.Writer, i int) error {
	out := bufio.NewWriterSize(w, 1<<18)
	length := s.offset[i+1] - s.offset[i]
	s.row = append(s.row[:0], make([]byte, length)...)
	for n := range s.paths {
		if _, err := s.tmp.ReadAt(s.row, int64(n)*s.offset[len(s.layers)]+s.offset[i]); err != nil {
			return err
		}
		if _, err := out.Write(s.row); err != nil {
			return err
		}
	}
	return out.Flush()
}

// dims is the shape of the i-th layer's array.
func (s *spool) dims(i int) []int { return append([]int{len(s.paths)}, s.layers[i].Dims...) }

func (s *spool) Close() error {
	err := s.tmp.Close()
	os.Remove(s.tmp.Name())
	return err
}
