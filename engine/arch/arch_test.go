package arch

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
)

// Parameters (without batch norm's running statistics) as torchvision's documentation publishes them.
var published = map[string]int{
	"vgg11": 132863336, "vgg13": 133047848, "vgg16": 138357544, "vgg19": 143667240,
	"vgg11_bn": 132868840, "vgg13_bn": 133053736, "vgg16_bn": 138365992, "vgg19_bn": 143678248,
	"resnet18": 11689512, "resnet34": 21797672, "resnet50": 25557032, "resnet101": 44549160, "resnet152": 60192808,
}

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func stored(t *testing.T, g *engine.Graph) map[string][]int {
	params, err := g.Params()
	require.NoError(t, err)
	m := map[string][]int{}
	for _, p := range params {
		m[p.Tensor] = p.Shape
	}
	return m
}

func TestEveryNetwork(t *testing.T) {
	for _, name := range Names() {
		g, err := Build(name, Options{})
		require.NoError(t, err, name)
		tensors := stored(t, g)
		if want, ok := published[name]; ok {
			n := 0
			for tensor, shape := range tensors {
				if !hasSuffix(tensor, "running_mean", "running_var") {
					n += elements(shape)
				}
			}
			require.Equal(t, want, n, name)
		}
		again, err := Recognise(tensors)
		require.NoError(t, err)
		require.Equal(t, name, again.Arch)

		text, err := json.Marshal(g)
		require.NoError(t, err)
		var back engine.Graph
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, g, &back, name)
	}
}

func hasSuffix(s string, ends ...string) bool {
	for _, e := range ends {
		if len(s) >= len(e) && s[len(s)-len(e):] == e {
			return true
		}
	}
	return false
}

func TestRecogniseOtherClassesAndNearest(t *testing.T) {
	g, err := Build("resnet18", Options{Classes: 7})
	require.NoError(t, err)
	tensors := stored(t, g)
	again, err := Recognise(tensors)
	require.NoError(t, err)
	require.Equal(t, "resnet18", again.Arch)

	delete(tensors, "bn1.weight")
	_, err = Recognise(tensors)
	require.ErrorContains(t, err, "nearest: resnet18, 1 tensors differ")
	require.ErrorContains(t, g.CheckWeights(tensors), "1 missing: bn1.weight")
}
