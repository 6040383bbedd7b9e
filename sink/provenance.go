package sink

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/featx-go/featx/engine/image"
)

// Provenance is what the rows of an output depend on beside the pictures. The finished output carries it (docs/outputs.md), and a job that was interrupted goes on only
// with the same. Nothing that the bytes do not depend on is in it: no time, threads, batch or instruction set.
type Provenance struct {
	Program string       `json:"featx"` // version of the program
	Model   Model        `json:"model"`
	Recipe  image.Recipe `json:"recipe"`
	Layers  []Layer      `json:"layers"` // of the output
	L2      bool         `json:"l2"`     // each row has been divided by its Euclidean norm

	ExifOrient bool   `json:"exif_orient"` // pictures were turned upright as their EXIF says
	FastDecode bool   `json:"fast_decode"` // large JPEG pictures were decoded at a fraction of their size
	MaxPixels  int64  `json:"max_pixels"`  // larger pictures were refused
	OnError    string `json:"on_error"`    // a picture that could not be read: skip (no row) or nan
}

// Model is a model file.
type Model struct {
	Name    string  `json:"name"`   // as it was asked for; of a path the last part
	SHA256  string  `json:"sha256"` // of the model file: network, recipe and weights
	Weights Weights `json:"weights"`
}

// Weights are what a model file was converted from.
type Weights struct {
	File   string `json:"file,omitempty"` // name or URL
	SHA256 string `json:"sha256,omitempty"`
}

// Difference is a part of two provenances that is not the same, by its JSON name (recipe.resize). A part that one lacks is "" there.
type Difference struct {
	Name string `json:"name"`
	A    string `json:"a"`
	B    string `json:"b"`
}

// Differences lists what is not the same in two values that have a JSON form, the first's parts first.
func Differences(a, b any) []Difference {
	var list []Difference
	left, right := parts(a), parts(b)
	for _, p := range left {
		i := slices.IndexFunc(right, func(q Difference) bool { return q.Name == p.Name })
		if i < 0 {
			list = append(list, p)
			continue
		}
		if p.B = right[i].A; p.A != p.B {
			list = append(list, p)
		}
		right = slices.Delete(right, i, i+1)
	}
	for _, q := range right {
		list = append(list, Difference{Name: q.Name, B: q.A})
	}
	return list
}

// parts are the values in a JSON object and the objects in it, by the names on the way, in their order; each as A.
func parts(v any) []Difference {
	text, err := json.Marshal(v)
	if err != nil {
		return []Difference{{Name: "provenance", A: err.Error()}}
	}
	return appendParts(nil, "", text)
}

func appendParts(list []Difference, name string, text json.RawMessage) []Difference {
	d := json.NewDecoder(bytes.NewReader(text))
	switch open, _ := d.Token(); {
	case open == json.Delim('{'):
		for d.More() {
			key, _ := d.Token()
			list = appendParts(list, strings.TrimPrefix(fmt.Sprintf("%s.%s", name, key), "."), member(d))
		}
	case open == json.Delim('[') && bytes.Contains(text, []byte("{")):
		for i := 0; d.More(); i++ {
			list = appendParts(list, fmt.Sprintf("%s[%d]", name, i), member(d))
		}
	default:
		var plain string
		if json.Unmarshal(text, &plain) != nil {
			plain = string(text)
		}
		list = append(list, Difference{Name: name, A: plain})
	}
	return list
}

// member is the next value, which json.Marshal has made.
func member(d *json.Decoder) (text json.RawMessage) {
	_ = d.Decode(&text)
	return text
}
