package draw

import (
	"encoding/hex"
	"image/color"
	"math"
)

// Colours are what values look like, from the least to the largest.
type Colours [256]color.RGBA

// ColourNames lists the names that ColoursOf knows; the first is the usual one.
var ColourNames = []string{"viridis", "magma", "gray"}

// ColoursOf gives a colour map by its name; nil if there is none.
func ColoursOf(name string) *Colours {
	c := new(Colours)
	var table []byte
	switch name {
	case "viridis":
		table, _ = hex.DecodeString(viridis)
	case "magma":
		table, _ = hex.DecodeString(magma)
	case "gray":
		for i := range 256 {
			table = append(table, byte(i), byte(i), byte(i))
		}
	default:
		return nil
	}
	for i := range c {
		c[i] = color.RGBA{table[3*i], table[3*i+1], table[3*i+2], 255}
	}
	return c
}

// missing is the colour of a NaN.
var missing = color.RGBA{255, 0, 255, 255}

// Range are the values at the two ends of the colours. Infinite values and NaN have no part in it.
type Range struct{ Least, Largest float32 }

// nothing is the range of no values.
var nothing = Range{float32(math.Inf(1)), float32(math.Inf(-1))}

// RangeOf is the range of all values of maps.
func RangeOf(maps ...[]float32) Range {
	r := nothing
	for _, m := range maps {
		r = r.with(m)
	}
	return r
}

// with is the range that has these values in it too.
func (r Range) with(values []float32) Range {
	for _, v := range values {
		if v-v == 0 { // finite
			r.Least, r.Largest = min(r.Least, v), max(r.Largest, v)
		}
	}
	return r
}

// level is a value's place in the range: from 0 to most; -1 for NaN. All values of a range without extent are its least.
func (r Range) level(v float32, most int) int {
	switch {
	case v != v:
		return -1
	case !(v > r.Least) || !(r.Largest > r.Least):
		return 0
	case v >= r.Largest:
		return most
	}
	least := float64(r.Least)
	share := (float64(v) - least) / (float64(r.Largest) - least)
	return int(math.Floor(float64(share*float64(most)) + 0.5))
}

// of is a value's colour.
func (c *Colours) of(v float32, r Range) color.RGBA {
	i := r.level(v, 255)
	if i < 0 {
		return missing
	}
	return c[i]
}
