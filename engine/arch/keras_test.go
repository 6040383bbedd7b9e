package arch

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
)

// Every network of keras.applications has Keras's layers, in Keras's order: names, shapes of outputs and weights, inputs (testdata/golden/make_keras_layers.py).
func TestKerasLayers(t *testing.T) {
	var all map[string]struct {
		Layers, Rest []string
		Shared       int
	}
	f, err := os.Open("../../testdata/golden/keras_layers.json.gz")
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	require.NoError(t, json.NewDecoder(z).Decode(&all))
	for name := range kerasBuilders {
		if _, ok := all[name]; !ok && name != "squeezenet" { // which is not Keras's own
			t.Errorf("%s has no list", name)
		}
	}
	for name, want := range all {
		t.Run(name, func(t *testing.T) {
			equalLines(t, want.Layers, layerLines(t, name, KerasOptions{}))
			equalLines(t, slices.Concat(want.Layers[:want.Shared], want.Rest), layerLines(t, name, KerasOptions{NoTop: true}))
		})
	}
}

func equalLines(t *testing.T, want, got []string) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		require.Equal(t, want[i], got[i], "line %d", i)
	}
	require.Len(t, got, len(want))
}

// layerLines describes a network's layers as make_keras_layers.py does.
func layerLines(t *testing.T, name string, o KerasOptions) []string {
	t.Helper()
	g, err := BuildKeras(name, o)
	require.NoError(t, err)
	shapes, err := g.Infer(g.Input)
	require.NoError(t, err)
	at := map[string]engine.Shape{}
	for i, n := range g.Nodes {
		at[n.Name] = shapes[i]
	}
	layers, err := kerasLayers(g)
	require.NoError(t, err)
	var lines []string
	for _, l := range layers {
		var weights []string
		for _, p := range l.params {
			shape := p.Shape
			if strings.HasSuffix(p.Tensor, "/depthwise_kernel") {
				shape = []int{shape[0], shape[1], shape[3], 1}
			}
			weights = append(weights, strings.ReplaceAll(fmt.Sprint(shape), " ", ","))
		}
		if l.class == "normalization" {
			weights = append(weights, "[]")
		}
		s := at[l.name]
		shape := fmt.Sprintf("%dx%dx%d", s.H, s.W, s.C)
		if s.Flat {
			shape = fmt.Sprint(s.Elements())
		}
		lines = append(lines, strings.Join([]string{l.name, shape, strings.Join(weights, ","), strings.Join(l.inputs, ",")}, "|"))
	}
	return lines
}
