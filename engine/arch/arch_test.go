package arch

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
)

// Parameters (without batch norm's running statistics) as torchvision's documentation publishes them; resnet50d's are timm's.
var published = map[string]int{
	"vgg11": 132863336, "vgg13": 133047848, "vgg16": 138357544, "vgg19": 143667240,
	"vgg11_bn": 132868840, "vgg13_bn": 133053736, "vgg16_bn": 138365992, "vgg19_bn": 143678248,
	"resnet18": 11689512, "resnet34": 21797672, "resnet50": 25557032, "resnet101": 44549160, "resnet152": 60192808,
	"alexnet": 61100840, "googlenet": 6624904, "googlenet_transform_input": 6624904,
	"resnext50_32x4d": 25028904, "resnext101_32x8d": 88791336, "resnext101_64x4d": 83455272, "wide_resnet50_2": 68883240, "wide_resnet101_2": 126886696,
	"densenet121": 7978856, "densenet161": 28681000, "densenet169": 14149480, "densenet201": 20013928,
	"mnasnet0_5": 2218512, "mnasnet0_75": 3170208, "mnasnet1_0": 4383312, "mnasnet1_3": 6282256,
	"shufflenet_v2_x0_5": 1366792, "shufflenet_v2_x1_0": 2278604, "shufflenet_v2_x1_5": 3503624, "shufflenet_v2_x2_0": 7393996,
	"mobilenet_v3_large": 5483032, "mobilenet_v3_small": 2542856,
	"efficientnet_b0": 5288548, "efficientnet_b1": 7794184, "efficientnet_b2": 9109994, "efficientnet_b3": 12233232,
	"efficientnet_b4": 19341616, "efficientnet_b5": 30389784, "efficientnet_b6": 43040704, "efficientnet_b7": 66347960,
	"efficientnet_v2_s": 21458488, "efficientnet_v2_m": 54139356, "efficientnet_v2_l": 118515272,
	"regnet_x_400mf": 5495976, "regnet_x_800mf": 7259656, "regnet_x_1_6gf": 9190136, "regnet_x_3_2gf": 15296552,
	"regnet_x_8gf": 39572648, "regnet_x_16gf": 54278536, "regnet_x_32gf": 107811560,
	"regnet_y_400mf": 4344144, "regnet_y_800mf": 6432512, "regnet_y_1_6gf": 11202430, "regnet_y_3_2gf": 19436338,
	"regnet_y_8gf": 39381472, "regnet_y_16gf": 83590140, "regnet_y_32gf": 145046770, "regnet_y_128gf": 644812894,
	"convnext_tiny": 28589128, "convnext_small": 50223688, "convnext_base": 88591464, "convnext_large": 197767336,
	"timm_vgg11": 132863336, "timm_vgg13": 133047848, "timm_vgg16": 138357544, "timm_vgg19": 143667240,
	"timm_vgg11_bn": 132868840, "timm_vgg13_bn": 133053736, "timm_vgg16_bn": 138365992, "timm_vgg19_bn": 143678248,
	"resnet50d":     25576264,
	"squeezenet1_0": 1248424, "squeezenet1_1": 1235496, "mobilenet_v2": 3504872,
	"inception_v3": 27161264 - auxLogits, "inception_v3_google": 27161264 - auxLogits,
}

// auxLogits is the number of parameters of Inception's auxiliary classifier, which torchvision counts: two convolutions with batch norm, a dense layer.
const auxLogits = 768*128 + 2*128 + 128*768*5*5 + 2*768 + 768*1000 + 1000

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
		if want, ok := published[name]; ok || !strings.HasPrefix(name, "cifar_") {
			n := 0
			for tensor, shape := range tensors {
				if !hasSuffix(tensor, "running_mean", "running_var") {
					n += elements(shape)
				}
			}
			require.Equal(t, want, n, name)
		}
		again, err := Recognise(tensors)
		switch {
		case strings.HasPrefix(name, "inception_v3"):
			require.ErrorContains(t, err, "and inception_v3_google (transform_input, as torchvision's published weights need) alike: name one with --arch")
		case strings.HasPrefix(name, "googlenet"):
			require.ErrorContains(t, err, "googlenet (torchvision's weights=None: no transform_input) and googlenet_transform_input (")
		default:
			require.NoError(t, err)
			require.Equal(t, name, again.Arch)
		}

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
	require.ErrorContains(t, err, "of no known network (nearest: resnet18, but 1 missing: bn1.weight): name one with --arch")
	var unknown *UnknownError
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, UnknownError{"resnet18", &engine.MismatchError{Missing: []string{"bn1.weight"}}}, *unknown)
	tensors["bn1.scale"] = []int{64}
	tensors["conv1.weight"] = []int{64, 3, 5, 5}
	_, err = Recognise(tensors)
	require.ErrorContains(t, err, "but 1 missing: bn1.weight; 1 misshapen: conv1.weight: has [64 3 5 5], needs [64 3 7 7]; 1 surplus: bn1.scale)")
	_, err = Recognise(map[string][]int{"a": {1}, "b": {2}})
	require.ErrorContains(t, err, "of no known network: name one")
	delete(tensors, "bn1.scale")
	tensors["conv1.weight"] = []int{64, 3, 7, 7}
	require.ErrorContains(t, g.CheckWeights(tensors), "1 missing: bn1.weight")
}

// Every state dict of torchvision's and timm's networks, as testdata/checkpoints/make_state_dicts.py lists them, is recognised.
func TestStateDicts(t *testing.T) {
	file, err := os.Open("../../testdata/checkpoints/state_dicts.json.gz")
	require.NoError(t, err)
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	require.NoError(t, err)
	var dicts map[string][][]any
	require.NoError(t, json.NewDecoder(unzipped).Decode(&dicts))
	require.Greater(t, len(dicts), 80)
	start := time.Now()
	for network, tensors := range dicts {
		stored := map[string][]int{}
		for _, entry := range tensors { // name, type, shape...
			var shape []int
			for _, n := range entry[2:] {
				shape = append(shape, int(n.(float64)))
			}
			if entry[1] == "float32" {
				name, shape := Current(entry[0].(string), shape)
				stored[name] = shape
			}
		}
		g, err := Recognise(stored)
		var alike *AlikeError
		if errors.As(err, &alike) {
			require.Contains(t, [][]string{{"inception_v3", "inception_v3_google"}, {"googlenet", "googlenet_transform_input"}}, alike.Networks)
			require.Contains(t, alike.Networks, network)
			continue
		}
		require.NoError(t, err, network)
		require.Equal(t, strings.TrimPrefix(network, "timm/"), g.Arch)
	}
	t.Logf("%v for %d", time.Since(start), len(dicts))
}

// DenseNet's tensors as they are published, ConvNeXt's layer scale.
func TestCurrent(t *testing.T) {
	for old, want := range map[string]string{
		"features.denseblock1.denselayer12.norm.2.running_mean": "features.denseblock1.denselayer12.norm2.running_mean",
		"features.denseblock1.denselayer1.conv.1.weight":        "features.denseblock1.denselayer1.conv1.weight",
		"features.norm0.weight":                                 "features.norm0.weight",
		"features.1.0.layer_scale":                              "features.1.0.layer_scale",
	} {
		name, shape := Current(old, []int{7, 1, 1})
		require.Equal(t, want, name)
		require.Equal(t, strings.HasSuffix(old, "layer_scale"), len(shape) == 1)
	}
}

// A place has the same node under the name of each dialect, and every place of a table is there.
func TestTranslate(t *testing.T) {
	for network, names := range map[string]map[string]string{
		"vgg16":               {"features.30": "block5_pool", "features.1": "block1_conv1", "features.29": "block5_conv3", "classifier.1": "fc1", "classifier.4": "fc2"},
		"resnet50":            {"layer3.5": "conv4_block6_out", "layer3": "conv4_block6_out", "flatten": "avg_pool", "layer4.2.relu_1": "layer4.2.act2", "relu": "conv1_relu"},
		"resnet18":            {"layer4.1": "layer4.1.act2", "flatten": "global_pool"},
		"inception_v3_google": {"Mixed_5b": "mixed0", "Mixed_6e": "mixed7", "Mixed_7c": "mixed10", "Mixed_7b.cat": "mixed9_0", "Mixed_7c.cat": "mixed9_1"},
		"densenet121":         {"features.transition3": "pool4_pool", "features.denseblock1.denselayer3.cat": "conv2_block2_concat", "features.denseblock4": "conv5_block16_concat"},
		"mobilenet_v2":        {"features.3": "block_2_add", "features.2": "block_1_project_BN", "features.17": "block_16_project_BN", "features.18": "out_relu"},
		"efficientnet_b0":     {"features.2.1": "block2b_add", "features.1": "block1a_project_bn", "features.8": "top_activation", "features.7.0": "block7a_project_bn"},
		"mobilenet_v3_small":  {"features.0": "activation", "features.3": "expanded_conv_2_add", "features.4": "expanded_conv_3_project_bn", "features.12.1": "conv_1_bn"},
		"convnext_tiny":       {"features.0": "convnext_tiny_stem", "features.3.1": "add_4", "features.7": "add_17", "features.6": "convnext_tiny_downsampling_block_2"},
		"efficientnet_v2_s":   {"features.1.0": "block1a_add", "features.6.14": "block6o_add", "features.0": "stem_activation"},
	} {
		g, err := Build(network, Options{})
		require.NoError(t, err)
		for torchvision, other := range names {
			layers, err := g.Resolve([]string{torchvision, other})
			require.NoError(t, err)
			require.Len(t, layers, 2, other)
			require.Equal(t, layers[0].Node, layers[1].Node, "%s: %s and %s", network, torchvision, other)
		}
	}
	for _, network := range Names() {
		g, err := Build(network, Options{})
		require.NoError(t, err)
		for _, p := range places(network) {
			for _, name := range []string{p.torchvision, p.keras, p.timm} {
				if name != "" {
					_, err := g.Resolve([]string{name})
					require.NoError(t, err, network)
				}
			}
		}
	}

	// The other direction: Keras's own graphs.
	for _, network := range KerasNames() {
		g, err := BuildKeras(network, KerasOptions{})
		require.NoError(t, err)
		Translate(g, g.Arch)
		for _, p := range places(network) {
			if p.keras == "" {
				continue
			}
			layers, err := g.Resolve([]string{p.keras, p.torchvision})
			require.NoError(t, err, network)
			if p.torchvision != p.keras { // flatten is not the same place, but keeps its meaning
				require.Equal(t, layers[0].Node, layers[len(layers)-1].Node, "%s: %s and %s", network, p.torchvision, p.keras)
			}
		}
	}
	g := &engine.Graph{Nodes: []engine.Node{{Name: "block1_conv1"}, {Name: "block5_pool"}, {Name: "flatten"}, {Name: "fc1"}}}
	Translate(g, "keras/vgg16")
	require.Equal(t, map[string]string{"features.1": "block1_conv1", "features.30": "block5_pool", "classifier.1": "fc1"}, g.Aliases)
	g = &engine.Graph{Nodes: []engine.Node{{Name: "conv4_block6_out"}, {Name: "avg_pool"}}}
	Translate(g, "resnet50")
	require.Equal(t, map[string]string{"layer3.5": "conv4_block6_out", "layer3": "conv4_block6_out", "flatten": "avg_pool", "avgpool": "avg_pool"}, g.Aliases)
}

// The goldens hold inception_v3_google; inception_v3 is the same network on the picture itself.
func TestTransformInput(t *testing.T) {
	plain, err := Build("inception_v3", Options{})
	require.NoError(t, err)
	google, err := Build("inception_v3_google", Options{})
	require.NoError(t, err)
	require.Equal(t, "cat", google.Nodes[0].Name)
	require.Equal(t, []string{"cat"}, google.Nodes[1].Inputs)
	google.Nodes[1].Inputs = []string{engine.InputName}
	require.Equal(t, google.Nodes[1:], plain.Nodes)
}

func TestTrainingOnly(t *testing.T) {
	g, err := Build("inception_v3", Options{Classes: 5})
	require.NoError(t, err)
	tensors := stored(t, g)
	tensors["AuxLogits.fc.weight"] = []int{5, 768}
	_, err = Recognise(tensors)
	require.ErrorContains(t, err, "the tensors fit inception_v3 (")
	require.True(t, TrainingOnly("inception_v3", "AuxLogits.fc.weight"))
	require.False(t, TrainingOnly("inception_v3", "fc.weight"))
	require.False(t, TrainingOnly("resnet18", "AuxLogits.fc.weight"))
}
