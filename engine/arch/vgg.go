package arch

import (
	"fmt"
	"strings"

	"github.com/featx-go/featx/engine"
)

// The configurations of torchvision/models/vgg.py (Simonyan and Zisserman 2014, table 1): output channels of the 3x3 convolutions, M is a pool.
var vggConfigs = map[string]string{
	"vgg11": "64 M 128 M 256 256 M 512 512 M 512 512 M",
	"vgg13": "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
	"vgg16": "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
	"vgg19": "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}

func init() {
	for name, config := range vggConfigs {
		for _, bn := range []bool{false, true} {
			if bn {
				name += "_bn"
			}
			register(name, 1000, "classifier.6.weight", func(o Options) *engine.Graph { return vgg(config, bn, o) })
			register("timm_"+name, 1000, "head.fc.weight", func(o Options) *engine.Graph { return timmVGG(config, bn, o) })
		}
	}
}

func vgg(config string, bn bool, o Options) *engine.Graph {
	t := newTorch(224, 3)
	x := t.vggFeatures(config, bn)
	x = t.Add("avgpool", &engine.AdaptivePool{OutH: 7, OutW: 7}, x)
	x = t.Add("flatten", &engine.Flatten{}, x)
	x = t.linear("classifier.0", x, 4096)
	x = t.relu("classifier.1", x)
	x = t.Add("classifier.2", &engine.Identity{Dropout: true}, x)
	x = t.linear("classifier.3", x, 4096)
	x = t.relu("classifier.4", x)
	x = t.Add("classifier.5", &engine.Identity{Dropout: true}, x)
	t.Features = x
	t.linear("classifier.6", x, o.Classes)
	return t.graph()
}

func (t torch) vggFeatures(config string, bn bool) string {
	x, next := engine.InputName, sequence("features")
	for _, item := range strings.Fields(config) {
		if item == "M" {
			x = t.Add(next(), &engine.MaxPool{Window: engine.Square(2, 2, 0)}, x)
			continue
		}
		outC := 0
		fmt.Sscan(item, &outC)
		x = t.conv(next(), x, outC, 3, 1, 1, true)
		if bn {
			x = t.bn(next(), x)
		}
		x = t.relu(next(), x)
	}
	return x
}

// timmVGG is timm's vgg.py, which has convolutions for the first two dense layers.
func timmVGG(config string, bn bool, o Options) *engine.Graph {
	t := newTorch(224, 3)
	x := t.vggFeatures(config, bn)
	x = t.conv("pre_logits.fc1", x, 4096, 7, 1, 0, true)
	x = t.relu("pre_logits.act1", x)
	x = t.Add("pre_logits.drop", &engine.Identity{Dropout: true}, x)
	x = t.conv("pre_logits.fc2", x, 4096, 1, 1, 0, true)
	x = t.relu("pre_logits.act2", x)
	x = t.globalPool("head.global_pool.pool", x)
	x = t.Add("head.global_pool.flatten", &engine.Flatten{}, x)
	x = t.Add("head.drop", &engine.Identity{Dropout: true}, x)
	t.Features = x
	t.linear("head.fc", x, o.Classes)
	return t.graph()
}
