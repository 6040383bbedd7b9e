package engine

import (
	"encoding/json"
	"fmt"
	"math"
)

// Concat joins maps along the channels.
type Concat struct{ noParams }

func (*Concat) Kind() string { return "Concat" }
func (*Concat) infer(in []Shape) (Shape, error) {
	out := in[0]
	for _, s := range in[1:] {
		if s.H != out.H || s.W != out.W || s.Flat != out.Flat {
			return Shape{}, fmt.Errorf("heights and widths differ")
		}
		out.C += s.C
		if err := out.check(); err != nil { // here, lest many of them overflow
			return Shape{}, err
		}
	}
	if out.Flat && out.H*out.W > 1 && len(in) > 1 {
		return Shape{}, fmt.Errorf("flattened maps cannot be joined: join the maps, then flatten")
	}
	return out, nil
}

// The modes of ZeroPad.
const (
	PadConstant  = "constant"  // Value; also ""
	PadReflect   = "reflect"   // mirrored at the border's pixel: 2 1 | 0 1 2
	PadSymmetric = "symmetric" // mirrored at the border: 1 0 | 0 1 2
	PadEdge      = "edge"      // the border's pixel
	PadWrap      = "wrap"      // from the other side
)

// ZeroPad adds zeros, or what Mode says, around the map, and before and after its channels. Negative numbers cut off instead.
type ZeroPad struct {
	noParams
	Pad            Pad     `json:"pad"`
	Halving        int     `json:"halving,omitempty"` // of a square kernel with stride 2: Pad is what Same gives this window, which follows from the map's size (Keras's correct_pad)
	ChannelsBefore int     `json:"channels_before,omitempty"`
	ChannelsAfter  int     `json:"channels_after,omitempty"`
	Mode           string  `json:"mode,omitempty"`
	Value          float32 `json:"value,omitempty"` // may be infinite
}

func (*ZeroPad) Kind() string { return "Pad" }

func (p *ZeroPad) validate() error {
	for _, n := range [6]int{p.Pad.Top, p.Pad.Left, p.Pad.Bottom, p.Pad.Right, p.ChannelsBefore, p.ChannelsAfter} {
		if n < -maxExtent || n > maxExtent {
			return fmt.Errorf("padding %+v, channels %d before and %d after are out of range", p.Pad, p.ChannelsBefore, p.ChannelsAfter)
		}
	}
	if p.Halving < 0 || p.Halving > maxExtent || p.Halving > 0 && p.Pad != (Pad{}) {
		return fmt.Errorf("padding %+v for a kernel of %d", p.Pad, p.Halving)
	}
	switch p.Mode {
	case "", PadConstant, PadReflect, PadSymmetric, PadEdge, PadWrap:
	default:
		return fmt.Errorf("unknown mode %q", p.Mode)
	}
	if p.Value != p.Value {
		return fmt.Errorf("value %v", p.Value)
	}
	return nil
}

func (p *ZeroPad) infer(in []Shape) (Shape, error) {
	s, err := singleMap(in)
	if err != nil {
		return s, err
	}
	p = p.padded(s)
	for _, axis := range []struct {
		extent        *int
		before, after int
	}{{&s.H, p.Pad.Top, p.Pad.Bottom}, {&s.W, p.Pad.Left, p.Pad.Right}, {&s.C, p.ChannelsBefore, p.ChannelsAfter}} {
		n := *axis.extent
		if limit, mirrored := map[string]int{PadReflect: n - 1, PadSymmetric: n, PadWrap: n}[p.Mode]; mirrored && max(axis.before, axis.after) > max(limit, 0) {
			return s, fmt.Errorf("%s padding by %d of an axis of %d", p.Mode, max(axis.before, axis.after), n)
		}
		if *axis.extent += axis.before + axis.after; *axis.extent < 1 {
			return s, fmt.Errorf("padding %+v, channels %d before and %d after cut everything off", p.Pad, p.ChannelsBefore, p.ChannelsAfter)
		}
	}
	return s, nil
}

// from gives, for each of the positions of a padded axis of n, where its value comes from; -1 is the constant.
func (p *ZeroPad) from(n, before, after int) []int {
	list := make([]int, n+before+after)
	for i := range list {
		at := i - before
		if at < 0 || at >= n {
			switch p.Mode {
			case PadReflect:
				at = (n - 1) - abs((n-1)-abs(at))
			case PadSymmetric:
				if at < 0 {
					at = -1 - at
				} else {
					at = 2*n - 1 - at
				}
			case PadEdge:
				at = min(max(at, 0), n-1)
			case PadWrap:
				at = (at + n) % n
			default:
				at = -1
			}
		}
		list[i] = at
	}
	return list
}

func abs(n int) int { return max(n, -n) }

// plainPad is ZeroPad without its methods.
type plainPad ZeroPad

type padJSON struct {
	*plainPad
	Value extended `json:"value,omitempty"`
}

func (p *ZeroPad) MarshalJSON() ([]byte, error) {
	return json.Marshal(padJSON{(*plainPad)(p), extended(p.Value)})
}

func (p *ZeroPad) UnmarshalJSON(data []byte) error {
	j := padJSON{plainPad: (*plainPad)(p)}
	err := json.Unmarshal(data, &j)
	p.Value = float32(j.Value)
	return err
}

// Slice takes the positions Start, Start+Step, ... before Stop of each axis: H, W, C. As in Python negative positions count from the end, those beyond the end are the end, and a
// negative step goes backwards; a Stop of 0 with a positive step is the end, a Step of 0 is 1.
type Slice struct {
	noParams
	Start [3]int `json:"start"`
	Stop  [3]int `json:"stop"`
	Step  [3]int `json:"step"`
}

func (*Slice) Kind() string    { return "Slice" }
func (*Slice) validate() error { return nil }

func (s *Slice) infer(in []Shape) (Shape, error) {
	x, err := single(in)
	if err != nil {
		return x, err
	}
	if x.Flat && x.H*x.W > 1 {
		return x, fmt.Errorf("of a flattened map: put it before the flatten")
	}
	for i, extent := range []*int{&x.H, &x.W, &x.C} {
		list := s.from(i, *extent)
		if len(list) == 0 {
			return x, fmt.Errorf("nothing is left of %s, an axis of %d: from %d to %d by %d", "HWC"[i:i+1], *extent, s.Start[i], s.Stop[i], s.Step[i])
		}
		*extent = len(list)
	}
	return x, nil
}

// from lists the positions taken of an axis of n.
func (s *Slice) from(axis, n int) (list []int) {
	step := s.Step[axis]
	if step == 0 {
		step = 1
	}
	first, last := 0, n // where positions are cut
	if step < 0 {
		first, last = -1, n-1
	}
	clip := func(at int) int {
		if at < 0 {
			at = max(at, -n-1) + n
		}
		return min(max(at, first), last)
	}
	start, stop := clip(s.Start[axis]), clip(s.Stop[axis])
	if s.Stop[axis] == 0 && step > 0 {
		stop = n
	}
	step = min(max(step, -n-1), n+1) // goes beyond as well
	for at := start; step > 0 && at < stop || step < 0 && at > stop; at += step {
		list = append(list, at)
	}
	return list
}

// Reshape gives the elements, in the order of the layout's axes, another shape; one axis may be -1: what remains.
type Reshape struct {
	noParams
	H    int  `json:"h"`
	W    int  `json:"w"`
	C    int  `json:"c"`
	Flat bool `json:"flat,omitempty"` // a vector
}

func (*Reshape) Kind() string { return "Reshape" }
func (r *Reshape) validate() error {
	open := 0
	for _, n := range [3]int{r.H, r.W, r.C} {
		if n == -1 {
			open++
		} else if n < 1 || n > maxExtent {
			return fmt.Errorf("shape %dx%dx%d (HxWxC)", r.H, r.W, r.C)
		}
	}
	if open > 1 {
		return fmt.Errorf("shape %dx%dx%d (HxWxC): only one axis can be what remains", r.H, r.W, r.C)
	}
	return nil
}
func (r *Reshape) infer(in []Shape) (Shape, error) {
	s, err := single(in)
	if err != nil {
		return s, err
	}
	out := Shape{r.H, r.W, r.C, r.Flat}
	known := int64(1)
	for _, n := range [3]int{r.H, r.W, r.C} {
		if n > 0 {
			known = min(known*int64(n), math.MaxInt64>>21)
		}
	}
	for _, n := range [3]*int{&out.H, &out.W, &out.C} {
		if *n < 0 {
			*n = int(int64(s.Elements()) / known)
		}
	}
	if err := out.check(); err != nil || out.Elements() != s.Elements() {
		return out, fmt.Errorf("%d values cannot become %dx%dx%d (HxWxC)", s.Elements(), r.H, r.W, r.C)
	}
	return out, nil
}

// Permute exchanges axes: the axes H, W, C of the result are the input's axes Axes[0], Axes[1], Axes[2], where 0 is H, 1 W and 2 C in graphs of either layout.
type Permute struct {
	noParams
	Axes [3]int `json:"axes"`
}

func (*Permute) Kind() string { return "Permute" }
func (p *Permute) validate() error {
	seen := [3]bool{}
	for _, a := range p.Axes {
		if a < 0 || a > 2 || seen[a] {
			return fmt.Errorf("axes %v are not 0, 1, 2 in some order", p.Axes)
		}
		seen[a] = true
	}
	return nil
}
func (p *Permute) infer(in []Shape) (Shape, error) {
	s, err := singleMap(in)
	extents := [3]int{s.H, s.W, s.C}
	return Shape{H: extents[p.Axes[0]], W: extents[p.Axes[1]], C: extents[p.Axes[2]]}, err
}

// ChannelShuffle mixes Groups equal runs of channels: the first of each, then the second of each, and so on (Zhang et al. 2018).
type ChannelShuffle struct {
	noParams
	Groups int `json:"groups"`
}

func (*ChannelShuffle) Kind() string { return "ChannelShuffle" }
func (s *ChannelShuffle) validate() error {
	if s.Groups < 1 {
		return fmt.Errorf("%d groups", s.Groups)
	}
	return nil
}
func (s *ChannelShuffle) infer(in []Shape) (Shape, error) {
	x, err := channelwise(in)
	if err == nil && x.C%s.Groups != 0 {
		err = fmt.Errorf("%d channels do not divide into %d groups", x.C, s.Groups)
	}
	return x, err
}

// The orders of channels of DepthToSpace.
const (
	DepthColumnRow = "DCR" // block row, block column, channel: TensorFlow and ONNX's default; also ""
	ColumnRowDepth = "CRD" // channel, block row, block column: PyTorch's PixelShuffle
)

func validBlock(block int, mode string) error {
	if block < 1 || block > maxExtent {
		return fmt.Errorf("block of %d", block)
	}
	if mode != "" && mode != DepthColumnRow && mode != ColumnRowDepth {
		return fmt.Errorf("unknown mode %q", mode)
	}
	return nil
}

// DepthToSpace makes Block x Block pixels of each pixel's channels. Mode is the order of the channels.
type DepthToSpace struct {
	noParams
	Block int    `json:"block"`
	Mode  string `json:"mode,omitempty"`
}

func (*DepthToSpace) Kind() string      { return "DepthToSpace" }
func (d *DepthToSpace) validate() error { return validBlock(d.Block, d.Mode) }
func (d *DepthToSpace) infer(in []Shape) (Shape, error) {
	s, err := singleMap(in)
	if err != nil {
		return s, err
	}
	if s.C%d.Block != 0 || s.C/d.Block%d.Block != 0 {
		return s, fmt.Errorf("%d channels are no %dx%d blocks", s.C, d.Block, d.Block)
	}
	return Shape{H: s.H * d.Block, W: s.W * d.Block, C: s.C / d.Block / d.Block}, nil
}

// SpaceToDepth is the inverse of DepthToSpace.
type SpaceToDepth struct {
	noParams
	Block int    `json:"block"`
	Mode  string `json:"mode,omitempty"`
}

func (*SpaceToDepth) Kind() string      { return "SpaceToDepth" }
func (d *SpaceToDepth) validate() error { return validBlock(d.Block, d.Mode) }
func (d *SpaceToDepth) infer(in []Shape) (Shape, error) {
	s, err := singleMap(in)
	if err != nil {
		return s, err
	}
	if s.H%d.Block != 0 || s.W%d.Block != 0 {
		return s, fmt.Errorf("a map of %dx%d is not made of %dx%d blocks", s.H, s.W, d.Block, d.Block)
	}
	return Shape{H: s.H / d.Block, W: s.W / d.Block, C: int(min(int64(s.C)*int64(d.Block)*int64(d.Block), 1<<30))}, nil
}

// blockChannel is the channel, of depth*block*block, that holds the channel c of the pixel (y, x) of its block.
func blockChannel(mode string, block, depth, y, x, c int) int {
	if mode == ColumnRowDepth {
		return (c*block+y)*block + x
	}
	return (y*block+x)*depth + c
}

// What Resize's attributes can be. See ONNX's Resize for the coordinates and roundings.
const (
	ResizeNearest = "nearest"
	ResizeLinear  = "linear"
	ResizeCubic   = "cubic"

	HalfPixel          = "half_pixel"           // PyTorch's align_corners=False, TensorFlow 2; also ""
	HalfPixelSymmetric = "half_pixel_symmetric" //
	PyTorchHalfPixel   = "pytorch_half_pixel"   // as half_pixel, but an axis of one output reads position 0
	AlignCorners       = "align_corners"        //
	Asymmetric         = "asymmetric"           // PyTorch's nearest (with RoundFloor), Upsample
	HalfPixelForNN     = "tf_half_pixel_for_nn" // TensorFlow's and Keras's nearest (with RoundFloor)

	RoundPreferFloor = "round_prefer_floor" // ONNX's default; also ""
	RoundPreferCeil  = "round_prefer_ceil"  //
	RoundFloor       = "floor"              //
	RoundCeil        = "ceil"               //
)

// Resize resamples a map without a low-pass filter, beyond its border with the border's values: to the size H, W, or if that is 0 by the factors ScaleH, ScaleW (the result rounded down).
type Resize struct {
	noParams
	H        int     `json:"h,omitempty"`
	W        int     `json:"w,omitempty"`
	ScaleH   float64 `json:"scale_h,omitempty"`
	ScaleW   float64 `json:"scale_w,omitempty"`
	Mode     string  `json:"mode"`
	Coord    string  `json:"coord,omitempty"`
	Rounding string  `json:"rounding,omitempty"` // of nearest
	CubicA   float64 `json:"cubic_a,omitempty"`  // 0 is -0.75, as PyTorch and ONNX have it; TensorFlow -0.5
}

func (*Resize) Kind() string { return "Resize" }

func (r *Resize) validate() error {
	if r.H < 0 || r.W < 0 || r.H > maxExtent || r.W > maxExtent || (r.H == 0) != (r.W == 0) {
		return fmt.Errorf("size %dx%d", r.H, r.W)
	}
	if r.H == 0 && !(r.ScaleH > 0 && r.ScaleW > 0 && r.ScaleH <= maxExtent && r.ScaleW <= maxExtent) {
		return fmt.Errorf("neither a size nor factors: %v, %v", r.ScaleH, r.ScaleW)
	}
	if !(math.Abs(r.CubicA) <= 16) {
		return fmt.Errorf("cubic coefficient %v", r.CubicA)
	}
	known := func(v string, list ...string) error {
		for _, k := range list {
			if v == k {
				return nil
			}
		}
		return fmt.Errorf("unknown mode %q", v)
	}
	for _, err := range []error{
		known(r.Mode, ResizeNearest, ResizeLinear, ResizeCubic),
		known(r.Coord, "", HalfPixel, HalfPixelSymmetric, PyTorchHalfPixel, AlignCorners, Asymmetric, HalfPixelForNN),
		known(r.Rounding, "", RoundPreferFloor, RoundPreferCeil, RoundFloor, RoundCeil),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Resize) infer(in []Shape) (Shape, error) {
	s, err := singleMap(in)
	if r.H > 0 {
		return Shape{H: r.H, W: r.W, C: s.C}, err
	}
	one := func(n int, scale float64) int { return int(min(math.Floor(float64(float64(n)*scale)), 1<<30)) }
	return Shape{H: one(s.H, r.ScaleH), W: one(s.W, r.ScaleW), C: s.C}, err
}

// position is where the centre of position i of an axis of out lies in one of n; scale is 0 where only the size was given.
func (r *Resize) position(i, n, out int, scale float64) float64 {
	// A product before the quotient, so that whole numbers come out whole.
	back := func(v float64) float64 {
		if scale == 0 {
			return float64(v*float64(n)) / float64(out)
		}
		return v / scale
	}
	x := float64(i)
	switch r.Coord {
	case AlignCorners:
		if out == 1 {
			return 0
		}
		return float64(x*float64(n-1)) / float64(out-1)
	case Asymmetric:
		return back(x)
	case HalfPixelForNN:
		return back(x + 0.5)
	case HalfPixelSymmetric:
		covered := 1.0
		if scale != 0 {
			covered = float64(out) / float64(scale*float64(n))
		}
		return float64(float64(n)/2*(1-covered)) + (back(x+0.5) - 0.5)
	case PyTorchHalfPixel:
		if out == 1 {
			return 0
		}
	}
	return back(x+0.5) - 0.5
}

// nearest lists, for each position of an axis of out, the one of n that it reads.
func (r *Resize) nearest(n, out int, scale float64) []int {
	list := make([]int, out)
	for i := range list {
		x := r.position(i, n, out, scale)
		switch r.Rounding {
		case RoundFloor:
			x = math.Floor(x)
		case RoundCeil:
			x = math.Ceil(x)
		case RoundPreferCeil:
			x = math.Floor(x + 0.5)
		default:
			x = math.Ceil(x - 0.5)
		}
		list[i] = int(min(max(x, 0), float64(n-1)))
	}
	return list
}

// taps gives, for each position of an axis of out, the first of the neighbours that it mixes (which may lie beyond the border) and their weights.
func (r *Resize) taps(n, out int, scale float64) (first []int, weights [][]float64) {
	first, weights = make([]int, out), make([][]float64, out)
	a := r.CubicA
	if a == 0 {
		a = -0.75
	}
	for i := range out {
		x := r.position(i, n, out, scale)
		floor := math.Floor(x)
		t := x - floor
		if r.Mode == ResizeLinear {
			first[i], weights[i] = int(floor), []float64{1 - t, t}
			continue
		}
		near := func(t float64) float64 { return float64(float64((float64((a+2)*t)-(a+3))*t)*t) + 1 }
		far := func(t float64) float64 {
			return float64(float64((float64(float64((float64(a*t)-float64(5*a))*t)+8*a))*t)) - 4*a
		}
		first[i], weights[i] = int(floor)-1, []float64{far(1 + t), near(t), near(1 - t), far(2 - t)}
	}
	return first, weights
}

// Flatten makes a map a vector. In memory nothing moves; the order that users and dense weights see is the layout's.
type Flatten struct{ noParams }

func (*Flatten) Kind() string { return "Flatten" }
func (*Flatten) infer(in []Shape) (Shape, error) {
	s, err := single(in)
	s.Flat = true
	return s, err
}

// Identity passes its input on. Dropout at inference is one.
type Identity struct {
	noParams
	Dropout bool `json:"dropout,omitempty"`
}

func (i *Identity) Kind() string {
	if i.Dropout {
		return "Dropout"
	}
	return "Identity"
}
func (*Identity) infer(in []Shape) (Shape, error) { return single(in) }
