package keras

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

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
	if !bytes.HasPrefix(data, []byte("PK\x03\x04")) {
		return false
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		// A damaged .keras file begins with its metadata all the same.
		return bytes.HasPrefix(data[min(30, len(data)):], []byte(metadataName)) || bytes.HasPrefix(data[min(30, len(data)):], []byte(configName))
	}
	for _, f := range z.File {
		if f.Name == configName {
			return true
		}
	}
	return false
}

// readArchive reads a .keras file.
func readArchive(data []byte, o Options) (*File, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("damaged: %w", err)
	}
	text, err := member(z, data, configName)
	if err != nil {
		return nil, err
	}
	version := 3
	if metadata, err := member(z, data, metadataName); err == nil {
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
	stored, err := member(z, data, weightsName)
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

// member gives a file of the archive, with its checksum verified: a part of data where it is stored as it is, as Keras does.
func member(z *zip.Reader, data []byte, name string) ([]byte, error) {
	for _, f := range z.File {
		if f.Name != name {
			continue
		}
		at, err := f.DataOffset()
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: damaged: %w", name, err)
		case f.Method == zip.Store:
			if at < 0 || at > int64(len(data)) || f.UncompressedSize64 > uint64(int64(len(data))-at) {
				return nil, fmt.Errorf("%s: truncated", name)
			}
			part := data[at : at+int64(f.UncompressedSize64)]
			if crc32.ChecksumIEEE(part) != f.CRC32 {
				return nil, fmt.Errorf("%s: damaged: its checksum is wrong", name)
			}
			return part, nil
		case f.UncompressedSize64 > 1100*uint64(len(data)):
			return nil, fmt.Errorf("%s: damaged: %d bytes cannot be in an archive of %d", name, f.UncompressedSize64, len(data))
		}
		r, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		defer r.Close()
		part, err := io.ReadAll(io.LimitReader(r, int64(f.UncompressedSize64)+1)) // ends with the checksum's verdict
		if err != nil {
			return nil, fmt.Errorf("%s: damaged: %w", name, err)
		}
		return part, nil
	}
	if name == weightsName {
		return nil, errors.New("the archive has no " + weightsName + ": weights in several files (max_shard_size) or other formats are not supported; save it with model.save('model.keras')")
	}
	return nil, fmt.Errorf("the archive has no %s", name)
}
