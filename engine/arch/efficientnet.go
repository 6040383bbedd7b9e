package arch

import (
	"fmt"
	"math"

	"github.com/featx-go/featx/engine"
)

// EfficientNets as torchvision/models/efficientnet.py defines them (Tan and Le 2019; V2: 2021). B1 to B7 multiply B0's channels and blocks.
func init() {
	for name, c := range efficientnets {
		register(name, 1000, "classifier.1.weight", func(o Options) *engine.Graph { return efficientnet(c, o) })
	}
}

var efficientnets = efficientnetConfigs()

func efficientnetConfigs() map[string]efficientnetConfig {
	all := map[string]efficientnetConfig{}
	for i, c := range []struct {
		width, depth, eps float64
		size              int
	}{
		{1, 1, 1e-5, 224},
		{1, 1.1, 1e-5, 240},
		{1.1, 1.2, 1e-5, 288},
		{1.2, 1.4, 1e-5, 300},
		{1.4, 1.8, 1e-5, 380},
		{1.6, 2.2, 1e-3, 456},
		{1.8, 2.6, 1e-3, 528},
		{2, 3.1, 1e-3, 600},
	} {
		e := efficientnetConfig{stemC: 32, size: c.size, eps: c.eps, stages: []mbconvStage{
			{1, 3, 1, 16, 1, false},
			{6, 3, 2, 24, 2, false},
			{6, 5, 2, 40, 2, false},
			{6, 3, 2, 80, 3, false},
			{6, 5, 1, 112, 3, false},
			{6, 5, 2, 192, 4, false},
			{6, 3, 1, 320, 1, false},
		}}
		channels := func(n int) int { return makeDivisible(float64(n)*c.width, 8) }
		e.stemC = channels(e.stemC)
		for i := range e.stages {
			s := &e.stages[i]
			s.outC, s.blocks = channels(s.outC), int(math.Ceil(float64(s.blocks)*c.depth))
		}
		e.lastC = 4 * e.stages[len(e.stages)-1].outC
		all[fmt.Sprintf("efficientnet_b%d", i)] = e
	}
	for name, e := range map[string]efficientnetConfig{
		"efficientnet_v2_s": {size: 384, stemC: 24, stages: []mbconvStage{
			{1, 3, 1, 24, 2, true},
			{4, 3, 2, 48, 4, true},
			{4, 3, 2, 64, 4, true},
			{4, 3, 2, 128, 6, false},
			{6, 3, 1, 160, 9, false},
			{6, 3, 2, 256, 15, false},
		}},
		"efficientnet_v2_m": {size: 480, stemC: 24, stages: []mbconvStage{
			{1, 3, 1, 24, 3, true},
			{4, 3, 2, 48, 5, true},
			{4, 3, 2, 80, 5, true},
			{4, 3, 2, 160, 7, false},
			{6, 3, 1, 176, 14, false},
			{6, 3, 2, 304, 18, false},
			{6, 3, 1, 512, 5, false},
		}},
		"efficientnet_v2_l": {size: 480, stemC: 32, stages: []mbconvStage{
			{1, 3, 1, 32, 4, true},
			{4, 3, 2, 64, 7, true},
			{4, 3, 2, 96, 7, true},
			{4, 3, 2, 192, 10, false},
			{6, 3, 1, 224, 19, false},
			{6, 3, 2, 384, 25, false},
			{6, 3, 1, 640, 7, false},
		}},
	} {
		e.eps, e.lastC = 1e-3, 1280
		all[name] = e
	}
	return all
}

type efficientnetConfig struct {
	size, stemC, lastC int
	eps                float64 // of batch normalisation
	stages             []mbconvStage
}

type mbconvStage struct {
	expand, k, stride, outC, blocks int
	fused                           bool // FusedMBConv: one convolution expands and filters, no squeeze-and-excitation
}

func efficientnet(c efficientnetConfig, o Options) *engine.Graph {
	t := newTorch(c.size, 3)
	silu, next := &engine.Activation{Func: engine.SiLU}, sequence("features")
	inC := c.stemC
	x := t.convNorm(next(), engine.InputName, convNorm{inC, 3, 2, 1, c.eps, silu})
	for _, s := range c.stages {
		stage := sequence(next())
		for k := range s.blocks {
			if k > 0 {
				s.stride = 1
			}
			x = t.mbconv(stage(), x, inC, s, c.eps)
			inC = s.outC
		}
	}
	x = t.convNorm(next(), x, convNorm{c.lastC, 1, 1, 1, c.eps, silu})
	x = t.globalPool("avgpool", x)
	x = t.Add("flatten", &engine.Flatten{}, x)
	t.Features = x
	x = t.Add("classifier.0", &engine.Identity{Dropout: true}, x)
	t.linear("classifier.1", x, o.Classes)
	return t.graph()
}

// mbconv is MBConv or FusedMBConv: expand, filter, squeeze and excite, project.
func (t torch) mbconv(name, x string, inC int, s mbconvStage, eps float64) string {
	silu, next := &engine.Activation{Func: engine.SiLU}, sequence(name+".block")
	y, hidden := x, inC*s.expand
	switch {
	case s.fused && s.expand == 1:
		y = t.convNorm(next(), y, convNorm{s.outC, s.k, s.stride, 1, eps, silu})
	case s.fused:
		y = t.convNorm(next(), y, convNorm{hidden, s.k, s.stride, 1, eps, silu})
		y = t.convNorm(next(), y, convNorm{s.outC, 1, 1, 1, eps, nil})
	default:
		if s.expand != 1 {
			y = t.convNorm(next(), y, convNorm{hidden, 1, 1, 1, eps, silu})
		}
		y = t.convNorm(next(), y, convNorm{hidden, s.k, s.stride, hidden, eps, silu})
		y = t.squeezeExcitation(next(), y, hidden, inC/4, silu, &engine.Activation{Func: engine.Sigmoid})
		y = t.convNorm(next(), y, convNorm{s.outC, 1, 1, 1, eps, nil})
	}
	if s.stride == 1 && inC == s.outC {
		y = t.stochasticDepth(name, y)
		y = t.Add(name+".add", &engine.Add{}, y, x)
	}
	return y
}

// stochasticDepth is torchvision.ops.StochasticDepth, which passes its input on when the network does not train.
func (t torch) stochasticDepth(name, x string) string {
	return t.Add(name+".stochastic_depth.stochastic_depth", &engine.Identity{Dropout: true}, x)
}
