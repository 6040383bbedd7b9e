package keras

import (
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/featx-go/featx/tools/convert/keras/hdf5"
	"github.com/featx-go/featx/weights"
)

// newArray describes a dataset as a weight; its bytes are read when they are asked for.
func newArray(o *hdf5.Object, name string) (*array, error) {
	d, err := o.Dataset()
	if err != nil {
		return nil, err
	}
	a := &array{name: name, shape: d.Dims, data: d.Bytes}
	bits := strconv.Itoa(8 * d.Type.Size)
	switch d.Type.Class {
	case hdf5.Float:
		a.dtype = weights.DType("F" + bits)
	case hdf5.BFloat:
		a.dtype = weights.BF16
	case hdf5.Int:
		a.dtype = weights.DType("I" + bits)
	case hdf5.Uint:
		a.dtype = weights.DType("U" + bits)
	case hdf5.Opaque: // as Keras stores what NumPy has no type for
		if kind, err := o.Strings("dtype"); err == nil && len(kind) == 1 && kind[0] == "bfloat16" && d.Type.Size == 2 {
			a.dtype = weights.BF16
			break
		}
		fallthrough
	default:
		return nil, fmt.Errorf("/%s: %ss are no weights", o.Path, d.Type.Class)
	}
	return a, nil
}

// layersOf reads the layout of Keras 1 and 2, which Keras 3 writes too: a group for each of layer_names, with weight_names.
func layersOf(g *hdf5.Object) ([]storedLayer, error) {
	names, err := g.Strings("layer_names")
	if err != nil {
		return nil, err
	}
	if backend, err := g.Strings("backend"); err == nil && len(backend) == 1 && (backend[0] == "theano" || backend[0] == "cntk") {
		return nil, fmt.Errorf("written with the backend %q, whose convolution kernels are mirrored: load it with Keras 2 on TensorFlow and save it again", backend[0])
	}
	list := make([]storedLayer, 0, len(names))
	for _, name := range names {
		group, err := g.Open(name)
		if err != nil {
			return nil, err
		}
		l := storedLayer{name: name}
		own, err := group.Strings("weight_names")
		if err != nil && !errors.Is(err, hdf5.ErrNotFound) {
			return nil, err
		}
		for _, weight := range own {
			o, err := group.Open(weight)
			if err != nil {
				return nil, err
			}
			a, err := newArray(o, weight)
			if err != nil {
				return nil, err
			}
			l.arrays = append(l.arrays, a)
		}
		list = append(list, l)
	}
	return list, nil
}

// storeOf reads the layout of Keras 3 (and of .keras files of late Keras 2): nested groups, in each the variables 0, 1, ... under vars.
func storeOf(g *hdf5.Object, key string, depth int) (*storeGroup, error) {
	s := &storeGroup{key: key}
	if g.Has("vars") {
		vars, err := g.Open("vars")
		if err != nil {
			return nil, err
		}
		if name, err := vars.Strings("name"); err == nil && len(name) == 1 {
			s.name = name[0]
		}
		numbers := vars.Names()
		sort.SliceStable(numbers, func(i, j int) bool {
			a, _ := strconv.Atoi(numbers[i])
			b, _ := strconv.Atoi(numbers[j])
			return a < b
		})
		for _, n := range numbers {
			o, err := vars.Open(n)
			if err != nil {
				return nil, err
			}
			a, err := newArray(o, o.Path)
			if err != nil {
				return nil, err
			}
			s.arrays = append(s.arrays, a)
		}
	}
	if depth > 2*maxDepth {
		return nil, errors.New("models are nested too deeply")
	}
	for _, container := range []string{"layers", "_layer_checkpoint_dependencies"} {
		if !g.Has(container) {
			continue
		}
		list, err := g.Open(container)
		if err != nil {
			return nil, err
		}
		for _, name := range list.Names() {
			o, err := list.Open(name)
			if err != nil {
				return nil, err
			}
			inner, err := storeOf(o, name, depth+1)
			if err != nil {
				return nil, err
			}
			s.layers = append(s.layers, inner)
		}
	}
	return s, nil
}

// readHDF5 reads a file by itself: with a model's config, or weights alone.
func readHDF5(data []byte, o Options) (*File, error) {
	root, err := hdf5.Parse(data)
	if err != nil {
		return nil, err
	}
	var layers []storedLayer
	group := root
	if root.Has("model_weights") {
		if group, err = root.Open("model_weights"); err != nil {
			return nil, err
		}
	}
	if group.HasAttribute("layer_names") {
		if layers, err = layersOf(group); err != nil {
			return nil, err
		}
	}
	text, err := root.Strings("model_config")
	if err != nil && !errors.Is(err, hdf5.ErrNotFound) {
		return nil, err
	}
	if len(text) == 1 {
		t, err := parseModel([]byte(text[0]))
		if err != nil {
			return nil, err
		}
		return fromModel(t, kerasVersion(root, group), o, func(w *weightTree) error { return w.assignLayers(layers) })
	}
	if layers != nil {
		return fromLayers(layers, false, o)
	}
	store, err := storeOf(root, "", 0)
	if err != nil {
		return nil, err
	}
	if store.empty() {
		return nil, errors.New("is an HDF5 file, but none of Keras: it has neither layer_names nor layers")
	}
	return fromStore(store, o)
}

// kerasVersion is the major version that wrote a file; 2 where it does not say.
func kerasVersion(groups ...*hdf5.Object) int {
	for _, g := range groups {
		if v, err := g.Strings("keras_version"); err == nil && len(v) == 1 {
			return majorVersion(v[0])
		}
	}
	return 2
}

func majorVersion(v string) int {
	major, _, _ := strings.Cut(v, ".")
	if n, err := strconv.Atoi(major); err == nil {
		return n
	}
	return 2
}
