package features

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/featx-go/featx/weights"
)

// kindOf is NumPy's name of the types that can be read.
var kindOf = map[weights.DType]string{weights.F16: "<f2", weights.F32: "<f4", weights.F64: "<f8"}

func openSafetensors(file *os.File, size int64) (*table, error) {
	c, offsets, err := weights.ReadSafetensors(file, size)
	if err != nil {
		return nil, err
	}
	var columns []column
	rows := int64(-1)
	for i, x := range c.Tensors {
		kind := kindOf[x.DType]
		if kind == "" || len(x.Shape) == 0 {
			continue
		}
		l := Layer{x.Name, x.Shape[1:], typeNames[kind[1:]]}
		if rows, err = rowsOf(rows, l, x.Shape[0]); err != nil {
			return nil, err
		}
		columns = append(columns, column{l, kind, func() (io.ReadCloser, error) {
			return io.NopCloser(io.NewSectionReader(file, offsets[i], offsets[i+1]-offsets[i])), nil
		}})
	}
	var paths iter.Seq2[string, error]
	if text, ok := c.Metadata["paths"]; ok {
		paths = stringsOf([]byte(text))
	}
	t := tableOf(columns, rows, paths)
	if text, ok := c.Metadata[provenanceKey]; ok {
		t.provenance = []byte(text)
	}
	return t, nil
}

// stringsOf gives the strings of a JSON array, as paths.
func stringsOf(array []byte) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		d := json.NewDecoder(bytes.NewReader(array))
		t, err := d.Token()
		if err == nil && t != json.Delim('[') {
			err = fmt.Errorf("they are no JSON array")
		}
		for err == nil && d.More() {
			var one json.RawMessage
			if err = d.Decode(&one); err != nil {
				break
			}
			path, bad := unquote(one)
			if bad != nil {
				err = bad
				break
			}
			if !yield(path, nil) {
				return
			}
		}
		if err == nil {
			_, err = d.Token() // ]
		}
		if err != nil {
			yield("", fmt.Errorf("paths: %w", cutOff(err)))
		}
	}
}
