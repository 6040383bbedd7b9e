package draw

import (
	"fmt"
	"image"
	"math"
)

// Grid is a layer's maps, one beside the other.
type Grid struct {
	Title    string
	Note     string // below the title
	H, W     int    // of a map
	Maps     [][]float32
	Channels []int  // their numbers
	Range    *Range // of all maps; nil is each map's own
	Colours  *Colours
}

// Sizes in pixels: of a map, of the place of a map, whose label has to fit, and of the grid.
const (
	usualMap  = 96 // about
	leastTile = 12 * charWidth
	usualGrid = 1000
)

// tile is the size of a map's place, its label included, and zoom the pixels of a value.
func (g *Grid) tile() (w, h, zoom int) {
	larger := max(g.H, g.W)
	zoom = max(1, (usualMap+larger/2)/larger)
	return max(leastTile, g.W*zoom), g.H*zoom + 2*lineHeight, zoom
}

// columns makes the grid a thousand pixels wide, or for many maps about a third wider than high.
func (g *Grid) columns() int {
	w, h, _ := g.tile()
	n := int(math.Sqrt(float64(len(g.Maps)*(h+gap)*4) / float64((w+gap)*3)))
	return min(max(n, 1, (usualGrid+gap)/(w+gap)), len(g.Maps))
}

func (g *Grid) rows() int { return (len(g.Maps) + g.columns() - 1) / g.columns() }

func (g *Grid) size() (w, h int) {
	tw, th, _ := g.tile()
	return max(g.columns()*(tw+gap)-gap, 40*charWidth), 2*lineHeight + gap + g.rows()*(th+gap) - gap
}

func (g *Grid) draw(to *image.RGBA, x, y int) {
	width, _ := g.size()
	text(to, x, y, ink, clip(g.Title, width))
	if g.Range != nil {
		note := clip(g.Note, width-30*charWidth)
		text(to, x, y+lineHeight, faint, note)
		colourBar(to, x+width-28*charWidth, y+lineHeight, 28*charWidth, g.Colours, *g.Range)
	} else {
		text(to, x, y+lineHeight, faint, clip(g.Note, width))
	}
	y += 2*lineHeight + gap
	w, h, zoom := g.tile()
	for i, m := range g.Maps {
		tx, ty := x+i%g.columns()*(w+gap), y+i/g.columns()*(h+gap)
		own := RangeOf(m)
		r := own
		if g.Range != nil {
			r = *g.Range
		}
		paint(to, tx, ty, m, g.W, zoom, g.Colours, r)
		text(to, tx, ty+g.H*zoom, ink, fmt.Sprint(g.Channels[i]))
		text(to, tx, ty+g.H*zoom+lineHeight-2, faint, own.label())
	}
}

func (r Range) label() string {
	switch {
	case r.Largest < r.Least:
		return "not finite"
	case r.Largest == r.Least:
		return "all " + short(r.Least)
	}
	return short(r.Least) + ".." + short(r.Largest)
}

// paint draws a map, each value a square of zoom pixels.
func paint(to *image.RGBA, x, y int, m []float32, width, zoom int, c *Colours, r Range) {
	for i, v := range m {
		px, py := x+i%width*zoom, y+i/width*zoom
		fill(to, image.Rect(px, py, px+zoom, py+zoom), c.of(v, r))
	}
}
