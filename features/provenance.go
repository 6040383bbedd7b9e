package features

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/featx-go/featx/sink"
)

const (
	provenanceEnding = ".provenance.json" // of the file beside a .npy or .jsonl file
	provenanceKey    = "featx"            // in the metadata of the other formats
	maxProvenance    = 64 << 20
)

// Provenance is what the rows were made with; nil where the file does not tell, as those of other programs.
func (f *File) Provenance() (*sink.Provenance, error) {
	text := f.ProvenanceText()
	if text == nil {
		return nil, nil
	}
	p := new(sink.Provenance)
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("%s: its provenance: %w", f.path, err)
	}
	return p, nil
}

// ProvenanceText is the same as the JSON object that it is in the file.
func (f *File) ProvenanceText() json.RawMessage { return f.tables[0].provenance }

// provenanceBeside reads the provenance of a file that cannot hold it itself; nil if there is none.
func provenanceBeside(path string) ([]byte, error) {
	path += provenanceEnding
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var text []byte
	if err == nil {
		defer f.Close()
		text, err = io.ReadAll(io.LimitReader(f, maxProvenance+1))
	}
	if err == nil && len(text) > maxProvenance {
		err = fmt.Errorf("it has more than %d bytes", maxProvenance)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, reason(err))
	}
	return text, nil
}

// takeProvenance takes from it what the format itself does not tell: the name of the one layer of a .npy file, the axes of maps in tables.
func (t *table) takeProvenance() error {
	if t.provenance == nil {
		return nil
	}
	var p struct {
		Layers []struct {
			Name string
			Dims []int
		}
	}
	if err := json.Unmarshal(t.provenance, &p); err != nil {
		return fmt.Errorf("its provenance is damaged: %w", err)
	}
	if len(p.Layers) != len(t.layers) {
		return nil
	}
	t.layers = slices.Clone(t.layers)
	for i, l := range p.Layers {
		have := &t.layers[i]
		if have.Name == "" {
			have.Name = l.Name
		}
		if told := (Layer{Dims: l.Dims}); have.Name == l.Name && len(have.Dims) == 1 && told.Len() == have.Dims[0] {
			have.Dims = l.Dims // tables keep a map as a list
		}
	}
	return nil
}

// object is a provenance as a JSON object, without members where there is none.
func object(text []byte) json.RawMessage {
	if text == nil {
		return json.RawMessage("{}")
	}
	return slices.Clone(text)
}
