package arch

import (
	"fmt"
	"math"

	"github.com/featx-go/featx/engine"
)

// RegNets as torchvision/models/regnet.py defines them (Radosavovic et al. 2020): X, and Y, which has squeeze-and-excitation. The number in the name is
// of multiply-adds, in millions (mf) or thousands of millions (gf).
func init() {
	for name, c := range map[string]regnetConfig{
		"regnet_x_400mf": {depth: 22, width: 24, slope: 24.48, step: 2.54, group: 16},
		"regnet_x_800mf": {depth: 16, width: 56, slope: 35.73, step: 2.28, group: 16},
		"regnet_x_1_6gf": {depth: 18, width: 80, slope: 34.01, step: 2.25, group: 24},
		"regnet_x_3_2gf": {depth: 25, width: 88, slope: 26.31, step: 2.25, group: 48},
		"regnet_x_8gf":   {depth: 23, width: 80, slope: 49.56, step: 2.88, group: 120},
		"regnet_x_16gf":  {depth: 22, width: 216, slope: 55.59, step: 2.1, group: 128},
		"regnet_x_32gf":  {depth: 23, width: 320, slope: 69.86, step: 2, group: 168},
		"regnet_y_400mf": {depth: 16, width: 48, slope: 27.89, step: 2.09, group: 8, squeeze: true},
		"regnet_y_800mf": {depth: 14, width: 56, slope: 38.84, step: 2.4, group: 16, squeeze: true},
		"regnet_y_1_6gf": {depth: 27, width: 48, slope: 20.71, step: 2.65, group: 24, squeeze: true},
		"regnet_y_3_2gf": {depth: 21, width: 80, slope: 42.63, step: 2.66, group: 24, squeeze: true},
		"regnet_y_8gf":   {depth: 17, width: 192, slope: 76.82, step: 2.19, group: 56, squeeze: true},
		"regnet_y_16gf":  {depth: 18, width: 200, slope: 106.23, step: 2.48, group: 112, squeeze: true},
		"regnet_y_32gf":  {depth: 20, width: 232, slope: 115.89, step: 2.53, group: 232, squeeze: true},
		"regnet_y_128gf": {depth: 27, width: 456, slope: 160.83, step: 2.52, group: 264, squeeze: true},
	} {
		register(name, 1000, "fc.weight", func(o Options) *engine.Graph { return regnet(c, o) })
	}
}

type regnetConfig struct {
	depth       int     // blocks
	width       int     // of the first block
	slope, step float64 // the widths rise by slope, rounded to a power of step times the first
	group       int     // channels of a group of the 3x3
	squeeze     bool
}

// regnetStage is blocks of one width.
type regnetStage struct{ width, group, blocks int }

// stages quantises the widths of all blocks to powers of step, then to multiples of 8, and makes those of one width a stage whose width is a multiple of its group's.
func (c regnetConfig) stages() []regnetStage {
	var list []regnetStage
	last := 0
	for i := range c.depth {
		linear := float64(i)*c.slope + float64(c.width)
		power := math.RoundToEven(math.Log(linear/float64(c.width)) / math.Log(c.step))
		width := roundEven(float64(c.width)*math.Pow(c.step, power)/8) * 8
		if width != last {
			group := min(c.group, width)
			list = append(list, regnetStage{makeDivisible(float64(width), group), group, 0})
			last = width
		}
		list[len(list)-1].blocks++
	}
	return list
}

func regnet(c regnetConfig, o Options) *engine.Graph {
	t := newTorch(224, 3)
	relu := &engine.ReLU{}
	inC := 32
	x := t.convNorm("stem", engine.InputName, convNorm{inC, 3, 2, 1, 1e-5, relu})
	for i, s := range c.stages() {
		for k := range s.blocks {
			name, stride := fmt.Sprintf("trunk_output.block%d.block%[1]d-%d", i+1, k), 1
			if k == 0 {
				stride = 2
			}
			shortcut := x
			if k == 0 {
				shortcut = t.convNorm(name+".proj", x, convNorm{s.width, 1, stride, 1, 1e-5, nil})
			}
			y := t.convNorm(name+".f.a", x, convNorm{s.width, 1, 1, 1, 1e-5, relu})
			y = t.convNorm(name+".f.b", y, convNorm{s.width, 3, stride, s.width / s.group, 1e-5, relu})
			if c.squeeze {
				y = t.squeezeExcitation(name+".f.se", y, s.width, roundEven(float64(inC)/4), relu, &engine.Activation{Func: engine.Sigmoid})
			}
			y = t.convNorm(name+".f.c", y, convNorm{s.width, 1, 1, 1, 1e-5, nil})
			x = t.Add(name+".add", &engine.Add{}, shortcut, y)
			x = t.relu(name+".activation", x)
			inC = s.width
		}
	}
	x = t.globalPool("avgpool", x)
	x = t.Add("flatten", &engine.Flatten{}, x)
	t.Features = x
	t.linear("fc", x, o.Classes)
	return t.graph()
}
