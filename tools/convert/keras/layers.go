package keras

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/featx-go/featx/engine"
)

// layerKinds builds a layer's nodes by its class and gives the node with the layer's value. Keras 1's names stand beside today's.
var layerKinds map[string]func(*use) (string, error)

func init() { // the functions refer to the table
	layerKinds = map[string]func(*use) (string, error){
		"InputLayer": (*use).identity, "Identity": (*use).identity, "ActivityRegularization": (*use).identity,
		"Dropout": (*use).dropout, "SpatialDropout2D": (*use).dropout, "AlphaDropout": (*use).dropout, "GaussianDropout": (*use).dropout, "GaussianNoise": (*use).dropout,
		// Augmentation, which inference leaves out.
		"RandomFlip": (*use).dropout, "RandomRotation": (*use).dropout, "RandomZoom": (*use).dropout, "RandomTranslation": (*use).dropout, "RandomContrast": (*use).dropout,
		"RandomBrightness": (*use).dropout,

		"Conv2D": (*use).conv, "Convolution2D": (*use).conv, "AtrousConvolution2D": (*use).conv,
		"DepthwiseConv2D": (*use).depthwise,
		"SeparableConv2D": (*use).separable, "SeparableConvolution2D": (*use).separable,
		"Conv2DTranspose": (*use).convTranspose, "Convolution2DTranspose": (*use).convTranspose, "Deconvolution2D": (*use).convTranspose,
		"Dense": (*use).dense,

		"BatchNormalization": (*use).batchNorm, "BatchNormalizationV1": (*use).batchNorm, "BatchNormalizationV2": (*use).batchNorm, "SyncBatchNormalization": (*use).batchNorm,
		"LayerNormalization": (*use).layerNorm, "GroupNormalization": (*use).groupNorm, "UnitNormalization": (*use).unitNorm,
		"Normalization": (*use).normalization, "Rescaling": (*use).rescaling, "LayerScale": (*use).layerScale,

		"MaxPooling2D": (*use).maxPool, "MaxPool2D": (*use).maxPool, "AveragePooling2D": (*use).avgPool, "AvgPool2D": (*use).avgPool,
		"GlobalAveragePooling2D": (*use).globalPool, "GlobalAvgPool2D": (*use).globalPool,
		"GlobalMaxPooling2D": (*use).globalPool, "GlobalMaxPool2D": (*use).globalPool,
		"ZeroPadding2D": (*use).zeroPad, "Cropping2D": (*use).crop, "UpSampling2D": (*use).upSample, "Resizing": (*use).resize,
		"Flatten": (*use).flatten, "Reshape": (*use).reshape, "Permute": (*use).permute,

		"Activation": (*use).activation, "ReLU": (*use).activationLayer, "LeakyReLU": (*use).activationLayer, "ELU": (*use).activationLayer,
		"ThresholdedReLU": (*use).activationLayer, "Softmax": (*use).activationLayer, "PReLU": (*use).prelu,

		"Add": (*use).merge, "Subtract": (*use).merge, "Multiply": (*use).merge, "Average": (*use).merge, "Maximum": (*use).merge, "Minimum": (*use).merge,
		"Concatenate": (*use).concatenate, "Merge": (*use).merge1, "CustomScaleLayer": (*use).scaledSum, "Lambda": (*use).lambda,

		"TFOpLambda": (*use).tfOp, "TensorFlowOpLayer": (*use).tfOpLayer, "SlicingOpLambda": (*use).slicing, "GetItem": (*use).slicing,
	}
}

// one adds the layer as a single node.
func (u *use) one(op engine.Op) (string, error) {
	if u.err != nil {
		return broken, u.err
	}
	u.single()
	if u.err != nil {
		return broken, u.err
	}
	return u.add(u.name, op, u.in[0])
}

// along adds the layer as a single node that works along the last axis.
func (u *use) along(op engine.Op) (string, error) {
	u.single()
	if u.err != nil {
		return broken, u.err
	}
	x, err := u.vector(u.in[0])
	if err != nil {
		return broken, err
	}
	return u.add(u.name, op, x)
}

func (u *use) identity() (string, error) { return u.one(&engine.Identity{}) }
func (u *use) dropout() (string, error)  { return u.one(&engine.Identity{Dropout: true}) }

// tensor declares the layer's next weight, in Keras's order, and gives its name in the model file.
func (u *use) tensor(name string) string { return u.weightsOf.variable(name, true, nil) }

// statistic is a weight that training does not learn.
func (u *use) statistic(name string) string { return u.weightsOf.variable(name, false, nil) }

// window reads kernel or pool size, strides, padding and dilation.
func (u *use) window(kernel [2]int) engine.Window {
	w := engine.Window{Kernel: kernel, Stride: u.pair(1, "strides", "subsample"), Dilation: u.pair(1, "dilation_rate", "atrous_rate")}
	switch p := u.text("valid", "padding", "border_mode"); p {
	case "valid":
	case "same":
		w.Same = true
	default:
		u.fail("padding %q is not supported", p)
	}
	return w
}

// kernel reads a convolution's kernel size: (rows, columns), in Keras 1 as two numbers.
func (u *use) kernel() [2]int {
	if _, ok := u.config["nb_row"]; ok {
		return [2]int{u.integer(1, "nb_row"), u.integer(1, "nb_col")}
	}
	if k := u.integers("kernel_size"); len(k) == 0 {
		u.fail("no kernel_size")
	}
	return u.pair(1, "kernel_size")
}

// bias declares the bias, if the layer has one.
func (u *use) bias() string {
	if u.flag(true, "use_bias", "bias") {
		return u.tensor("bias")
	}
	return ""
}

// linear adds a layer's linear part and its activation. Where there is one, the layer's name means the activated value, and the linear part is called NAME/linear.
func (u *use) linear(op engine.Op, x string) (string, error) {
	f, err := u.function(u.config["activation"])
	if err == nil {
		err = u.err
	}
	if err != nil {
		return broken, err
	}
	if len(f) == 0 {
		return u.add(u.name, op, x)
	}
	if x, err = u.add(u.name+"/linear", op, x); err != nil {
		return broken, err
	}
	return u.apply(u.name, f, x)
}

func (u *use) conv() (string, error) {
	u.single()
	op := &engine.Conv2D{Window: u.window(u.kernel()), OutC: u.integer(0, "filters", "nb_filter"), Groups: u.integer(1, "groups"), Weight: u.tensor("kernel")}
	op.Bias = u.bias()
	if u.err != nil {
		return broken, u.err
	}
	return u.linear(op, u.in[0])
}

// depthwiseOp is a depthwise convolution of s.C channels. Keras stores its kernel as [kh][kw][in][multiplier], which is [kh][kw][1][in*multiplier] in the same order.
func (u *use) depthwiseOp(s engine.Shape) *engine.Conv2D {
	multiplier := u.integer(1, "depth_multiplier")
	if multiplier < 1 || multiplier > 1<<20 {
		u.fail("depth_multiplier is %d", multiplier)
		multiplier = 1
	}
	weight := u.weightsOf.variable("depthwise_kernel", true, func(shape []int) []int {
		if len(shape) != 4 {
			return shape
		}
		return []int{shape[0], shape[1], 1, shape[2] * shape[3]}
	})
	return &engine.Conv2D{Window: u.window(u.kernel()), OutC: s.C * multiplier, Groups: s.C, Weight: weight}
}

func (u *use) depthwise() (string, error) {
	op := u.depthwiseOp(u.single())
	op.Bias = u.bias()
	if u.err != nil {
		return broken, u.err
	}
	return u.linear(op, u.in[0])
}

// separable is two convolutions; the first is called NAME/depthwise.
func (u *use) separable() (string, error) {
	op := u.depthwiseOp(u.single())
	if u.err != nil {
		return broken, u.err
	}
	x, err := u.add(u.name+"/depthwise", op, u.in[0])
	if err != nil {
		return broken, err
	}
	point := &engine.Conv2D{Window: engine.Square(1, 1, 0), OutC: u.integer(0, "filters", "nb_filter"), Groups: 1, Weight: u.tensor("pointwise_kernel")}
	point.Bias = u.bias()
	return u.linear(point, x)
}

func (u *use) convTranspose() (string, error) {
	s := u.single()
	op := &engine.ConvTranspose2D{Window: u.window(u.kernel()), OutC: u.integer(0, "filters", "nb_filter"), Groups: u.integer(1, "groups"), Weight: u.tensor("kernel")}
	op.Bias = u.bias()
	if u.err != nil {
		return broken, u.err
	}
	var extra []int
	if u.config["output_padding"] != nil {
		p := u.pair(0, "output_padding")
		extra = p[:]
	}
	// Keras says how large the output is; the padding follows as that of the convolution whose transpose this is, the odd one at the end.
	same := op.Same
	op.Same = false
	before, after := [2]*int{&op.Pad.Top, &op.Pad.Left}, [2]*int{&op.Pad.Bottom, &op.Pad.Right}
	for axis, size := range [2]int{s.H, s.W} {
		stride, k := op.Stride[axis], (op.Kernel[axis]-1)*op.Dilation[axis]+1
		full := (size-1)*stride + k
		out := full + max(0, stride-k)
		switch {
		case same && extra == nil:
			out = size * stride
		case same:
			out = (size-1)*stride + k%2 + extra[axis]
		case extra != nil:
			out = full + extra[axis]
		}
		if cut := full - out; cut > 0 {
			*before[axis] = cut / 2
			*after[axis] = cut - cut/2
		} else {
			op.OutPad[axis] = -cut
		}
	}
	return u.linear(op, u.in[0])
}

func (u *use) dense() (string, error) {
	u.single()
	op := &engine.Dense{Out: u.integer(0, "units", "output_dim"), Weight: u.tensor("kernel")}
	op.Bias = u.bias()
	if u.err != nil {
		return broken, u.err
	}
	return u.linear(op, u.in[0])
}

// lastAxis refuses layers that work along another axis than the channels.
func (u *use) lastAxis(keys ...string) {
	last := 3
	if u.single().Flat {
		last = 1
	}
	for _, a := range u.integers(keys...) {
		if a != -1 && a != last {
			u.fail("axis %d, not the channels (%d): build the model with channels_last and save it again", a, last)
		}
	}
}

func (u *use) batchNorm() (string, error) {
	u.lastAxis("axis")
	if u.integer(0, "mode") != 0 {
		u.fail("mode %d is not supported", u.integer(0, "mode"))
	}
	if u.flag(false, "renorm") {
		u.fail("renorm is not supported")
	}
	op := &engine.BatchNorm{Eps: u.number(1e-3, "epsilon")}
	if u.flag(true, "scale") {
		op.Gamma = u.tensor("gamma")
	}
	if u.flag(true, "center") {
		op.Beta = u.tensor("beta")
	}
	op.Mean, op.Var = u.statistic("moving_mean"), u.statistic("moving_variance")
	return u.along(op)
}

func (u *use) layerNorm() (string, error) {
	u.lastAxis("axis")
	if u.flag(false, "rms_scaling") {
		u.fail("rms_scaling is not supported")
	}
	op := &engine.LayerNorm{Eps: u.number(1e-3, "epsilon")}
	op.Gamma, op.Beta = u.gammaBeta()
	return u.along(op)
}

func (u *use) gammaBeta() (gamma, beta string) {
	if u.flag(true, "scale") {
		gamma = u.tensor("gamma")
	}
	if u.flag(true, "center") {
		beta = u.tensor("beta")
	}
	return gamma, beta
}

func (u *use) groupNorm() (string, error) {
	u.lastAxis("axis")
	op := &engine.GroupNorm{Groups: u.integer(32, "groups"), Eps: u.number(1e-3, "epsilon")}
	if op.Groups == -1 {
		op.Groups = u.single().C
	}
	op.Gamma, op.Beta = u.gammaBeta()
	return u.along(op)
}

func (u *use) unitNorm() (string, error) {
	u.lastAxis("axis")
	return u.along(&engine.L2Normalize{Eps: 1e-6})
}

// normalization is (x-mean)/sqrt(variance) with the values of the training data.
func (u *use) normalization() (string, error) {
	u.lastAxis("axis")
	if u.flag(false, "invert") {
		u.fail("invert is not supported")
	}
	if len(u.integers("axis")) == 0 && u.config["axis"] != nil {
		u.fail("without an axis it is not supported")
	}
	c := u.single().C
	if u.single().Flat {
		c = u.single().Elements()
	}
	mean, ok := numbers(u.config["mean"])
	variance, ok2 := numbers(u.config["variance"])
	if !ok || !ok2 {
		// Keras divides by at least 1e-7. An adapted layer also stores how many pictures it saw.
		op := &engine.BatchNorm{Eps: 1e-14, Mean: u.statistic("mean"), Var: u.statistic("variance")}
		u.weightsOf.unused("count")
		return u.along(op)
	}
	scale, shift := make([]float64, len(mean)), make([]float64, len(mean))
	if len(mean) != len(variance) {
		u.fail("has %d means and %d variances", len(mean), len(variance))
		return broken, u.err
	}
	for i := range mean {
		scale[i] = 1 / max(math.Sqrt(variance[i]), 1e-7)
		shift[i] = -mean[i] * scale[i]
	}
	return u.affine(u.name, scale, shift, c)
}

func (u *use) rescaling() (string, error) {
	scale, ok := numbers(u.config["scale"])
	shift, ok2 := numbers(u.config["offset"])
	if !ok || !ok2 {
		u.fail("scale %v and offset %v are no numbers", u.config["scale"], u.config["offset"])
	}
	return u.affine(u.name, scale, shift, u.channels())
}

func (u *use) channels() int {
	if s := u.single(); s.Flat {
		return s.Elements()
	}
	return u.single().C
}

// affine adds x*scale + shift with numbers for all channels or one for each of c.
func (u *use) affine(name string, scale, shift []float64, c int) (string, error) {
	for _, list := range []*[]float64{&scale, &shift} {
		if len(*list) == 1 {
			*list = slices.Repeat(*list, c)
		}
		if len(*list) != c {
			u.fail("has %d constants for %d channels", len(*list), c)
		}
	}
	if u.err != nil {
		return broken, u.err
	}
	x, err := u.vector(u.in[0])
	if err != nil {
		return broken, err
	}
	return u.add(name, &engine.Affine{Scale: scale, Shift: shift}, x)
}

func (u *use) layerScale() (string, error) { return u.along(&engine.Scale{Scale: u.tensor("gamma")}) }

// pool reads a pooling window, whose strides are its size if they are not given.
func (u *use) pool() engine.Window {
	size := u.pair(2, "pool_size")
	w := u.window(size)
	w.Stride, w.Dilation = size, [2]int{1, 1}
	if u.config["strides"] != nil {
		w.Stride = u.pair(1, "strides")
	}
	return w
}

func (u *use) maxPool() (string, error) { return u.one(&engine.MaxPool{Window: u.pool()}) }
func (u *use) avgPool() (string, error) { return u.one(&engine.AvgPool{Window: u.pool()}) }

func (u *use) globalPool() (string, error) {
	return u.one(&engine.AdaptivePool{OutH: 1, OutW: 1, Max: u.layer.class == "GlobalMaxPooling2D" || u.layer.class == "GlobalMaxPool2D", Flatten: !u.flag(false, "keepdims")})
}

// sides reads padding or cropping: n, (rows, columns), ((top, bottom), (left, right)); Keras 1's (top, bottom, left, right).
func (u *use) sides(key string) engine.Pad {
	outer, _ := u.config[key].([]any)
	list := u.integers(key)
	switch {
	case len(list) == 1:
		return engine.Same(list[0])
	case len(list) == 2 && len(outer) == 2:
		return engine.Pad{Top: list[0], Bottom: list[0], Left: list[1], Right: list[1]}
	case len(list) == 4:
		return engine.Pad{Top: list[0], Bottom: list[1], Left: list[2], Right: list[3]}
	}
	u.fail("%s is %v", key, u.config[key])
	return engine.Pad{}
}

func (u *use) zeroPad() (string, error) { return u.one(&engine.ZeroPad{Pad: u.sides("padding")}) }

func (u *use) crop() (string, error) {
	p := u.sides("cropping")
	return u.one(&engine.ZeroPad{Pad: engine.Pad{Top: -p.Top, Left: -p.Left, Bottom: -p.Bottom, Right: -p.Right}})
}

func (u *use) upSample() (string, error) {
	size := u.pair(2, "size")
	op := &engine.Resize{ScaleH: float64(size[0]), ScaleW: float64(size[1])}
	if size[0] < 1 || size[1] < 1 {
		u.fail("size is %v", size)
	}
	u.interpolation(op, "nearest")
	return u.one(op)
}

func (u *use) resize() (string, error) {
	op := &engine.Resize{H: u.integer(0, "height", "target_height"), W: u.integer(0, "width", "target_width")}
	for _, key := range []string{"crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"} {
		if u.flag(false, key) {
			u.fail("%s is not supported", key)
		}
	}
	u.interpolation(op, "bilinear")
	return u.one(op)
}

func (u *use) interpolation(op *engine.Resize, otherwise string) {
	switch how := u.text(otherwise, "interpolation"); how {
	case "nearest":
		op.Mode, op.Coord, op.Rounding = engine.ResizeNearest, engine.HalfPixelForNN, engine.RoundFloor
	case "bilinear":
		op.Mode, op.Coord = engine.ResizeLinear, engine.HalfPixel
	default:
		u.fail("interpolation %q is not supported", how)
	}
}

func (u *use) flatten() (string, error) { return u.one(&engine.Flatten{}) }

func (u *use) reshape() (string, error) {
	dims := u.integers("target_shape", "dims")
	return u.reshapeTo(dims)
}

func (u *use) reshapeTo(dims []int) (string, error) {
	switch len(dims) {
	case 1:
		if s := u.single(); u.err == nil && (dims[0] == -1 || dims[0] == s.Elements()) {
			return u.one(&engine.Flatten{})
		}
		return u.one(&engine.Reshape{H: 1, W: 1, C: dims[0], Flat: true})
	case 3:
		return u.one(&engine.Reshape{H: dims[0], W: dims[1], C: dims[2]})
	}
	return broken, fmt.Errorf("to the shape %v: supported are maps (height, width, channels) and vectors", dims)
}

func (u *use) permute() (string, error) {
	op := &engine.Permute{}
	dims := u.integers("dims")
	if len(dims) != 3 {
		u.fail("dims is %v: only maps are supported", dims)
	} else {
		op.Axes = [3]int{dims[0] - 1, dims[1] - 1, dims[2] - 1}
	}
	return u.one(op)
}

// prelu has slopes of one pixel's shape, of which only those along the channels can be told apart.
func (u *use) prelu() (string, error) {
	s := u.single()
	shared := u.integers("shared_axes")
	if !s.Flat && (!slices.Contains(shared, 1) && s.H > 1 || !slices.Contains(shared, 2) && s.W > 1) {
		u.fail("slopes that differ from pixel to pixel are not supported: shared_axes is %v, must be [1, 2]", shared)
	}
	one := slices.Contains(shared, 3) || s.Flat && slices.Contains(shared, 1)
	slope := u.weightsOf.variable("alpha", true, func(shape []int) []int { // [1][1][C]
		if n := len(shape); n > 0 {
			return shape[n-1:]
		}
		return []int{1}
	})
	return u.along(&engine.PReLU{Slope: slope, Shared: one})
}

// mergeOps are the element-by-element operations of several inputs.
var mergeOps = map[string]engine.Op{
	"Add": &engine.Add{}, "Multiply": &engine.Arithmetic{Func: engine.Mul}, "Subtract": &engine.Arithmetic{Func: engine.Sub},
	"Average": &engine.Arithmetic{Func: engine.Mean}, "Maximum": &engine.Arithmetic{Func: engine.Max}, "Minimum": &engine.Arithmetic{Func: engine.Min},
	"Divide": &engine.Arithmetic{Func: engine.Div}, "Power": &engine.Arithmetic{Func: engine.Pow},
}

func (u *use) merge() (string, error) { return u.mergeBy(u.layer.class) }

func (u *use) mergeBy(class string) (string, error) {
	if len(u.in) < 2 {
		return broken, fmt.Errorf("has %d inputs", len(u.in))
	}
	return u.add(u.name, mergeOps[class], u.in...)
}

func (u *use) concatenate() (string, error) { return u.concatenateAlong(u.integer(-1, "axis")) }

func (u *use) concatenateAlong(axis int) (string, error) {
	if len(u.in) == 0 {
		return broken, errors.New("has no inputs")
	}
	last := 3
	if u.shapes[u.in[0]].Flat {
		last = 1
	}
	if axis != -1 && axis != last {
		return broken, fmt.Errorf("along axis %d, not the channels (%d)", axis, last)
	}
	in := make([]string, len(u.in))
	for i, x := range u.in {
		var err error
		if in[i], err = u.vector(x); err != nil {
			return broken, err
		}
	}
	if len(in) == 1 {
		return u.one(&engine.Identity{})
	}
	return u.add(u.name, &engine.Concat{}, in...)
}

// merge1 is Keras 1's layer for all kinds of merging.
func (u *use) merge1() (string, error) {
	switch mode := u.text("sum", "mode"); mode {
	case "sum":
		return u.mergeBy("Add")
	case "mul":
		return u.mergeBy("Multiply")
	case "ave":
		return u.mergeBy("Average")
	case "max":
		return u.mergeBy("Maximum")
	case "concat":
		return u.concatenateAlong(u.integer(-1, "concat_axis"))
	default:
		return broken, fmt.Errorf("mode %q is not supported", mode)
	}
}

// scaledSum is x + y*scale, a layer of InceptionResNetV2; the product is called NAME/scaled.
func (u *use) scaledSum() (string, error) {
	scale := u.number(1, "scale")
	if len(u.in) != 2 || u.err != nil {
		return broken, errors.Join(u.err, errors.New("needs two inputs and a scale"))
	}
	c := u.shapes[u.in[1]].C
	y, err := u.add(u.name+"/scaled", &engine.Affine{Scale: slices.Repeat([]float64{scale}, c), Shift: make([]float64, c)}, u.in[1])
	if err != nil {
		return broken, err
	}
	return u.add(u.name, &engine.Add{}, u.in[0], y)
}

// lambda is Python code, which is not run. Keras 2's InceptionResNetV2 has one that is known by its argument: inputs[0] + inputs[1]*scale.
func (u *use) lambda() (string, error) {
	arguments := asConfig(u.config["arguments"])
	if _, ok := arguments["scale"]; ok && len(arguments) == 1 && len(u.in) == 2 {
		u.config = arguments
		return u.scaledSum()
	}
	return broken, errors.New("holds Python code, which is not run: write it with Keras's layers and save the model again")
}
