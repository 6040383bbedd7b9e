package arch

import "github.com/featx-go/featx/engine"

// AlexNet as torchvision/models/alexnet.py defines it: the one-column network of Krizhevsky 2014, without local response normalisation.
func init() {
	register("alexnet", 1000, "classifier.6.weight", alexnet)
}

func alexnet(o Options) *engine.Graph {
	t := newTorch(224, 3)
	x, next := engine.InputName, sequence("features")
	conv := func(outC, k, stride, pad int) {
		x = t.conv(next(), x, outC, k, stride, pad, true)
		x = t.relu(next(), x)
	}
	pool := func() { x = t.Add(next(), &engine.MaxPool{Window: engine.Square(3, 2, 0)}, x) }
	conv(64, 11, 4, 2)
	pool()
	conv(192, 5, 1, 2)
	pool()
	conv(384, 3, 1, 1)
	conv(256, 3, 1, 1)
	conv(256, 3, 1, 1)
	pool()
	x = t.Add("avgpool", &engine.AdaptivePool{OutH: 6, OutW: 6}, x)
	x = t.Add("flatten", &engine.Flatten{}, x)
	x = t.Add("classifier.0", &engine.Identity{Dropout: true}, x)
	x = t.linear("classifier.1", x, 4096)
	x = t.relu("classifier.2", x)
	x = t.Add("classifier.3", &engine.Identity{Dropout: true}, x)
	x = t.linear("classifier.4", x, 4096)
	x = t.relu("classifier.5", x)
	t.Features = x
	t.linear("classifier.6", x, o.Classes)
	return t.graph()
}
