package sink

import "github.com/featx-go/featx/sink/npy"

func npyHeader(layers []Layer, rows int64) []byte {
	return npy.Header(layers[0].DType.numpy(), layers[0].dims(rows)...)
}

func npyRow(b []byte, layers []Layer, _ string, features [][]float32) []byte {
	return layers[0].DType.append(b, features[0])
}
