package engine_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/kernels"
)

func small(nodes ...engine.Node) *engine.Graph {
	return &engine.Graph{Layout: engine.NCHW, Input: engine.Shape{H: 8, W: 6, C: 3}, Nodes: nodes}
}

func node(name string, op engine.Op, inputs ...string) engine.Node {
	return engine.Node{Name: name, Op: op, Inputs: inputs}
}

// Every mistake in a graph is said with the layer, the operation and the shapes.
func TestGraphErrors(t *testing.T) {
	conv := func(w engine.Window) *engine.Conv2D {
		return &engine.Conv2D{Window: w, OutC: 4, Groups: 1, Weight: "w"}
	}
	huge := engine.Square(3, 1, 1)
	huge.Kernel = [2]int{1 << 30, 3}
	for _, c := range []struct {
		g    *engine.Graph
		want string
	}{
		{small(), "0 nodes"},
		{small(node("", &engine.ReLU{}, "input")), "node 0 has no name"},
		{small(node("a", &engine.ReLU{}, "b")), `node "a" reads "b", which is no node before it`},
		{small(node("a", &engine.ReLU{}, "a")), `node "a" reads "a", which is no node before it`},
		{small(node("a", &engine.ReLU{}, "input"), node("a", &engine.ReLU{}, "input")), `two nodes are called "a"`},
		{small(node("input", &engine.ReLU{}, "input")), `two nodes are called "input"`},
		{small(node("a", &engine.ReLU{})), `node "a" has no input`},
		{small(node("a", nil, "input")), `node "a" has no operation`},
		{small(node("a", &engine.ReLU{Max: float32(math.NaN())}, "input")), `node "a" (ReLU): upper bound NaN`},
		{small(node("a", conv(engine.Square(9, 1, 0)), "input")), `layer "a" (Conv2D) on input 8x6x3 (HxWxC): a 9x9 window (dilation [1 1]) does not fit`},
		{small(node("a", conv(huge), "input")), "kernel [1073741824 3] is out of range"},
		{small(node("a", conv(engine.Square(3, 0, 1)), "input")), "stride [0 0] is out of range"},
		{small(node("a", conv(engine.Square(3, 1, -1)), "input")), "padding"},
		{small(node("a", &engine.Conv2D{Window: engine.Square(1, 1, 0), OutC: 4, Groups: 2, Weight: "w"}, "input")), "3 input channels do not divide into 2 groups"},
		{small(node("a", &engine.Conv2D{Window: engine.Square(1, 1, 0), OutC: 4, Groups: 0, Weight: "w"}, "input")), "4 output channels in 0 groups"},
		{small(node("a", &engine.MaxPool{Window: engine.Square(2, 2, 0)}, "input"), node("b", &engine.Add{}, "a", "input")),
			`layer "b" (Add) on a 4x3x3 (HxWxC), input 8x6x3 (HxWxC): the shapes 4x3x3 (HxWxC) and 8x6x3 (HxWxC) do not go together`},
		{small(node("a", &engine.Add{}, "input")), "wrong number of inputs: 1, not 2 or more"},
		{small(node("a", &engine.MaxPool{Window: engine.Square(2, 2, 3)}, "input")), "lie in the padding alone"},
		{small(node("a", &engine.ZeroPad{Pad: engine.Pad{Top: 1 << 20}}, "input")), "too large"},
	} {
		_, err := c.g.Infer(c.g.Input)
		require.ErrorContains(t, err, c.want)
	}
	g := small(node("a", &engine.ReLU{}, "input"))
	g.Alias("b", "c")
	require.ErrorContains(t, g.Validate(), `alias "b" means "c", which is no node`)
	g = small(node("a", &engine.ReLU{}, "input"))
	g.Layout = "CHWN"
	require.ErrorContains(t, g.Validate(), "neither NCHW nor NHWC")
	require.ErrorContains(t, json.Unmarshal([]byte(`{"nodes":[{"name":"x","op":"Sorcery","inputs":["input"]}]}`), &engine.Graph{}), `node "x": unknown operation "Sorcery"`)
}

// PyTorch's own size formulas (ceil_mode: a window that would start in the far padding does not count).
func TestPoolSizes(t *testing.T) {
	for _, c := range []struct{ size, k, stride, pad, floor, ceil int }{
		{112, 3, 2, 1, 56, 57}, {113, 3, 2, 0, 56, 56}, {7, 2, 2, 0, 3, 4}, {6, 1, 2, 0, 3, 3}, {5, 2, 4, 1, 2, 2}, {3, 2, 3, 1, 2, 2},
	} {
		for _, ceil := range []bool{false, true} {
			w := engine.Square(c.k, c.stride, c.pad)
			w.Ceil = ceil
			g := small(node("p", &engine.MaxPool{Window: w}, "input"))
			shapes, err := g.Infer(engine.Shape{H: c.size, W: c.size, C: 3})
			require.NoError(t, err)
			want := c.floor
			if ceil {
				want = c.ceil
			}
			require.Equal(t, want, shapes[0].H, "%+v ceil %v", c, ceil)
		}
	}
}

func TestResolve(t *testing.T) {
	g, err := arch.Build("resnet18", arch.Options{})
	require.NoError(t, err)
	names := func(patterns ...string) (out []string) {
		layers, err := g.Resolve(patterns)
		require.NoError(t, err)
		for _, l := range layers {
			out = append(out, l.Name)
		}
		return out
	}
	require.Equal(t, []string{"flatten"}, names())
	require.Equal(t, []string{"layer1", "conv1", "fc"}, names("layer1", "0", "-1"))
	require.Equal(t, []string{"layer2.0.add", "layer2.1.add"}, names("layer2.*.add"))
	require.Equal(t, []string{"layer1", "layer2", "layer3", "layer4"}, names("layer?"))
	require.Equal(t, []string{"conv1"}, names("conv1", "conv1", "0"))
	g.Add("/layer5/layer5.0/Relu", &engine.Activation{Func: "relu"}, "layer4")
	for _, pattern := range []string{"*Relu", "/layer5/*", "/layer5/**/Relu", "/*/Relu", "?layer5?layer5.[0-9]*"} {
		require.Equal(t, []string{"/layer5/layer5.0/Relu"}, names(pattern), pattern)
	}
	for _, c := range []struct{ pattern, want string }{
		{"layer5", `no layer "layer5"; nearest: layer1, layer2, layer3, layer4`},
		{"LAYER4.1.con2", "nearest: layer4.1.conv2"},
		{"1000", "no layer 1000: the network has"},
		{"nothing*", `layer pattern "nothing*" matches none of the network's `},
		{"[", "malformed"},
	} {
		_, err := g.Resolve([]string{c.pattern})
		require.ErrorContains(t, err, c.want)
	}
}

func TestNewModelListsEveryMismatch(t *testing.T) {
	g, weights := build(t, "cifar_resnet20")
	delete(weights, "bn1.running_var")
	delete(weights, "linear.bias")
	w := weights["conv1.weight"]
	w.Shape = []int{16, 3, 9}
	weights["conv1.weight"] = w
	_, err := engine.NewModel(g, weights, kernels.Generic)
	require.EqualError(t, err, "the weights do not fit the network: 2 missing: bn1.running_var, linear.bias; 1 misshapen: conv1.weight: has [16 3 9], needs [16 3 3 3]")
}
