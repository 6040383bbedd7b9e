package arch

import (
	"fmt"
	"math"

	"github.com/featx-go/featx/engine"
)

func init() {
	for i, size := range []int{224, 240, 260, 300, 380, 456, 528, 600} {
		c := efficientnets[fmt.Sprintf("efficientnet_b%d", i)]
		c.size = size
		kerasBuilders[fmt.Sprintf("efficientnetb%d", i)] = func(o KerasOptions) *engine.Graph { return kerasEfficientNet(c, o) }
	}
	for _, v := range []string{"s", "m", "l"} {
		c := efficientnets["efficientnet_v2_"+v]
		kerasBuilders["efficientnetv2"+v] = func(o KerasOptions) *engine.Graph { return kerasEfficientNetV2(c, false, o) }
	}
	for i, v := range []struct {
		size         int
		width, depth float64
	}{{224, 1, 1}, {240, 1, 1.1}, {260, 1.1, 1.2}, {300, 1.2, 1.4}} {
		channels := func(n int) int { return max(8, int(float64(n)*v.width+4)/8*8) } // without makeDivisible's lower bound
		c := efficientnetConfig{size: v.size, stemC: channels(32), lastC: channels(1280), stages: []mbconvStage{
			{1, 3, 1, 16, 1, true},
			{4, 3, 2, 32, 2, true},
			{4, 3, 2, 48, 2, true},
			{4, 3, 2, 96, 3, false},
			{6, 3, 1, 112, 5, false},
			{6, 3, 2, 192, 8, false},
		}}
		for i := range c.stages {
			s := &c.stages[i]
			s.outC, s.blocks = channels(s.outC), int(math.Ceil(float64(s.blocks)*v.depth))
		}
		kerasBuilders[fmt.Sprintf("efficientnetv2b%d", i)] = func(o KerasOptions) *engine.Graph { return kerasEfficientNetV2(c, true, o) }
	}
}

// kerasEfficientNet is keras/src/applications/efficientnet.py, with the stages of torchvision's. The normalisation's numbers come with the weights.
func kerasEfficientNet(c efficientnetConfig, o KerasOptions) *engine.Graph {
	k := newKeras(c.size)
	x := k.affine(k.next("rescaling"), engine.InputName, 1./255, 0)
	x = k.Add("normalization", &engine.BatchNorm{Eps: 1e-14, Mean: "normalization/mean", Var: "normalization/variance"}, x) // of the square root at least 1e-7
	if !o.Scratch {
		// The published variances are standard deviations; this makes up for it.
		scale := make([]float64, 3)
		for i, std := range []float64{0.229, 0.224, 0.225} {
			scale[i] = 1 / math.Sqrt(std)
		}
		x = k.Add(k.next("rescaling"), &engine.Affine{Scale: scale, Shift: make([]float64, 3)}, x)
	}
	x = k.correctPad("stem_conv_pad", x, 3)
	x = k.conv("stem_conv", x, c.stemC, square(3), kerasConv{stride: square(2), valid: true, noBias: true})
	x = k.Add("stem_activation", silu(), k.bn("stem_bn", x, 1e-3, true))
	return k.efficientnet(c, x, o, k.mbconv)
}

// kerasEfficientNetV2 is keras/src/applications/efficientnet_v2.py; S, M and L have the stages of torchvision's.
func kerasEfficientNetV2(c efficientnetConfig, imagenet bool, o KerasOptions) *engine.Graph {
	k := newKeras(c.size)
	x := engine.InputName
	if imagenet {
		x = k.affine("rescaling", x, 1./255, 0)
		x = k.normalization("normalization", x, 1)
	} else {
		x = k.affine("rescaling", x, 1./128, -1)
	}
	x = k.conv("stem_conv", x, c.stemC, square(3), kerasConv{stride: square(2), noBias: true})
	x = k.Add("stem_activation", silu(), k.bn("stem_bn", x, 1e-3, true))
	return k.efficientnet(c, x, o, k.mbconvV2)
}

// normalization is Normalization with ImageNet's means and standard deviations, of values from 0 to scale.
func (k keras) normalization(name, x string, scale float64) string {
	op := &engine.Affine{}
	for i, mean := range []float64{0.485, 0.456, 0.406} {
		s := 1 / (scale * []float64{0.229, 0.224, 0.225}[i])
		op.Scale, op.Shift = append(op.Scale, s), append(op.Shift, -mean*scale*s)
	}
	return k.Add(name, op, x)
}

// efficientnet is what follows the stem.
func (k keras) efficientnet(c efficientnetConfig, x string, o KerasOptions, block func(name, x string, s mbconvStage, drop bool) string) *engine.Graph {
	first := true
	for i, s := range c.stages {
		for j := range s.blocks {
			if j > 0 {
				s.stride = 1
			}
			x = block(fmt.Sprintf("block%d%c_", i+1, 'a'+j), x, s, !first)
			first = false
		}
	}
	x = k.conv("top_conv", x, c.lastC, square(1), kerasConv{noBias: true})
	x = k.Add("top_activation", silu(), k.bn("top_bn", x, 1e-3, true))
	if o.NoTop {
		return k.finish(x)
	}
	features := k.globalPool("avg_pool", x)
	k.dense("predictions", k.dropout("top_dropout", features), o.Classes, softmax())
	return k.finish(features)
}

// mbconv is block of efficientnet.py.
func (k keras) mbconv(name, x string, s mbconvStage, drop bool) string {
	inC := k.channels(x)
	y := k.expand(name, x, s, 1, 1)
	if s.stride == 2 {
		y = k.correctPad(name+"dwconv_pad", y, s.k)
	}
	y = k.depthwise(name+"dwconv", y, s.k, s.stride, s.stride == 2)
	y = k.Add(name+"activation", silu(), k.bn(name+"bn", y, 1e-3, true))
	y = k.squeezeExcite(name, y, inC/4)
	y = k.project(name, y, s.outC, 1, 1)
	return k.residual(name, x, y, s.stride, drop)
}

// mbconvV2 is MBConvBlock or FusedMBConvBlock of efficientnet_v2.py.
func (k keras) mbconvV2(name, x string, s mbconvStage, drop bool) string {
	y := x
	switch {
	case s.fused && s.expand == 1:
		y = k.Add(name+"project_activation", silu(), k.project(name, x, s.outC, s.k, s.stride))
	case s.fused:
		y = k.project(name, k.expand(name, x, s, s.k, s.stride), s.outC, 1, 1)
	default:
		y = k.depthwise(name+"dwconv2", k.expand(name, x, s, 1, 1), s.k, s.stride, false)
		y = k.Add(name+"activation", silu(), k.bn(name+"bn", y, 1e-3, true))
		y = k.project(name, k.squeezeExcite(name, y, k.channels(x)/4), s.outC, 1, 1)
	}
	return k.residual(name, x, y, s.stride, drop)
}

func (k keras) expand(name, x string, s mbconvStage, size, stride int) string {
	if s.expand == 1 {
		return x
	}
	x = k.conv(name+"expand_conv", x, s.expand*k.channels(x), square(size), kerasConv{stride: square(stride), noBias: true})
	return k.Add(name+"expand_activation", silu(), k.bn(name+"expand_bn", x, 1e-3, true))
}

func (k keras) squeezeExcite(name, x string, reduced int) string {
	c := k.channels(x)
	y := k.globalPool(name+"se_squeeze", x)
	y = k.Add(name+"se_reshape", &engine.Reshape{H: 1, W: 1, C: c}, y)
	y = k.conv(name+"se_reduce", y, reduced, square(1), kerasConv{activation: silu()})
	y = k.conv(name+"se_expand", y, c, square(1), kerasConv{activation: &engine.Activation{Func: engine.Sigmoid}})
	return k.mul(name+"se_excite", x, y)
}

func (k keras) project(name, x string, filters, size, stride int) string {
	x = k.conv(name+"project_conv", x, filters, square(size), kerasConv{stride: square(stride), noBias: true})
	return k.bn(name+"project_bn", x, 1e-3, true)
}

// residual adds a block's input to its output where the shapes allow it; the network's first block drops nothing.
func (k keras) residual(name, x, y string, stride int, drop bool) string {
	if stride != 1 || k.channels(x) != k.channels(y) {
		return y
	}
	if drop {
		y = k.dropout(name+"drop", y)
	}
	return k.add(name+"add", y, x)
}
