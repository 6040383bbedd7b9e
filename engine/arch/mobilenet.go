package arch

import (
	"fmt"

	"github.com/featx-go/featx/engine"
)

// MobileNetV2 as torchvision/models/mobilenetv2.py defines it (Sandler et al. 2018, table 2). torchvision's feature_extraction shows
// a convolution, its batch normalisation and its ReLU6 as one node (features.0); here each is a node, by the module's name
// (features.0.0, features.0.1, features.0.2), and features.0 is an alias of the last.
func init() {
	register("mobilenet_v2", 1000, "classifier.1.weight", mobilenetV2)
}

var mobilenetV2Stages = []struct{ expand, outC, blocks, stride int }{
	{1, 16, 1, 1},
	{6, 24, 2, 2},
	{6, 32, 3, 2},
	{6, 64, 4, 2},
	{6, 96, 3, 1},
	{6, 160, 3, 2},
	{6, 320, 1, 1},
}

func mobilenetV2(o Options) *engine.Graph {
	t := newTorch(224, 3)
	x, inC, n := t.convReLU6("features.0", engine.InputName, 32, 3, 2, 1), 32, 1
	for _, s := range mobilenetV2Stages {
		for k := range s.blocks {
			stride := 1
			if k == 0 {
				stride = s.stride
			}
			x = t.invertedResidual(fmt.Sprintf("features.%d", n), x, inC, s.outC, stride, s.expand)
			inC = s.outC
			n++
		}
	}
	x = t.convReLU6(fmt.Sprintf("features.%d", n), x, 1280, 1, 1, 1)
	x = t.globalPool("adaptive_avg_pool2d", x)
	x = t.Add("flatten", &engine.Flatten{}, x)
	t.Features = x
	x = t.Add("classifier.0", &engine.Identity{Dropout: true}, x)
	t.linear("classifier.1", x, o.Classes)
	return t.graph()
}

// invertedResidual widens with a 1x1 convolution, filters each channel alone, and narrows without an activation.
func (t torch) invertedResidual(name, x string, inC, outC, stride, expand int) string {
	y, next := x, sequence(name+".conv")
	hidden := inC * expand
	if expand != 1 {
		y = t.convReLU6(next(), y, hidden, 1, 1, 1)
	}
	y = t.convReLU6(next(), y, hidden, 3, stride, hidden)
	y = t.conv(next(), y, outC, 1, 1, 0, false)
	y = t.bn(next(), y)
	if stride == 1 && inC == outC {
		y = t.Add(name+".add", &engine.Add{}, x, y)
	}
	return y
}

func (t torch) convReLU6(name, x string, outC, k, stride, groups int) string {
	return t.convNorm(name, x, convNorm{outC, k, stride, groups, 1e-5, &engine.ReLU{Max: 6}})
}
