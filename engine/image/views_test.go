package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FiveCrop, TenCrop and flips have torchvision's bits, of odd differences and with padding too.
func TestViewsLikeTorchvision(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(pictures, "views.json"))
	var all map[string]string
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil || len(all) != 204 {
		t.Fatal(err, len(all))
	}
	for name, want := range all {
		src := source(t)
		rest, turned := strings.CutPrefix(name, "turned ")
		if turned {
			src = rotate(src)
		}
		part := strings.Fields(rest)
		r := Torchvision(0, 1)
		for field, text := range map[string]string{"crop": part[0], "flip": fmt.Sprint(part[1] == "flip"), "interpolation": part[2], "resize": part[3], "size": part[4]} {
			if field == "resize" && text == "0" {
				text = "none"
			}
			if err := r.Set(field, text); err != nil {
				t.Fatal(err)
			}
		}
		x := make([]float32, r.Len())
		if err := r.Apply(x, src); err != nil {
			t.Fatal(name, err)
		}
		var b bytes.Buffer
		binary.Write(&b, binary.LittleEndian, x)
		if got := fmt.Sprintf("%x", sha256.Sum256(b.Bytes())); got != want {
			t.Errorf("%s: not torchvision's bits", name)
		}
	}
}

func TestViews(t *testing.T) {
	r := Torchvision(64, 56)
	for _, c := range []struct {
		crop  string
		flip  bool
		views int
	}{{"none", false, 1}, {"center", true, 2}, {"five", false, 5}, {"five", true, 10}, {"ten", false, 10}, {"ten", true, 10}} {
		r.Crop, r.Flip = c.crop, c.flip
		if r.Views() != c.views || r.Len() != c.views*56*56*3 {
			t.Errorf("%s %v: %d views", c.crop, c.flip, r.Views())
		}
	}
	ten, err := r.Pixels(source(t))
	if err != nil || ten.W != 56 || ten.H != 10*56 {
		t.Fatal(ten.W, ten.H, err)
	}
	if err := r.Apply(make([]float32, r.Len()), NewRGB(1, 60000)); err != nil { // the whole picture would have 3 GB
		t.Error(err)
	}
	for _, crop := range []string{"center", "ten"} {
		r.Crop = crop
		x := make([]float32, r.Len())
		if err := r.Apply(x, NewRGB(1, 1)); err != nil { // a corner of the result lies outside of the source's coordinates
			t.Error(err)
		}
	}

	for _, z := range []Resize{{H: 56, W: 56}, {H: 60, W: 50}, {Edge: 55}} {
		r.Resize = z
		wantError(t, "small resize", r.Validate(), "crop ten of 56x56", z.String(), "resize it to something larger")
	}
	r.Resize = Resize{}
	wantError(t, "small picture", r.Apply(make([]float32, r.Len()), NewRGB(70, 50)), "70 x 50", "too small for crops of 56 x 56")
}
