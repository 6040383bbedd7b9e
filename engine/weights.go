package engine

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"unsafe"

	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/kernels"
)

// DType is the element type of a stored tensor, spelled as safetensors does.
type DType string

const (
	F32 DType = "F32"
	F16 DType = "F16"
)

// Size is the number of bytes of one element.
func (d DType) Size() int {
	if d == F16 {
		return 2
	}
	return 4
}

// Weight is a stored tensor: row-major, little-endian, usually in a mapped file.
type Weight struct {
	DType DType
	Shape []int
	Data  []byte
}

// Elements is the product of the shape.
func (w Weight) Elements() int {
	n := 1
	for _, d := range w.Shape {
		n *= d
	}
	return n
}

// Float32s gives the values, widened exactly. The slice may share the tensor's memory: it is read-only.
func (w Weight) Float32s() []float32 {
	if view := w.view(); view != nil {
		return view
	}
	out := make([]float32, w.Elements())
	w.widen(kernels.Generic, out, 0)
	return out
}

// view is the tensor's own memory if that is float32 as this machine has it, else nil.
func (w Weight) view() []float32 {
	if w.DType != F32 || !littleEndian || len(w.Data) < 4 || uintptr(unsafe.Pointer(&w.Data[0]))%4 != 0 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&w.Data[0])), len(w.Data)/4)
}

// widen reads len(dst) values from element start on.
func (w Weight) widen(isa kernels.ISA, dst []float32, start int) {
	if w.DType == F16 {
		isa.WidenF16(dst, w.Data[2*start:])
		return
	}
	if view := w.view(); view != nil {
		copy(dst, view[start:])
		return
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(w.Data[4*(start+i):]))
	}
}

var littleEndian = func() bool {
	x := uint16(1)
	return *(*byte)(unsafe.Pointer(&x)) == 1
}()

// WeightSource gives tensors by name. It must be safe for concurrent use.
type WeightSource interface {
	Weight(name string) (Weight, bool)
}

// Releaser is a WeightSource that holds tensors in memory only as long as somebody reads them: a mapped file. Release says that a part of a tensor's Data has been read; it can be
// read again.
type Releaser interface {
	Release(data []byte)
}

// WeightMap is a WeightSource in memory.
type WeightMap map[string]Weight

// Weight implements WeightSource.
func (m WeightMap) Weight(name string) (Weight, bool) {
	w, ok := m[name]
	return w, ok
}

// Params lists every tensor that the graph needs for its own input size, in node order.
func (g *Graph) Params() ([]Param, error) {
	shapes, err := g.Infer(g.Input)
	if err != nil {
		return nil, err
	}
	var list []Param
	seen := map[string]bool{}
	for i, from := range g.edges() {
		for _, p := range g.Nodes[i].Op.params(g.Layout, pick(from, g.Input, shapes)) {
			if !seen[p.Tensor] {
				seen[p.Tensor] = true
				list = append(list, p)
			}
		}
	}
	return list, nil
}

// MismatchError says which tensors do not fit a graph.
type MismatchError struct {
	Missing   []string // needed, not there
	Misshapen []string // "name: has [..], needs [..]"
	Surplus   []string // there, not needed
}

func (e *MismatchError) Error() string {
	return "the weights do not fit the network: " + e.Differences()
}

// Differences lists the tensors by name, of each kind the first 20.
func (e *MismatchError) Differences() string {
	var parts []string
	for _, p := range []struct {
		what string
		list []string
	}{{"missing", e.Missing}, {"misshapen", e.Misshapen}, {"surplus", e.Surplus}} {
		if len(p.list) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s: %s", len(p.list), p.what, brief.List(p.list, 20)))
		}
	}
	return strings.Join(parts, "; ")
}

// CheckWeights compares stored tensors (name -> shape) with what the graph needs. The error is a *MismatchError that lists every difference.
func (g *Graph) CheckWeights(stored map[string][]int) error {
	params, err := g.Params()
	if err != nil {
		return err
	}
	var e MismatchError
	needed := map[string]bool{}
	for _, p := range params {
		needed[p.Tensor] = true
		shape, ok := stored[p.Tensor]
		switch {
		case !ok:
			e.Missing = append(e.Missing, p.Tensor)
		case !slices.Equal(shape, p.Shape):
			e.Misshapen = append(e.Misshapen, fmt.Sprintf("%s: has %v, needs %v", p.Tensor, shape, p.Shape))
		}
	}
	for name := range stored {
		if !needed[name] {
			e.Surplus = append(e.Surplus, name)
		}
	}
	sort.Strings(e.Surplus)
	if len(e.Missing)+len(e.Misshapen)+len(e.Surplus) > 0 {
		return &e
	}
	return nil
}
