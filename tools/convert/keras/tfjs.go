package keras

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path"
	"path/filepath"

	"github.com/featx-go/featx/weights"
)

// IsTFJS says whether data is a TensorFlow.js model's JSON.
func IsTFJS(data []byte) bool {
	head := bytes.TrimLeft(data[:min(len(data), 64)], " \t\r\n")
	return bytes.HasPrefix(head, []byte("{")) && bytes.Contains(data, []byte(`"weightsManifest"`))
}

// tfjsModel is the JSON of a TensorFlow.js model.
type tfjsModel struct {
	Format      string          `json:"format"`
	GeneratedBy string          `json:"generatedBy"`
	Topology    json.RawMessage `json:"modelTopology"`
	Manifest    []struct {
		Paths   []string     `json:"paths"`
		Weights []tfjsWeight `json:"weights"`
	} `json:"weightsManifest"`
}

type tfjsWeight struct {
	Name         string `json:"name"`
	Shape        []int  `json:"shape"`
	DType        string `json:"dtype"`
	Quantization *struct {
		Min   float64 `json:"min"`
		Scale float64 `json:"scale"`
		DType string  `json:"dtype"`
	} `json:"quantization"`
}

func readTFJS(data []byte, o Options) (*File, error) {
	var m tfjsModel
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("the model's JSON: %w", err)
	}
	if m.Format == "graph-model" {
		return nil, errors.New("is a TensorFlow.js graph model, which has no layers: convert the Keras model to a layers model instead (tensorflowjs_converter --input_format=keras)")
	}
	var outer struct {
		Version string          `json:"keras_version"`
		Model   json.RawMessage `json:"model_config"`
	}
	if err := json.Unmarshal(m.Topology, &outer); err != nil {
		return nil, fmt.Errorf("modelTopology: %w", err)
	}
	topology := m.Topology
	if outer.Model != nil {
		topology = outer.Model
	}
	version := 2
	if outer.Version != "" {
		version = majorVersion(outer.Version)
	}
	t, err := parseModel(topology)
	if err != nil {
		return nil, err
	}
	if o.Open == nil {
		return nil, errors.New("its weights are in other files, which cannot be opened here")
	}
	var stored []*array
	for _, group := range m.Manifest {
		var all []byte
		for _, p := range group.Paths {
			if !filepath.IsLocal(filepath.FromSlash(p)) {
				return nil, fmt.Errorf("weight file %q does not lie beside the model", p)
			}
			b, err := o.Open(path.Clean(p))
			if err != nil {
				return nil, fmt.Errorf("weight file %q: %w", p, err)
			}
			all = append(all, b...)
		}
		for _, w := range group.Weights {
			a, size, err := w.array(all)
			if err != nil {
				return nil, fmt.Errorf("weight %q: %w", w.Name, err)
			}
			stored, all = append(stored, a), all[size:]
		}
		if len(all) > 0 {
			return nil, fmt.Errorf("the weight files %q are %d bytes longer than the weights in them", group.Paths, len(all))
		}
	}
	return fromModel(t, version, o, func(w *weightTree) error { return w.assignNames(stored) })
}

var tfjsTypes = map[string]weights.DType{"float32": weights.F32, "float16": weights.F16, "int32": "I32", "uint8": "U8", "uint16": "U16", "bool": "BOOL"}

// array cuts the weight off the front of its group's bytes; quantised values are computed when they are asked for.
func (w *tfjsWeight) array(all []byte) (*array, int, error) {
	stored := w.DType
	if w.Quantization != nil {
		stored = w.Quantization.DType
	}
	dtype, ok := tfjsTypes[stored]
	if !ok {
		return nil, 0, fmt.Errorf("the type %q is not supported", stored)
	}
	size := map[string]int{"float32": 4, "float16": 2, "int32": 4, "uint8": 1, "uint16": 2, "bool": 1}[stored]
	n := 1
	for _, d := range w.Shape {
		if d < 0 || d > 0 && n > len(all)/d {
			return nil, 0, fmt.Errorf("truncated: the shape %v needs more than the %d bytes that are left", w.Shape, len(all))
		}
		n *= d
	}
	if n*size > len(all) {
		return nil, 0, fmt.Errorf("truncated: the shape %v needs more than the %d bytes that are left", w.Shape, len(all))
	}
	part := all[:n*size]
	a := &array{name: w.Name, dtype: dtype, shape: w.Shape, data: func() ([]byte, error) { return part, nil }}
	if q := w.Quantization; q != nil && stored != "float16" {
		a.dtype = weights.F32
		a.data = func() ([]byte, error) {
			out := make([]byte, 0, 4*n)
			for i := range n {
				v := float64(part[i*size])
				if size == 2 {
					v = float64(binary.LittleEndian.Uint16(part[2*i:]))
				}
				out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(float64(v*q.Scale)+q.Min)))
			}
			return out, nil
		}
	}
	return a, n * size, nil
}
