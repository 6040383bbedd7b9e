package sink

import (
	"io"
	"strconv"
)

// jsonl is one line per picture and layer: {"path": ..., "layer": ..., "shape": [...], "features": [...]}.
type jsonl struct {
	out    io.Writer
	layers []Layer
	row    []byte
}

// NewJSONL writes JSON Lines to an open stream, a picture at a time. Close and Abort leave the stream as it is.
func NewJSONL(out io.Writer, layers []Layer) Writer {
	return stream{&jsonl{out: out, layers: layers}}
}

func (f *jsonl) write(path string, features [][]float32) error {
	b := f.row[:0]
	for i, l := range f.layers {
		b = append(b, `{"path":`...)
		b = appendString(b, path)
		b = append(b, `,"layer":`...)
		b = appendString(b, l.Name)
		b = append(b, `,"shape":[`...)
		for j, d := range l.Dims {
			b = strconv.AppendInt(comma(b, j), int64(d), 10)
		}
		b = append(b, `],"features":[`...)
		for j, v := range features[i] {
			b = appendFloat(comma(b, j), v)
		}
		b = append(b, "]}\n"...)
	}
	f.row = b
	_, err := f.out.Write(b)
	return err
}

func (f *jsonl) finish() error { return nil }

func comma(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

type stream struct{ *jsonl }

func (s stream) Write(path string, features [][]float32) error { return s.write(path, features) }
func (s stream) Close() error                                  { return nil }
func (s stream) Abort()                                        {}
