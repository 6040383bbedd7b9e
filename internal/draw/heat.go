package draw

import (
	"image"
	"image/color"
)

// Heats is a picture, and beside it the same with layers' maps laid over it.
type Heats struct {
	Title   string
	Note    string // below the title
	Picture *image.RGBA
	Over    []Heat
	Opacity float64 // of the maps, 0 to 1
	Colours *Colours
}

// Heat is one map; H x W, of any size.
type Heat struct {
	Label string
	H, W  int
	Map   []float32
}

const leastPicture = 224 // pixels

func (h *Heats) zoom() int {
	b := h.Picture.Rect
	return max(1, leastPicture/max(b.Dx(), b.Dy()))
}

// panel is the size of a picture's place.
func (h *Heats) panel() (width, height int) {
	b, z := h.Picture.Rect, h.zoom()
	return max(b.Dx()*z, 24*charWidth), b.Dy()*z + 2*lineHeight
}

func (h *Heats) columns() int {
	w, _ := h.panel()
	return min(len(h.Over)+1, max(2, 1200/(w+margin)))
}

func (h *Heats) size() (width, height int) {
	w, ph := h.panel()
	rows := (len(h.Over) + h.columns()) / h.columns()
	return h.columns()*(w+margin) - margin, 2*lineHeight + gap + rows*(ph+gap) - gap
}

func (h *Heats) draw(to *image.RGBA, x, y int) {
	width, _ := h.size()
	text(to, x, y, ink, clip(h.Title, width))
	text(to, x, y+lineHeight, faint, clip(h.Note, width))
	y += 2*lineHeight + gap
	w, ph := h.panel()
	b, z := h.Picture.Rect, h.zoom()
	at := func(i int) (int, int) { return x + i%h.columns()*(w+margin), y + i/h.columns()*(ph+gap) }
	h.picture(to, x, y, func(c color.RGBA, _, _ int) color.RGBA { return c })
	text(to, x, y+b.Dy()*z, ink, "as the network sees it")
	for i := range h.Over {
		o := &h.Over[i]
		px, py := at(i + 1)
		r := RangeOf(o.Map)
		levels := o.enlarged(b.Dx(), b.Dy(), r)
		opacity := int(float64(h.Opacity*256) + 0.5)
		h.picture(to, px, py, func(c color.RGBA, cx, cy int) color.RGBA {
			over := h.Colours[levels[cy*b.Dx()+cx]]
			mix := func(a, b uint8) uint8 { return uint8((int(a)*(256-opacity) + int(b)*opacity + 128) >> 8) }
			return color.RGBA{mix(c.R, over.R), mix(c.G, over.G), mix(c.B, over.B), 255}
		})
		text(to, px, py+b.Dy()*z, ink, clip(o.Label, w))
		colourBar(to, px, py+b.Dy()*z+lineHeight, w, h.Colours, r)
	}
}

// picture draws it with each pixel changed.
func (h *Heats) picture(to *image.RGBA, x, y int, change func(c color.RGBA, x, y int) color.RGBA) {
	b, z := h.Picture.Rect, h.zoom()
	for py := range b.Dy() {
		for px := range b.Dx() {
			c := change(h.Picture.RGBAAt(b.Min.X+px, b.Min.Y+py), px, py)
			fill(to, image.Rect(x+px*z, y+py*z, x+(px+1)*z, y+(py+1)*z), c)
		}
	}
}

// enlarged is the map in the size of the picture, as levels of 0 to 255: bilinear, the corners of both on each other (align_corners=False of the frameworks).
func (o *Heat) enlarged(w, h int, r Range) []uint8 {
	const most = 1<<16 - 1
	levels := make([]int64, len(o.Map))
	for i, v := range o.Map {
		levels[i] = int64(max(0, r.level(v, most)))
	}
	out := make([]uint8, 0, w*h)
	for y := range h {
		y0, y1, fy := between(y, h, o.H)
		for x := range w {
			x0, x1, fx := between(x, w, o.W)
			top := levels[y0*o.W+x0]*(one-fx) + levels[y0*o.W+x1]*fx
			bottom := levels[y1*o.W+x0]*(one-fx) + levels[y1*o.W+x1]*fx
			v := (top*(one-fy) + bottom*fy) / (one * one)
			out = append(out, uint8(v*255/most))
		}
	}
	return out
}

// one is the unit of the shares between two values.
const one = 1 << 12

// between finds the two of n values that the i-th of size pixels lies between, and the second's share.
func between(i, size, n int) (first, second int, share int64) {
	at := (int64(2*i+1)*int64(n)*one/int64(size) - one) / 2 // of the pixel's middle, in values
	at = max(0, min(at, int64(n-1)*one))
	first = int(at / one)
	return first, min(first+1, n-1), at % one
}
