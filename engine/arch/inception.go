package arch

import "github.com/featx-go/featx/engine"

// Inception v3 as torchvision/models/inception.py defines it (Szegedy et al. 2015). Node names are those of torchvision's feature_extraction:
// Mixed_5b.branch1x1.conv, .bn, .relu, Mixed_5b.avg_pool2d, Mixed_5b.cat.
//
// The tensors do not tell transform_input: inception_v3 is without it (torchvision's weights=None), inception_v3_google with it, as torchvision
// builds the network for its published weights (inception_v3_google-0cc3c7bd.pth) and for whatever was trained on from them.
func init() {
	for name, transform := range map[string]bool{"inception_v3": false, "inception_v3_google": true} {
		b := register(name, 1000, "fc.weight", func(o Options) *engine.Graph { return inceptionV3(transform, o) })
		b.training = "AuxLogits.*"
		b.note = noTransform
		if transform {
			b.note = withTransform
		}
	}
}

const (
	noTransform   = "torchvision's weights=None: no transform_input"
	withTransform = "transform_input, as torchvision's published weights need"
)

func inceptionV3(transform bool, o Options) *engine.Graph {
	t := newTorch(299, 3)
	x := engine.InputName
	if transform {
		x = t.transformInput(x)
	}
	pool := &engine.MaxPool{Window: engine.Square(3, 2, 0)}
	x = t.basicConv("Conv2d_1a_3x3", x, 32, engine.Square(3, 2, 0))
	x = t.basicConv("Conv2d_2a_3x3", x, 32, engine.Square(3, 1, 0))
	x = t.basicConv("Conv2d_2b_3x3", x, 64, same(3, 3))
	x = t.Add("maxpool1", pool, x)
	x = t.basicConv("Conv2d_3b_1x1", x, 80, same(1, 1))
	x = t.basicConv("Conv2d_4a_3x3", x, 192, engine.Square(3, 1, 0))
	x = t.Add("maxpool2", pool, x)
	x = t.inceptionA("Mixed_5b", x, 32)
	x = t.inceptionA("Mixed_5c", x, 64)
	x = t.inceptionA("Mixed_5d", x, 64)
	x = t.inceptionB("Mixed_6a", x)
	x = t.inceptionC("Mixed_6b", x, 128)
	x = t.inceptionC("Mixed_6c", x, 160)
	x = t.inceptionC("Mixed_6d", x, 160)
	x = t.inceptionC("Mixed_6e", x, 192)
	x = t.inceptionD("Mixed_7a", x)
	x = t.inceptionE("Mixed_7b", x)
	x = t.inceptionE("Mixed_7c", x)
	x = t.globalPool("avgpool", x)
	x = t.Add("dropout", &engine.Identity{Dropout: true}, x)
	x = t.Add("flatten", &engine.Flatten{}, x)
	t.Features = x
	t.linear("fc", x, o.Classes)
	return t.graph()
}

// transformInput takes a picture normalised with ImageNet's mean and standard deviation to one in [-1, 1], which the weights from
// TensorFlow expect. The node has the name of torchvision's, which joins the channels.
func (t torch) transformInput(x string) string {
	mean, std := [3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}
	op := &engine.Affine{}
	for c := range mean {
		op.Scale = append(op.Scale, std[c]/0.5)
		op.Shift = append(op.Shift, (mean[c]-0.5)/0.5)
	}
	x = t.Add("cat", op, x)
	t.Alias("transform_input", x)
	return x
}

// basicConv is BasicConv2d.
func (t torch) basicConv(name, x string, outC int, w engine.Window) string {
	x = t.Add(name+".conv", &engine.Conv2D{Window: w, OutC: outC, Groups: 1, Weight: name + ".conv.weight"}, x)
	x = t.bnEps(name+".bn", x, 1e-3)
	return t.relu(name+".relu", x)
}

// same is a window of stride 1 and odd height and width that keeps the map's size.
func same(h, w int) engine.Window {
	return engine.Window{Kernel: [2]int{h, w}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: engine.Pad{Top: h / 2, Left: w / 2, Bottom: h / 2, Right: w / 2}}
}

// mixed is an Inception block under construction.
type mixed struct {
	torch
	name string
	fx   fxNames
}

func (t torch) mixed(name string) mixed { return mixed{t, name, fxNames{}} }

func (m mixed) conv(branch, x string, outC int, w engine.Window) string {
	return m.basicConv(m.name+"."+branch, x, outC, w)
}

// pooled is the branch that averages, padding counted, before its convolution.
func (m mixed) pooled(x string, outC int) string {
	x = m.Add(m.name+".avg_pool2d", &engine.AvgPool{Window: same(3, 3), CountPad: true}, x)
	return m.conv("branch_pool", x, outC, same(1, 1))
}

// maxPool is the branch of the blocks that halve the map.
func (m mixed) maxPool(x string) string {
	return m.Add(m.name+".max_pool2d", &engine.MaxPool{Window: engine.Square(3, 2, 0)}, x)
}

func (m mixed) cat(branches ...string) string {
	return m.Add(m.fx.next(m.name+".cat"), &engine.Concat{}, branches...)
}

func (t torch) inceptionA(name, x string, poolC int) string {
	m := t.mixed(name)
	branch1x1 := m.conv("branch1x1", x, 64, same(1, 1))

	branch5x5 := m.conv("branch5x5_1", x, 48, same(1, 1))
	branch5x5 = m.conv("branch5x5_2", branch5x5, 64, same(5, 5))

	branch3x3dbl := m.conv("branch3x3dbl_1", x, 64, same(1, 1))
	branch3x3dbl = m.conv("branch3x3dbl_2", branch3x3dbl, 96, same(3, 3))
	branch3x3dbl = m.conv("branch3x3dbl_3", branch3x3dbl, 96, same(3, 3))

	return m.cat(branch1x1, branch5x5, branch3x3dbl, m.pooled(x, poolC))
}

func (t torch) inceptionB(name, x string) string {
	m := t.mixed(name)
	branch3x3 := m.conv("branch3x3", x, 384, engine.Square(3, 2, 0))

	branch3x3dbl := m.conv("branch3x3dbl_1", x, 64, same(1, 1))
	branch3x3dbl = m.conv("branch3x3dbl_2", branch3x3dbl, 96, same(3, 3))
	branch3x3dbl = m.conv("branch3x3dbl_3", branch3x3dbl, 96, engine.Square(3, 2, 0))

	return m.cat(branch3x3, branch3x3dbl, m.maxPool(x))
}

func (t torch) inceptionC(name, x string, c7 int) string {
	m := t.mixed(name)
	branch1x1 := m.conv("branch1x1", x, 192, same(1, 1))

	branch7x7 := m.conv("branch7x7_1", x, c7, same(1, 1))
	branch7x7 = m.conv("branch7x7_2", branch7x7, c7, same(1, 7))
	branch7x7 = m.conv("branch7x7_3", branch7x7, 192, same(7, 1))

	branch7x7dbl := m.conv("branch7x7dbl_1", x, c7, same(1, 1))
	branch7x7dbl = m.conv("branch7x7dbl_2", branch7x7dbl, c7, same(7, 1))
	branch7x7dbl = m.conv("branch7x7dbl_3", branch7x7dbl, c7, same(1, 7))
	branch7x7dbl = m.conv("branch7x7dbl_4", branch7x7dbl, c7, same(7, 1))
	branch7x7dbl = m.conv("branch7x7dbl_5", branch7x7dbl, 192, same(1, 7))

	return m.cat(branch1x1, branch7x7, branch7x7dbl, m.pooled(x, 192))
}

func (t torch) inceptionD(name, x string) string {
	m := t.mixed(name)
	branch3x3 := m.conv("branch3x3_1", x, 192, same(1, 1))
	branch3x3 = m.conv("branch3x3_2", branch3x3, 320, engine.Square(3, 2, 0))

	branch7x7x3 := m.conv("branch7x7x3_1", x, 192, same(1, 1))
	branch7x7x3 = m.conv("branch7x7x3_2", branch7x7x3, 192, same(1, 7))
	branch7x7x3 = m.conv("branch7x7x3_3", branch7x7x3, 192, same(7, 1))
	branch7x7x3 = m.conv("branch7x7x3_4", branch7x7x3, 192, engine.Square(3, 2, 0))

	return m.cat(branch3x3, branch7x7x3, m.maxPool(x))
}

func (t torch) inceptionE(name, x string) string {
	m := t.mixed(name)
	branch1x1 := m.conv("branch1x1", x, 320, same(1, 1))

	branch3x3 := m.conv("branch3x3_1", x, 384, same(1, 1))
	branch3x3 = m.cat(m.conv("branch3x3_2a", branch3x3, 384, same(1, 3)), m.conv("branch3x3_2b", branch3x3, 384, same(3, 1)))

	branch3x3dbl := m.conv("branch3x3dbl_1", x, 448, same(1, 1))
	branch3x3dbl = m.conv("branch3x3dbl_2", branch3x3dbl, 384, same(3, 3))
	branch3x3dbl = m.cat(m.conv("branch3x3dbl_3a", branch3x3dbl, 384, same(1, 3)), m.conv("branch3x3dbl_3b", branch3x3dbl, 384, same(3, 1)))

	return m.cat(branch1x1, branch3x3, branch3x3dbl, m.pooled(x, 192))
}
