package arch

import (
	"fmt"

	"github.com/featx-go/featx/engine"
)

func init() { kerasBuilders["xception"] = kerasXception }

// kerasXception is keras/src/applications/xception.py.
func kerasXception(o KerasOptions) *engine.Graph {
	k := newKeras(299)
	act := func(name, x string) string { return k.Add(name+"_act", relu(), x) }
	bn := func(name, x string) string { return k.bn(name, x, 1e-3, true) }
	sepconv := func(name, x string, filters int) string {
		return bn(name+"_bn", k.separable(name, x, filters, 3, 1, false))
	}
	conv := func(name, x string, filters, stride int) string {
		x = k.conv(name, x, filters, square(3), kerasConv{stride: square(stride), valid: true, noBias: true})
		return act(name, bn(name+"_bn", x))
	}
	// halve is a block with a pooling and a convolution as its shortcut. The first one begins without an activation.
	halve := func(block int, x string, first, second int) string {
		name := fmt.Sprintf("block%d_", block)
		shortcut := k.conv(k.next("conv2d"), x, second, square(1), kerasConv{stride: square(2), noBias: true})
		shortcut = bn(k.next("batch_normalization"), shortcut)
		if block > 2 {
			x = act(name+"sepconv1", x)
		}
		x = sepconv(name+"sepconv1", x, first)
		x = sepconv(name+"sepconv2", act(name+"sepconv2", x), second)
		return k.add(k.next("add"), k.maxPool(name+"pool", x, 3, 2, true), shortcut)
	}

	x := conv("block1_conv1", engine.InputName, 32, 2)
	x = conv("block1_conv2", x, 64, 1)
	x = halve(2, x, 128, 128)
	x = halve(3, x, 256, 256)
	x = halve(4, x, 728, 728)
	for block := 5; block <= 12; block++ {
		y := x
		for i := 1; i <= 3; i++ {
			name := fmt.Sprintf("block%d_sepconv%d", block, i)
			y = sepconv(name, act(name, y), 728)
		}
		x = k.add(k.next("add"), y, x)
	}
	x = halve(13, x, 728, 1024)
	x = act("block14_sepconv1", sepconv("block14_sepconv1", x, 1536))
	x = act("block14_sepconv2", sepconv("block14_sepconv2", x, 2048))
	return k.classifier("avg_pool", x, o)
}
