package sink

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/featx-go/featx/internal/atomicfile"
)

// safetensors is the header's length, a JSON header, and the tensors without gaps.
type safetensors struct {
	*spool
	out    *atomicfile.File
	header int // bytes that the paths will take in it, at most
}

// Readers refuse larger headers (https://github.com/huggingface/safetensors, tensor.rs).
const (
	maxHeader   = 100_000_000
	headerSpare = 1 << 20 // for the tensors' entries
)

func (f *safetensors) write(path string, features [][]float32) error {
	f.header += 2*len(appendString(nil, path)) + 4 // its quotes and backslashes are quoted once more
	if f.header > maxHeader-headerSpare {
		return fmt.Errorf("the paths of %d pictures do not fit into the header of a .safetensors file (%d MB): write a .npz instead", len(f.paths)+1, maxHeader/1_000_000)
	}
	return f.spool.write(path, features)
}

func (f *safetensors) finish() error {
	paths := []byte{'['}
	for i, p := range f.paths {
		paths = appendString(comma(paths, i), p)
	}
	type tensor struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	header := map[string]any{"__metadata__": map[string]string{"paths": string(append(paths, ']'))}}
	rows := int64(len(f.paths))
	for i, l := range f.layers {
		header[l.Name] = tensor{"F32", f.dims(i), [2]int64{rows * f.offset[i], rows * f.offset[i+1]}}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(header); err != nil {
		return err
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	if _, err := f.out.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
		return err
	}
	for i := range f.layers {
		if err := f.copyLayer(f.out, i); err != nil {
			return err
		}
	}
	return nil
}
