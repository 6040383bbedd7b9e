package arch

import (
	"fmt"

	"github.com/featx-go/featx/engine"
)

// ShuffleNetV2s as torchvision/models/shufflenetv2.py defines them (Ma et al. 2018): channels of the stages and of the last convolution. Node names are those
// of torchvision's feature_extraction; a block's channel shuffle, several calls there, is the node of the last one, view_1.
func init() {
	for name, channels := range map[string][4]int{
		"shufflenet_v2_x0_5": {48, 96, 192, 1024},
		"shufflenet_v2_x1_0": {116, 232, 464, 1024},
		"shufflenet_v2_x1_5": {176, 352, 704, 1024},
		"shufflenet_v2_x2_0": {244, 488, 976, 2048},
	} {
		register(name, 1000, "fc.weight", func(o Options) *engine.Graph { return shufflenetV2(channels, o) })
	}
}

func shufflenetV2(channels [4]int, o Options) *engine.Graph {
	t := newTorch(224, 3)
	// conv adds a convolution and its batch normalisation to a sequence; a pointwise one has a ReLU, a depthwise one (groups) not.
	conv := func(next func() string, x string, outC, k, stride, groups int) string {
		x = t.groupConv(next(), x, outC, k, stride, groups)
		x = t.bn(next(), x)
		if groups == 1 {
			x = t.relu(next(), x)
		}
		return x
	}
	x := conv(sequence("conv1"), engine.InputName, 24, 3, 2, 1)
	x = t.Add("maxpool", &engine.MaxPool{Window: engine.Square(3, 2, 1)}, x)
	inC := 24
	for i, blocks := range []int{4, 8, 4} {
		half := channels[i] / 2
		for k := range blocks {
			name := fmt.Sprintf("stage%d.%d", i+2, k)
			left, right, stride := x, x, 2
			if k == 0 {
				next := sequence(name + ".branch1")
				left = conv(next, left, inC, 3, 2, inC)
				left = conv(next, left, half, 1, 1, 1)
			} else {
				stride = 1
				left = t.Add(name+".getitem", &engine.Slice{Stop: [3]int{0, 0, half}}, x)
				right = t.Add(name+".getitem_1", &engine.Slice{Start: [3]int{0, 0, half}}, x)
			}
			next := sequence(name + ".branch2")
			right = conv(next, right, half, 1, 1, 1)
			right = conv(next, right, half, 3, stride, half)
			right = conv(next, right, half, 1, 1, 1)
			x = t.Add(name+".cat", &engine.Concat{}, left, right)
			x = t.Add(name+".view_1", &engine.ChannelShuffle{Groups: 2}, x)
			inC = channels[i]
		}
	}
	x = conv(sequence("conv5"), x, channels[3], 1, 1, 1)
	x = t.globalMean("mean", x)
	t.Features = x
	t.linear("fc", x, o.Classes)
	return t.graph()
}
