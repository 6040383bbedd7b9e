package draw

import (
	"fmt"
	"image"
)

// Bars is a vector: a bar for each value, in the order of the channels.
type Bars struct {
	Title  string
	Note   string // below the title
	Values []float32
}

const (
	barsWidth  = 768 // of the chart, at least
	barsHeight = 160
	barsLabels = 7 * charWidth // left of it
)

func (b *Bars) barWidth() int { return max(1, barsWidth/len(b.Values)) }

func (b *Bars) size() (w, h int) {
	return barsLabels + max(b.barWidth()*len(b.Values), barsWidth), 3*lineHeight + gap + barsHeight
}

func (b *Bars) draw(to *image.RGBA, x, y int) {
	width, _ := b.size()
	text(to, x, y, ink, clip(b.Title, width))
	text(to, x, y+lineHeight, faint, clip(b.Note, width))
	y += 2*lineHeight + gap
	r := RangeOf(b.Values, []float32{0})
	text(to, x, y, ink, short(r.Largest))
	zero := y + barsHeight - 1 - r.level(0, barsHeight-1)
	if r.Least < 0 {
		text(to, x, y+barsHeight-lineHeight, ink, short(r.Least))
	}
	x += barsLabels
	n := b.barWidth()
	bar := ColoursOf("viridis")[90]
	for i, v := range b.Values {
		left := x + i*n
		top, bottom := y, y+barsHeight // of a NaN
		c := missing
		if level := r.level(v, barsHeight-1); level >= 0 {
			at := y + barsHeight - 1 - level
			top, bottom, c = min(at, zero), max(at, zero)+1, bar
		}
		fill(to, image.Rect(left, top, left+max(1, n-n/4), bottom), c)
	}
	fill(to, image.Rect(x, zero, x+n*len(b.Values), zero+1), ink)
	text(to, x, y+barsHeight+2, faint, "0")
	last := fmt.Sprint(len(b.Values) - 1)
	text(to, x+n*len(b.Values)-len(last)*charWidth, y+barsHeight+2, faint, last)
}
