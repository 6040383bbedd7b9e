package convert

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine/image"
)

const exports = "../../testdata/onnx/" // written by make.py there

func TestONNX(t *testing.T) {
	dst := filepath.Join(t.TempDir(), "m.safetensors")
	r, err := Convert(t.Context(), exports+"gated.trace16.onnx", dst, Options{})
	require.NoError(t, err)
	require.Equal(t, "onnx/gated.trace16", r.Source.Arch)
	require.Equal(t, image.Recipe{Size: [2]int{32, 32}, Resize: image.Resize{Edge: 37}, Interpolation: "bilinear", Crop: "center", Scale: "1/255",
		Mean: [3]float32{0.485, 0.456, 0.406}, Std: [3]float32{0.229, 0.224, 0.225}, Channels: "rgb"}, r.Recipe)
	m := open(t, dst)
	require.Equal(t, r.Graph, m.Graph)

	_, err = Convert(t.Context(), exports+"gated.trace16.onnx", dst, Options{Arch: "resnet18"})
	require.ErrorContains(t, err, "gated.trace16.onnx: an ONNX model holds its network itself: it cannot be taken as resnet18")
	_, err = Convert(t.Context(), exports+"gated.trace16.onnx", dst, Options{Recipe: func(r *image.Recipe) error { return r.Set("size", "0") }})
	require.Error(t, err)

	t.Run("another size", func(t *testing.T) {
		_, err := Convert(t.Context(), exports+"classic.trace13.onnx", filepath.Join(t.TempDir(), "m"), Options{Recipe: func(r *image.Recipe) error { return r.Set("size", "64") }})
		require.ErrorContains(t, err, `Gemm "/fc/Gemm": weights for 768 inputs on 3072: the classifier is made for another size of picture`)
	})
	t.Run("external data", func(t *testing.T) {
		const name = "gated.dynamo20.norm.onnx"
		folder, elsewhere := t.TempDir(), t.TempDir()
		for from, to := range map[string]string{name: filepath.Join(folder, "m.onnx"), name + ".data": filepath.Join(folder, name+".data")} {
			data, err := os.ReadFile(exports + from)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(to, data, 0o666))
		}
		_, err := Convert(t.Context(), filepath.Join(folder, "m.onnx"), dst, Options{})
		require.NoError(t, err)

		data := filepath.Join(folder, name+".data")
		require.NoError(t, os.Rename(data, filepath.Join(elsewhere, "data")))
		_, err = Convert(t.Context(), filepath.Join(folder, "m.onnx"), dst, Options{})
		require.ErrorContains(t, err, `m.onnx: tensor "stem.weight": `)
		require.ErrorContains(t, err, `its data are in "`+name+`.data" beside the model: no such file or directory`)
		if err := os.Symlink(filepath.Join(elsewhere, "data"), data); err != nil {
			t.Skip(err)
		}
		_, err = Convert(t.Context(), filepath.Join(folder, "m.onnx"), dst, Options{})
		require.ErrorContains(t, err, "path escapes from parent", "a link out of the folder")
	})
}
