package featx

import (
	"fmt"
	stdimage "image"
	"slices"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/kernels"
	"github.com/featx-go/featx/pca"
)

// Options choose what an extractor computes, and how. The zero value is the layer before the classifier, on all cores.
type Options struct {
	Layers  []string      // names, aliases, globs or indices, as engine.Graph.Resolve takes them; none is the layer before the classifier
	Pool    Pool          // of layers that are maps, and not in Pools
	Pools   []LayerPool   // of single layers; where several are of one layer, the last
	PCA     []LayerPCA    // projections of layers that are vectors, after pooling and the mean of views
	L2      bool          // each row of each layer is divided by its Euclidean norm, after pooling, the mean of views and PCA; zeros stay zeros
	Recipe  *image.Recipe // instead of the model's own; its Size is the size that the network runs at, its Crop and Flip may make several views of a picture
	ISA     string        // generic, avx2, avx512 or neon; "" is the variable FEATX_ISA, or else the best of this CPU
	Threads int           // 0 is all cores that Go uses
	Batch   int           // most pictures at a time, or views of pictures; 0 is 8, or fewer where there are not as many or memory is short

	FastDecode bool // JPEG files that are much larger than the recipe needs are decoded at 1/2, 1/4 or 1/8 (image.Decoder.Reduce): quicker, with slightly different features

	Pictures  int   // how many there will be, if that is known
	MaxMemory int64 // bytes that the process may take, as far as [Model.Plan] can tell; 0 is what is free
}

// Layer is one layer that an extractor gives.
type Layer struct {
	Name string   // as it was asked for
	Dims []int    // of one picture: channels, height, width for a model from PyTorch; height, width, channels for one from Keras; one number for a vector, and for what a PCA gives
	Pool Pool     // that has reduced a map; "" is none
	PCA  *pca.PCA // that has projected it; nil is none
}

// Tensor is an array of float32 in row-major order.
type Tensor struct {
	Dims []int
	Data []float32
}

// Extractor computes layers. It owns memory and worker goroutines until it is closed, and is for one goroutine at a time.
type Extractor struct {
	plan    *Plan
	recipe  image.Recipe
	prepare *image.Preparer
	isa     kernels.ISA
	reduce  image.Resize   // of Decoder
	decoder *image.Decoder // of Files
	shape   engine.Shape   // of one view
	layout  engine.Layout
	outputs []engine.Output
	after   []after // by layer
	runner  *engine.Runner
	results []Tensor // of Run
	input   []float32
	done    func()
}

// Extractor prepares to compute layers. Close it when it is no longer needed.
func (m *Model) Extractor(o Options) (*Extractor, error) {
	if m.sketch != "" {
		return nil, fmt.Errorf("the network %s has no weights", m.Graph().Arch)
	}
	s, err := m.settle(o)
	if err != nil {
		return nil, err
	}
	x := &Extractor{plan: s.Plan, recipe: s.recipe, isa: s.isa, layout: m.Graph().Layout, done: s.done}
	if x.prepare, err = x.recipe.Preparer(); err != nil {
		s.done()
		return nil, err
	}
	x.prepare.Use(x.isa)
	if o.FastDecode {
		x.reduce = x.recipe.Resize
	}
	x.decoder = x.Decoder()
	x.shape = s.plan.InputShape()
	x.outputs = s.plan.Outputs()
	for i, out := range x.outputs {
		x.after = append(x.after, newAfter(out.Shape, x.layout, s.pools[i], s.pcas[i], o.L2, s.Plan))
		x.results = append(x.results, Tensor{Dims: append([]int{0}, s.Layers[i].Dims...)})
	}
	x.runner = s.plan.NewRunner(s.Threads)
	return x, nil
}

const (
	maxBatch   = 1 << 16
	maxThreads = 1 << 10
)

// Close ends the workers and frees the memory.
func (x *Extractor) Close() {
	if x.runner != nil {
		x.runner.Close()
		x.done()
		x.runner = nil
	}
}

// Layers lists what each call gives, in order.
func (x *Extractor) Layers() []Layer { return x.plan.Layers }

// Batch is the most pictures that Run takes.
func (x *Extractor) Batch() int { return x.plan.Pictures }

// Plan tells what was decided, without the counts of [Model.Plan].
func (x *Extractor) Plan() Plan { return *x.plan }

// InputDims is the shape of one picture as the model's framework has it: channels, height, width (PyTorch) or height, width, channels (Keras); if the recipe
// makes several views of a picture, their number comes first.
func (x *Extractor) InputDims() []int {
	if x.plan.Views > 1 {
		return append([]int{x.plan.Views}, x.shape.Dims(x.layout)...)
	}
	return x.shape.Dims(x.layout)
}

// InputLen is the number of values of one picture, of all its views.
func (x *Extractor) InputLen() int { return x.plan.InputLen }

// Decoder is a new decoder for pictures that go to [Extractor.PrepareImage]. It may be changed, and be for a goroutine of its own.
func (x *Extractor) Decoder() *image.Decoder {
	return &image.Decoder{ISA: x.isa.String(), Reduce: x.reduce}
}

// PrepareImage applies the recipe: it writes one picture's InputLen values to dst, as Run takes them. Several goroutines may use it at once.
func (x *Extractor) PrepareImage(dst []float32, picture stdimage.Image) error {
	if x.shape.C != 3 {
		return fmt.Errorf("the network takes tensors of %v, not pictures of 3 channels", x.InputDims())
	}
	return x.prepare.Apply(dst, image.FromImage(picture))
}

// PrepareTensor writes one picture's InputLen values, in the order of InputDims, to dst as Run takes them. Several goroutines may use it at once.
func (x *Extractor) PrepareTensor(dst, values []float32) error {
	n := x.InputLen()
	if len(dst) != n || len(values) != n {
		return fmt.Errorf("%d values for %d of a picture of %v", len(values), len(dst), x.InputDims())
	}
	if x.layout == engine.NHWC {
		copy(dst, values)
		return nil
	}
	pixels, channels := x.shape.H*x.shape.W, x.shape.C
	for plane := range x.plan.Views * channels {
		at := plane/channels*pixels*channels + plane%channels
		for p, v := range values[plane*pixels : (plane+1)*pixels] {
			dst[at+p*channels] = v
		}
	}
	return nil
}

// Run computes the layers of n prepared pictures, at most Batch: views, height, width, channels, one after the other. Each tensor has n rows. They are valid until the next call; a
// warm Run allocates nothing.
func (x *Extractor) Run(n int, input []float32) ([]Tensor, error) {
	if x.runner == nil {
		return nil, fmt.Errorf("the extractor is closed")
	}
	if n < 1 || n > x.Batch() || len(input) != n*x.InputLen() {
		return nil, fmt.Errorf("%d pictures with %d values: want 1 to %d, of %d values each", n, len(input), x.Batch(), x.InputLen())
	}
	views, length := n*x.plan.Views, x.shape.Elements()
	for first := 0; first < views; first += x.plan.Batch {
		count := min(x.plan.Batch, views-first)
		if err := x.runner.Run(count, input[first*length:(first+count)*length]); err != nil {
			return nil, err
		}
		for i := range x.after {
			x.after[i].take(x.runner.Output(i), first, count)
		}
	}
	for i := range x.after {
		x.results[i].Data, x.results[i].Dims[0] = x.after[i].finish(n), n
	}
	return x.results, nil
}

// Images computes the layers of pictures: one tensor per layer, one row per picture.
func (x *Extractor) Images(pictures ...stdimage.Image) ([]Tensor, error) {
	return x.rows(len(pictures), func(i int, dst []float32) error {
		if err := x.PrepareImage(dst, pictures[i]); err != nil {
			return fmt.Errorf("picture %d: %w", i, err)
		}
		return nil
	})
}

// Files computes the layers of picture files: one tensor per layer, one row per file. Errors name the file.
func (x *Extractor) Files(paths ...string) ([]Tensor, error) {
	return x.rows(len(paths), func(i int, dst []float32) error {
		picture, err := x.decoder.DecodeFile(paths[i])
		if err != nil {
			return err
		}
		if err := x.PrepareImage(dst, picture); err != nil {
			return fmt.Errorf("%s: %w", paths[i], err)
		}
		return nil
	})
}

// Tensor computes the layers of pictures that are already preprocessed: t is [n, InputDims...], or InputDims for a single one.
func (x *Extractor) Tensor(t Tensor) ([]Tensor, error) {
	dims := t.Dims
	if slices.Equal(dims, x.InputDims()) {
		dims = append([]int{1}, dims...)
	}
	if len(dims) == 0 || !slices.Equal(dims[1:], x.InputDims()) || dims[0] < 0 || len(t.Data) != dims[0]*x.InputLen() {
		return nil, fmt.Errorf("a tensor of %v with %d values: the network takes [n %s]", t.Dims, len(t.Data), fmt.Sprint(x.InputDims())[1:])
	}
	return x.rows(dims[0], func(i int, dst []float32) error {
		return x.PrepareTensor(dst, t.Data[i*x.InputLen():(i+1)*x.InputLen()])
	})
}

// rows runs n pictures in batches and gives tensors of their own memory.
func (x *Extractor) rows(n int, prepare func(i int, dst []float32) error) ([]Tensor, error) {
	all := make([]Tensor, len(x.Layers()))
	for l, layer := range x.Layers() {
		all[l] = Tensor{Dims: append([]int{n}, layer.Dims...)}
	}
	if x.input == nil {
		x.input = make([]float32, x.Batch()*x.InputLen())
	}
	for first := 0; first < n; first += x.Batch() {
		count := min(x.Batch(), n-first)
		for i := range count {
			if err := prepare(first+i, x.input[i*x.InputLen():(i+1)*x.InputLen()]); err != nil {
				return nil, err
			}
		}
		out, err := x.Run(count, x.input[:count*x.InputLen()])
		if err != nil {
			return nil, err
		}
		for l := range all {
			all[l].Data = append(all[l].Data, out[l].Data...)
		}
	}
	return all, nil
}
