package keras

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/featx-go/featx/internal/memzip"
	"github.com/featx-go/featx/tools/convert/keras/hdf5"
)

// Names in a .keras file.
const (
	configName   = "config.json"
	metadataName = "metadata.json"
	weightsName  = "model.weights.h5"
)

// IsArchive says whether data is a .keras file: a zip archive with a config.
func IsArchive(data []byte) bool {
	if !memzip.Is(data) {
		return false
	}
	z, err := memzip.Open(data)
	if err != nil {
		// A damaged .keras file begins with its metadata all the same.
		return bytes.HasPrefix(data[min(30, len(data)):], []byte(metadataName)) || bytes.HasPrefix(data[min(30, len(data)):], []byte(configName))
	}
	return z.Has(configName)
}

// readArchive reads a .keras file.
func readArchive(data []byte, o Options) (*File, error) {
	z, err := memzip.Open(data)
	if err != nil {
		return nil, err
	}
	text, err := member(z, configName)
	if err != nil {
		return nil, err
	}
	version := 3
	if metadata, err := member(z, metadataName); err == nil {
		var m struct {
			Version string `json:"keras_version"`
		}
		if json.Unmarshal(metadata, &m) == nil && m.Version != "" {
			version = majorVersion(m.Version)
		}
	}
	t, err := parseModel(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", configName, err)
	}
	stored, err := member(z, weightsName)
	if err != nil {
		return nil, err
	}
	root, err := hdf5.Parse(stored)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", weightsName, err)
	}
	store, err := storeOf(root, "", 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", weightsName, err)
	}
	return fromModel(t, version, o, func(w *weightTree) error { return w.assignStore(store) })
}

// member gives a file of the archive.
func member(z *memzip.Archive, name string) ([]byte, error) {
	if name == weightsName && !z.Has(name) {
		return nil, errors.New("the archive has no " + weightsName + ": weights in several files (max_shard_size) or other formats are not supported; save it with model.save('model.keras')")
	}
	part, err := z.Read(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return part, nil
}
