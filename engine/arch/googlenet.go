package arch

import "github.com/featx-go/featx/engine"

// GoogLeNet as torchvision/models/googlenet.py defines it (Szegedy et al. 2014, with batch normalisation; what the paper has as 5x5 is 3x3 there, a
// known bug that the published weights were trained with).
//
// The tensors do not tell transform_input: googlenet is without it (torchvision's weights=None), googlenet_transform_input with it, as torchvision
// builds the network for its published weights (googlenet-1378be20.pth) and for whatever was trained on from them.
func init() {
	for name, transform := range map[string]bool{"googlenet": false, "googlenet_transform_input": true} {
		b := register(name, 1000, "fc.weight", func(o Options) *engine.Graph { return googlenet(transform, o) })
		b.training = "aux[12].*"
		b.note = noTransform
		if transform {
			b.note = withTransform
		}
	}
}

func googlenet(transform bool, o Options) *engine.Graph {
	t := newTorch(224, 3)
	x := engine.InputName
	if transform {
		x = t.transformInput(x)
	}
	pool := func(name string, k, stride, pad int, x string) string {
		w := engine.Square(k, stride, pad)
		w.Ceil = true
		return t.Add(name, &engine.MaxPool{Window: w}, x)
	}
	// inception has four branches: 1x1, 1x1 and 3x3, 1x1 and 3x3 (the paper's 5x5), a pool and 1x1; c is the channels of the convolutions in this order.
	inception := func(name, x string, c [6]int) string {
		branch1 := t.basicConv(name+".branch1", x, c[0], same(1, 1))
		branch2 := t.basicConv(name+".branch2.0", x, c[1], same(1, 1))
		branch2 = t.basicConv(name+".branch2.1", branch2, c[2], same(3, 3))
		branch3 := t.basicConv(name+".branch3.0", x, c[3], same(1, 1))
		branch3 = t.basicConv(name+".branch3.1", branch3, c[4], same(3, 3))
		branch4 := pool(name+".branch4.0", 3, 1, 1, x)
		branch4 = t.basicConv(name+".branch4.1", branch4, c[5], same(1, 1))
		return t.Add(name+".cat", &engine.Concat{}, branch1, branch2, branch3, branch4)
	}
	x = t.basicConv("conv1", x, 64, engine.Square(7, 2, 3))
	x = pool("maxpool1", 3, 2, 0, x)
	x = t.basicConv("conv2", x, 64, same(1, 1))
	x = t.basicConv("conv3", x, 192, same(3, 3))
	x = pool("maxpool2", 3, 2, 0, x)
	x = inception("inception3a", x, [6]int{64, 96, 128, 16, 32, 32})
	x = inception("inception3b", x, [6]int{128, 128, 192, 32, 96, 64})
	x = pool("maxpool3", 3, 2, 0, x)
	x = inception("inception4a", x, [6]int{192, 96, 208, 16, 48, 64})
	x = inception("inception4b", x, [6]int{160, 112, 224, 24, 64, 64})
	x = inception("inception4c", x, [6]int{128, 128, 256, 24, 64, 64})
	x = inception("inception4d", x, [6]int{112, 144, 288, 32, 64, 64})
	x = inception("inception4e", x, [6]int{256, 160, 320, 32, 128, 128})
	x = pool("maxpool4", 2, 2, 0, x)
	x = inception("inception5a", x, [6]int{256, 160, 320, 32, 128, 128})
	x = inception("inception5b", x, [6]int{384, 192, 384, 48, 128, 128})
	x = t.globalPool("avgpool", x)
	x = t.Add("flatten", &engine.Flatten{}, x)
	x = t.Add("dropout", &engine.Identity{Dropout: true}, x)
	t.Features = "flatten"
	t.linear("fc", x, o.Classes)
	return t.graph()
}
