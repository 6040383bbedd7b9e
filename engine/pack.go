package engine

import (
	"encoding/binary"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/featx-go/featx/kernels"
)

// packedWeights are a convolution's or dense layer's weights as the GEMM kernel wants them: panels of NR output channels, each [K][NR]
// with K in the order kernel row, kernel column, input channel. Channels that fill up the last panel of a group are zero. A plan knows their form; the values come with a
// runner (packing.go).
type packedWeights struct {
	data   []float32 // once a runner has begun to pack them
	half   []uint16  // instead of data, as float16, if f16 is set
	panels []panel
	k      int // values per output channel
	mr     int // rows of a tile

	kernel    kernelShape
	algorithm algorithm
	tensor    func() Weight
	turned    bool // the tensor is a copy
	values    int  // of data or half
	f16       bool // see keepsF16
	grouped   bool // panels are of several groups
	packing   *packing
	left      atomic.Int32 // panels that are not packed yet
	ready     chan struct{}
}

// panel is one run of output channels of one group.
type panel struct {
	group  int // or the first of several
	outC   int // first output channel
	cols   int // output channels, at most nr
	nr     int
	offset int // in data
}

// packKey: a dense layer's order depends on the map that was flattened in front of it.
type packKey struct {
	node int
	in   Shape
	algorithm
	f16 bool
}

// valueBytes is the size of one value.
func (w *packedWeights) valueBytes() int {
	if w.f16 {
		return 2
	}
	return 4
}

func (w *packedWeights) bytes() int64 { return int64(w.values) * int64(w.valueBytes()) }

// at is where a value lies.
func (w *packedWeights) at(i int) unsafe.Pointer {
	if w.f16 {
		return unsafe.Pointer(&w.half[i])
	}
	return unsafe.Pointer(&w.data[i])
}

// kernelShape is what a convolution and a dense layer have in common: a dense layer is a convolution whose kernel covers its whole input.
type kernelShape struct {
	outC, groups, kh, kw, cin int // cin: input channels of one group
}

func shapeOfKernel(op Op, in Shape) kernelShape {
	switch op := op.(type) {
	case *Conv2D:
		return kernelShape{op.OutC, op.Groups, op.Kernel[0], op.Kernel[1], in.C / op.Groups}
	case *ConvTranspose2D:
		return kernelShape{op.OutC, op.Groups, op.Kernel[0], op.Kernel[1], in.C / op.Groups}
	case *Dense:
		if !in.Flat {
			return kernelShape{op.Out, 1, 1, 1, in.C}
		}
		return kernelShape{op.Out, 1, in.H, in.W, in.C}
	}
	panic("engine: no kernel in " + op.Kind())
}

// f16Rows is how many outputs of a channel are computed from weights in float16 at the most. The kernel widens them for every tile: where a few tiles use what has come from memory
// it costs less than reading twice as much, where many do it costs up to a fifth.
const f16Rows = 64

// keepsF16 tells whether weights that are stored as float16 are packed so, to be widened, which is exact, by the kernel: large ones of which each value is used for few outputs.
func (m *Model) keepsF16(op Op, how algorithm, rows int) bool {
	if _, ok := op.(*ConvTranspose2D); ok || how.method != direct || rows > f16Rows {
		return false
	}
	tensor := m.weightsOf(op)
	return tensor.DType == F16 && (rows == 0 || 4*tensor.Elements() > cacheBytes)
}

// packed gives the packed weights of a node, whose values may still be to come. They are used for so many rows of outputs at a time; 0 rows are packed as small as can be.
func (m *Model) packed(node int, in Shape, how algorithm, rows int) *packedWeights {
	m.mu.Lock()
	defer m.mu.Unlock()
	op := m.graph.Nodes[node].Op
	key := packKey{node, in, how, m.keepsF16(op, how, rows)}
	if !in.Flat {
		key.in = Shape{} // the same for every picture size
	}
	if w := m.weights[key]; w != nil {
		return w
	}
	w := &packedWeights{kernel: shapeOfKernel(op, in), algorithm: how, f16: key.f16, ready: make(chan struct{})}
	w.tensor = func() Weight { return m.weightsOf(op) }
	if op, ok := op.(*ConvTranspose2D); ok {
		w.turned = true
		w.tensor = sync.OnceValue(func() Weight { return turned(m.weightsOf(op), m.graph.Layout, op, in) })
	}
	w.form(m.isa)
	m.weights[key] = w
	return w
}

// weightsOf gives the tensor of a convolution or dense layer.
func (m *Model) weightsOf(op Op) Weight {
	w, _ := m.source.Weight(weightName(op))
	return w
}

// weightName is the tensor that is packed for an operation, or "".
func weightName(op Op) string {
	switch op := op.(type) {
	case *Conv2D:
		return op.Weight
	case *ConvTranspose2D:
		return op.Weight
	case *Dense:
		return op.Weight
	}
	return ""
}

// widest is the width of the widest panel.
func (w *packedWeights) widest() int {
	return slices.MaxFunc(w.panels, func(a, b panel) int { return a.nr - b.nr }).nr
}

// form lays out the panels of a GEMM, or of Winograd's frequencies.
func (w *packedWeights) form(isa kernels.ISA) {
	s := w.kernel
	w.k, w.mr = s.kh*s.kw*s.cin, isa.GemmPanels()[0].MR
	switch w.algorithm.method {
	case depthwise:
		w.values = roundUp(s.outC, kernels.DepthwiseBlock) * w.k
		return
	case winograd:
		w.k = w.algorithm.y.Products * w.algorithm.x.Products * s.cin
	}
	perGroup := s.outC / s.groups
	if nr := isa.GroupsWidth(s.groups, s.cin, perGroup); nr > 0 && s.groups > 1 && !w.f16 {
		w.grouped = true
		for c := 0; c < s.outC; c += nr {
			w.panels = append(w.panels, panel{c / perGroup, c, min(nr, s.outC-c), nr, w.values})
			w.values += w.k * nr
		}
		return
	}
	for group := range s.groups {
		for c := 0; c < perGroup; {
			nr := isa.PanelWidth(perGroup - c)
			cols := min(nr, perGroup-c)
			w.panels = append(w.panels, panel{group, group*perGroup + c, cols, nr, w.values})
			w.values += w.k * nr
			c += cols
		}
	}
}

// turned gives a transposed convolution's weights as a convolution's, each kernel turned by half a circle.
func turned(tensor Weight, layout Layout, op *ConvTranspose2D, in Shape) Weight {
	s := shapeOfKernel(op, in)
	perGroup, taps := s.outC/s.groups, s.kh*s.kw
	from := tensor.Float32s()
	out := Weight{DType: F32, Shape: []int{len(from)}, Data: make([]byte, 4*len(from))}
	for i := range s.groups * s.cin {
		for o := range perGroup {
			for tap := range taps {
				// [inC][outC/groups][taps] to [outC][inC/groups][taps]
				v, at := from[(i*perGroup+o)*taps+tap], ((i/s.cin*perGroup+o)*s.cin+i%s.cin)*taps+taps-1-tap
				if layout == NHWC { // [taps][outC/groups][inC] to [taps][inC/groups][outC]
					v, at = from[(tap*perGroup+o)*s.groups*s.cin+i], ((taps-1-tap)*s.cin+i%s.cin)*s.outC+i/s.cin*perGroup+o
				}
				binary.LittleEndian.PutUint32(out.Data[4*at:], math.Float32bits(v))
			}
		}
	}
	return out
}
