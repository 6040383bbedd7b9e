package sink

import "github.com/featx-go/featx/sink/npy"

func npyHeader(layers []Layer, rows int64) []byte { return npy.Header("<f4", layers[0].dims(rows)...) }

func npyRow(b []byte, _ []Layer, _ string, features [][]float32) []byte {
	return npy.AppendFloats(b, features[0])
}
