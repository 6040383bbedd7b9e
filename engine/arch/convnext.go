package arch

import (
	"github.com/featx-go/featx/engine"
)

// ConvNeXts as torchvision/models/convnext.py defines them (Liu et al. 2022). Node names are those of torchvision's feature_extraction. Values keep the network's
// layout where torchvision moves the channels behind the pixels and back: its permutations (block.1, block.6) are aliases of what they permute, and
// block.2 to block.5 have the shape C x H x W.
func init() {
	for name, c := range convnexts {
		register(name, 1000, "classifier.2.weight", func(o Options) *engine.Graph { return convnext(c, o) })
	}
}

var convnexts = map[string]convnextConfig{
	"convnext_tiny":  {channels: [4]int{96, 192, 384, 768}, blocks: [4]int{3, 3, 9, 3}},
	"convnext_small": {channels: [4]int{96, 192, 384, 768}, blocks: [4]int{3, 3, 27, 3}},
	"convnext_base":  {channels: [4]int{128, 256, 512, 1024}, blocks: [4]int{3, 3, 27, 3}},
	"convnext_large": {channels: [4]int{192, 384, 768, 1536}, blocks: [4]int{3, 3, 27, 3}},
}

type convnextConfig struct{ channels, blocks [4]int }

func convnext(c convnextConfig, o Options) *engine.Graph {
	t := newTorch(224, 3)
	next := sequence("features")
	stem := next()
	x := t.conv(stem+".0", engine.InputName, c.channels[0], 4, 4, 0, true)
	x = t.layerNorm2d(stem+".1", x)
	for i, channels := range c.channels {
		if i > 0 {
			down := next()
			x = t.layerNorm2d(down+".0", x)
			x = t.conv(down+".1", x, channels, 2, 2, 0, true)
		}
		block := sequence(next())
		for range c.blocks[i] {
			x = t.convnextBlock(block(), x, channels)
		}
	}
	x = t.globalPool("avgpool", x)
	x = t.layerNorm2d("classifier.0", x)
	x = t.Add("classifier.1", &engine.Flatten{}, x)
	t.Features = x
	t.linear("classifier.2", x, o.Classes)
	return t.graph()
}

// convnextBlock is CNBlock: a depthwise 7x7, then a layer normalisation and two dense layers on each pixel's channels, scaled per channel, added to the block's input.
func (t torch) convnextBlock(name, x string, channels int) string {
	next := sequence(name + ".block")
	depthwise := next()
	y := t.Add(depthwise, &engine.Conv2D{Window: engine.Square(7, 1, 3), OutC: channels, Groups: channels, Weight: depthwise + ".weight", Bias: depthwise + ".bias"}, x)
	t.Alias(next(), y)
	y = t.layerNorm(next(), "", y)
	y = t.linear(next(), y, 4*channels)
	y = t.Add(next(), &engine.Activation{Func: engine.GELU}, y)
	y = t.linear(next(), y, channels)
	t.Alias(next(), y)
	t.Alias(name+".block", y)
	y = t.Add(name+".mul", &engine.Scale{Scale: name + ".layer_scale"}, y)
	y = t.stochasticDepth(name, y)
	return t.Add(name+".add", &engine.Add{}, y, x)
}

// layerNorm2d is LayerNorm2d, whose node has the name of the function that it calls between two permutations.
func (t torch) layerNorm2d(name, x string) string { return t.layerNorm(name, ".layer_norm", x) }

func (t torch) layerNorm(name, node, x string) string {
	return t.Add(name+node, &engine.LayerNorm{Eps: 1e-6, Gamma: name + ".weight", Beta: name + ".bias"}, x)
}
