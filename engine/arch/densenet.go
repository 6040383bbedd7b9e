package arch

import (
	"fmt"

	"github.com/featx-go/featx/engine"
)

// DenseNets as torchvision/models/densenet.py defines them (Huang et al. 2016, DenseNet-BC): the growth rate is the channels that each layer adds.
func init() {
	for name, c := range densenets {
		register(name, 1000, "classifier.weight", func(o Options) *engine.Graph { return densenet(c, o) })
	}
}

var densenets = map[string]densenetConfig{
	"densenet121": {growth: 32, blocks: [4]int{6, 12, 24, 16}, stemC: 64},
	"densenet161": {growth: 48, blocks: [4]int{6, 12, 36, 24}, stemC: 96},
	"densenet169": {growth: 32, blocks: [4]int{6, 12, 32, 32}, stemC: 64},
	"densenet201": {growth: 32, blocks: [4]int{6, 12, 48, 32}, stemC: 64},
}

type densenetConfig struct {
	growth int
	blocks [4]int // layers of each
	stemC  int    // channels of the first convolution
}

func densenet(c densenetConfig, o Options) *engine.Graph {
	t := newTorch(224, 3)
	x := t.conv("features.conv0", engine.InputName, c.stemC, 7, 2, 3, false)
	x = t.bn("features.norm0", x)
	x = t.relu("features.relu0", x)
	x = t.Add("features.pool0", &engine.MaxPool{Window: engine.Square(3, 2, 1)}, x)
	channels := c.stemC
	for i, layers := range c.blocks {
		block := fmt.Sprintf("features.denseblock%d", i+1)
		features := []string{x}
		for k := range layers {
			layer := fmt.Sprintf("%s.denselayer%d", block, k+1)
			y := t.Add(layer+".cat", &engine.Concat{}, features...)
			y = t.bn(layer+".norm1", y)
			y = t.relu(layer+".relu1", y)
			y = t.conv(layer+".conv1", y, 4*c.growth, 1, 1, 0, false)
			y = t.bn(layer+".norm2", y)
			y = t.relu(layer+".relu2", y)
			y = t.conv(layer+".conv2", y, c.growth, 3, 1, 1, false)
			features = append(features[:len(features):len(features)], y)
		}
		x = t.Add(block+".cat", &engine.Concat{}, features...)
		channels += layers * c.growth
		if i < len(c.blocks)-1 {
			channels /= 2
			transition := fmt.Sprintf("features.transition%d", i+1)
			x = t.bn(transition+".norm", x)
			x = t.relu(transition+".relu", x)
			x = t.conv(transition+".conv", x, channels, 1, 1, 0, false)
			x = t.Add(transition+".pool", &engine.AvgPool{Window: engine.Square(2, 2, 0)}, x)
		}
	}
	x = t.bn("features.norm5", x)
	x = t.relu("relu", x)
	x = t.globalPool("adaptive_avg_pool2d", x)
	x = t.Add("flatten", &engine.Flatten{}, x)
	t.Features = x
	t.linear("classifier", x, o.Classes)
	return t.graph()
}
