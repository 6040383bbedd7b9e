package engine

import (
	"fmt"
	"strings"
)

// MaxPool takes the largest value of each window; padding never wins.
type MaxPool struct {
	noParams
	Window
}

func (*MaxPool) Kind() string      { return "MaxPool" }
func (p *MaxPool) validate() error { return p.Window.validate() }
func (p *MaxPool) infer(in []Shape) (Shape, error) {
	return p.pooled(in)
}

// AvgPool takes the mean of each window: of the values inside the map, or of the padding's zeros too if CountPad is set (PyTorch's count_include_pad; Keras does not count it).
type AvgPool struct {
	noParams
	Window
	CountPad bool `json:"count_pad,omitempty"`
}

func (*AvgPool) Kind() string { return "AvgPool" }
func (p *AvgPool) validate() error {
	if p.Dilation != [2]int{1, 1} {
		return fmt.Errorf("a mean over a dilated window")
	}
	return p.Window.validate()
}
func (p *AvgPool) infer(in []Shape) (Shape, error) {
	return p.pooled(in)
}

func (w Window) pooled(in []Shape) (Shape, error) {
	s, err := singleMap(in)
	if err != nil {
		return Shape{}, err
	}
	w = w.padded(s)
	h, wd, err := w.out(s)
	if err != nil {
		return Shape{}, err
	}
	if out := (Shape{H: h, W: wd, C: s.C}); out.check() != nil {
		return out, nil // the caller says so
	}
	empty := func(n, size, axis, before int) bool {
		for i := range n {
			if _, taps := tapsInside(i*w.Stride[axis]-before, size, w.Kernel[axis], w.Dilation[axis]); taps == 0 {
				return true
			}
		}
		return false
	}
	if empty(h, s.H, 0, w.Pad.Top) || empty(wd, s.W, 1, w.Pad.Left) {
		return Shape{}, fmt.Errorf("with padding %+v some %v windows lie in the padding alone", w.Pad, w.Kernel)
	}
	return Shape{H: h, W: wd, C: s.C}, nil
}

// AdaptivePool divides the map into OutH x OutW windows, as PyTorch's AdaptiveAvgPool2d does; 1 x 1 is global pooling. Flatten makes the result a vector, as Keras's global pooling is.
type AdaptivePool struct {
	noParams
	OutH    int  `json:"out_h"`
	OutW    int  `json:"out_w"`
	Max     bool `json:"max,omitempty"` // the largest value instead of the mean
	Flatten bool `json:"flatten,omitempty"`
}

func (p *AdaptivePool) Kind() string {
	name := "AdaptiveAvgPool"
	if p.Max {
		name = "AdaptiveMaxPool"
	}
	if p.OutH == 1 && p.OutW == 1 {
		name = "Global" + name[len("Adaptive"):]
	}
	return name
}

func (p *AdaptivePool) validate() error {
	if p.OutH < 1 || p.OutW < 1 || p.OutH > maxExtent || p.OutW > maxExtent {
		return fmt.Errorf("output %dx%d", p.OutH, p.OutW)
	}
	return nil
}

func (p *AdaptivePool) infer(in []Shape) (Shape, error) {
	s, err := singleMap(in)
	return Shape{H: p.OutH, W: p.OutW, C: s.C, Flat: p.Flatten}, err
}

// LpPool takes (sum of |x|^P)^(1/P) over each window, the padding counting as zeros; Global is over the whole map.
type LpPool struct {
	noParams
	Window
	P      int  `json:"p"`
	Global bool `json:"global,omitempty"` // the window is ignored
}

func (*LpPool) Kind() string { return "LpPool" }
func (p *LpPool) validate() error {
	if p.P < 1 || p.P > 64 {
		return fmt.Errorf("norm %d", p.P)
	}
	if p.Global {
		return nil
	}
	return p.Window.validate()
}
func (p *LpPool) infer(in []Shape) (Shape, error) {
	if p.Global {
		s, err := singleMap(in)
		return Shape{H: 1, W: 1, C: s.C}, err
	}
	return p.pooled(in)
}

// The functions of Reduce.
const (
	ReduceMean      = "mean"
	ReduceSum       = "sum"
	ReduceMax       = "max"
	ReduceMin       = "min"
	ReduceProd      = "prod"
	ReduceL1        = "l1"          // the sum of the absolute values
	ReduceL2        = "l2"          // the root of the sum of the squares
	ReduceSumSquare = "sum_square"  //
	ReduceLogSum    = "log_sum"     // the logarithm of the sum
	ReduceLogSumExp = "log_sum_exp" // the logarithm of the sum of the exponentials
)

var reduceKinds = map[string]string{
	ReduceMean: "ReduceMean", ReduceSum: "ReduceSum", ReduceMax: "ReduceMax", ReduceMin: "ReduceMin", ReduceProd: "ReduceProd", ReduceL1: "ReduceL1", ReduceL2: "ReduceL2",
	ReduceSumSquare: "ReduceSumSquare", ReduceLogSum: "ReduceLogSum", ReduceLogSumExp: "ReduceLogSumExp",
}

// Reduce makes one value of all along some axes. KeepDims leaves the axes with extent 1; without it the result is a vector, and at most one axis may be left.
// Its kind in model files and listings is its function's ("ReduceMean").
type Reduce struct {
	noParams
	Func     string `json:"-"`
	Axes     string `json:"axes"` // which of "HWC"
	KeepDims bool   `json:"keep_dims,omitempty"`
}

func (r *Reduce) Kind() string { return reduceKinds[r.Func] }
func (r *Reduce) validate() error {
	if r.Axes == "" || strings.Trim(r.Axes, "HWC") != "" {
		return fmt.Errorf("axes %q: want some of HWC", r.Axes)
	}
	return knownFunc(r.Func, reduceKinds)
}

func (r *Reduce) over(axis string) bool { return strings.Contains(r.Axes, axis) }

func (r *Reduce) infer(in []Shape) (Shape, error) {
	s, err := single(in)
	if err != nil {
		return s, err
	}
	if s.Flat && s.H*s.W > 1 && !(r.over("H") && r.over("W") && r.over("C")) {
		return s, fmt.Errorf("over %s of a flattened map: a vector has one axis, HWC", r.Axes)
	}
	left := 0
	for _, axis := range []struct {
		name   string
		extent *int
	}{{"H", &s.H}, {"W", &s.W}, {"C", &s.C}} {
		if r.over(axis.name) {
			*axis.extent = 1
		} else if *axis.extent > 1 {
			left++
		}
	}
	if !r.KeepDims {
		if left > 1 {
			return s, fmt.Errorf("leaves two axes: only possible with the reduced one kept")
		}
		s.Flat = true
	}
	return s, nil
}
