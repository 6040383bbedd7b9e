package weights

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/x448/float16"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/internal/atomicfile"
)

// Write makes a model file of the tensors that the graph needs, which source gives by name, one at a time. The same input gives the same bytes.
// The file appears whole or not at all; an older one of that name stays until then.
// When ctx ends before that, so does Write.
//
// With dtype F32 the values are kept exactly. With F16 tensors of two or more axes (the kernels) are rounded to the nearest float16, ties to even,
// and a finite value that float16 cannot hold is an error; vectors (biases, batch normalisation) stay F32: they are few, and a variance needs its range.
func Write(ctx context.Context, path string, info Info, source engine.WeightSource, dtype engine.DType) error {
	if dtype != engine.F32 && dtype != engine.F16 {
		return fmt.Errorf("dtype %q is neither f32 nor f16", strings.ToLower(string(dtype)))
	}
	if err := info.check(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	metadata, err := info.metadata()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	params, err := info.Graph.Params()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	// F32 first, so that each tensor is aligned to its elements.
	var wide, narrow []Tensor
	for _, p := range params {
		if dtype == engine.F16 && len(p.Shape) >= 2 {
			narrow = append(narrow, Tensor{Name: p.Tensor, DType: F16, Shape: p.Shape})
		} else {
			wide = append(wide, Tensor{Name: p.Tensor, DType: F32, Shape: p.Shape})
		}
	}
	tensors := append(wide, narrow...)
	f, err := atomicfile.Create(ctx, path)
	if err != nil {
		return fmt.Errorf("%s: cannot be written: %w", path, err)
	}
	defer f.Abort()
	w := bufio.NewWriterSize(f, 1<<20)
	err = WriteSafetensors(w, metadata, tensors, func(i int) ([]byte, error) {
		t := tensors[i]
		stored, ok := source.Weight(t.Name)
		if !ok {
			return nil, &engine.MismatchError{Missing: []string{t.Name}}
		}
		return encode(t, stored)
	})
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Commit()
	}
	if err != nil {
		return fmt.Errorf("%s: not written: %w", path, atomicfile.Cause(err))
	}
	return nil
}

// encode gives w's values in t's type.
func encode(t Tensor, w engine.Weight) ([]byte, error) {
	if string(w.DType) == string(t.DType) {
		return w.Data, nil
	}
	values := w.Float32s()
	if t.DType == F32 {
		data := make([]byte, 4*len(values))
		for i, v := range values {
			binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(v))
		}
		return data, nil
	}
	data := make([]byte, 2*len(values))
	for i, v := range values {
		h := float16.Fromfloat32(v)
		if h.IsInf(0) && !math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("tensor %.100q: value %d is %g, which float16 cannot hold (at most 65504); store it in float32 (--dtype f32)", t.Name, i, v)
		}
		binary.LittleEndian.PutUint16(data[2*i:], h.Bits())
	}
	return data, nil
}
