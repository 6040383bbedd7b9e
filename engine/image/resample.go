package image

import (
	"math"
	"slices"
	"sync"

	"github.com/featx-go/featx/kernels"
)

// filters are Pillow's (Resample.c), in units of the source's pixels when it
// enlarges, and of the result's when it reduces (which is its antialiasing).
// Products are rounded before they are added: no CPU may fuse them.
var filters = map[string]filter{
	"box": {0.5, func(x float64) float64 {
		if x > -0.5 && x <= 0.5 {
			return 1
		}
		return 0
	}},
	"bilinear": {1, func(x float64) float64 { return max(1-math.Abs(x), 0) }},
	"hamming": {1, func(x float64) float64 {
		x = math.Abs(x)
		if x == 0 {
			return 1
		}
		if x >= 1 {
			return 0
		}
		x *= math.Pi
		return sin(x) / x * (float64(float32(0.54)) + float64(float64(float32(0.46))*sin(x+math.Pi/2))) // Pillow writes 0.54f, 0.46f
	}},
	"bicubic": {2, func(x float64) float64 {
		const a = -0.5
		x = math.Abs(x)
		if x < 1 {
			return float64(float64((float64((a+2)*x)-(a+3))*x)*x) + 1
		}
		if x < 2 {
			return float64(float64((float64((x-5)*x)+8)*x)-4) * a
		}
		return 0
	}},
	"lanczos": {3, func(x float64) float64 {
		if x < -3 || x >= 3 {
			return 0
		}
		return sinc(x) * sinc(x/3)
	}},
}

type filter struct {
	support float64 // half its width
	at      func(x float64) float64
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return sin(x) / x
}

// sin is the sine for |x| <= 3 Pi to about 2e-16. math.Sin has other bits on CPUs with FMA.
func sin(x float64) float64 {
	// Subtract a multiple of Pi in two parts, of which the first multiplies exactly (Cody and Waite).
	const pi1, pi2 = 3.141592653589214, 5.792147943243964e-13
	n := math.Round(x * (1 / math.Pi))
	x = x - float64(n*pi1) - float64(n*pi2)
	x2 := float64(x * x)
	s := 0.0 // Taylor's series up to x^21/21!: |x| <= Pi/2
	for k := 20.0; k > 0; k -= 2 {
		s = -float64(x2*(1+s)) / float64(k*(k+1))
	}
	s = x + float64(x*s)
	if int(n)%2 != 0 {
		return -s
	}
	return s
}

const precisionBits = 32 - 8 - 2 // of Pillow's coefficients for 8-bit pixels

// taps are the coefficients of one direction: those of result pixel i are
// k[end[i-1]:end[i]] and belong to the source's pixels from first[i] on.
type taps struct {
	first, end []int32
	k          []int32
	weights    []float64 // scratch
}

func (t *taps) of(i int) (first int, k []int32) {
	start := int32(0)
	if i > 0 {
		start = t.end[i-1]
	}
	return int(t.first[i]), t.k[start:t.end[i]]
}

// span is the range of source pixels that all taps together need.
func (t *taps) span() (lo, hi int) {
	for i := range t.first {
		first, k := t.of(i)
		if i == 0 {
			lo = first
		}
		lo, hi = min(lo, first), max(hi, first+len(k))
	}
	return lo, hi
}

// compute fills t for count pixels, from the from-th on, of in pixels resized to out, where extent of these pixels carry picture.
func (t *taps) compute(f filter, in int, extent float64, out, from, count int) {
	t.first, t.end, t.k = t.first[:0], t.end[:0], t.k[:0]
	scale := extent / float64(out)
	filterScale := max(scale, 1)
	support := f.support * filterScale
	step := 1 / filterScale
	for i := range count {
		center := float64((float64(from+i) + 0.5) * scale)
		first := max(int(center-support+0.5), 0)
		last := min(int(center+support+0.5), in)
		w := t.weights[:0]
		sum := 0.0
		for x := first; x < last; x++ {
			v := f.at(float64((float64(x) - center + 0.5) * step))
			w = append(w, v)
			sum += v
		}
		for _, v := range w {
			if sum != 0 {
				v /= sum
			}
			v = float64(v * (1 << precisionBits))
			t.k = append(t.k, int32(v+math.Copysign(0.5, v)))
		}
		t.first = append(t.first, int32(first))
		t.end = append(t.end, int32(len(t.k)))
		t.weights = w
	}
}

// window is a part of a resized picture: n[0] rows from from[0] on, n[1] columns
// from from[1] on, of a picture of size[0] rows and size[1] columns.
type window struct{ size, from, n [2]int }

// resampler holds the buffers of resizing, for one picture at a time.
type resampler struct {
	isa        kernels.ISA
	rows, cols taps
	narrow     []uint8 // the needed rows of the source, of the window's width
	whole      []uint8 // a picture of which there are several views
	index      []int
}

var resamplers = sync.Pool{New: func() any { return new(resampler) }}

// resize writes the window w of src, resized as by Pillow's Image.resize, to
// dst, whose rows are stride bytes apart.
func (r *resampler) resize(dst []uint8, stride int, src *RGB, w window, interpolation string) {
	if interpolation == "nearest" {
		r.nearest(dst, stride, src, w)
		return
	}
	f := filters[interpolation]
	_, extent := src.origin()
	// Pillow leaves a pass out where the size stays as it is.
	vertical, horizontal := w.size[0] != src.H, w.size[1] != src.W
	lo, hi := w.from[0], w.from[0]+w.n[0] // the rows of src that are needed
	if vertical {
		r.rows.compute(f, src.H, extent[0], w.size[0], w.from[0], w.n[0])
		lo, hi = r.rows.span()
	}
	var part []uint8
	pitch := 3 * src.W
	if !horizontal {
		part = src.Pix[3*(lo*src.W+w.from[1]):]
	} else {
		part, pitch = dst, stride
		if vertical {
			pitch = 3 * w.n[1]
			r.narrow = slices.Grow(r.narrow[:0], (hi-lo)*pitch)[:(hi-lo)*pitch]
			part = r.narrow
		}
		r.cols.compute(f, src.W, extent[1], w.size[1], w.from[1], w.n[1])
		for y := lo; y < hi; y++ {
			r.isa.ResamplePixels(part[(y-lo)*pitch:][:3*w.n[1]], src.row(y), r.cols.first, r.cols.end, r.cols.k)
		}
	}
	if vertical {
		for y := range w.n[0] {
			first, k := r.rows.of(y)
			r.isa.ResampleColumns(dst[y*stride:][:3*w.n[1]], part[(first-lo)*pitch:], pitch, k)
		}
	} else if !horizontal {
		for y := range w.n[0] {
			copy(dst[y*stride:][:3*w.n[1]], part[y*pitch:])
		}
	}
}

// entire is src resized to size. It is valid until the next call.
func (r *resampler) entire(src *RGB, size [2]int, interpolation string) *RGB {
	m := &RGB{Pix: grow(&r.whole, 3*size[0]*size[1]), W: size[1], H: size[0]}
	r.resize(m.Pix, 3*m.W, src, window{size: size, n: size}, interpolation)
	return m
}

// nearest is Pillow's Image.resize with NEAREST (Geometry.c, ImagingScaleAffine):
// the source pixel under the centre of the result's, found by adding up steps.
func (r *resampler) nearest(dst []uint8, stride int, src *RGB, w window) {
	_, extent := src.origin()
	step := extent[1] / float64(w.size[1])
	at := float64(step * 0.5)
	r.index = r.index[:0]
	for x := range w.from[1] + w.n[1] {
		if x >= w.from[1] {
			r.index = append(r.index, int(at))
		}
		at += step
	}
	step = extent[0] / float64(w.size[0])
	at = float64(step * 0.5)
	for y := range w.from[0] + w.n[0] {
		if y >= w.from[0] {
			out := dst[(y-w.from[0])*stride:][:3*w.n[1]]
			in := []uint8(nil) // below the last row the sum of the steps has overshot: black
			if int(at) < src.H {
				in = src.row(int(at))
			}
			for x, from := range r.index {
				p := out[3*x : 3*x+3]
				p[0], p[1], p[2] = 0, 0, 0
				if 3*from < len(in) {
					copy(p, in[3*from:])
				}
			}
		}
		at += step
	}
}
