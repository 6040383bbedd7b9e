package arch

import (
	"fmt"
	"strings"

	"github.com/featx-go/featx/engine"
)

// place is a place that a network has in several dialects: its name in torchvision, in Keras and in timm, "" where there is none. It is the
// same value for the same weights, but for what the definitions themselves do otherwise (Keras's ResNets have their strides elsewhere, so that only whole blocks agree).
type place struct{ torchvision, keras, timm string }

// Translate makes the shared places of a stock network answer to the names of all dialects. The graph may be of any; the network's name is a builder's or
// that of Keras's application (resnet50, vgg16, inception_v3, efficientnetb0). Names that the graph has already keep their meaning. A network without
// a table is left as it is.
func Translate(g *engine.Graph, network string) {
	has := map[string]string{} // by name or alias, the node
	for _, n := range g.Nodes {
		has[n.Name] = n.Name
	}
	for alias, node := range g.Aliases {
		has[alias] = node
	}
	for _, p := range places(network) {
		names := [...]string{p.torchvision, p.keras, p.timm}
		node := ""
		for _, name := range names {
			if node == "" {
				node = has[name]
			}
		}
		for _, name := range names {
			if _, known := has[name]; !known && name != "" && node != "" {
				g.Alias(name, node)
				has[name] = node
			}
		}
	}
}

// places gives the shared places of a network.
func places(network string) []place {
	network = plain(network)
	if c, ok := lookup(resnets, network); ok {
		return resnetPlaces(c)
	}
	if c, ok := lookup(densenets, network); ok {
		return densenetPlaces(c)
	}
	if c, ok := lookup(efficientnets, network); ok {
		return efficientnetPlaces(c)
	}
	if c, ok := lookup(vggConfigs, network); ok {
		return vggPlaces(c)
	}
	switch {
	case strings.HasPrefix(network, "inceptionv3"):
		return inceptionPlaces()
	case strings.HasPrefix(network, "mobilenetv2"): // mobilenetv2_1.00_224
		return mobilenetV2Places()
	}
	for name, c := range mobilenetV3s {
		if strings.HasPrefix(network, plain(name)) {
			list := mobilenetV3Places(c)
			if strings.HasSuffix(network, "minimalistic") {
				list[0].keras = "re_lu"
			}
			return list
		}
	}
	for name, c := range convnexts {
		if network == plain(name) {
			return convnextPlaces(name, c)
		}
	}
	return nil
}

// plain is a network's name as torchvision (inception_v3, efficientnet_b0) and Keras (keras/inception_v3, efficientnetb0, efficientnetv2-s) agree on it.
func plain(network string) string {
	return strings.NewReplacer("keras/", "", "_", "", "-", "").Replace(strings.ToLower(network))
}

// lookup finds what a table has under a plain name.
func lookup[T any](table map[string]T, network string) (found T, ok bool) {
	for name, c := range table {
		if plain(name) == network {
			return c, true
		}
	}
	return found, false
}

// vggPlaces: Keras's layers hold their ReLU.
func vggPlaces(config string) []place {
	list := []place{{"classifier.1", "fc1", ""}, {"classifier.4", "fc2", ""}}
	block, conv, n := 1, 0, 0
	for _, item := range strings.Fields(config) {
		if item == "M" {
			list = append(list, place{fmt.Sprintf("features.%d", n), fmt.Sprintf("block%d_pool", block), ""})
			block, conv, n = block+1, 0, n+1
			continue
		}
		conv++
		list = append(list, place{fmt.Sprintf("features.%d", n+1), fmt.Sprintf("block%d_conv%d", block, conv), ""})
		n += 2
	}
	return list
}

// resnetPlaces: Keras has those with bottlenecks.
func resnetPlaces(c resnetConfig) []place {
	list := []place{{"relu", "", "act1"}, {"flatten", "", "global_pool"}, {"flatten", "", "global_pool.flatten"}, {"avgpool", "", "global_pool.pool"}}
	if c.groups > 0 {
		list = append(list, place{"conv1", "conv1_conv", ""}, place{"bn1", "conv1_bn", ""}, place{"relu", "conv1_relu", ""}, place{"maxpool", "pool1_pool", ""},
			place{"flatten", "avg_pool", ""}, place{"avgpool", "avg_pool", ""})
	}
	for stage, blocks := range c.blocks {
		layer := fmt.Sprintf("layer%d", stage+1)
		out := ""
		for k := range blocks {
			name := fmt.Sprintf("%s.%d", layer, k)
			list = append(list, place{name + ".relu", "", name + ".act1"}, place{name + ".relu_1", "", name + ".act2"})
			if c.groups > 0 {
				out = fmt.Sprintf("conv%d_block%d_out", stage+2, k+1)
				list = append(list, place{name + ".relu_2", "", name + ".act3"}, place{name, out, ""})
			}
		}
		list = append(list, place{layer, out, ""})
	}
	return list
}

func densenetPlaces(c densenetConfig) []place {
	list := []place{
		{"features.conv0", "conv1_conv", ""}, {"features.norm0", "conv1_bn", ""}, {"features.relu0", "conv1_relu", ""}, {"features.pool0", "pool1", ""},
		{"features.norm5", "bn", ""}, {"flatten", "avg_pool", ""}, {"adaptive_avg_pool2d", "avg_pool", ""},
	}
	for i, layers := range c.blocks {
		block := fmt.Sprintf("features.denseblock%d", i+1)
		for k := range layers {
			// A layer's result joined to what was there before is the next layer's input.
			cat := fmt.Sprintf("%s.denselayer%d.cat", block, k+2)
			if k == layers-1 {
				cat = block + ".cat"
				list = append(list, place{block, fmt.Sprintf("conv%d_block%d_concat", i+2, k+1), ""})
			}
			list = append(list, place{cat, fmt.Sprintf("conv%d_block%d_concat", i+2, k+1), ""})
		}
		if i < len(c.blocks)-1 {
			for _, module := range []string{"norm", "relu", "conv", "pool"} {
				keras := fmt.Sprintf("pool%d_%s", i+2, strings.Replace(module, "norm", "bn", 1))
				list = append(list, place{fmt.Sprintf("features.transition%d.%s", i+1, module), keras, ""})
			}
			list = append(list, place{fmt.Sprintf("features.transition%d", i+1), fmt.Sprintf("pool%d_pool", i+2), ""})
		}
	}
	return list
}

func inceptionPlaces() []place {
	list := []place{{"flatten", "avg_pool", ""}, {"avgpool", "avg_pool", ""}, {"Mixed_7b.cat", "mixed9_0", ""}, {"Mixed_7c.cat", "mixed9_1", ""}}
	for i, block := range strings.Fields("5b 5c 5d 6a 6b 6c 6d 6e 7a 7b 7c") {
		list = append(list, place{"Mixed_" + block, fmt.Sprintf("mixed%d", i), ""})
	}
	return list
}

// efficientnetPlaces: Keras counts stages from 1, as torchvision does behind the stem, and letters their blocks.
func efficientnetPlaces(c efficientnetConfig) []place {
	top := fmt.Sprintf("features.%d", len(c.stages)+1)
	list := []place{{"features.0", "stem_activation", ""}, {top, "top_activation", ""}, {"flatten", "avg_pool", ""}, {"avgpool", "avg_pool", ""}}
	inC := c.stemC
	for i, s := range c.stages {
		stage, out := fmt.Sprintf("features.%d", i+1), ""
		for k := range s.blocks {
			out = fmt.Sprintf("block%d%c_add", i+1, 'a'+k)
			if k == 0 && (s.stride != 1 || inC != s.outC) {
				out = fmt.Sprintf("block%d%c_project_bn", i+1, 'a'+k)
			}
			list = append(list, place{fmt.Sprintf("%s.%d", stage, k), out, ""})
			inC = s.outC
		}
		list = append(list, place{stage, out, ""})
	}
	return list
}

func mobilenetV2Places() []place {
	list := []place{{"features.0", "Conv1_relu", ""}, {"features.1", "expanded_conv_project_BN", ""}, {"features.18", "out_relu", ""}}
	n := 1
	for _, s := range mobilenetV2Stages[1:] {
		for k := range s.blocks {
			end := "add"
			if k == 0 {
				end = "project_BN"
			}
			list = append(list, place{fmt.Sprintf("features.%d", n+1), fmt.Sprintf("block_%d_%s", n, end), ""})
			n++
		}
	}
	return list
}

func mobilenetV3Places(c mobilenetV3Config) []place {
	list := []place{{"features.0", "activation", ""}, {fmt.Sprintf("features.%d.1", len(c.blocks)+1), "conv_1_bn", ""}}
	inC := 16
	for i, b := range c.blocks {
		name := "expanded_conv_"
		if i > 0 {
			name = fmt.Sprintf("expanded_conv_%d_", i)
		}
		end := "project_bn"
		if b.stride == 1 && b.outC == inC {
			end = "add"
		}
		list = append(list, place{fmt.Sprintf("features.%d", i+1), name + end, ""})
		inC = b.outC
	}
	return list
}

// convnextPlaces: in Keras the sum at a block's end is an operation without a name.
func convnextPlaces(name string, c convnextConfig) []place {
	list := []place{{"features.0", name + "_stem", ""}, {"avgpool", name + "_head_gap", ""}, {"classifier.1", name + "_head_layernorm", ""}}
	sums := fxNames{}
	for i, blocks := range c.blocks {
		stage, out := fmt.Sprintf("features.%d", 2*i+1), ""
		if i > 0 {
			list = append(list, place{fmt.Sprintf("features.%d", 2*i), fmt.Sprintf("%s_downsampling_block_%d", name, i-1), ""})
		}
		for k := range blocks {
			out = sums.next("add")
			list = append(list, place{fmt.Sprintf("%s.%d", stage, k), out, ""})
		}
		list = append(list, place{stage, out, ""})
	}
	return list
}
