package arch

import (
	"fmt"

	"github.com/featx-go/featx/engine"
)

// kerasInceptionV3 is keras/src/applications/inception_v3.py. Its convolutions have no names: they are numbered in the order in which they are built.
func kerasInceptionV3(o KerasOptions) *engine.Graph {
	k := newKeras(299)
	fx := fxNames{}
	conv := func(x string, filters, rows, cols, stride int, valid bool) string {
		x = k.conv(fx.next("conv2d"), x, filters, [2]int{rows, cols}, kerasConv{stride: square(stride), valid: valid, noBias: true})
		x = k.bn(fx.next("batch_normalization"), x, 1e-3, false)
		return k.Add(fx.next("activation"), relu(), x)
	}
	same := func(x string, filters, rows, cols int) string { return conv(x, filters, rows, cols, 1, false) }
	halve := func(x string) string { return k.maxPool(fx.next("max_pooling2d"), x, 3, 2, false) }
	pooled := func(x string, filters int) string {
		w := engine.Square(3, 1, 0)
		w.Same = true
		return same(k.Add(fx.next("average_pooling2d"), &engine.AvgPool{Window: w}, x), filters, 1, 1)
	}
	join := func(name string, branches ...string) string { return k.Add(name, &engine.Concat{}, branches...) }

	x := conv(engine.InputName, 32, 3, 3, 2, true)
	x = conv(x, 32, 3, 3, 1, true)
	x = halve(same(x, 64, 3, 3))
	x = conv(x, 80, 1, 1, 1, true)
	x = halve(conv(x, 192, 3, 3, 1, true))
	for i, filters := range []int{32, 64, 64} { // 35 x 35
		b1 := same(x, 64, 1, 1)
		b5 := same(same(x, 48, 1, 1), 64, 5, 5)
		b3 := same(same(same(x, 64, 1, 1), 96, 3, 3), 96, 3, 3)
		x = join(fmt.Sprintf("mixed%d", i), b1, b5, b3, pooled(x, filters))
	}
	b3 := conv(x, 384, 3, 3, 2, true)
	double := conv(same(same(x, 64, 1, 1), 96, 3, 3), 96, 3, 3, 2, true)
	x = join("mixed3", b3, double, halve(x))
	for i, c := range []int{128, 160, 160, 192} { // 17 x 17
		b1 := same(x, 192, 1, 1)
		b7 := same(same(same(x, c, 1, 1), c, 1, 7), 192, 7, 1)
		d7 := same(same(same(same(same(x, c, 1, 1), c, 7, 1), c, 1, 7), c, 7, 1), 192, 1, 7)
		x = join(fmt.Sprintf("mixed%d", 4+i), b1, b7, d7, pooled(x, 192))
	}
	b3 = conv(same(x, 192, 1, 1), 320, 3, 3, 2, true)
	b7 := conv(same(same(same(x, 192, 1, 1), 192, 1, 7), 192, 7, 1), 192, 3, 3, 2, true)
	x = join("mixed8", b3, b7, halve(x))
	for i := range 2 { // 8 x 8
		b1 := same(x, 320, 1, 1)
		b3 := same(x, 384, 1, 1)
		b3 = join(fmt.Sprintf("mixed9_%d", i), same(b3, 384, 1, 3), same(b3, 384, 3, 1))
		d3 := same(same(x, 448, 1, 1), 384, 3, 3)
		d3 = join(fx.next("concatenate"), same(d3, 384, 1, 3), same(d3, 384, 3, 1))
		x = join(fmt.Sprintf("mixed%d", 9+i), b1, b3, d3, pooled(x, 192))
	}
	if o.NoTop {
		return k.finish(x)
	}
	features := k.globalPool("avg_pool", x)
	k.dense("predictions", features, o.Classes, softmax())
	return k.finish(features)
}
