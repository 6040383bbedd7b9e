package arch

import (
	"fmt"

	"github.com/featx-go/featx/engine"
)

// MobileNetV3s as torchvision/models/mobilenetv3.py defines them (Howard et al. 2019, tables 1 and 2).
func init() {
	for name, c := range mobilenetV3s {
		register(name, 1000, "classifier.3.weight", func(o Options) *engine.Graph { return mobilenetV3(c, o) })
	}
}

var mobilenetV3s = map[string]mobilenetV3Config{
	"mobilenet_v3_large": {lastC: 1280, blocks: []mobilenetV3Block{
		{3, 16, 16, false, false, 1},
		{3, 64, 24, false, false, 2},
		{3, 72, 24, false, false, 1},
		{5, 72, 40, true, false, 2},
		{5, 120, 40, true, false, 1},
		{5, 120, 40, true, false, 1},
		{3, 240, 80, false, true, 2},
		{3, 200, 80, false, true, 1},
		{3, 184, 80, false, true, 1},
		{3, 184, 80, false, true, 1},
		{3, 480, 112, true, true, 1},
		{3, 672, 112, true, true, 1},
		{5, 672, 160, true, true, 2},
		{5, 960, 160, true, true, 1},
		{5, 960, 160, true, true, 1},
	}},
	"mobilenet_v3_small": {lastC: 1024, blocks: []mobilenetV3Block{
		{3, 16, 16, true, false, 2},
		{3, 72, 24, false, false, 2},
		{3, 88, 24, false, false, 1},
		{5, 96, 40, true, true, 2},
		{5, 240, 40, true, true, 1},
		{5, 240, 40, true, true, 1},
		{5, 120, 48, true, true, 1},
		{5, 144, 48, true, true, 1},
		{5, 288, 96, true, true, 2},
		{5, 576, 96, true, true, 1},
		{5, 576, 96, true, true, 1},
	}},
}

type mobilenetV3Config struct {
	blocks []mobilenetV3Block
	lastC  int // channels of the classifier's first layer
}

type mobilenetV3Block struct {
	k, hidden, outC int
	squeeze, swish  bool // swish: HardSwish, not ReLU
	stride          int
}

func mobilenetV3(c mobilenetV3Config, o Options) *engine.Graph {
	const eps = 1e-3
	t := newTorch(224, 3)
	swish := &engine.Activation{Func: engine.HardSwish}
	inC := 16
	x := t.convNorm("features.0", engine.InputName, convNorm{inC, 3, 2, 1, eps, swish})
	for i, b := range c.blocks {
		name := fmt.Sprintf("features.%d", i+1)
		var act engine.Op = &engine.ReLU{}
		if b.swish {
			act = swish
		}
		y, next := x, sequence(name+".block")
		if b.hidden != inC {
			y = t.convNorm(next(), y, convNorm{b.hidden, 1, 1, 1, eps, act})
		}
		y = t.convNorm(next(), y, convNorm{b.hidden, b.k, b.stride, b.hidden, eps, act})
		if b.squeeze {
			hardSigmoid := &engine.Activation{Func: engine.HardSigmoid, Alpha: 1. / 6, Beta: 0.5}
			y = t.squeezeExcitation(next(), y, b.hidden, makeDivisible(float64(b.hidden/4), 8), &engine.ReLU{}, hardSigmoid)
		}
		y = t.convNorm(next(), y, convNorm{b.outC, 1, 1, 1, eps, nil})
		if b.stride == 1 && b.outC == inC {
			y = t.Add(name+".add", &engine.Add{}, y, x)
		}
		x, inC = y, b.outC
	}
	x = t.convNorm(fmt.Sprintf("features.%d", len(c.blocks)+1), x, convNorm{6 * inC, 1, 1, 1, eps, swish})
	x = t.globalPool("avgpool", x)
	x = t.Add("flatten", &engine.Flatten{}, x)
	x = t.linear("classifier.0", x, c.lastC)
	x = t.Add("classifier.1", swish, x)
	x = t.Add("classifier.2", &engine.Identity{Dropout: true}, x)
	t.Features = x
	t.linear("classifier.3", x, o.Classes)
	return t.graph()
}
