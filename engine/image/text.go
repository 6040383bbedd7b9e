package image

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Fields are the parts of a recipe that [Recipe.Set] knows, under the names of
// the command line's flags.
var Fields = []struct{ Name, Usage string }{
	{"size", "the network's input in pixels: 224, or height x width: 224x192"},
	{"resize", "before the crop: none, 256 (the shorter edge), 256x224 (height x width, squashed)"},
	{"interpolation", "nearest, box, bilinear, hamming, bicubic or lanczos"},
	{"crop", "none, center, or several views of a picture: five (corners and center), ten (mirrored too); features are averaged over them"},
	{"flip", "average features over the picture and the picture mirrored left to right"},
	{"scale", "factor of the pixels' values 0..255: 1, 1/255, 1/127.5"},
	{"mean", "subtracted after scaling: one number or one per channel: 0.485,0.456,0.406"},
	{"std", "divides after that: one number or one per channel: 0.229,0.224,0.225"},
	{"channels", "rgb or bgr"},
}

// Set changes the field called name to the value that text says. It checks the
// text; [Recipe.Validate] checks that the fields fit together.
func (r *Recipe) Set(name, text string) (err error) {
	n := *r // r stays as it is if the text is wrong
	text = strings.TrimSpace(text)
	switch name {
	case "size":
		n.Size, err = parseSize(text)
	case "resize":
		err = n.Resize.UnmarshalText([]byte(text))
	case "interpolation":
		err = choose(&n.Interpolation, name, text)
	case "crop":
		err = choose(&n.Crop, name, text)
	case "flip":
		if text != "true" && text != "false" {
			err = fmt.Errorf("flip %q: must be true or false", text)
		}
		n.Flip = text == "true"
	case "scale":
		if _, _, err = parseScale(text); err == nil {
			n.Scale = text
		}
	case "mean":
		n.Mean, err = parseTriple(name, text)
	case "std":
		n.Std, err = parseTriple(name, text)
	case "channels":
		err = choose(&n.Channels, name, text)
	default:
		err = fmt.Errorf("a recipe has no field %q", name)
	}
	if err == nil {
		*r = n
	}
	return err
}

// choices are the values of the fields that have few.
var choices = map[string][]string{
	"interpolation": {"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"},
	"crop":          {"none", "center", "five", "ten"},
	"channels":      {"rgb", "bgr"},
}

// Choices lists the values that a field of the recipe can have, where they are few; else it is nil.
func Choices(name string) []string { return slices.Clone(choices[name]) }

func choose(field *string, name, text string) error {
	if !slices.Contains(choices[name], text) {
		all := choices[name]
		last := len(all) - 1
		return fmt.Errorf("%s %q: must be %s or %s", name, text, strings.Join(all[:last], ", "), all[last])
	}
	*field = text
	return nil
}

func parseSize(text string) ([2]int, error) {
	h, w, ok := parseHW(text, maxInput)
	if !ok {
		return [2]int{}, fmt.Errorf("size %q: must be 224 or height x width like 224x192, each from 1 to %d", text, maxInput)
	}
	if w == 0 {
		w = h
	}
	return [2]int{h, w}, nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (z *Resize) UnmarshalText(text []byte) error {
	if string(text) == "none" {
		*z = Resize{}
		return nil
	}
	h, w, ok := parseHW(string(text), maxEdge)
	if !ok {
		return fmt.Errorf("resize %q: must be none, the shorter edge like 256, or height x width like 256x224, each from 1 to %d", text, maxEdge)
	}
	if *z = (Resize{Edge: h}); w != 0 {
		*z = Resize{H: h, W: w}
	}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (z Resize) MarshalText() ([]byte, error) { return []byte(z.String()), z.validate() }

func (z Resize) String() string {
	switch {
	case z.H > 0:
		return fmt.Sprintf("%dx%d", z.H, z.W)
	case z.Edge > 0:
		return strconv.Itoa(z.Edge)
	}
	return "none"
}

// parseHW reads "h" (then w is 0) or "hxw", each from 1 to limit.
func parseHW(text string, limit int) (h, w int, ok bool) {
	first, second, both := strings.Cut(text, "x")
	h, err := strconv.Atoi(first)
	if err != nil || h < 1 || h > limit {
		return 0, 0, false
	}
	if both {
		if w, err = strconv.Atoi(second); err != nil || w < 1 || w > limit {
			return 0, 0, false
		}
	}
	return h, w, true
}

// parseScale reads "num" or "num/den", positive numbers.
func parseScale(text string) (num, den float32, err error) {
	first, second, quotient := strings.Cut(text, "/")
	if !quotient {
		second = "1"
	}
	for _, p := range []struct {
		text string
		to   *float32
	}{{first, &num}, {second, &den}} {
		v, err := strconv.ParseFloat(p.text, 32)
		if err != nil || !finite(float32(v)) || float32(v) <= 0 {
			return 0, 0, fmt.Errorf("scale %q: must be a positive number or quotient like 1, 1/255 or 1/127.5", text)
		}
		*p.to = float32(v)
	}
	return num, den, nil
}

func parseTriple(name, text string) (t [3]float32, err error) {
	parts := strings.Split(text, ",")
	if len(parts) == 1 {
		parts = []string{text, text, text}
	}
	if len(parts) != 3 {
		return t, fmt.Errorf("%s %q: must be one number, or three like 0.5,0.5,0.5 in the order of channels", name, text)
	}
	for i, p := range parts {
		v, err := strconv.ParseFloat(strings.TrimSpace(p), 32)
		if err != nil || !finite(float32(v)) || name == "std" && float32(v) <= 0 {
			return t, fmt.Errorf("%s %q: %q must be a finite number, of std a positive one", name, text, p)
		}
		t[i] = float32(v)
	}
	return t, nil
}
