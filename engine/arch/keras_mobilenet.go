package arch

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/featx-go/featx/engine"
)

// Keras publishes MobileNets of several widths (alpha). Those of 1 have the bare name.
func init() {
	add := func(name string, alpha float64, build func(alpha float64, o KerasOptions) *engine.Graph) {
		if alpha != 1 {
			name = fmt.Sprintf("%s_%.2f", name, alpha)
		}
		kerasBuilders[name] = func(o KerasOptions) *engine.Graph { return build(alpha, o) }
	}
	for _, alpha := range []float64{0.25, 0.5, 0.75, 1} {
		add("mobilenet", alpha, kerasMobileNet)
	}
	for _, alpha := range []float64{0.35, 0.5, 0.75, 1, 1.3, 1.4} {
		add("mobilenet_v2", alpha, kerasMobileNetV2)
	}
	for _, size := range []string{"small", "large"} {
		for _, alpha := range []float64{0.75, 1} {
			add("mobilenet_v3_"+size, alpha, func(alpha float64, o KerasOptions) *engine.Graph { return kerasMobileNetV3(size, alpha, false, o) })
		}
		kerasBuilders["mobilenet_v3_"+size+"_minimalistic"] = func(o KerasOptions) *engine.Graph { return kerasMobileNetV3(size, 1, true, o) }
	}
}

// kerasMobileNet is keras/src/applications/mobilenet.py.
func kerasMobileNet(alpha float64, o KerasOptions) *engine.Graph {
	k := newKeras(224)
	width := func(filters int) int { return int(float64(filters) * alpha) }
	normRelu := func(name, x string) string { return k.Add(name+"_relu", relu6(), k.bn(name+"_bn", x, 1e-3, true)) }

	x := k.conv("conv1", engine.InputName, width(32), square(3), kerasConv{stride: square(2), noBias: true})
	x = normRelu("conv1", x)
	for i, filters := range []int{64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024} {
		dw, pw, stride := fmt.Sprintf("conv_dw_%d", i+1), fmt.Sprintf("conv_pw_%d", i+1), 1
		if i == 1 || i == 3 || i == 5 || i == 11 {
			stride = 2
			x = k.pad(fmt.Sprintf("conv_pad_%d", i+1), x, engine.Pad{Bottom: 1, Right: 1})
		}
		x = normRelu(dw, k.depthwise(dw, x, 3, stride, stride == 2))
		x = normRelu(pw, k.conv(pw, x, width(filters), square(1), kerasConv{noBias: true}))
	}
	if o.NoTop {
		return k.finish(x)
	}
	features := k.globalMap("global_average_pooling2d", x)
	x = k.conv("conv_preds", k.dropout("dropout", features), o.Classes, square(1), kerasConv{})
	x = k.Add("reshape_2", &engine.Flatten{}, x)
	k.Add("predictions", softmax(), x)
	return k.finish(features)
}

// kerasMobileNetV2 is keras/src/applications/mobilenet_v2.py, with the stages of torchvision's.
func kerasMobileNetV2(alpha float64, o KerasOptions) *engine.Graph {
	const eps = 1e-3
	k := newKeras(224)
	conv := func(name, bn, x string, filters int) string {
		return k.bn(bn, k.conv(name, x, filters, square(1), kerasConv{noBias: true}), eps, true)
	}
	x := k.conv("Conv1", engine.InputName, makeDivisible(32*alpha, 8), square(3), kerasConv{stride: square(2), noBias: true})
	x = k.Add("Conv1_relu", relu6(), k.bn("bn_Conv1", x, eps, true))
	block := 0
	for _, s := range mobilenetV2Stages {
		for i := range s.blocks {
			name, stride := fmt.Sprintf("block_%d_", block), 1
			if i == 0 {
				stride = s.stride
			}
			y, inC, outC := x, k.channels(x), makeDivisible(float64(int(float64(s.outC)*alpha)), 8)
			if block > 0 {
				y = conv(name+"expand", name+"expand_BN", y, s.expand*inC)
				y = k.Add(name+"expand_relu", relu6(), y)
			} else {
				name = "expanded_conv_"
			}
			if stride == 2 {
				y = k.correctPad(name+"pad", y, 3)
			}
			y = k.depthwise(name+"depthwise", y, 3, stride, stride == 2)
			y = k.Add(name+"depthwise_relu", relu6(), k.bn(name+"depthwise_BN", y, eps, true))
			y = conv(name+"project", name+"project_BN", y, outC)
			if stride == 1 && inC == outC {
				y = k.add(name+"add", x, y)
			}
			x = y
			block++
		}
	}
	x = k.Add("out_relu", relu6(), conv("Conv_1", "Conv_1_bn", x, makeDivisible(1280*max(1, alpha), 8)))
	return k.classifier("global_average_pooling2d", x, o)
}

// kerasV3Block is a call of _inverted_res_block.
type kerasV3Block struct {
	expansion      float64
	filters, k     int // k 5 is 3 in a minimalistic network
	stride         int
	squeeze, swish bool // minimalistic networks have neither
}

var kerasV3Blocks = map[string][]kerasV3Block{
	"small": {
		{1, 16, 3, 2, true, false},
		{72. / 16, 24, 3, 2, false, false},
		{88. / 24, 24, 3, 1, false, false},
		{4, 40, 5, 2, true, true},
		{6, 40, 5, 1, true, true},
		{6, 40, 5, 1, true, true},
		{3, 48, 5, 1, true, true},
		{3, 48, 5, 1, true, true},
		{6, 96, 5, 2, true, true},
		{6, 96, 5, 1, true, true},
		{6, 96, 5, 1, true, true},
	},
	"large": {
		{1, 16, 3, 1, false, false},
		{4, 24, 3, 2, false, false},
		{3, 24, 3, 1, false, false},
		{3, 40, 5, 2, true, false},
		{3, 40, 5, 1, true, false},
		{3, 40, 5, 1, true, false},
		{6, 80, 3, 2, false, true},
		{2.5, 80, 3, 1, false, true},
		{2.3, 80, 3, 1, false, true},
		{2.3, 80, 3, 1, false, true},
		{6, 112, 3, 1, true, true},
		{6, 112, 3, 1, true, true},
		{6, 160, 5, 2, true, true},
		{6, 160, 5, 1, true, true},
		{6, 160, 5, 1, true, true},
	},
}

// kerasMobileNetV3 is keras/src/applications/mobilenet_v3.py.
func kerasMobileNetV3(size string, alpha float64, minimalistic bool, o KerasOptions) *engine.Graph {
	const eps = 1e-3
	k := newKeras(224)
	activation := func(x string, swish bool) string {
		if swish && !minimalistic {
			return k.Add(k.next("activation"), &engine.Activation{Func: engine.HardSwish}, x)
		}
		return k.Add(k.next("re_lu"), relu(), x)
	}
	conv := func(name, x string, filters, size, stride int) string {
		x = k.conv(name, x, filters, square(size), kerasConv{stride: square(stride), noBias: true})
		return k.bn(name+"_bn", x, eps, true)
	}
	x := k.affine("rescaling", engine.InputName, 1/127.5, -1)
	x = activation(conv("conv", x, 16, 3, 2), true)
	for i, b := range kerasV3Blocks[size] {
		name := "expanded_conv_"
		if minimalistic {
			b.k, b.squeeze = 3, false
		}
		y, inC, outC := x, k.channels(x), makeDivisible(float64(b.filters)*alpha, 8)
		if i > 0 {
			name = fmt.Sprintf("expanded_conv_%d_", i)
			y = conv(name+"expand", y, makeDivisible(float64(inC)*b.expansion, 8), 1, 1)
			y = activation(y, b.swish)
		}
		if b.stride == 2 {
			y = k.correctPad(name+"depthwise_pad", y, b.k)
		}
		y = k.depthwise(name+"depthwise", y, b.k, b.stride, b.stride == 2)
		y = activation(k.bn(name+"depthwise_bn", y, eps, true), b.swish)
		if b.squeeze {
			y = k.hardSqueeze(name+"squeeze_excite_", y)
		}
		y = conv(name+"project", y, outC, 1, 1)
		if b.stride == 1 && inC == outC {
			y = k.add(name+"add", x, y)
		}
		x = y
	}
	x = activation(conv("conv_1", x, makeDivisible(float64(6*k.channels(x)), 8), 1, 1), true)
	defer k.namesOfKeras2()
	if o.NoTop {
		return k.finish(x)
	}
	last := map[string]int{"small": 1024, "large": 1280}[size]
	x = k.globalMap("global_average_pooling2d", x)
	features := activation(k.conv("conv_2", x, last, square(1), kerasConv{}), true)
	x = k.conv("logits", k.dropout("dropout", features), o.Classes, square(1), kerasConv{})
	x = k.Add("flatten", &engine.Flatten{}, x)
	k.Add("predictions", softmax(), x)
	return k.finish(features)
}

// namesOfKeras2 are aliases: expanded_conv_1/expand/BatchNorm for expanded_conv_1_expand_bn.
func (k keras) namesOfKeras2() {
	block := regexp.MustCompile(`^(expanded_conv(?:_\d+)?)_(expand|depthwise|squeeze_excite|project|add)(?:_(\w+))?$`)
	parts := map[string]string{"bn": "BatchNorm", "pad": "pad", "avg_pool": "AvgPool", "conv": "Conv", "conv_1": "Conv_1", "relu": "Relu", "mul": "Mul"}
	plain := map[string]string{"conv": "Conv", "conv_bn": "Conv/BatchNorm", "conv_1": "Conv_1", "conv_1_bn": "Conv_1/BatchNorm", "conv_2": "Conv_2", "logits": "Logits", "predictions": "Predictions"}
	for _, n := range k.Nodes {
		old := plain[n.Name]
		if m := block.FindStringSubmatch(n.Name); m != nil {
			old = m[1] + "/" + strings.Replace(m[2], "add", "Add", 1)
			if m[3] != "" {
				old += "/" + parts[m[3]]
			}
		}
		if old != "" {
			k.Alias(old, n.Name)
		}
	}
}

// hardSqueeze is _se_block: the gate is relu6(x + 3)/6.
func (k keras) hardSqueeze(name, x string) string {
	c := k.channels(x)
	y := k.globalMap(name+"avg_pool", x)
	y = k.conv(name+"conv", y, makeDivisible(float64(c)*0.25, 8), square(1), kerasConv{})
	y = k.Add(name+"relu", relu(), y)
	y = k.conv(name+"conv_1", y, c, square(1), kerasConv{})
	y = k.affine(k.next("add"), y, 1, 3)
	y = k.Add(k.next("re_lu"), relu6(), y)
	y = k.affine(k.next("multiply"), y, 1./6, 0)
	return k.mul(name+"mul", x, y)
}

// globalMap is GlobalAveragePooling2D that keeps the map's axes.
func (k keras) globalMap(name, x string) string {
	return k.Add(name, &engine.AdaptivePool{OutH: 1, OutW: 1}, x)
}
