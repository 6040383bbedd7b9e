package arch

import (
	"fmt"

	"github.com/featx-go/featx/engine"
)

func init() { kerasBuilders["inception_resnet_v2"] = kerasInceptionResNetV2 }

// kerasInceptionResNetV2 is keras/src/applications/inception_resnet_v2.py.
func kerasInceptionResNetV2(o KerasOptions) *engine.Graph {
	k := newKeras(299)
	conv := func(x string, filters, rows, cols, stride int, valid bool) string {
		x = k.conv(k.next("conv2d"), x, filters, [2]int{rows, cols}, kerasConv{stride: square(stride), valid: valid, noBias: true})
		x = k.bn(k.next("batch_normalization"), x, 1e-3, false)
		return k.Add(k.next("activation"), relu(), x)
	}
	same := func(x string, filters, rows, cols int) string { return conv(x, filters, rows, cols, 1, false) }
	halve := func(x string, filters int) string { return conv(x, filters, 3, 3, 2, true) }
	pool := func(x string) string { return k.maxPool(k.next("max_pooling2d"), x, 3, 2, false) }
	// residual adds the scaled branches to what they branch off. Keras 2 had a Lambda for it, which had the block's name.
	residual := func(block, x string, scale float64, activation bool, branches ...string) string {
		up := k.conv(block+"_conv", k.join(block+"_mixed", branches...), k.channels(x), square(1), kerasConv{})
		name := k.next("custom_scale_layer")
		x = k.add(name, x, k.affine(name+"/scaled", up, scale, 0))
		k.Alias(block, name)
		if activation {
			x = k.Add(block+"_ac", relu(), x)
		}
		return x
	}

	x := conv(engine.InputName, 32, 3, 3, 2, true)
	x = conv(x, 32, 3, 3, 1, true)
	x = pool(same(x, 64, 3, 3))
	x = conv(x, 80, 1, 1, 1, true)
	x = pool(conv(x, 192, 3, 3, 1, true))
	b1 := same(x, 96, 1, 1) // 35 x 35
	b5 := same(same(x, 48, 1, 1), 64, 5, 5)
	b3 := same(same(same(x, 64, 1, 1), 96, 3, 3), 96, 3, 3)
	pooled := same(k.avgPool(k.next("average_pooling2d"), x, 3, 1, true), 64, 1, 1)
	x = k.join("mixed_5b", b1, b5, b3, pooled)
	for i := range 10 {
		b1 := same(x, 32, 1, 1)
		b3 := same(same(x, 32, 1, 1), 32, 3, 3)
		double := same(same(same(x, 32, 1, 1), 48, 3, 3), 64, 3, 3)
		x = residual(fmt.Sprintf("block35_%d", i+1), x, 0.17, true, b1, b3, double)
	}
	b3 = halve(x, 384)
	double := halve(same(same(x, 256, 1, 1), 256, 3, 3), 384)
	x = k.join("mixed_6a", b3, double, pool(x))
	for i := range 20 { // 17 x 17
		b1 := same(x, 192, 1, 1)
		b7 := same(same(same(x, 128, 1, 1), 160, 1, 7), 192, 7, 1)
		x = residual(fmt.Sprintf("block17_%d", i+1), x, 0.1, true, b1, b7)
	}
	left := halve(same(x, 256, 1, 1), 384)
	middle := halve(same(x, 256, 1, 1), 288)
	right := halve(same(same(x, 256, 1, 1), 288, 3, 3), 320)
	x = k.join("mixed_7a", left, middle, right, pool(x))
	for i := range 10 { // 8 x 8
		b1 := same(x, 192, 1, 1)
		b3 := same(same(same(x, 192, 1, 1), 224, 1, 3), 256, 3, 1)
		scale, last := 0.2, i == 9
		if last {
			scale = 1
		}
		x = residual(fmt.Sprintf("block8_%d", i+1), x, scale, !last, b1, b3)
	}
	x = k.conv("conv_7b", x, 1536, square(1), kerasConv{noBias: true})
	x = k.bn("conv_7b_bn", x, 1e-3, false)
	return k.classifier("avg_pool", k.Add("conv_7b_ac", relu(), x), o)
}
