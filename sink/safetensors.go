package sink

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"strings"

	"github.com/featx-go/featx/internal/atomicfile"
)

// Readers refuse larger headers (https://github.com/huggingface/safetensors, tensor.rs).
const (
	maxHeader   = 100_000_000
	headerSpare = 1 << 20 // for the tensors' entries
)

// headerBytes is what a path takes in the header, at most: its quotes and backslashes are quoted once more.
func headerBytes(path string) int64 { return int64(2*len(appendString(nil, path)) + 4) }

// writeSafetensors writes the header's length, a JSON header, and the tensors without gaps.
func writeSafetensors(out *atomicfile.File, r *Rows) error {
	paths := []byte{'['}
	for p, err := range r.Paths() {
		if err != nil {
			return err
		}
		paths = appendString(comma(paths, len(paths)-1), p)
	}
	type tensor struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	header := map[string]any{"__metadata__": map[string]string{"paths": string(append(paths, ']')), "featx": string(r.Provenance())}}
	at := int64(0)
	for _, l := range r.Layers {
		end := at + r.N*l.bytes()
		header[l.Name] = tensor{strings.ToUpper(l.DType.String()), l.dims(r.N), [2]int64{at, end}}
		at = end
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
	if _, err := out.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
		return err
	}
	for i := range r.Layers {
		if _, err := io.Copy(out, r.Layer(i)); err != nil {
			return err
		}
	}
	return nil
}
