package arch

import (
	"fmt"
	"strings"

	"github.com/featx-go/featx/engine"
)

// SqueezeNets as torchvision/models/squeezenet.py defines them (Iandola et al. 2016): after the first convolution, the squeeze
// channels of the Fire modules (each expand layer has four times as many) and M for a pool.
func init() {
	for name, c := range map[string]squeezenetConfig{
		"squeezenet1_0": {outC: 96, kernel: 7, modules: "M 16 16 32 M 32 48 48 64 M 64"},
		"squeezenet1_1": {outC: 64, kernel: 3, modules: "M 16 16 M 32 32 M 48 48 64 64"},
	} {
		register(name, 1000, "classifier.1.weight", func(o Options) *engine.Graph { return squeezenet(c, o) })
	}
}

type squeezenetConfig struct {
	outC, kernel int // of the first convolution
	modules      string
}

func squeezenet(c squeezenetConfig, o Options) *engine.Graph {
	t := newTorch(224, 3)
	x := t.conv("features.0", engine.InputName, c.outC, c.kernel, 2, 0, true)
	x = t.relu("features.1", x)
	for i, item := range strings.Fields(c.modules) {
		name := fmt.Sprintf("features.%d", i+2)
		if item == "M" {
			w := engine.Square(3, 2, 0)
			w.Ceil = true
			x = t.Add(name, &engine.MaxPool{Window: w}, x)
			continue
		}
		squeeze := 0
		fmt.Sscan(item, &squeeze)
		x = t.fire(name, x, squeeze)
	}
	t.Features = x
	x = t.Add("classifier.0", &engine.Identity{Dropout: true}, x)
	x = t.conv("classifier.1", x, o.Classes, 1, 1, 0, true)
	x = t.relu("classifier.2", x)
	x = t.globalPool("classifier.3", x)
	t.Add("flatten", &engine.Flatten{}, x)
	return t.graph()
}

func (t torch) fire(name, x string, squeeze int) string {
	conv := func(layer, in string, outC, k int) string {
		y := t.conv(name+"."+layer, in, outC, k, 1, k/2, true)
		return t.relu(name+"."+layer+"_activation", y)
	}
	x = conv("squeeze", x, squeeze, 1)
	return t.Add(name+".cat", &engine.Concat{}, conv("expand1x1", x, 4*squeeze, 1), conv("expand3x3", x, 4*squeeze, 3))
}
