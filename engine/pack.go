package engine

import (
	"encoding/binary"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/featx-go/featx/kernels"
)

// packedWeights are a convolution's or dense layer's weights as the GEMM kernel wants them: panels of NR output channels, each [K][NR]
// with K in the order kernel row, kernel column, input channel. Channels that fill up the last panel of a group are zero.
type packedWeights struct {
	data   []float32
	panels []panel
	k      int // values per output channel
	mr     int // rows of a tile
}

// panel is one run of output channels of one group.
type panel struct {
	group  int
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
}

func (w *packedWeights) bytes() int64 { return int64(len(w.data)) * 4 }

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

// packed gives the packed weights of a node, packing them at the first call.
func (m *Model) packed(node int, in Shape, how algorithm) *packedWeights {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := packKey{node, in, how}
	if !in.Flat {
		key.in = Shape{} // the same for every picture size
	}
	if w := m.weights[key]; w != nil {
		return w
	}
	op := m.graph.Nodes[node].Op
	var tensor Weight
	switch op := op.(type) {
	case *Conv2D:
		tensor, _ = m.source.Weight(op.Weight)
	case *ConvTranspose2D:
		tensor, _ = m.source.Weight(op.Weight)
		tensor = turned(tensor, m.graph.Layout, op, in)
	case *Dense:
		tensor, _ = m.source.Weight(op.Weight)
	}
	var w *packedWeights
	if s := shapeOfKernel(op, in); how.method == depthwise {
		w = packDepthwise(tensor, m.graph.Layout, s)
	} else {
		w = pack(tensor, m.graph.Layout, s, m.isa, how)
	}
	m.weights[key] = w
	return w
}

// pack makes the panels of a GEMM, or of Winograd's frequencies.
func pack(tensor Weight, layout Layout, s kernelShape, isa kernels.ISA, how algorithm) *packedWeights {
	taps := s.kh * s.kw
	if how.method == winograd {
		taps = how.y.Products * how.x.Products
	}
	w := &packedWeights{k: taps * s.cin, mr: isa.GemmPanels()[0].MR}
	size, perGroup := 0, s.outC/s.groups
	for group := range s.groups {
		for c := 0; c < perGroup; {
			nr := isa.PanelWidth(perGroup - c)
			cols := min(nr, perGroup-c)
			w.panels = append(w.panels, panel{group, group*perGroup + c, cols, nr, size})
			size += w.k * nr
			c += cols
		}
	}
	w.data = alignedFloats(size)
	fill, filters := packOIHW, 1 // at a time
	switch {
	case how.method == winograd:
		fill, filters = packWinograd(layout, how), w.panels[0].nr
	case layout == NHWC:
		fill = packHWIO
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(w.panels)) {
		wg.Go(func() {
			row := make([]float32, s.kh*s.kw*s.cin*filters)
			for i := int(next.Add(1)) - 1; i < len(w.panels); i = int(next.Add(1)) - 1 {
				p := w.panels[i]
				fill(w.data[p.offset:p.offset+w.k*p.nr], p, tensor, s, row)
			}
		})
	}
	wg.Wait()
	return w
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

// packOIHW packs a panel from [outC][cin][kh][kw]; dense weights [out][C*H*W] are the same.
func packOIHW(dst []float32, p panel, tensor Weight, s kernelShape, row []float32) {
	taps := s.kh * s.kw
	k := taps * s.cin
	for col := range p.cols {
		tensor.widen(row[:k], (p.outC+col)*k)
		for c := range s.cin {
			for tap, v := range row[c*taps : (c+1)*taps] {
				dst[(tap*s.cin+c)*p.nr+col] = v
			}
		}
	}
}

// packWinograd packs a panel as [frequencies][cin][NR]: frequencies take the place of taps.
func packWinograd(layout Layout, how algorithm) func([]float32, panel, Weight, kernelShape, []float32) {
	return func(dst []float32, p panel, tensor Weight, s kernelShape, rows []float32) {
		taps := s.kh * s.kw
		filters := kernels.NewWinogradFilters(how.y, how.x, p.cols)
		g := make([]float32, taps*p.cols) // of one input channel, [taps][cols]
		if layout == NCHW {
			tensor.widen(rows[:p.cols*s.cin*taps], p.outC*s.cin*taps) // [cols][cin][taps]
		}
		for c := range s.cin {
			for tap := range taps {
				at := g[tap*p.cols:][:p.cols]
				if layout == NHWC {
					tensor.widen(at, (tap*s.cin+c)*s.outC+p.outC)
					continue
				}
				for col := range at {
					at[col] = rows[(col*s.cin+c)*taps+tap]
				}
			}
			filters.Transform(dst[c*p.nr:], s.cin*p.nr, g, p.cols)
		}
	}
}

// packHWIO packs a panel from [kh][kw][cin][outC]; dense weights [H*W*C][out] are the same.
func packHWIO(dst []float32, p panel, tensor Weight, s kernelShape, _ []float32) {
	for k := range s.kh * s.kw * s.cin {
		tensor.widen(dst[k*p.nr:k*p.nr+p.cols], k*s.outC+p.outC)
	}
}

// packDepthwise orders the weights as [channels/16][taps][16].
func packDepthwise(tensor Weight, layout Layout, s kernelShape) *packedWeights {
	taps := s.kh * s.kw
	w := &packedWeights{k: taps, data: alignedFloats(roundUp(s.outC, kernels.DepthwiseBlock) * taps)}
	for i, v := range tensor.Float32s() {
		c, tap := i/taps, i%taps
		if layout == NHWC {
			tap, c = i/s.outC, i%s.outC
		}
		w.data[(c/kernels.DepthwiseBlock*taps+tap)*kernels.DepthwiseBlock+c%kernels.DepthwiseBlock] = v
	}
	return w
}
