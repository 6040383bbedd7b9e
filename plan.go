package featx

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/kernels"
	"github.com/featx-go/featx/pca"
	"github.com/featx-go/featx/weights"
)

// Plan is what an extractor computes and needs, known before anything runs. No value that it gives depends on it.
type Plan struct {
	Batch    int   // most inputs of the network at a time: pictures, or views of them
	Views    int   // of each picture, by the recipe
	InputLen int   // values of a prepared picture, of all its views
	Pictures int   // most at a time; their views may be more than Batch, which take turns
	Batches  int   // of prepared pictures that are under way: 3, one in the network and two being filled, or 2 where memory is short
	Threads  int   // of the network
	Workers  int   // that decode pictures meanwhile
	Compact  bool  // weights that are stored as float16 stay so in memory: slower
	Limit    int64 // bytes of memory that the process may take, by Options.MaxMemory or as a container; 0 is no limit
	Decoding int64 // bytes that the limit leaves to each worker for a picture while it is decoded; 0 is no limit

	Layers       []Layer
	Parameters   int64 // of the layers that are computed, as the framework counts them
	MultiplyAdds int64 // of one picture
	Stored       int64 // bytes of all the network's weights, as they are stored
	Memory       Memory
}

// Memory is what a plan needs of memory, in bytes.
type Memory struct {
	Program     int64 `json:"program"`     // the program itself, and its heap without what follows
	Weights     int64 `json:"weights"`     // packed
	Winograd    int64 `json:"winograd"`    // of Weights: filters transformed for Winograd's algorithms
	File        int64 `json:"file"`        // of the model file, at most, while weights are packed
	Activations int64 `json:"activations"` // of the layers in between, for a batch
	Scratch     int64 `json:"scratch"`     // of all threads
	Outputs     int64 `json:"outputs"`     // for a batch
	PCA         int64 `json:"pca"`         // components, and rows that are being projected
	Pictures    int64 `json:"pictures"`    // prepared, in Plan.Batches
	Decoding    int64 `json:"decoding"`    // of pictures of a quarter of a megapixel while they are decoded
}

// Total is what the process is expected to take.
func (m *Memory) Total() int64 {
	return m.Program + m.Weights + m.File + m.Activations + m.Scratch + m.Outputs + m.PCA + m.Pictures + m.Decoding
}

// Mapped is the part of Total that Go's memory limit (debug.SetMemoryLimit) knows nothing of.
func (m *Memory) Mapped() int64 {
	return executable + m.Weights + m.File + m.Activations + m.Scratch
}

// What the program takes beside the things that a plan lists, as measured (docs/memory.md).
const (
	executable     = 8 << 20  // pages of the program's file
	heap           = 6 << 20  // Go's: the runtime, the graph, the plan, garbage
	decodingPixels = 1 << 18  // of a photograph that a decoder is assumed to work on where there is no limit,
	decodingBytes  = 6        // each
	decodingLarge  = 64 << 20 // lets a worker decode a picture of 12 megapixels
	defaultBatch   = 8        // pictures
	decodingLeast  = decodingPixels * decodingBytes
)

// Sketch is a model without weights, for [Model.Plan] alone: what a network would need if its weights were stored as dtype.
func Sketch(g *engine.Graph, r image.Recipe, dtype engine.DType) *Model {
	return &Model{file: &weights.Model{Info: weights.Info{Graph: g, Recipe: r}}, sketch: dtype, packed: map[kernels.ISA]*engine.Model{}}
}

// Plan tells what [Model.Extractor] would make of the options. It computes nothing and reads of the weights only what is small.
func (m *Model) Plan(o Options) (*Plan, error) {
	s, err := m.settle(o)
	if err != nil {
		return nil, err
	}
	defer s.done()
	return s.Plan, s.count(m.Graph())
}

// settled are options that are decided.
type settled struct {
	isa kernels.ISA
	*Plan
	recipe  image.Recipe
	network *engine.Model
	plan    *engine.Plan
	pools   []Pool     // by layer
	pcas    []*pca.PCA // by layer; nil is none
	done    func()     // releases the model
}

// settle decides what no bit depends on, so that memory suffices: it begins with what is fastest and saves what costs least time first.
func (m *Model) settle(o Options) (*settled, error) {
	s := &settled{Plan: &Plan{Batch: o.Batch, Batches: 3, Threads: o.Threads}, recipe: m.Recipe()}
	if o.Recipe != nil {
		s.recipe = *o.Recipe
	}
	s.Views = s.recipe.Views()
	s.Batch = cmp.Or(o.Batch, min(defaultBatch, cmp.Or(o.Pictures, defaultBatch)*s.Views))
	s.Threads = cmp.Or(o.Threads, runtime.GOMAXPROCS(0))
	if s.Batch < 1 || s.Batch > maxBatch || s.Threads < 1 || s.Threads > maxThreads {
		return nil, fmt.Errorf("a batch of %d on %d threads: want a batch of 1 to %d, and 1 to %d threads", s.Batch, s.Threads, maxBatch, maxThreads)
	}
	if o.Pictures < 0 || o.MaxMemory < 0 {
		return nil, fmt.Errorf("%d pictures in %d bytes of memory: neither can be negative", o.Pictures, o.MaxMemory)
	}
	if err := s.recipe.Validate(); err != nil {
		return nil, err
	}
	pools, err := o.pools(m.Graph())
	if err != nil {
		return nil, err
	}
	s.pools = pools
	if s.pcas, err = m.pcas(&o); err != nil {
		return nil, err
	}
	if s.isa, err = kernels.Select(o.ISA); err != nil {
		return nil, err
	}
	if s.network, s.done, err = m.use(s.isa); err != nil {
		return nil, err
	}
	budget := newBudget(o.MaxMemory)
	s.Limit = budget.limit
	var halved bool
	s.Stored, halved = s.network.Stored()
	saves := []func() bool{ // each tells whether there was anything left to save
		func() bool { return o.Batch == 0 && s.Batch > 1 && set(&s.Batch, s.Batch/2) },
		func() bool { return s.Batches > 2 && set(&s.Batches, 2) },
		func() bool { return halved && !s.Compact && set(&s.Compact, true) },
		func() bool { return o.Threads == 0 && s.Threads > 1 && set(&s.Threads, s.Threads/2) },
	}
	for {
		if err = s.estimate(o); err != nil {
			break
		}
		if left := budget.bytes - s.Memory.Total(); left >= 0 {
			if s.Limit > 0 {
				left += decodingLeast
				s.Workers = int(max(1, min(left/decodingLarge, int64(s.Threads))))
				s.Decoding = left / int64(s.Workers)
				s.Memory.Decoding = int64(s.Workers) * decodingLeast
			}
			return s, nil
		}
		for len(saves) > 0 && !saves[0]() {
			saves = saves[1:]
		}
		if len(saves) == 0 {
			err = budget.exceeded(s)
			break
		}
	}
	s.done()
	return nil, err
}

func set[T any](what *T, to T) bool {
	*what = to
	return true
}

// estimate makes the engine's plan and adds up the memory.
func (s *settled) estimate(o Options) (err error) {
	s.Pictures = max(1, s.Batch/s.Views)
	runs := (s.Pictures*s.Views + s.Batch - 1) / s.Batch
	s.Batch = (s.Pictures*s.Views + runs - 1) / runs // evenly
	if s.plan, err = s.network.Plan(engine.PlanOptions{Layers: o.Layers, Size: s.recipe.Size, Batch: s.Batch, Compact: s.Compact}); err != nil {
		return err
	}
	s.InputLen = s.Views * s.plan.InputShape().Elements()
	need := s.plan.Memory()
	s.Layers = nil
	projections := int64(0)
	for i, out := range s.plan.Outputs() {
		layer := Layer{Name: out.Name, Dims: out.Dims}
		switch pool := s.pools[i]; {
		case out.Shape.Flat || pool == None:
		case pool == Flatten:
			layer.Dims, layer.Pool = []int{out.Shape.Elements()}, pool
		default:
			layer.Dims, layer.Pool = []int{out.Shape.C}, pool
			need.Outputs += int64(s.Batch) * int64(out.Shape.C) * 4
		}
		if s.Views > 1 { // sums and means
			need.Outputs += int64(s.Pictures) * elements(layer.Dims) * (8 + 4)
		}
		if p := s.pcas[i]; p != nil {
			if len(layer.Dims) != 1 {
				return fmt.Errorf("PCA of layer %q: it is a map %v, and a PCA takes vectors: pool it", out.Name, layer.Dims)
			}
			if p.Fitted.Pool != "" && !out.Shape.Flat && layer.Pool != Pool(p.Fitted.Pool) {
				return fmt.Errorf("PCA of layer %q: it was fitted on maps pooled by %s, and here they are pooled by %s", out.Name, p.Fitted.Pool, layer.Pool)
			}
			if layer.Dims[0] != p.Dims() {
				return fmt.Errorf("PCA of layer %q: it takes rows of %d values, and the layer has %d", out.Name, p.Dims(), layer.Dims[0])
			}
			layer.Dims, layer.PCA = []int{p.N()}, p
			projections += p.Bytes(s.Pictures)
			need.Outputs += int64(s.Pictures) * int64(p.N()) * 4
		}
		s.Layers = append(s.Layers, layer)
	}
	s.Workers = s.Threads
	s.Memory = Memory{
		Program: executable + heap, Weights: need.Weights, Winograd: need.Winograd, File: need.Source, Activations: need.Activations, Scratch: need.Scratch * int64(s.Threads),
		Outputs: need.Outputs, PCA: projections, Pictures: int64(s.Batches) * int64(s.Pictures) * int64(s.InputLen) * 4, Decoding: int64(s.Threads) * decodingLeast,
	}
	if s.Limit > 0 {
		s.Workers, s.Memory.Decoding = 1, decodingLeast
	}
	return nil
}

// count adds up what is computed.
func (s *settled) count(g *engine.Graph) error {
	steps, err := s.plan.Steps(1)
	if err != nil {
		return err
	}
	list, err := g.Describe(s.recipe.Size)
	if err != nil {
		return err
	}
	var computed []string
	for _, step := range steps {
		computed = append(computed, step.Nodes...)
	}
	slices.Sort(computed)
	for _, n := range list {
		if _, ok := slices.BinarySearch(computed, n.Name); ok {
			s.Parameters += n.Params
			s.MultiplyAdds += n.MACs * int64(s.Views)
		}
	}
	return nil
}

func elements(dims []int) int64 {
	n := int64(1)
	for _, d := range dims {
		n *= int64(d)
	}
	return n
}
