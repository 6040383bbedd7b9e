package keras_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/tools/convert"
	"github.com/featx-go/featx/tools/convert/keras"
	"github.com/featx-go/featx/weights"
)

// application is what testdata/make_applications.py says of a network.
type application struct {
	input   featx.Tensor
	layers  []applicationLayer
	samples map[string][]float64 // places, then the values there
}

type applicationLayer struct {
	Name    string
	Shape   []int
	Largest float64 // magnitude
	Keras   float64 // error of Keras's own float32, over the largest magnitude
}

func readApplication(t *testing.T, path string) (a application) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	c, err := weights.ParseSafetensors(data)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(c.Metadata["layers"]), &a.layers))
	a.samples = map[string][]float64{}
	for _, x := range c.Tensors {
		if layer, ok := strings.CutPrefix(x.Name, "layer:"); ok {
			a.samples[layer], err = x.Float64s()
			require.NoError(t, err)
			continue
		}
		w, err := x.Weight()
		require.NoError(t, err)
		a.input = featx.Tensor{Dims: x.Shape, Data: w.Float32s()}
	}
	return a
}

// error is the largest difference of a sample over the layer's largest magnitude.
func (a *application) error(l applicationLayer, got []float32) float64 {
	places := a.samples[l.Name]
	places, want := places[:len(places)/2], places[len(places)/2:]
	worst := 0.0
	for i, at := range places {
		if d := math.Abs(float64(got[int(at)]) - want[i]); !(d <= worst) { // a NaN stays
			worst = d
		}
	}
	return worst / l.Largest
}

// applicationTolerance is what the layers of a network with Winograd may be off. One needs more than half of it: VGG19, whose softmax turns logits of 14 into 1.1e-5.
const applicationTolerance = 2e-5

// checkApplication converts a file without a flag and compares every layer, all asked for in one run; it gives their values.
func checkApplication(t *testing.T, path string, want application) []featx.Tensor {
	t.Helper()
	file := filepath.Join(t.TempDir(), "model.safetensors")
	_, err := convert.Convert(t.Context(), path, file, convert.Options{})
	require.NoError(t, err)
	m, err := featx.Open(file)
	require.NoError(t, err)
	defer m.Close()
	recipe := m.Recipe()
	recipe.Size = [2]int{want.input.Dims[1], want.input.Dims[2]}
	recipe.Resize = image.Resize{H: recipe.Size[0], W: recipe.Size[1]}
	o := featx.Options{Recipe: &recipe}
	for _, l := range want.layers {
		o.Layers = append(o.Layers, l.Name)
	}
	x, err := m.Extractor(o)
	require.NoError(t, err)
	defer x.Close()
	out, err := x.Tensor(want.input)
	require.NoError(t, err)
	worst, where, kerasWorst := 0.0, "", 0.0
	for i, l := range want.layers {
		require.Equal(t, l.Shape, out[i].Dims, l.Name)
		e := want.error(l, out[i].Data)
		if !(e <= applicationTolerance) { // also true of NaN
			t.Errorf("layer %s: error %.3g of its largest value, Keras's own float32 has %.2g", l.Name, e, l.Keras)
		}
		if !(e <= worst) {
			worst, where = e, l.Name
		}
		kerasWorst = max(kerasWorst, l.Keras)
	}
	t.Logf("%s: %d layers, worst %.2g (%s), Keras's float32 %.2g", filepath.Base(path), len(want.layers), worst, where, kerasWorst)
	return out
}

// A network by its weights alone, in the layout of Keras 2.
func TestWeightsAlone(t *testing.T) {
	const base = "MobileNet-alpha=0.25-classes=10-half.keras3."
	folder := t.TempDir()
	for _, name := range []string{base + "old.h5", base + "expected.safetensors"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), keras.Unzipped(t, name+".gz"), 0o644))
	}
	checkApplication(t, filepath.Join(folder, base+"old.h5"), readApplication(t, filepath.Join(folder, base+"expected.safetensors")))
}
