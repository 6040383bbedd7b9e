package arch

import (
	"fmt"

	"github.com/featx-go/featx/engine"
)

func init() {
	for name, c := range map[string]nasnetConfig{
		"nasnet_mobile": {size: 224, stem: 32, blocks: 4, filters: 1056 / 24},
		"nasnet_large":  {size: 331, stem: 96, blocks: 6, filters: 4032 / 24, skipReduction: true},
	} {
		kerasBuilders[name] = func(o KerasOptions) *engine.Graph { return kerasNASNet(c, o) }
	}
}

type nasnetConfig struct {
	size, stem, blocks, filters int
	skipReduction               bool // the cell after a reduction sees the reduction's second input instead of its first
}

// kerasNASNet is keras/src/applications/nasnet.py. A cell has two inputs: what the last cell gave, and the one before it.
func kerasNASNet(c nasnetConfig, o KerasOptions) *engine.Graph {
	n := nasnet{newKeras(c.size)}
	x := n.conv("stem_conv1", engine.InputName, c.stem, square(3), kerasConv{stride: square(2), valid: true, noBias: true})
	x = n.norm("stem_bn1", x)
	x, p := n.reductionCell(x, "", c.filters/4, "stem_1"), x
	x, p = n.reductionCell(x, p, c.filters/2, "stem_2"), x
	for stage := range 3 {
		filters, first := c.filters<<stage, stage*c.blocks
		if stage > 0 {
			before := p
			x, p = n.reductionCell(x, p, filters, fmt.Sprintf("reduce_%d", first)), x
			if c.skipReduction {
				p = before
			}
			first++
		}
		for i := range c.blocks {
			x, p = n.normalCell(x, p, filters, fmt.Sprint(first+i)), x
		}
	}
	return n.classifier("global_average_pooling2d", n.relu(x), o)
}

type nasnet struct{ keras }

func (n nasnet) relu(x string) string { return n.Add(n.next("activation"), relu(), x) }

func (n nasnet) norm(name, x string) string { return n.bn(name, x, 1e-3, true) }

func (n nasnet) pointwise(name, x string, filters int) string {
	return n.conv(name, x, filters, square(1), kerasConv{noBias: true})
}

// separableBlock is _separable_conv_block.
func (n nasnet) separableBlock(x string, filters, size, stride int, block string) string {
	x = n.relu(x)
	if stride == 2 {
		x = n.correctPad("separable_conv_1_pad_"+block, x, size)
	}
	x = n.separable("separable_conv_1_"+block, x, filters, size, stride, stride == 2)
	x = n.relu(n.norm("separable_conv_1_bn_"+block, x))
	x = n.separable("separable_conv_2_"+block, x, filters, size, 1, false)
	return n.norm("separable_conv_2_bn_"+block, x)
}

// adjust is _adjust_block: p with as many channels as wanted and x's size.
func (n nasnet) adjust(p, x string, filters int, block string) string {
	switch {
	case p == "":
		return x
	case n.shapes[p].W != n.shapes[x].W:
		p = n.Add("adjust_relu_1_"+block, relu(), p)
		left := n.avgPool("adjust_avg_pool_1_"+block, p, 1, 2, false)
		left = n.pointwise("adjust_conv_1_"+block, left, filters/2)
		right := n.pad(n.next("zero_padding2d"), p, engine.Pad{Bottom: 1, Right: 1})
		right = n.pad(n.next("cropping2d"), right, engine.Pad{Top: -1, Left: -1})
		right = n.avgPool("adjust_avg_pool_2_"+block, right, 1, 2, false)
		right = n.pointwise("adjust_conv_2_"+block, right, filters/2)
		return n.norm("adjust_bn_"+block, n.join(n.next("concatenate"), left, right))
	case n.channels(p) != filters:
		p = n.pointwise("adjust_conv_projection_"+block, n.relu(p), filters)
		return n.norm("adjust_bn_"+block, p)
	}
	return p
}

// normalCell is _normal_a_cell.
func (n nasnet) normalCell(x, p string, filters int, block string) string {
	p = n.adjust(p, x, filters, block)
	h := n.pointwise("normal_conv_1_"+block, n.relu(x), filters)
	h = n.norm("normal_bn_1_"+block, h)
	name := func(what string) string { return "normal_" + what + "_" + block }
	mean := func(side, x string) string { return n.avgPool(name(side), x, 3, 1, true) }

	left := n.separableBlock(h, filters, 5, 1, name("left1"))
	x1 := n.add(name("add_1"), left, n.separableBlock(p, filters, 3, 1, name("right1")))
	left = n.separableBlock(p, filters, 5, 1, name("left2"))
	x2 := n.add(name("add_2"), left, n.separableBlock(p, filters, 3, 1, name("right2")))
	x3 := n.add(name("add_3"), mean("left3", h), p)
	x4 := n.add(name("add_4"), mean("left4", p), mean("right4", p))
	x5 := n.add(name("add_5"), n.separableBlock(h, filters, 3, 1, name("left5")), h)
	return n.join(name("concat"), p, x1, x2, x3, x4, x5)
}

// reductionCell is _reduction_a_cell.
func (n nasnet) reductionCell(x, p string, filters int, block string) string {
	p = n.adjust(p, x, filters, block)
	h := n.pointwise("reduction_conv_1_"+block, n.relu(x), filters)
	h = n.norm("reduction_bn_1_"+block, h)
	h3 := n.correctPad("reduction_pad_1_"+block, h, 3)
	name := func(what string) string { return "reduction_" + what + "_" + block }

	left := n.separableBlock(h, filters, 5, 2, name("left1"))
	x1 := n.add(name("add_1"), left, n.separableBlock(p, filters, 7, 2, name("right1")))
	left = n.maxPool(name("left2"), h3, 3, 2, false)
	x2 := n.add(name("add_2"), left, n.separableBlock(p, filters, 7, 2, name("right2")))
	left = n.avgPool(name("left3"), h3, 3, 2, false)
	x3 := n.add(name("add3"), left, n.separableBlock(p, filters, 5, 2, name("right3")))
	x4 := n.add(n.next("add"), x2, n.avgPool(name("left4"), x1, 3, 1, true))
	left = n.separableBlock(x1, filters, 3, 1, name("left4"))
	x5 := n.add(name("add4"), left, n.maxPool(name("right5"), h3, 3, 2, false))
	return n.join(name("concat"), x2, x3, x4, x5)
}
