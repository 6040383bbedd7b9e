package arch

import (
	"fmt"

	"github.com/featx-go/featx/engine"
)

// MNASNets as torchvision/models/mnasnet.py defines them (Tan et al. 2018, B1); the number in the name multiplies the channels.
func init() {
	for name, alpha := range map[string]float64{"mnasnet0_5": 0.5, "mnasnet0_75": 0.75, "mnasnet1_0": 1, "mnasnet1_3": 1.3} {
		register(name, 1000, "classifier.1.weight", func(o Options) *engine.Graph { return mnasnet(alpha, o) })
	}
}

func mnasnet(alpha float64, o Options) *engine.Graph {
	t := newTorch(224, 3)
	channels := func(n float64) int { return makeDivisible(n*alpha, 8) }
	x, next := engine.InputName, sequence("layers")
	conv := func(next func() string, x string, outC, k, stride, groups int, act bool) string {
		x = t.groupConv(next(), x, outC, k, stride, groups)
		x = t.bn(next(), x)
		if act {
			x = t.relu(next(), x)
		}
		return x
	}
	inC := channels(32)
	x = conv(next, x, inC, 3, 2, 1, true)
	x = conv(next, x, inC, 3, 1, inC, true)
	inC = channels(16)
	x = conv(next, x, inC, 1, 1, 1, false)
	for _, s := range []struct {
		channels          float64
		k, stride, expand int
		blocks            int
	}{
		{24, 3, 2, 3, 3},
		{40, 5, 2, 3, 3},
		{80, 5, 2, 6, 3},
		{96, 3, 1, 6, 2},
		{192, 5, 2, 6, 4},
		{320, 3, 1, 6, 1},
	} {
		stack, outC := next(), channels(s.channels)
		for k := range s.blocks {
			name, stride := fmt.Sprintf("%s.%d", stack, k), 1
			if k == 0 {
				stride = s.stride
			}
			in := sequence(name + ".layers")
			y := conv(in, x, inC*s.expand, 1, 1, 1, true)
			y = conv(in, y, inC*s.expand, s.k, stride, inC*s.expand, true)
			y = conv(in, y, outC, 1, 1, 1, false)
			if k > 0 {
				y = t.Add(name+".add", &engine.Add{}, y, x)
			}
			x, inC = y, outC
		}
	}
	x = conv(next, x, 1280, 1, 1, 1, true)
	x = t.globalMean("mean", x)
	t.Features = x
	x = t.Add("classifier.0", &engine.Identity{Dropout: true}, x)
	t.linear("classifier.1", x, o.Classes)
	return t.graph()
}
