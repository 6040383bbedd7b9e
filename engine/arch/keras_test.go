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

// Files that number layers by class number those of ConvNeXt's models within the models.
func TestRecogniseKerasByClass(t *testing.T) {
	stored := KerasStored{ByClass: true}
	var want []string
	add := func(key, layer string, shapes ...[]int) {
		stored.Layers = append(stored.Layers, KerasLayer{key, shapes})
		want = append(want, "convnext_tiny_"+layer)
	}
	numbers := fxNames{}
	inner := 3
	for stage, c := range []int{96, 192, 384, 768} {
		model, norm, kernel := numbers.next("sequential"), inner, 2
		conv, layerNorm := fmt.Sprintf("downsampling_block_%d/convnext_tiny_downsampling_conv_%[1]d", stage-1), fmt.Sprintf("downsampling_block_%d/convnext_tiny_downsampling_layernorm_%[1]d", stage-1)
		if stage == 0 {
			conv, layerNorm, norm, kernel = "stem/convnext_tiny_stem_conv", "stem/convnext_tiny_stem_layernorm", c, 4
		}
		add(model+"/conv2d", conv, []int{kernel, kernel, inner, c}, []int{c})
		add(model+"/layer_normalization", layerNorm, []int{norm}, []int{norm})
		for i := range []int{3, 3, 9, 3}[stage] {
			at := fmt.Sprintf("stage_%d_block_%d_", stage, i)
			add(numbers.next("layer_scale"), at+"layer_scale", []int{c})
			add(numbers.next("conv2d"), at+"depthwise_conv", []int{7, 7, 1, c}, []int{c})
			add(numbers.next("layer_normalization"), at+"layernorm", []int{c}, []int{c})
			add(numbers.next("dense"), at+"pointwise_conv_1", []int{c, 4 * c}, []int{4 * c})
			add(numbers.next("dense"), at+"pointwise_conv_2", []int{4 * c, c}, []int{c})
		}
		inner = c
	}
	add(numbers.next("layer_normalization"), "head_layernorm", []int{inner}, []int{inner})
	add(numbers.next("dense"), "head_dense", []int{inner, 10}, []int{10})
	g, params, err := RecogniseKeras("", stored)
	require.NoError(t, err)
	require.Equal(t, "keras/convnext_tiny", g.Arch)
	for i, list := range params {
		for _, p := range list {
			layer, _, _ := cutLast(p.Tensor)
			require.Equal(t, want[i], layer, stored.Layers[i].Name)
		}
	}
}
