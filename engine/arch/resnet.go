package arch

import (
	"fmt"

	"github.com/featx-go/featx/engine"
)

// ResNets as torchvision/models/resnet.py defines them (He et al. 2015; the stride is on the 3x3 of a bottleneck, "V1.5"), with their relatives
// ResNeXt (Xie et al. 2016: the 3x3 in groups) and Wide ResNet (Zagoruyko and Komodakis 2016). Node names are those of torchvision's
// feature_extraction: layer1.0.relu, layer1.0.relu_1, layer1.0.add. timm's checkpoints have the same tensors; its resnet50d has a deep stem and
// averages before a projection (He et al. 2018, "ResNet-D").
func init() {
	for name, c := range resnets {
		register(name, 1000, "fc.weight", func(o Options) *engine.Graph { return resnet(c, o) })
	}
}

var resnets = map[string]resnetConfig{
	"resnet18":         {blocks: [4]int{2, 2, 2, 2}},
	"resnet34":         {blocks: [4]int{3, 4, 6, 3}},
	"resnet50":         {blocks: [4]int{3, 4, 6, 3}, groups: 1, groupWidth: 64},
	"resnet101":        {blocks: [4]int{3, 4, 23, 3}, groups: 1, groupWidth: 64},
	"resnet152":        {blocks: [4]int{3, 8, 36, 3}, groups: 1, groupWidth: 64},
	"resnext50_32x4d":  {blocks: [4]int{3, 4, 6, 3}, groups: 32, groupWidth: 4},
	"resnext101_32x8d": {blocks: [4]int{3, 4, 23, 3}, groups: 32, groupWidth: 8},
	"resnext101_64x4d": {blocks: [4]int{3, 4, 23, 3}, groups: 64, groupWidth: 4},
	"wide_resnet50_2":  {blocks: [4]int{3, 4, 6, 3}, groups: 1, groupWidth: 128},
	"wide_resnet101_2": {blocks: [4]int{3, 4, 23, 3}, groups: 1, groupWidth: 128},
	"resnet50d":        {blocks: [4]int{3, 4, 6, 3}, groups: 1, groupWidth: 64, d: true},
}

type resnetConfig struct {
	blocks             [4]int
	groups, groupWidth int  // of a bottleneck's 3x3 in the first stage; 0 is a network of basic blocks
	d                  bool // ResNet-D
}

func resnet(c resnetConfig, o Options) *engine.Graph {
	t := newTorch(224, 3)
	var x string
	if c.d {
		x = t.deepStem(engine.InputName)
	} else {
		x = t.conv("conv1", engine.InputName, 64, 7, 2, 3, false)
	}
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
			fx, y, outC := fxNames{}, "", width
			if c.groups == 0 {
				y = t.basicBranch(name, fx, x, width, stride)
			} else {
				outC = 4 * width
				y = t.bottleneckBranch(name, fx, x, width*c.groupWidth/64*c.groups, outC, stride, c.groups)
			}
			if stride != 1 || inC != outC {
				x = t.projection(name+".downsample", x, outC, stride, c.d)
			}
			x = t.Add(name+".add", &engine.Add{}, y, x)
			x = t.relu(fx.next(name+".relu"), x)
			inC = outC
		}
	}
	x = t.globalPool("avgpool", x)
	x = t.Add("flatten", &engine.Flatten{}, x)
	t.Features = x
	t.linear("fc", x, o.Classes)
	return t.graph()
}

// basicBranch is what a basic block adds to its shortcut, up to the second batch normalisation.
func (t torch) basicBranch(name string, fx fxNames, x string, width, stride int) string {
	y := t.conv(name+".conv1", x, width, 3, stride, 1, false)
	y = t.bn(name+".bn1", y)
	y = t.relu(fx.next(name+".relu"), y)
	y = t.conv(name+".conv2", y, width, 3, 1, 1, false)
	return t.bn(name+".bn2", y)
}

// bottleneckBranch is what a bottleneck adds to its shortcut, up to the third batch normalisation.
func (t torch) bottleneckBranch(name string, fx fxNames, x string, width, outC, stride, groups int) string {
	y := t.conv(name+".conv1", x, width, 1, 1, 0, false)
	y = t.bn(name+".bn1", y)
	y = t.relu(fx.next(name+".relu"), y)
	y = t.groupConv(name+".conv2", y, width, 3, stride, groups)
	y = t.bn(name+".bn2", y)
	y = t.relu(fx.next(name+".relu"), y)
	y = t.conv(name+".conv3", y, outC, 1, 1, 0, false)
	return t.bn(name+".bn3", y)
}

// projection brings a shortcut to the branch's shape. ResNet-D averages first, where others leave pixels out.
func (t torch) projection(name, x string, outC, stride int, d bool) string {
	next := sequence(name)
	if d {
		if pool := next(); stride != 1 {
			w := engine.Square(2, stride, 0)
			w.Ceil = true
			x, stride = t.Add(pool, &engine.AvgPool{Window: w}, x), 1
		}
	}
	x = t.conv(next(), x, outC, 1, stride, 0, false)
	return t.bn(next(), x)
}

// deepStem is ResNet-D's: three 3x3 convolutions for one of 7x7.
func (t torch) deepStem(x string) string {
	next := sequence("conv1")
	for _, stride := range []int{2, 1} {
		x = t.conv(next(), x, 32, 3, stride, 1, false)
		x = t.bn(next(), x)
		x = t.relu(next(), x)
	}
	return t.conv(next(), x, 64, 3, 1, 1, false)
}
