//go:build !minimal

package main

import (
	"cmp"
	"errors"
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
)

// The roofline (Williams, Waterman and Patterson 2009): how fast each layer is over how much it computes per byte, below what memory and arithmetic allow. Both
// axes are logarithmic. A dot's area is the layer's share of the time. Dots carry numbers, which the list beside the picture explains; hovering shows all.

const (
	plotLeft, plotTop     = 70.0, 96.0
	plotWidth, plotHeight = 1000.0, 760.0
	listLeft              = plotLeft + plotWidth + 40
	listLine              = 14.0
	peakText              = 170.0                                                                     // room of the text above the peak's line
	dotColours            = "#0072b2 #d55e00 #009e73 #cc79a7 #e69f00 #56b4e9 #7f3c8d #8c6d31 #444444" // for the colour-blind too (Okabe and Ito)
)

// plotDot is a layer in the picture.
type plotDot struct {
	step    benchStep
	number  int
	x, y, r float64 // of the dot
	lx, ly  float64 // of the middle of its label
}

// labelBox is the room of a number.
func (d plotDot) labelBox() (w, h float64) { return 7*float64(len(fmt.Sprint(d.number))) + 3, 13 }

// axis is logarithmic, from lo to hi.
type axis struct{ lo, hi, from, to float64 }

func (a axis) at(v float64) float64 {
	return a.from + (a.to-a.from)*math.Log(v/a.lo)/math.Log(a.hi/a.lo)
}

// ticks are 1, 2 and 5 times the powers of ten.
func (a axis) ticks() (list []float64) {
	for p := math.Floor(math.Log10(a.lo)); p <= math.Ceil(math.Log10(a.hi)); p++ {
		for _, m := range []float64{1, 2, 5} {
			if v := m * math.Pow(10, p); v >= a.lo*0.999 && v <= a.hi*1.001 {
				list = append(list, v)
			}
		}
	}
	return list
}

// roofline places the steps that have multiply-adds. Axes end a little beyond what they show.
func roofline(r *benchReport) (dots []plotDot, x, y axis) {
	run := r.Runs[0]
	ridge := run.Peak / r.Bandwidth
	x = axis{ridge, ridge, plotLeft, plotLeft + plotWidth}
	y = axis{run.Peak, run.Peak, plotTop + plotHeight, plotTop}
	total := run.stepsMS()
	for _, s := range run.Steps {
		if s.MACs == 0 {
			continue
		}
		intensity := 2 * float64(s.MACs) / float64(s.Bytes)
		x.lo, x.hi = min(x.lo, intensity), max(x.hi, intensity)
		y.lo, y.hi = min(y.lo, s.GFLOPS), max(y.hi, s.GFLOPS)
		dots = append(dots, plotDot{step: s, number: len(dots) + 1, x: intensity, y: s.GFLOPS, r: 3 + 50*math.Sqrt(s.MS/total/math.Pi)})
	}
	x.lo, x.hi, y.lo, y.hi = x.lo/1.5, x.hi*1.5, y.lo/1.4, y.hi*1.4
	for i := range dots {
		dots[i].x, dots[i].y = x.at(dots[i].x), y.at(dots[i].y)
	}
	placeLabels(dots, y.at(run.Peak))
	return dots, x, y
}

// placeLabels puts each number beside its dot, at the nearest place that no other number, no dot's middle and not the text above the peak's line takes.
func placeLabels(dots []plotDot, peak float64) {
	order := byRadius(dots)
	for n, i := range order {
		d := &dots[i]
		w, h := d.labelBox()
		free := func(lx, ly float64) bool {
			if lx-w/2 < plotLeft || lx+w/2 > plotLeft+plotWidth || ly-h/2 < plotTop || ly+h/2 > plotTop+plotHeight {
				return false
			}
			if lx+w/2 > plotLeft+plotWidth-peakText && math.Abs(ly-(peak-9)) < h/2+10 {
				return false
			}
			for _, o := range dots {
				if math.Abs(lx-o.x) < w/2+o.r*0.8 && math.Abs(ly-o.y) < h/2+o.r*0.8 {
					return false
				}
			}
			for _, j := range order[:n] {
				o := dots[j]
				ow, oh := o.labelBox()
				if math.Abs(lx-o.lx) < (w+ow)/2 && math.Abs(ly-o.ly) < (h+oh)/2 {
					return false
				}
			}
			return true
		}
		d.lx, d.ly = d.x, d.y // the dot's middle, if there is no room at all
	search:
		for distance := d.r + 8; distance < plotHeight; distance += 5 {
			for turn := range 24 {
				a := math.Pi * (float64(turn)/12 - 0.25)
				if lx, ly := d.x+distance*math.Cos(a), d.y+distance*math.Sin(a); free(lx, ly) {
					d.lx, d.ly = lx, ly
					break search
				}
			}
		}
	}
}

func drawRoofline(w io.Writer, r *benchReport) {
	run := r.Runs[0]
	dots, x, y := roofline(r)
	perColumn := int(math.Floor((plotTop + plotHeight) / listLine))
	columns := (len(dots) + perColumn - 1) / perColumn
	longest := 0
	for _, d := range dots {
		longest = max(longest, len(d.step.Name))
	}
	listColumn := 190 + 6.2*float64(longest)
	width, height := listLeft+listColumn*float64(columns)+10, plotTop+plotHeight+70

	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" font-family="sans-serif" font-size="12" fill="#222">`+"\n", width, height, width, height)
	fmt.Fprintf(w, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n")
	text := func(x, y float64, attributes, format string, args ...any) {
		fmt.Fprintf(w, `<text x="%.1f" y="%.1f"%s>%s</text>`+"\n", x, y, attributes, html.EscapeString(fmt.Sprintf(format, args...)))
	}
	line := func(x1, y1, x2, y2 float64, attributes string) {
		fmt.Fprintf(w, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" %s/>`+"\n", x1, y1, x2, y2, attributes)
	}
	text(plotLeft, 24, ` font-size="17" font-weight="bold"`, "%s, %d x %d, batch %d, %s, %d thread(s): %.2f ms, %.1f GFLOP/s", r.Model, r.Size[0], r.Size[1], r.Batch, run.ISA, r.Threads, run.Network.MS, run.Network.GFLOPS)
	text(plotLeft, 44, ` fill="#555"`, "%s; a dot is a layer, its area the share of the time; convolutions are counted as they are defined, so Winograd can pass the peak", r.CPU)

	// The grid.
	for _, v := range x.ticks() {
		line(x.at(v), plotTop, x.at(v), plotTop+plotHeight, `stroke="#e4e4e4"`)
		text(x.at(v), plotTop+plotHeight+18, ` text-anchor="middle"`, "%g", v)
	}
	for _, v := range y.ticks() {
		line(plotLeft, y.at(v), plotLeft+plotWidth, y.at(v), `stroke="#e4e4e4"`)
		text(plotLeft-8, y.at(v)+4, ` text-anchor="end"`, "%g", v)
	}
	text(plotLeft+plotWidth/2, plotTop+plotHeight+42, ` text-anchor="middle"`, "FLOP per byte of weights, inputs and results")
	fmt.Fprintf(w, `<text transform="translate(20 %.0f) rotate(-90)" text-anchor="middle">GFLOP/s</text>`+"\n", plotTop+plotHeight/2)

	// The roof: memory's slope up to the peak.
	ridge := run.Peak / r.Bandwidth
	foot := max(x.lo, y.lo/r.Bandwidth)
	line(x.at(foot), y.at(foot*r.Bandwidth), x.at(ridge), y.at(run.Peak), `stroke="#222" stroke-width="2"`)
	line(x.at(ridge), y.at(run.Peak), plotLeft+plotWidth, y.at(run.Peak), `stroke="#222" stroke-width="2"`)

	// What the colours mean.
	colour := map[string]string{}
	palette := strings.Fields(dotColours)
	at := plotLeft
	for _, d := range dots {
		kind := d.step.Kernel + " " + d.step.Algorithm
		if colour[kind] != "" {
			continue
		}
		colour[kind] = palette[len(colour)%len(palette)]
		fmt.Fprintf(w, `<circle cx="%.1f" cy="68" r="6" fill="%s"/>`+"\n", at+6, colour[kind])
		text(at+17, 72, "", "%s", kind)
		at += 36 + 6.8*float64(len(kind))
	}

	// Leaders below dots, dots below numbers.
	for _, d := range dots {
		if math.Hypot(d.lx-d.x, d.ly-d.y) > d.r+9 {
			line(d.x, d.y, d.lx, d.ly, `stroke="#999" stroke-width="0.8"`)
		}
	}
	for _, i := range byRadius(dots) {
		d := dots[i]
		s := d.step
		fmt.Fprintf(w, `<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s" fill-opacity="0.6" stroke="#fff"><title>%s</title></circle>`+"\n", d.x, d.y, d.r, colour[s.Kernel+" "+s.Algorithm],
			html.EscapeString(fmt.Sprintf("%d %s%s\n%s %s, %s\n%.3f ms, %.1f GFLOP/s, %.1f %% of the peak\n%.1f million multiply-adds, %.2f MB, %.1f GB/s",
				d.number, s.Name, s.fused, s.Kernel, s.Algorithm, s.Shape, s.MS, s.GFLOPS, 100*s.Share, float64(s.MACs)/1e6, float64(s.Bytes)/1e6, s.GBS)))
	}
	for _, d := range dots {
		text(d.lx, d.ly+4, ` text-anchor="middle" font-size="11" paint-order="stroke" stroke="#fff" stroke-width="3"`, "%d", d.number)
	}

	roof := ` paint-order="stroke" stroke="#fff" stroke-width="4" font-weight="bold"`
	text(plotLeft+plotWidth-6, y.at(run.Peak)-6, roof+` text-anchor="end"`, "FMA peak %.0f GFLOP/s", run.Peak)
	middle := math.Sqrt(foot * ridge)
	mx, my := x.at(middle), y.at(middle*r.Bandwidth)
	slope := math.Atan2(y.at(run.Peak)-my, x.at(ridge)-mx) * 180 / math.Pi
	fmt.Fprintf(w, `<text transform="translate(%.1f %.1f) rotate(%.1f)" y="-7" text-anchor="middle"%s>memory %.1f GB/s</text>`+"\n", mx, my, slope, roof, r.Bandwidth)

	for i, d := range dots {
		lx, ly := listLeft+listColumn*float64(i/perColumn), 50+listLine*float64(i%perColumn)
		fmt.Fprintf(w, `<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>`, lx, ly+8, colour[d.step.Kernel+" "+d.step.Algorithm])
		text(lx+26, ly+12, ` font-size="11" text-anchor="end"`, "%d", d.number)
		text(lx+32, ly+12, ` font-size="11"`, "%s", d.step.Name)
		text(lx+listColumn-20, ly+12, ` font-size="11" text-anchor="end"`, "%.2f ms  %.0f GFLOP/s", d.step.MS, d.step.GFLOPS)
	}
	rest, count := 0.0, 0
	for _, s := range run.Steps {
		if s.MACs == 0 {
			rest, count = rest+s.MS, count+1
		}
	}
	text(plotLeft, plotTop+plotHeight+60, ` fill="#555"`, "%d steps without multiply-adds (pooling, copies) are not shown: %.2f ms, %.1f %% of the time", count, rest, 100*rest/run.stepsMS())
	fmt.Fprintln(w, "</svg>")
}

// byRadius is the dots, largest first.
func byRadius(dots []plotDot) []int {
	order := make([]int, len(dots))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(dots[b].r, dots[a].r) })
	return order
}

// checkRoofline refuses what cannot be drawn.
func checkRoofline(path string, isas int) error {
	if path != "" && isas > 1 {
		return errors.New("--svg shows one instruction set: give one with --isa")
	}
	return nil
}
