package sink

import (
	"io"
	"strconv"
)

// appendJSONL appends one line for each layer: {"path": ..., "layer": ..., "shape": [...], "features": [...]}.
func appendJSONL(b []byte, layers []Layer, path string, features [][]float32) []byte {
	for i, l := range layers {
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
	return b
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

// Stream writes rows as JSON Lines to an open stream, a picture at a time.
type Stream struct {
	out    io.Writer
	layers []Layer
	row    []byte
}

// NewStream gives a Stream.
func NewStream(out io.Writer, layers []Layer) *Stream { return &Stream{out: out, layers: layers} }

// Add writes the row, if there is one.
func (s *Stream) Add(o Outcome) error {
	if o.Features == nil {
		return nil
	}
	s.row = appendJSONL(s.row[:0], s.layers, o.Path, o.Features)
	_, err := s.out.Write(s.row)
	return err
}
