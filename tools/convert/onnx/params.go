package onnx

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/featx-go/featx/weights"
)

// parameter makes a constant a tensor of the model file, with its elements in the order that they have. It keeps its name, and its bytes if they are of a type that weights may have.
func (im *importer) parameter(v *value, shape []int) (string, error) {
	if v == nil || !v.constant() {
		return "", errors.New("one of its parameters is missing, or depends on the picture")
	}
	if n := product(v.shapeDims()); n != product(shape) {
		return "", fmt.Errorf("its parameter %q has the axes %v, %v are needed", v.name, v.shapeDims(), shape)
	}
	t := v.stored
	if t == nil {
		return im.tensor(v.name, v.array.reshaped(shape))
	}
	dtype, ok := storedTypes[t.dtype]
	if !ok {
		return "", fmt.Errorf("its parameter %q is of %s", v.name, typeName(t.dtype))
	}
	return im.register(v.name, dtype, shape, t, nil, func() ([]byte, error) { return t.raw() }), nil
}

// optional is parameter, or "" where there is none.
func (im *importer) optional(in []*value, i int, shape []int) (string, error) {
	if i >= len(in) || in[i] == nil {
		return "", nil
	}
	return im.parameter(in[i], shape)
}

// tensor makes computed elements a tensor of the model file.
func (im *importer) tensor(name string, a *array) (string, error) {
	if err := im.spend(a.len()); err != nil {
		return "", err
	}
	data, err := a.float32s()
	if err != nil {
		return "", fmt.Errorf("%q: %w", name, err)
	}
	return im.register(name, weights.F32, a.shape, nil, data, func() ([]byte, error) { return data, nil }), nil
}

// register names a tensor, which is stored in source or was computed to data. One that is not the same as an earlier one of that name gets a number.
func (im *importer) register(name string, dtype weights.DType, shape []int, source *tensorProto, data []byte, fetch func() ([]byte, error)) string {
	key := fmt.Sprintf("%q %s %v %p %x", name, dtype, shape, source, sha256.Sum256(data))
	if known, ok := im.tensors[key]; ok {
		return known
	}
	if name == "" {
		name = "constant"
	}
	name = im.unused.name(name)
	shape = slices.Clone(shape)
	im.weights = append(im.weights, Weight{Name: name, DType: dtype, Shape: shape, Fetch: func() (weights.Tensor, error) {
		data, err := fetch()
		return weights.Tensor{Name: name, DType: dtype, Shape: shape, Data: data}, err
	}})
	im.tensors[key] = name
	return name
}

// names gives names that are not taken: the name itself, or with a number.
type names struct {
	taken map[string]bool
	next  map[string]int
}

func newNames() names { return names{map[string]bool{}, map[string]int{}} }

func (n names) name(wanted string) string {
	free := wanted
	for n.taken[free] {
		n.next[wanted]++
		free = fmt.Sprintf("%s.%d", wanted, n.next[wanted])
	}
	n.taken[free] = true
	return free
}

// transposed makes a matrix [a][b] a tensor [b][a], when it is written.
func (im *importer) transposed(v *value) (string, error) {
	shape := v.shapeDims()
	if len(shape) != 2 {
		return "", fmt.Errorf("its weight %q has the axes %v, not two", v.name, shape)
	}
	t := v.stored
	if t == nil {
		return im.tensor(v.name+".transposed", v.array.transposed([]int{1, 0}))
	}
	dtype, ok := storedTypes[t.dtype]
	if !ok {
		return "", fmt.Errorf("its weight %q is of %s", v.name, typeName(t.dtype))
	}
	rows, columns := shape[0], shape[1]
	return im.register(v.name+".transposed", dtype, []int{columns, rows}, t, nil, func() ([]byte, error) {
		raw, err := t.raw()
		if err != nil || len(raw) == 0 {
			return raw, err
		}
		size := len(raw) / (rows * columns)
		out := make([]byte, len(raw))
		for i := range rows {
			for j := range columns {
				copy(out[(j*rows+i)*size:][:size], raw[(i*columns+j)*size:])
			}
		}
		return out, nil
	}), nil
}
