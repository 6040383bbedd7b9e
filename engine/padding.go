package engine

import "slices"

// padded is the window with the padding of Same for a map written out: as many rows and columns as make ceil(size/stride) positions, the
// odd one at the bottom and on the right (TensorFlow's rule).
func (w Window) padded(in Shape) Window {
	if !w.Same {
		return w
	}
	one := func(size, k, stride, dilation int) (before, after int) {
		positions := (int64(size) + int64(stride) - 1) / int64(stride)
		total := max(0, (positions-1)*int64(stride)+int64(k-1)*int64(dilation)+1-int64(size))
		total = min(total, 2*maxExtent) // beyond every map
		return int(total / 2), int(total - total/2)
	}
	w.Same, w.Pad = false, Pad{}
	w.Pad.Top, w.Pad.Bottom = one(in.H, w.Kernel[0], w.Stride[0], w.Dilation[0])
	w.Pad.Left, w.Pad.Right = one(in.W, w.Kernel[1], w.Stride[1], w.Dilation[1])
	return w
}

// padded is the padding for a map written out.
func (p *ZeroPad) padded(in Shape) *ZeroPad {
	if p.Halving == 0 {
		return p
	}
	w := Square(p.Halving, 2, 0)
	w.Same = true
	explicit := *p
	explicit.Halving, explicit.Pad = 0, w.padded(in).Pad
	return &explicit
}

// padded is the graph with the windows of its nodes padded for pictures of one size. The shapes are those of Infer.
func (g *Graph) padded(input Shape, shapes []Shape) *Graph {
	explicit := *g
	explicit.Nodes = slices.Clone(g.Nodes)
	for i, from := range g.edges() {
		n := &explicit.Nodes[i]
		switch op := n.Op.(type) {
		case *Conv2D:
			c := *op
			c.Window = op.padded(pick(from, input, shapes)[0])
			n.Op = &c
		case *ZeroPad:
			n.Op = op.padded(pick(from, input, shapes)[0])
		case *MaxPool:
			n.Op = &MaxPool{Window: op.padded(pick(from, input, shapes)[0])}
		case *AvgPool:
			n.Op = &AvgPool{Window: op.padded(pick(from, input, shapes)[0]), CountPad: op.CountPad}
		case *LpPool:
			if !op.Global {
				p := *op
				p.Window = op.padded(pick(from, input, shapes)[0])
				n.Op = &p
			}
		}
	}
	return &explicit
}
