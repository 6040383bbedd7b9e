package arch

import (
	"fmt"
	"strings"

	"github.com/featx-go/featx/engine"
)

func init() {
	for _, depth := range []int{16, 19} {
		kerasBuilders[fmt.Sprintf("vgg%d", depth)] = func(o KerasOptions) *engine.Graph { return kerasVGG(depth, o) }
	}
	for depth, blocks := range kerasResNetBlocks {
		kerasBuilders[fmt.Sprintf("resnet%d", depth)] = func(o KerasOptions) *engine.Graph { return kerasResNet(blocks, o) }
	}
	kerasBuilders["inception_v3"] = kerasInceptionV3
	kerasBuilders["squeezenet"] = kerasSqueezeNet
}

var kerasResNetBlocks = map[int][4]int{50: {3, 4, 6, 3}, 101: {3, 4, 23, 3}, 152: {3, 8, 36, 3}}

// kerasVGG is keras/src/applications/vgg16.py and vgg19.py, with the configurations of torchvision's.
func kerasVGG(depth int, o KerasOptions) *engine.Graph {
	k := newKeras(224)
	x, block, n := engine.InputName, 1, 0
	for _, item := range strings.Fields(vggConfigs[fmt.Sprintf("vgg%d", depth)]) {
		if item == "M" {
			x = k.maxPool(fmt.Sprintf("block%d_pool", block), x, 2, 2, false)
			block, n = block+1, 0
			continue
		}
		n++
		filters := 0
		fmt.Sscan(item, &filters)
		x = k.conv(fmt.Sprintf("block%d_conv%d", block, n), x, filters, square(3), kerasConv{activation: relu()})
	}
	if o.NoTop {
		return k.finish(x)
	}
	x = k.Add("flatten", &engine.Flatten{}, x)
	x = k.dense("fc1", x, 4096, relu())
	features := k.dense("fc2", x, 4096, relu())
	k.dense("predictions", features, o.Classes, softmax())
	return k.finish(features)
}

// kerasResNet is ResNet of keras/src/applications/resnet.py: the stride is on the first 1x1 convolution of a block, convolutions have biases.
func kerasResNet(blocks [4]int, o KerasOptions) *engine.Graph {
	const eps = 1.001e-5
	k := newKeras(224)
	conv := func(name, x string, filters, size, stride int) string {
		x = k.conv(name+"_conv", x, filters, square(size), kerasConv{stride: square(stride), valid: size != 3})
		return k.bn(name+"_bn", x, eps, true)
	}
	x := k.Add("conv1_pad", &engine.ZeroPad{Pad: engine.Same(3)}, engine.InputName)
	x = conv("conv1", x, 64, 7, 2)
	x = k.Add("conv1_relu", relu(), x)
	x = k.Add("pool1_pad", &engine.ZeroPad{Pad: engine.Same(1)}, x)
	x = k.maxPool("pool1_pool", x, 3, 2, false)
	for stage, n := range blocks {
		filters := 64 << stage
		for i := range n {
			name := fmt.Sprintf("conv%d_block%d", stage+2, i+1)
			stride, shortcut := 1, x
			if i == 0 {
				if stage > 0 {
					stride = 2
				}
				shortcut = conv(name+"_0", x, 4*filters, 1, stride)
			}
			y := conv(name+"_1", x, filters, 1, stride)
			y = k.Add(name+"_1_relu", relu(), y)
			y = conv(name+"_2", y, filters, 3, 1)
			y = k.Add(name+"_2_relu", relu(), y)
			y = conv(name+"_3", y, 4*filters, 1, 1)
			y = k.Add(name+"_add", &engine.Add{}, shortcut, y)
			x = k.Add(name+"_out", relu(), y)
		}
	}
	if o.NoTop {
		return k.finish(x)
	}
	features := k.globalPool("avg_pool", x)
	k.dense("predictions", features, o.Classes, softmax())
	return k.finish(features)
}

// kerasSqueezeNet is SqueezeNet 1.1 as rcmalli's keras-squeezenet, whose published weights stand without a config, defines it.
func kerasSqueezeNet(o KerasOptions) *engine.Graph {
	k := newKeras(227)
	conv := func(name, activation, x string, filters, size int) string {
		return k.Add(activation, relu(), k.conv(name, x, filters, square(size), kerasConv{valid: size == 1}))
	}
	x := k.conv("conv1", engine.InputName, 64, square(3), kerasConv{stride: square(2), valid: true})
	x = k.maxPool("pool1", k.Add("relu_conv1", relu(), x), 3, 2, false)
	for i, squeeze := range []int{16, 16, 32, 32, 48, 48, 64, 64} {
		fire := fmt.Sprintf("fire%d/", i+2)
		x = conv(fire+"squeeze1x1", fire+"relu_squeeze1x1", x, squeeze, 1)
		left := conv(fire+"expand1x1", fire+"relu_expand1x1", x, 4*squeeze, 1)
		right := conv(fire+"expand3x3", fire+"relu_expand3x3", x, 4*squeeze, 3)
		x = k.Add(fire+"concat", &engine.Concat{}, left, right)
		if i == 1 || i == 3 {
			x = k.maxPool(fmt.Sprintf("pool%d", i+2), x, 3, 2, false)
		}
	}
	features := x
	if o.NoTop {
		return k.finish(features)
	}
	x = k.Add("drop9", &engine.Identity{Dropout: true}, x)
	x = k.conv("conv10", x, o.Classes, square(1), kerasConv{valid: true})
	x = k.Add("relu_conv10", relu(), x)
	x = k.globalPool("global_average_pooling2d_1", x)
	k.Add("loss", softmax(), x)
	return k.finish(features)
}
