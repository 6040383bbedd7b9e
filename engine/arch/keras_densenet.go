package arch

import (
	"fmt"

	"github.com/featx-go/featx/engine"
)

func init() {
	for _, depth := range []int{121, 169, 201} {
		name := fmt.Sprintf("densenet%d", depth)
		kerasBuilders[name] = func(o KerasOptions) *engine.Graph { return kerasDenseNet(densenets[name], o) }
	}
}

// kerasDenseNet is keras/src/applications/densenet.py, with the configurations of torchvision's.
func kerasDenseNet(c densenetConfig, o KerasOptions) *engine.Graph {
	const eps = 1.001e-5
	k := newKeras(224)
	conv := func(name, x string, filters, size, stride int) string {
		return k.conv(name, x, filters, square(size), kerasConv{stride: square(stride), valid: size != 3, noBias: true})
	}
	normRelu := func(bn, activation, x string) string {
		return k.Add(activation, relu(), k.bn(bn, x, eps, true))
	}
	x := k.pad(k.next("zero_padding2d"), engine.InputName, engine.Same(3))
	x = conv("conv1_conv", x, c.stemC, 7, 2)
	x = normRelu("conv1_bn", "conv1_relu", x)
	x = k.pad(k.next("zero_padding2d"), x, engine.Same(1))
	x = k.maxPool("pool1", x, 3, 2, false)
	for stage, layers := range c.blocks {
		if stage > 0 {
			name := fmt.Sprintf("pool%d", stage+1)
			x = normRelu(name+"_bn", name+"_relu", x)
			x = conv(name+"_conv", x, k.channels(x)/2, 1, 1)
			x = k.avgPool(name+"_pool", x, 2, 2, false)
		}
		for i := range layers {
			name := fmt.Sprintf("conv%d_block%d", stage+2, i+1)
			y := normRelu(name+"_0_bn", name+"_0_relu", x)
			y = conv(name+"_1_conv", y, 4*c.growth, 1, 1)
			y = normRelu(name+"_1_bn", name+"_1_relu", y)
			y = conv(name+"_2_conv", y, c.growth, 3, 1)
			x = k.join(name+"_concat", x, y)
		}
	}
	return k.classifier("avg_pool", normRelu("bn", "relu", x), o)
}
