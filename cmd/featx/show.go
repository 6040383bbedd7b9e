//go:build !minimal

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	stdimage "image"
	"image/png"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/internal/atomicfile"
	"github.com/featx-go/featx/internal/draw"
)

func newShow() *cobra.Command {
	flagValues["colors"] = words(draw.ColourNames...)
	var s show
	var model string
	var o featx.Options
	c := &cobra.Command{
		Use:   "show [flags] -o FILE.png PICTURE",
		Short: "Feature maps of a picture, drawn",
		Long: `Draws what layers make of a picture, as a PNG: the maps of a layer as a grid, each with the
number of its channel and its least and largest value; a vector as a chart. Several
layers come one below the other.

A layer of more than 256 channels is cut to the 256 with the largest mean of absolute
values; --top chooses another number, --maps the channels themselves.

With --heat it draws the picture as the network sees it, resized and cropped, and beside
it with the mean of each layer's channels laid over it, bilinearly enlarged.`,
		Example: `  featx show -o maps.png photo.jpg
  featx show -m resnet50 -l conv1,layer1 --top 64 -o maps.png photo.jpg
  featx show -m vgg16 -l features.29 --maps 0,5,7-20 --range shared -o maps.png photo.jpg
  featx show -m resnet50 -l layer2,layer3,layer4 --heat -o heat.png photo.jpg`,
		Args: arguments(1, 1, "one picture"),
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVarP(&model, "model", "m", featx.EmbeddedName, "model file, or the `name` of an embedded, cached or published model")
	flags.StringSliceVarP(&o.Layers, "layer", "l", nil, "`layer`; may be repeated, or several with commas (default the last that has maps)")
	flags.StringVarP(&s.output, "output", "o", "", "PNG `file`")
	flags.BoolVar(&s.heat, "heat", false, "the mean of a layer's channels, over the picture")
	flags.StringVar(&s.channels, "maps", "", "channels to draw: numbers and ranges, as 0,5,7-20")
	flags.IntVar(&s.top, "top", 0, "draw so many channels: those with the largest mean of absolute values (default 256)")
	flags.StringVar(&s.span, "range", "each", "colours from least to largest value of each map, or shared by all of a layer")
	flags.StringVar(&s.colours, "colors", draw.ColourNames[0], "colour map: "+strings.Join(draw.ColourNames, ", "))
	flags.Float64Var(&s.opacity, "opacity", 0.6, "of the map over the picture: 0 to 1")
	flags.IntVar(&o.Threads, "threads", 0, "threads (default all cores)")
	flags.StringVar(&o.ISA, "isa", "", "instruction set: generic, avx2, avx512 or neon (default FEATX_ISA, or the best)")
	recipe := addRecipeFlags(flags)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := s.check(flags.Changed); err != nil {
			return err
		}
		m, err := openModel(c, model)
		if err != nil {
			return err
		}
		defer m.Close()
		r := m.Recipe()
		if err := recipe.apply(&r); err != nil {
			return err
		}
		if r.Views() > 1 {
			r.Crop, r.Flip = "center", false
		}
		o.Recipe, o.Batch, o.Pictures = &r, 1, 1
		if len(o.Layers) == 0 {
			if o.Layers, err = lastMap(m.Graph(), r.Size); err != nil {
				return err
			}
		}
		maps, err := runOne(m, o, args[0])
		if err != nil {
			return err
		}
		s.about = filepath.Base(model)
		s.picture = filepath.Base(args[0])
		sections, err := s.sections(maps)
		if err != nil {
			return err
		}
		return writeSheet(c.Context(), s.output, sections)
	}
	return c
}

// show is what to draw, and how.
type show struct {
	output, channels, span, colours string
	heat                            bool
	top                             int
	opacity                         float64

	about, picture string // for the titles
}

const defaultTop = 256 // channels

func (s *show) check(changed func(string) bool) error {
	switch {
	case s.output == "":
		return errors.New("-o is missing: name the PNG file to draw")
	case !strings.EqualFold(filepath.Ext(s.output), ".png"):
		return fmt.Errorf("%s: it will be a PNG file: name it .png", s.output)
	case changed("top") && s.top < 1:
		return fmt.Errorf("--top %d: must be at least 1", s.top)
	case s.top > 0 && s.channels != "":
		return errors.New("--top and --maps both choose channels: give one of them")
	case s.span != "each" && s.span != "shared":
		return fmt.Errorf("--range %q: want each or shared", s.span)
	case draw.ColoursOf(s.colours) == nil:
		return fmt.Errorf("--colors %q: want one of %s", s.colours, strings.Join(draw.ColourNames, ", "))
	case !(s.opacity >= 0 && s.opacity <= 1):
		return fmt.Errorf("--opacity %v: must be from 0 to 1", s.opacity)
	case s.heat && (changed("top") || changed("maps") || changed("range")):
		return errors.New("--heat draws the mean of all channels: --top, --maps and --range are for the grid")
	case !s.heat && changed("opacity"):
		return errors.New("--opacity is for --heat")
	}
	return nil
}

// lastMap is the last layer that is larger than a pixel.
func lastMap(g *engine.Graph, size [2]int) ([]string, error) {
	list, err := g.Describe(size)
	if err != nil {
		return nil, err
	}
	for _, n := range slices.Backward(list) {
		if _, h, w := shapeOf(n.Dims, g.Layout); h*w > 1 {
			return []string{n.Name}, nil
		}
	}
	return nil, errors.New("the model has no layer with maps: choose one with -l")
}

// shapeOf gives the channels, height and width of a layer; a vector has one pixel.
func shapeOf(dims []int, layout engine.Layout) (c, h, w int) {
	switch {
	case len(dims) != 3:
		return dims[0], 1, 1
	case layout == engine.NHWC:
		return dims[2], dims[0], dims[1]
	}
	return dims[0], dims[1], dims[2]
}

// layerMaps are a layer's values, map by map.
type layerMaps struct {
	name string
	dims []int
	h, w int
	maps [][]float32
}

// onePicture is what a network made of a picture.
type onePicture struct {
	seen   *stdimage.RGBA // after resize and crop
	layers []layerMaps
}

func runOne(m *featx.Model, o featx.Options, path string) (*onePicture, error) {
	x, err := m.Extractor(o)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	picture, err := image.DecodeFile(path)
	if err != nil {
		return nil, err
	}
	input := make([]float32, x.InputLen())
	if err := x.PrepareImage(input, picture); err != nil {
		return nil, named(path, err)
	}
	out, err := x.Run(1, input)
	if err != nil {
		return nil, err
	}
	all := new(onePicture)
	if all.seen, err = seen(*o.Recipe, picture); err != nil {
		return nil, named(path, err)
	}
	for i, l := range x.Layers() {
		c, h, w := shapeOf(l.Dims, m.Graph().Layout)
		maps := make([][]float32, c)
		for ch := range maps {
			maps[ch] = make([]float32, h*w)
			for p := range maps[ch] {
				at := ch*h*w + p
				if m.Graph().Layout == engine.NHWC {
					at = p*c + ch
				}
				maps[ch][p] = out[i].Data[at]
			}
		}
		all.layers = append(all.layers, layerMaps{l.Name, l.Dims, h, w, maps})
	}
	return all, nil
}

// seen is the picture after resize and crop.
func seen(r image.Recipe, picture *image.RGB) (*stdimage.RGBA, error) {
	r.Scale, r.Mean, r.Std, r.Channels = "1", [3]float32{}, [3]float32{1, 1, 1}, "rgb" // the bytes themselves
	values := make([]float32, r.Len())
	if err := r.Apply(values, picture); err != nil {
		return nil, err
	}
	m := stdimage.NewRGBA(stdimage.Rect(0, 0, r.Size[1], r.Size[0]))
	for i := range len(values) / 3 {
		for c := range 3 {
			m.Pix[4*i+c] = byte(values[3*i+c])
		}
		m.Pix[4*i+3] = 255
	}
	return m, nil
}

func (s *show) sections(all *onePicture) ([]draw.Section, error) {
	if s.heat {
		return s.heats(all)
	}
	var sections []draw.Section
	for i := range all.layers {
		l := &all.layers[i]
		title := fmt.Sprintf("%s  %s  %s  %s", s.about, l.name, times(l.dims), s.picture)
		if l.h*l.w == 1 && s.channels == "" {
			values := slices.Concat(l.maps...)
			sections = append(sections, &draw.Bars{Title: title, Note: fmt.Sprintf("%d values by channel", len(values)), Values: values})
			continue
		}
		chosen, note, err := s.choose(l)
		if err != nil {
			return nil, err
		}
		g := &draw.Grid{Title: title, Note: note, H: l.h, W: l.w, Channels: chosen, Colours: draw.ColoursOf(s.colours)}
		for _, c := range chosen {
			g.Maps = append(g.Maps, l.maps[c])
		}
		if s.span == "shared" {
			r := draw.RangeOf(g.Maps...)
			g.Range = &r
		}
		sections = append(sections, g)
	}
	return sections, nil
}

// choose lists the channels to draw, and says which these are.
func (s *show) choose(l *layerMaps) (chosen []int, note string, err error) {
	n := len(l.maps)
	if s.channels != "" {
		chosen, err = parseChannels(s.channels, n)
		if err != nil {
			err = fmt.Errorf("%w of layer %s", err, l.name)
		}
		return chosen, fmt.Sprintf("%d of %d channels", len(chosen), n), err
	}
	chosen = make([]int, n)
	strength := make([]float64, n)
	for c, m := range l.maps {
		chosen[c] = c
		for _, v := range m {
			strength[c] += math.Abs(float64(v))
		}
	}
	top := cmp.Or(s.top, defaultTop)
	if s.top == 0 && n <= top {
		return chosen, fmt.Sprintf("%d channels", n), nil
	}
	slices.SortStableFunc(chosen, func(a, b int) int { return cmp.Compare(strength[b], strength[a]) })
	chosen = chosen[:min(top, n)]
	return chosen, fmt.Sprintf("%d of %d channels, by their mean of absolute values", len(chosen), n), nil
}

// parseChannels reads numbers and ranges below n.
func parseChannels(text string, n int) (list []int, err error) {
	for part := range strings.SplitSeq(text, ",") {
		from, to, ranged := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		last := first
		if err == nil && ranged {
			last, err = strconv.Atoi(to)
		}
		if err != nil || first < 0 || last < first {
			return nil, fmt.Errorf("--maps %q: want numbers and ranges, as 0,5,7-20", text)
		}
		if last >= n {
			return nil, fmt.Errorf("--maps %s: there are only 0 to %d", part, n-1)
		}
		for c := first; c <= last; c++ {
			list = append(list, c)
		}
	}
	return list, nil
}

func (s *show) heats(all *onePicture) ([]draw.Section, error) {
	h := &draw.Heats{
		Title: s.about + "  " + s.picture, Note: "mean of each layer's channels",
		Picture: all.seen, Opacity: s.opacity, Colours: draw.ColoursOf(s.colours),
	}
	for _, l := range all.layers {
		if l.h*l.w == 1 {
			return nil, fmt.Errorf("layer %s is a vector, which has no places in the picture: choose one with maps for --heat", l.name)
		}
		h.Over = append(h.Over, draw.Heat{Label: fmt.Sprintf("%s  %dx%d", l.name, l.h, l.w), H: l.h, W: l.w, Map: meanMap(l.maps)})
	}
	return []draw.Section{h}, nil
}

// meanMap is the mean of the maps, summed up in float64 in their order.
func meanMap(maps [][]float32) []float32 {
	mean := make([]float32, len(maps[0]))
	for p := range mean {
		sum := 0.0
		for _, m := range maps {
			sum += float64(m[p])
		}
		mean[p] = float32(sum / float64(len(maps)))
	}
	return mean
}

func writeSheet(ctx context.Context, path string, sections []draw.Section) error {
	sheet, err := draw.Sheet(sections...)
	if err != nil {
		return err
	}
	out, err := atomicfile.Create(ctx, path)
	if err != nil {
		return named(path, err)
	}
	defer out.Abort()
	if err := png.Encode(out, sheet); err != nil {
		return named(path, err)
	}
	return named(path, out.Commit())
}
