package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/featx-go/featx/kernels"
)

// Reduced pictures have the pixels of Pillow's Image.draft, and resized ones those of its thumbnail.
func TestReduceLikePillow(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(pictures, "draft.json")) // by make_draft.py
	var all struct{ Drafts, Resized map[string]string }
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil || len(all.Drafts) < 90 || len(all.Resized) < 40 {
		t.Fatal(err, len(all.Drafts), len(all.Resized))
	}
	for _, isa := range kernels.All() {
		d := Decoder{ISA: isa.String()}
		for name, want := range all.Drafts {
			var scale int
			name, factor, _ := strings.Cut(name, " ")
			fmt.Sscan(factor, &scale)
			data := read(t, name)
			d.Reduce = Resize{}
			whole, err := d.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(name, err)
			}
			w, h := whole.W, whole.H
			d.Reduce = Resize{H: max(1, h/(2*scale)), W: max(1, w/(2*scale))}
			m, err := d.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(name, err)
			}
			if m.W != ceilDiv(w, scale) || m.H != ceilDiv(h, scale) {
				t.Errorf("%s at 1/%d for %v: %d x %d of %d x %d", name, scale, d.Reduce, m.W, m.H, w, h)
			} else if got := fmt.Sprintf("%x", sha256.Sum256(m.Pix)); got != want {
				t.Errorf("%s at 1/%d: not Pillow's pixels", name, scale)
			}
		}
		for name, want := range all.Resized {
			f := strings.Fields(name)
			r := CIFAR()
			for field, text := range map[string]string{"interpolation": f[1], "resize": f[2], "size": f[2]} {
				if err := r.Set(field, text); err != nil {
					t.Fatal(err)
				}
			}
			d.Reduce = r.Resize
			m, err := d.Decode(bytes.NewReader(read(t, f[0])))
			if err == nil {
				m, err = r.Pixels(m)
			}
			if err != nil {
				t.Fatal(name, err)
			}
			if got := fmt.Sprintf("%x", sha256.Sum256(m.Pix)); got != want {
				t.Errorf("%s: not Pillow's pixels", name)
			}
		}
	}
}

// A reduced picture is resized and cropped where the whole one would be; one that is not much larger stays whole, and formats without reduction too.
func TestReduce(t *testing.T) {
	ship := read(t, "ship.jpg") // 500 x 375
	for _, c := range []struct {
		resize Resize
		w      int
	}{{Resize{}, 500}, {Resize{Edge: 224}, 500}, {Resize{Edge: 94}, 500}, {Resize{Edge: 93}, 250}, {Resize{Edge: 23}, 63}, {Resize{H: 90, W: 126}, 500}, {Resize{H: 90, W: 125}, 250}} {
		m, err := (&Decoder{Reduce: c.resize}).Decode(bytes.NewReader(ship))
		if err != nil || m.W != c.w {
			t.Errorf("for %v: %d pixels wide, want %d (%v)", c.resize, m.W, c.w, err)
		}
	}
	m, err := (&Decoder{Reduce: Resize{H: 1, W: 1}}).Decode(bytes.NewReader(read(t, "grey8.png")))
	if whole, _ := Decode(bytes.NewReader(read(t, "grey8.png"))); err != nil || m.W != whole.W {
		t.Error("a PNG is reduced", err)
	}
	r := Torchvision(40, 32)
	whole, err := Decode(bytes.NewReader(ship))
	if err != nil {
		t.Fatal(err)
	}
	want, err := r.Pixels(whole)
	if err != nil {
		t.Fatal(err)
	}
	small, err := (&Decoder{Reduce: r.Resize}).Decode(bytes.NewReader(ship))
	if err != nil || small.W != 125 {
		t.Fatal(small.W, err)
	}
	got, err := r.Pixels(small)
	if err != nil {
		t.Fatal(err)
	}
	if largest, mean := difference(got.Pix, want.Pix); largest > 60 || mean > 4 {
		t.Errorf("reduced, it differs by up to %d, mean %.2f", largest, mean)
	} else {
		t.Logf("reduced, it differs by up to %d, mean %.2f", largest, mean)
	}
}
