package keras

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/tools/convert/keras/hdf5"
	"github.com/featx-go/featx/weights"
)

// Options say what a file does not.
type Options struct {
	Arch string                            // the network of a file without a config: one of arch.KerasNames; "" recognises it
	Open func(name string) ([]byte, error) // opens a file beside the model's (TensorFlow.js); slashes separate folders
}

// File is a network with its weights.
type File struct {
	Graph   *engine.Graph
	Unnamed bool // the model has only a name that Keras made up
	Tensors []Tensor
	Other   []string // names of what the network does not need
	Recipe  image.Recipe
}

// Tensor is a weight under the graph's name, with the graph's axes. Its bytes are read when they are asked for.
type Tensor struct {
	Name  string
	DType weights.DType
	Shape []int

	data func() ([]byte, error)
}

// Fetch reads the bytes.
func (t Tensor) Fetch() (weights.Tensor, error) {
	b, err := t.data()
	if err != nil {
		return weights.Tensor{}, err
	}
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	if t.DType.IsFloat() && len(b) != n*map[weights.DType]int{weights.F16: 2, weights.BF16: 2, weights.F32: 4, weights.F64: 8}[t.DType] {
		return weights.Tensor{}, fmt.Errorf("tensor %q: %d bytes for %v of %s", t.Name, len(b), t.Shape, t.DType)
	}
	return weights.Tensor{Name: t.Name, DType: t.DType, Shape: t.Shape, Data: b}, nil
}

// Is says whether data is a file of one of the kinds that Read knows; it may still be damaged.
func Is(data []byte) bool { return hdf5.Is(data) || IsArchive(data) || IsTFJS(data) }

// Read reads a file of any kind: whole-model and weights-only HDF5, .weights.h5, .keras, or a TensorFlow.js layers model's JSON. The tensors share data's memory
// where the file allows it.
func Read(data []byte, o Options) (*File, error) {
	switch {
	case hdf5.Is(data):
		return readHDF5(data, o)
	case IsArchive(data):
		return readArchive(data, o)
	case IsTFJS(data):
		return readTFJS(data, o)
	}
	return nil, errors.New("is no Keras file")
}

// madeUp are the names of models that were given none.
var madeUp = regexp.MustCompile(`^((model|sequential|functional)(_\d+)?)?$`)

// fromModel makes the graph that a config describes; fill finds its weights.
func fromModel(t *topology, version int, o Options, fill func(*weightTree) error) (*File, error) {
	if o.Arch != "" {
		return nil, fmt.Errorf("--arch %s: the file says itself what network it holds", o.Arch)
	}
	recipe := recipeOf(t)
	g, w, err := buildGraph(t, version >= 3, recipe.Size)
	if err != nil {
		return nil, err
	}
	recipe.Size = [2]int{g.Input.H, g.Input.W}
	recipe.Resize = image.Resize{H: g.Input.H, W: g.Input.W}
	if err := fill(w); err != nil {
		return nil, err
	}
	f := &File{Graph: g, Unnamed: madeUp.MatchString(t.name), Recipe: recipe}
	f.Tensors, f.Other, err = w.tensors()
	return f, err
}

// fromLayers finds the network that has such layers. byClass says that their names are only their classes with numbers.
func fromLayers(layers []storedLayer, byClass bool, o Options) (*File, error) {
	stored := arch.KerasStored{ByClass: byClass, Scratch: fromScratch(layers)}
	for _, l := range layers {
		k := arch.KerasLayer{Name: l.name}
		for _, a := range l.arrays {
			k.Shapes = append(k.Shapes, a.shape)
		}
		if len(k.Shapes) > 0 {
			stored.Layers = append(stored.Layers, k)
		}
	}
	if len(stored.Layers) == 0 {
		return nil, errNoWeights
	}
	g, tensors, err := arch.RecogniseKeras(o.Arch, stored)
	if err != nil {
		return nil, weightsOnly(err, layers)
	}
	f := &File{Graph: g, Recipe: recipeFor(strings.TrimPrefix(g.Arch, "keras/"))}
	f.Recipe.Size = [2]int{g.Input.H, g.Input.W}
	f.Recipe.Resize = image.Resize{H: g.Input.H, W: g.Input.W}
	i := 0
	for _, l := range layers {
		for j, a := range l.arrays {
			if j == 0 && i >= len(tensors) {
				return nil, fmt.Errorf("layer %q is one too many", l.name)
			}
			if p := tensors[i][j]; p.Tensor == "" {
				f.Other = append(f.Other, a.name)
			} else {
				f.Tensors = append(f.Tensors, Tensor{Name: p.Tensor, DType: a.dtype, Shape: p.Shape, data: a.data})
			}
		}
		if len(l.arrays) > 0 {
			i++
		}
	}
	return f, nil
}

// fromScratch says whether the file holds an EfficientNet that was built with weights=None: it has one Rescaling, and its normalisation has not the published numbers.
func fromScratch(layers []storedLayer) bool {
	rescalings := 0
	published := false
	for _, l := range layers {
		if strings.HasPrefix(l.name, "rescaling") {
			rescalings++
		}
		if strings.HasPrefix(l.name, "normalization") && len(l.arrays) > 1 && l.arrays[1].dtype == weights.F32 {
			variance, err := l.arrays[1].data()
			published = err == nil && len(variance) == 3*4
			for i, v := range []float32{0.229, 0.224, 0.225} {
				published = published && math.Abs(float64(math.Float32frombits(binary.LittleEndian.Uint32(variance[4*i:]))-v)) < 1e-3
			}
		}
	}
	return rescalings < 2 && !published
}

func weightsOnly(err error, layers []storedLayer) error {
	var names []string
	for _, l := range layers {
		names = append(names, l.name)
	}
	return fmt.Errorf("holds weights without the network (layers %s), and %w; save the whole model instead: model.save(\"model.keras\")", brief.List(names, 5), err)
}

// fromStore finds the network of a .weights.h5 file, whose groups are numbered by class: conv2d_1, and sequential_1/conv2d in a model that is a layer.
func fromStore(g *storeGroup, o Options) (*File, error) {
	var layers []storedLayer
	byClass := true
	var collect func(g *storeGroup, path string)
	collect = func(g *storeGroup, path string) {
		for _, s := range g.layers {
			if len(s.arrays) > 0 {
				name := s.name
				if name == "" {
					name = path + s.key
				} else {
					byClass = false
				}
				layers = append(layers, storedLayer{name, s.arrays})
			}
			collect(s, path+s.key+"/")
		}
	}
	collect(g, "")
	return fromLayers(layers, byClass, o)
}
