package image

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/featx-go/featx/kernels"
)

// Recipe says how a picture becomes the input of a network: resize, crop, scale,
// normalise, in this order. It is stored as JSON with a model. [Recipe.Set]
// changes a part of it from the command line's text forms.
type Recipe struct {
	// Size is the height and width of the network's input, in pixels.
	Size [2]int `json:"size"`
	// Resize is the size of the picture before the crop.
	Resize Resize `json:"resize"`
	// Interpolation is the resampling filter, Pillow's: nearest, box, bilinear,
	// hamming, bicubic or lanczos; all but nearest antialias.
	Interpolation string `json:"interpolation"`
	// Crop is none, where resizing gives Size already, or center: Size out of the
	// middle, as torchvision's center_crop; what lies outside of the picture is black.
	// five makes five views of a picture, as torchvision's FiveCrop: the corners top left, top
	// right, bottom left, bottom right, and the middle; ten, as TenCrop, is five with Flip.
	Crop string `json:"crop"`
	// Flip adds the same views of the picture mirrored left to right after Resize.
	Flip bool `json:"flip,omitempty"`
	// Scale is a number or a quotient (1, 1/255, 1/127.5) by which a pixel's
	// value 0..255 is multiplied, then divided, each rounded to float32.
	Scale string `json:"scale"`
	// Mean is subtracted from the scaled value, and Std divides the difference,
	// each rounded to float32; in the order of Channels.
	Mean [3]float32 `json:"mean"`
	Std  [3]float32 `json:"std"`
	// Channels is rgb or bgr.
	Channels string `json:"channels"`
}

// Resize is none (the zero value), or the length in pixels of the shorter Edge
// (the longer one follows, truncated, as in torchvision), or a height H and
// width W without regard to the picture's proportions (Keras). Its text and JSON
// forms are "none", "256" and "256x224".
type Resize struct{ Edge, H, W int }

// Torchvision is the recipe of torchvision's ImageNet weights: shorter edge to
// resize, crop in the centre, ImageNet's mean and standard deviation. Most
// networks have 256 and 224.
func Torchvision(resize, crop int) Recipe {
	return Recipe{
		Size:          [2]int{crop, crop},
		Resize:        Resize{Edge: resize},
		Interpolation: "bilinear",
		Crop:          "center",
		Scale:         "1/255",
		Mean:          [3]float32{0.485, 0.456, 0.406},
		Std:           [3]float32{0.229, 0.224, 0.225},
		Channels:      "rgb",
	}
}

// Keras is the recipe of keras.applications: load_img(target_size=(size, size)),
// which takes the nearest pixels and squashes the picture, then preprocess_input in
// one of its modes: caffe, tf, torch or raw (0..255, the network itself rescales).
func Keras(mode string, size int) Recipe {
	r := Recipe{
		Size:          [2]int{size, size},
		Resize:        Resize{H: size, W: size},
		Interpolation: "nearest",
		Crop:          "none",
		Scale:         "1",
		Std:           [3]float32{1, 1, 1},
		Channels:      "rgb",
	}
	switch mode {
	case "caffe":
		r.Mean, r.Channels = [3]float32{103.939, 116.779, 123.68}, "bgr"
	case "tf":
		r.Scale, r.Mean = "1/127.5", [3]float32{1, 1, 1}
	case "torch":
		t := Torchvision(size, size)
		r.Scale, r.Mean, r.Std = t.Scale, t.Mean, t.Std
	}
	return r
}

// CIFAR is the recipe of the CIFAR-10 networks: 32 x 32, a picture of another
// size squashed to it.
func CIFAR() Recipe {
	r := Torchvision(0, 32)
	r.Resize = Resize{H: 32, W: 32}
	r.Crop = "none"
	return r
}

const (
	maxInput = 1 << 14 // largest edge of a network's input
	maxEdge  = 1 << 15 // largest edge in Resize
	maxSide  = 1 << 24 // largest side that a picture may be resized to on the way to a crop
)

// Len is the number of values of one prepared picture: views x height x width x 3.
func (r *Recipe) Len() int { return r.Views() * r.Size[0] * r.Size[1] * 3 }

// Views is the number of inputs for the network that one picture gives.
func (r *Recipe) Views() int { return r.crops() * r.sides() }

// crops is the number of views of each side.
func (r *Recipe) crops() int {
	if r.Crop == "five" || r.Crop == "ten" {
		return 5
	}
	return 1
}

// sides is 2 if the mirrored picture has views too.
func (r *Recipe) sides() int {
	if r.Flip || r.Crop == "ten" {
		return 2
	}
	return 1
}

// Validate reports the first thing that is wrong with the recipe.
func (r *Recipe) Validate() error {
	for _, n := range r.Size {
		if n < 1 || n > maxInput {
			return fmt.Errorf("recipe: size %dx%d (height x width): each must be from 1 to %d", r.Size[0], r.Size[1], maxInput)
		}
	}
	if err := r.Resize.validate(); err != nil {
		return fmt.Errorf("recipe: %w", err)
	}
	for _, f := range []struct {
		name  string
		field *string
	}{{"interpolation", &r.Interpolation}, {"crop", &r.Crop}, {"channels", &r.Channels}} {
		if err := choose(f.field, f.name, *f.field); err != nil {
			return fmt.Errorf("recipe: %w", err)
		}
	}
	if z := r.Resize; r.Crop == "none" && (z.H > 0 && [2]int{z.H, z.W} != r.Size || z.Edge > 0 && min(r.Size[0], r.Size[1]) != z.Edge) {
		return fmt.Errorf("recipe: resize %v never gives the network's size %dx%d; set crop to center, or resize to %[2]dx%[3]d", z, r.Size[0], r.Size[1])
	}
	if z := r.Resize; r.crops() > 1 && ([2]int{z.H, z.W} == r.Size || z.H > 0 && (z.H < r.Size[0] || z.W < r.Size[1]) || z.Edge > 0 && z.Edge < min(r.Size[0], r.Size[1])) {
		return fmt.Errorf("recipe: crop %s of %dx%d (height x width) out of a picture of resize %v: resize it to something larger", r.Crop, r.Size[0], r.Size[1], z)
	}
	if _, _, err := parseScale(r.Scale); err != nil {
		return fmt.Errorf("recipe: %w", err)
	}
	for c := range 3 {
		if !finite(r.Mean[c]) {
			return fmt.Errorf("recipe: mean %v: must be finite", r.Mean)
		}
		if !finite(r.Std[c]) || r.Std[c] <= 0 {
			return fmt.Errorf("recipe: std %v: must be positive; 1,1,1 divides by nothing", r.Std)
		}
	}
	return nil
}

func (z Resize) validate() error {
	ok := z.H == 0 && z.W == 0 && z.Edge >= 0 || z.Edge == 0 && z.H > 0 && z.W > 0
	if !ok || z.Edge > maxEdge || z.H > maxEdge || z.W > maxEdge {
		return fmt.Errorf("resize to edge %d or %dx%d: must be one of both, from 1 to %d", z.Edge, z.H, z.W, maxEdge)
	}
	return nil
}

func finite(v float32) bool { return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) }

// Apply writes the prepared picture to dst: for each view Size[0] rows of Size[1] pixels of 3
// channels (NHWC), float32. A [Preparer] is quicker for many pictures.
func (r *Recipe) Apply(dst []float32, img *RGB) error {
	p, err := r.Preparer()
	if err != nil {
		return err
	}
	return p.Apply(dst, img)
}

// Preparer applies one recipe to many pictures. It keeps its tables and reuses
// its buffers; several goroutines may use it at once.
type Preparer struct {
	recipe Recipe
	isa    kernels.ISA
	values [3][256]float32 // of a pixel's byte, by channel of the result
	first  int             // the pixel's byte for the first channel: 0 red, 2 blue
	small  sync.Pool       // *[]uint8: resized and cropped pixels
}

// Preparer checks the recipe and computes its tables.
func (r *Recipe) Preparer() (*Preparer, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	p := &Preparer{recipe: *r, isa: bestISA()}
	p.small.New = func() any { b := make([]uint8, r.Len()); return &b }
	num, den, _ := parseScale(r.Scale)
	for c := range p.values {
		for i := range p.values[c] {
			v := float32(float32(i) * num)
			v = float32(v / den)
			v = float32(v - r.Mean[c])
			p.values[c][i] = float32(v / r.Std[c])
		}
	}
	if r.Channels == "bgr" {
		p.first = 2
	}
	return p, nil
}

// Use chooses the instruction set; without, it is that of the variable FEATX_ISA, or else the best of this CPU. The values are the same.
func (p *Preparer) Use(isa kernels.ISA) { p.isa = isa }

// Apply is [Recipe.Apply].
func (p *Preparer) Apply(dst []float32, img *RGB) error {
	n := p.recipe.Len()
	if len(dst) != n {
		return fmt.Errorf("recipe: room for %d values, but a picture of %dx%d has %d", len(dst), p.recipe.Size[0], p.recipe.Size[1], n)
	}
	small := p.small.Get().(*[]uint8)
	defer p.small.Put(small)
	if err := p.recipe.pixels(p.isa, *small, img); err != nil {
		return err
	}
	a, b, c := &p.values[0], &p.values[1], &p.values[2]
	first, third := p.first, 2-p.first
	for i := 0; i+3 <= len(dst); i += 3 {
		q, d := (*small)[i:i+3:i+3], dst[i:i+3:i+3]
		d[0], d[1], d[2] = a[q[first]], b[q[1]], c[q[third]]
	}
	return nil
}

// Pixels returns the picture resized and cropped, before scale and normalisation; its views, one below the other.
func (r *Recipe) Pixels(img *RGB) (*RGB, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	m := NewRGB(r.Size[1], r.Views()*r.Size[0])
	return m, r.pixels(bestISA(), m.Pix, img)
}

// pixels writes the resized and cropped picture to dst, views x Size[0] x Size[1] x 3.
// Only what each crop leaves is computed where the whole picture would be larger than its views.
func (r *Recipe) pixels(isa kernels.ISA, dst []uint8, img *RGB) error {
	if img == nil || img.W < 1 || img.H < 1 || len(img.Pix) < 3*img.W*img.H {
		return errors.New("recipe: the picture is empty")
	}
	full, _ := img.origin()
	w := window{size: r.Resize.of(full[0], full[1])}
	if w.size[0] > maxSide || w.size[1] > maxSide {
		return fmt.Errorf("a picture of %d x %d pixels (width x height) would be %d x %d after resize %v: too large; resize it to %dx%d instead",
			img.W, img.H, w.size[1], w.size[0], r.Resize, r.Size[0], r.Size[1])
	}
	if r.Crop == "none" && w.size != r.Size {
		return fmt.Errorf("a picture of %d x %d pixels (width x height) is %d x %d after resize %v, but the network takes %d x %d; set crop to center, or resize to %[7]dx%[6]d",
			img.W, img.H, w.size[1], w.size[0], r.Resize, r.Size[1], r.Size[0])
	}
	if r.crops() > 1 && (w.size[0] < r.Size[0] || w.size[1] < r.Size[1]) {
		return fmt.Errorf("a picture of %d x %d pixels (width x height) is %d x %d after resize %v: too small for crops of %d x %d; resize it to something larger",
			img.W, img.H, w.size[1], w.size[0], r.Resize, r.Size[1], r.Size[0])
	}
	s := resamplers.Get().(*resampler)
	defer resamplers.Put(s)
	s.isa = isa
	if n := r.Views(); n > 1 && int64(w.size[0])*int64(w.size[1]) <= int64(n)*int64(r.Size[0])*int64(r.Size[1]) {
		img = s.entire(img, w.size, r.Interpolation) // once for all views, which then are copies
	}
	one := 3 * r.Size[0] * r.Size[1]
	for side := range r.sides() {
		for crop := range r.crops() {
			r.view(s, dst[(side*r.crops()+crop)*one:][:one], img, w, crop, side == 1)
		}
	}
	return nil
}

// view writes one view of the picture that is resized to w.size.
func (r *Recipe) view(s *resampler, dst []uint8, img *RGB, w window, crop int, mirrored bool) {
	var pad [2]int // rows above, columns left of the picture
	for i := range 2 {
		if crop == r.crops()-1 {
			w.from[i], pad[i], w.n[i] = center(w.size[i], r.Size[i])
		} else { // bit 0 of a corner is right, bit 1 bottom
			w.from[i], w.n[i] = (crop>>(1-i)&1)*(w.size[i]-r.Size[i]), r.Size[i]
		}
	}
	if mirrored { // the same columns of the mirrored picture
		w.from[1] = w.size[1] - w.from[1] - w.n[1]
	}
	if w.n != r.Size {
		clear(dst)
	}
	stride := 3 * r.Size[1]
	dst = dst[pad[0]*stride+3*pad[1]:]
	s.resize(dst, stride, img, w, r.Interpolation)
	if mirrored {
		for y := range w.n[0] {
			mirror(dst[y*stride:][:3*w.n[1]])
		}
	}
}

// mirror reverses the order of a row's pixels.
func mirror(row []uint8) {
	for i, j := 0, len(row)-3; i < j; i, j = i+3, j-3 {
		a, b := row[i:i+3:i+3], row[j:j+3:j+3]
		a[0], a[1], a[2], b[0], b[1], b[2] = b[0], b[1], b[2], a[0], a[1], a[2]
	}
}

// of returns the height and width that a picture of h x w is resized to.
func (z Resize) of(h, w int) [2]int {
	long := func(n, short int) int {
		return int(min(int64(z.Edge)*int64(n)/int64(short), math.MaxInt32)) // more is too large in any case
	}
	switch {
	case z.H > 0:
		return [2]int{z.H, z.W}
	case z.Edge > 0 && w <= h:
		return [2]int{long(h, w), z.Edge}
	case z.Edge > 0:
		return [2]int{z.Edge, long(w, h)}
	}
	return [2]int{h, w}
}

// center is torchvision's center_crop of have pixels to want, in one direction:
// n pixels of the picture, from the from-th on, come after pad black ones.
func center(have, want int) (from, pad, n int) {
	if have < want {
		return 0, (want - have) / 2, have
	}
	d := have - want
	return d/2 + d&1*(d/2&1), 0, want // Python's round(d/2): halves to the even number
}
