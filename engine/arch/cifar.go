package arch

import (
	"fmt"

	"github.com/featx-go/featx/engine"
)

// CIFAR ResNets of 6n+2 layers (He et al. 2015, section 4.2) with option-A shortcuts: every second pixel, new channels are zero on
// both sides. Tensors are named as in the widely used PyTorch definition, whose classifier is called linear.
func init() {
	for _, depth := range []int{20, 32, 44, 56, 110} {
		register(fmt.Sprintf("cifar_resnet%d", depth), 10, "linear.weight", func(o Options) *engine.Graph { return cifarResnet(depth, o) })
	}
}

func cifarResnet(depth int, o Options) *engine.Graph {
	t := newTorch(32, 3)
	x := t.conv("conv1", engine.InputName, 16, 3, 1, 1, false)
	x = t.bn("bn1", x)
	x = t.relu("relu", x)
	inC := 16
	for stage := range 3 {
		width := 16 << stage
		layer := fmt.Sprintf("layer%d", stage+1)
		for k := range (depth - 2) / 6 {
			stride := 1
			if k == 0 && stage > 0 {
				stride = 2
			}
			name := fmt.Sprintf("%s.%d", layer, k)
			x = t.optionABlock(name, x, inC, width, stride)
			inC = width
		}
	}
	x = t.globalPool("avgpool", x)
	x = t.Add("flatten", &engine.Flatten{}, x)
	t.Features = x
	t.linear("linear", x, o.Classes)
	return t.graph()
}

func (t torch) optionABlock(name, x string, inC, width, stride int) string {
	fx := fxNames{}
	y := t.basicBranch(name, fx, x, width, stride)
	if stride != 1 || inC != width {
		x = t.Add(name+".shortcut.subsample", &engine.MaxPool{Window: engine.Square(1, stride, 0)}, x)
		extra := width - inC
		x = t.Add(name+".shortcut", &engine.ZeroPad{ChannelsBefore: extra / 2, ChannelsAfter: extra - extra/2}, x)
	}
	y = t.Add(name+".add", &engine.Add{}, y, x)
	return t.relu(fx.next(name+".relu"), y)
}
