package sink

import (
	"github.com/featx-go/featx/internal/atomicfile"
	"github.com/featx-go/featx/sink/npy"
)

// npyFile is one array; its header is written again when the number of rows is known.
type npyFile struct {
	out  *atomicfile.File
	dims []int
	row  []byte
}

func newNPY(out *atomicfile.File, l Layer) (*npyFile, error) {
	f := &npyFile{out: out, dims: append([]int{0}, l.Dims...)}
	_, err := out.Write(npy.Header("<f4", f.dims...))
	return f, err
}

func (f *npyFile) write(_ string, features [][]float32) error {
	f.dims[0]++
	f.row = npy.AppendFloats(f.row[:0], features[0])
	_, err := f.out.Write(f.row)
	return err
}

func (f *npyFile) finish() error {
	_, err := f.out.WriteAt(npy.Header("<f4", f.dims...), 0)
	return err
}
