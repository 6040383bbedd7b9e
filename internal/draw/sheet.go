package draw

import (
	"fmt"
	"image"
	"image/color"
	stddraw "image/draw"
	"math"
	"strconv"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

var (
	paper = color.RGBA{255, 255, 255, 255}
	ink   = color.RGBA{32, 32, 32, 255}
	faint = color.RGBA{120, 120, 120, 255}
)

const (
	charWidth  = 7
	lineHeight = 15
	margin     = 12
	gap        = 6
)

// MaxPixels is the largest sheet, 256 MB while it is drawn.
const MaxPixels = 64 << 20

// Section is a part of a sheet, over its whole width.
type Section interface {
	// size is what the section takes, in pixels.
	size() (w, h int)
	// draw draws it with its upper left corner at x, y.
	draw(to *image.RGBA, x, y int)
}

// Sheet draws sections one below the other.
func Sheet(sections ...Section) (*image.RGBA, error) {
	w, h := 0, margin
	for _, s := range sections {
		sw, sh := s.size()
		w, h = max(w, sw), h+sh+margin
	}
	w += 2 * margin
	if int64(w)*int64(h) > MaxPixels {
		return nil, fmt.Errorf("a sheet of %d x %d pixels would be too large (%d million at most): choose fewer channels or layers", w, h, MaxPixels>>20)
	}
	sheet := image.NewRGBA(image.Rect(0, 0, w, h))
	fill(sheet, sheet.Rect, paper)
	y := margin
	for _, s := range sections {
		s.draw(sheet, margin, y)
		_, sh := s.size()
		y += sh + margin
	}
	return sheet, nil
}

func fill(to *image.RGBA, r image.Rectangle, c color.RGBA) {
	stddraw.Draw(to, r, image.NewUniform(c), image.Point{}, stddraw.Src)
}

// text draws one line with its upper left corner at x, y. What the font lacks is a question mark.
func text(to *image.RGBA, x, y int, c color.RGBA, s string) {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	d := font.Drawer{Dst: to, Src: image.NewUniform(c), Face: basicfont.Face7x13, Dot: fixed.P(x, y+basicfont.Face7x13.Ascent)}
	d.DrawString(s)
}

// clip shortens a line to a width in pixels; its end is what stays, since names differ there.
func clip(s string, width int) string {
	r := []rune(s)
	if n := width / charWidth; len(r) > n {
		return ".." + string(r[len(r)-max(0, n-2):])
	}
	return s
}

// short is a number in at most six characters.
func short(v float32) string {
	f := float64(v)
	a := math.Abs(f)
	switch {
	case a == 0 || a >= 0.01 && a < 9999.5:
		digits := 2
		for limit := 10.0; digits > 0 && a >= limit; limit *= 10 {
			digits--
		}
		return strconv.FormatFloat(f, 'f', digits, 64)
	}
	s := strconv.FormatFloat(f, 'e', 0, 64)
	return strings.NewReplacer("e+0", "e", "e-0", "e-", "e+", "e").Replace(s)
}

// colourBar draws the colours with the values at their ends; it is lineHeight high.
func colourBar(to *image.RGBA, x, y, width int, c *Colours, r Range) {
	least, largest := short(r.Least), short(r.Largest)
	text(to, x, y, ink, least)
	x0, x1 := x+len(least)*charWidth+gap, x+width-len(largest)*charWidth-gap
	for i := x0; i < x1; i++ {
		fill(to, image.Rect(i, y+2, i+1, y+lineHeight-3), c[(i-x0)*255/max(1, x1-x0-1)])
	}
	text(to, x1+gap, y, ink, largest)
}
