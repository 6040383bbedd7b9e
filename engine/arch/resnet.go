package arch

import (
	"fmt"

	"github.com/featx-go/featx/engine"
)

// ResNets as torchvision/models/resnet.py defines them (He et al. 2015; the stride is on the 3x3 of a bottleneck, "V1.5").
// Node names are those of torchvision's feature_extraction: layer1.0.relu, layer1.0.relu_1, layer1.0.add.
func init() {
	for name, c := range map[string]resnetConfig{
		"resnet18":  {blocks: [4]int{2, 2, 2, 2}},
		"resnet34":  {blocks: [4]int{3, 4, 6, 3}},
		"resnet50":  {blocks: [4]int{3, 4, 6, 3}, bottleneck: true},
		"resnet101": {blocks: [4]int{3, 4, 23, 3}, bottleneck: true},
		"resnet152": {blocks: [4]int{3, 8, 36, 3}, bottleneck: true},
	} {
		register(name, 1000, "fc.weight", func(o Options) *engine.Graph { return resnet(c, o) })
	}
}

type resnetConfig struct {
	blocks     [4]int
	bottleneck bool
}

func resnet(c resnetConfig, o Options) *engine.Graph {
	t := newTorch(224, 3)
	x := t.conv("conv1", engine.InputName, 64, 7, 2, 3, false)
	x = t.bn("bn1", x)
	x = t.relu("relu", x)
	x = t.Add("maxpool", &engine.MaxPool{Window: engine.Square(3, 2, 1)}, x)
	inC := 64
	for stage, blocks := range c.blocks {
		width := 64 << stage
		layer := fmt.Sprintf("layer%d", stage+1)
		for k := range blocks {
			stride := 1
			if k == 0 && stage > 0 {
				stride = 2
			}
			name := fmt.Sprintf("%s.%d", layer, k)
			if c.bottleneck {
				x = t.bottleneck(name, x, inC, width, stride)
				inC = 4 * width
			} else {
				x = t.basicBlock(name, x, inC, width, stride)
				inC = width
			}
		}
	}
	x = t.globalPool("avgpool", x)
	x = t.Add("flatten", &engine.Flatten{}, x)
	t.Features = x
	t.linear("fc", x, o.Classes)
	return t.graph()
}

func (t torch) basicBlock(name, x string, inC, width, stride int) string {
	fx := fxNames{}
	return t.join(name, fx, x, t.basicBranch(name, fx, x, width, stride), inC, width, stride)
}

// basicBranch is what a basic block adds to its shortcut, up to the second batch normalisation.
func (t torch) basicBranch(name string, fx fxNames, x string, width, stride int) string {
	y := t.conv(name+".conv1", x, width, 3, stride, 1, false)
	y = t.bn(name+".bn1", y)
	y = t.relu(fx.next(name+".relu"), y)
	y = t.conv(name+".conv2", y, width, 3, 1, 1, false)
	return t.bn(name+".bn2", y)
}

func (t torch) bottleneck(name, x string, inC, width, stride int) string {
	fx := fxNames{}
	y := t.conv(name+".conv1", x, width, 1, 1, 0, false)
	y = t.bn(name+".bn1", y)
	y = t.relu(fx.next(name+".relu"), y)
	y = t.conv(name+".conv2", y, width, 3, stride, 1, false)
	y = t.bn(name+".bn2", y)
	y = t.relu(fx.next(name+".relu"), y)
	y = t.conv(name+".conv3", y, 4*width, 1, 1, 0, false)
	y = t.bn(name+".bn3", y)
	return t.join(name, fx, x, y, inC, 4*width, stride)
}

// join adds the shortcut, a projection where the shapes differ.
func (t torch) join(name string, fx fxNames, x, y string, inC, outC, stride int) string {
	if stride != 1 || inC != outC {
		x = t.conv(name+".downsample.0", x, outC, 1, stride, 0, false)
		x = t.bn(name+".downsample.1", x)
	}
	y = t.Add(name+".add", &engine.Add{}, y, x)
	return t.relu(fx.next(name+".relu"), y)
}
