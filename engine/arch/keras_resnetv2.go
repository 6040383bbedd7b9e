package arch

import (
	"fmt"

	"github.com/featx-go/featx/engine"
)

func init() {
	for depth, blocks := range kerasResNetBlocks {
		kerasBuilders[fmt.Sprintf("resnet%dv2", depth)] = func(o KerasOptions) *engine.Graph { return kerasResNetV2(blocks, o) }
	}
}

// kerasResNetV2 is ResNet of keras/src/applications/resnet.py with residual_block_v2: batch normalisation and ReLU stand before the convolutions, and a stack's last block has
// the stride.
func kerasResNetV2(blocks [4]int, o KerasOptions) *engine.Graph {
	const eps = 1.001e-5
	k := newKeras(224)
	normRelu := func(bn, activation, x string) string {
		return k.Add(activation, relu(), k.bn(bn, x, eps, true))
	}
	x := k.pad("conv1_pad", engine.InputName, engine.Same(3))
	x = k.conv("conv1_conv", x, 64, square(7), kerasConv{stride: square(2), valid: true})
	x = k.pad("pool1_pad", x, engine.Same(1))
	x = k.maxPool("pool1_pool", x, 3, 2, false)
	for stage, n := range blocks {
		filters := 64 << stage
		for i := range n {
			name, stride := fmt.Sprintf("conv%d_block%d", stage+2, i+1), 1
			if i == n-1 && stage < len(blocks)-1 {
				stride = 2
			}
			preact := normRelu(name+"_preact_bn", name+"_preact_relu", x)
			shortcut := x
			switch {
			case i == 0:
				shortcut = k.conv(name+"_0_conv", preact, 4*filters, square(1), kerasConv{valid: true})
			case stride > 1:
				shortcut = k.maxPool(k.next("max_pooling2d"), x, 1, stride, false)
			}
			y := k.conv(name+"_1_conv", preact, filters, square(1), kerasConv{valid: true, noBias: true})
			y = normRelu(name+"_1_bn", name+"_1_relu", y)
			y = k.pad(name+"_2_pad", y, engine.Same(1))
			y = k.conv(name+"_2_conv", y, filters, square(3), kerasConv{stride: square(stride), valid: true, noBias: true})
			y = normRelu(name+"_2_bn", name+"_2_relu", y)
			y = k.conv(name+"_3_conv", y, 4*filters, square(1), kerasConv{valid: true})
			x = k.add(name+"_out", shortcut, y)
		}
	}
	return k.classifier("avg_pool", normRelu("post_bn", "post_relu", x), o)
}
