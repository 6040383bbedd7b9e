package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func hashes(t *testing.T, what string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(pictures, "resize.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]map[string]string
	if err := json.Unmarshal(text, &all); err != nil || len(all[what]) < 50 {
		t.Fatal(err, len(all[what]))
	}
	return all[what]
}

func source(t testing.TB) *RGB {
	t.Helper()
	return readPNG(t, filepath.Join(pictures, "source.png"))
}

// Every filter, reducing and enlarging, has Pillow's bits.
func TestResizeLikePillow(t *testing.T) {
	src := source(t)
	for name, want := range hashes(t, "pixels") {
		filter, size, _ := strings.Cut(name, " ")
		r := CIFAR()
		for field, text := range map[string]string{"interpolation": filter, "resize": size, "size": size} {
			if err := r.Set(field, text); err != nil {
				t.Fatal(err)
			}
		}
		m, err := r.Pixels(src)
		if err != nil {
			t.Fatal(name, err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(m.Pix)); got != want {
			t.Errorf("%s: not Pillow's pixels", name)
		}
	}
}

// rotate turns the picture by 90 degrees, counter-clockwise as Pillow does.
func rotate(m *RGB) *RGB {
	r := NewRGB(m.H, m.W)
	for y := range r.H {
		for x := range r.W {
			copy(r.row(y)[3*x:3*x+3], m.row(x)[3*(m.W-1-y):])
		}
	}
	return r
}

// Resize, crop with and without padding, and normalisation have torchvision's float32 bits.
func TestRecipeLikeTorchvision(t *testing.T) {
	for name, want := range hashes(t, "tensors") {
		src := source(t)
		rest, turned := strings.CutPrefix(name, "turned ")
		if turned {
			src = rotate(src)
		}
		var filter string
		var edge, crop int
		if _, err := fmt.Sscan(rest, &filter, &edge, &crop); err != nil {
			t.Fatal(err)
		}
		r := Torchvision(edge, crop)
		r.Interpolation = filter
		for _, channels := range []string{"rgb", "bgr"} {
			r.Channels = channels
			x := make([]float32, r.Len())
			if err := r.Apply(x, src); err != nil {
				t.Fatal(name, err)
			}
			if channels == "bgr" { // same numbers but for the order
				continue
			}
			var b bytes.Buffer
			binary.Write(&b, binary.LittleEndian, x)
			if got := fmt.Sprintf("%x", sha256.Sum256(b.Bytes())); got != want {
				t.Errorf("%s: not torchvision's bits", name)
			}
		}
	}
}

func TestApply(t *testing.T) {
	src := source(t)
	r := Recipe{Size: [2]int{98, 131}, Interpolation: "nearest", Crop: "none", Scale: "1/127.5", Mean: [3]float32{1, 2, 3}, Std: [3]float32{1, 2, 4}, Channels: "bgr"}
	x := make([]float32, r.Len())
	if err := r.Apply(x, src); err != nil {
		t.Fatal(err)
	}
	for i := range src.W * src.H {
		for c := range 3 {
			want := (float32(src.Pix[3*i+2-c])/127.5 - r.Mean[c]) / r.Std[c]
			if x[3*i+c] != want {
				t.Fatalf("pixel %d, channel %d: %v, want %v", i, c, x[3*i+c], want)
			}
		}
	}

	wantError(t, "short dst", r.Apply(x[1:], src), "38514", "98x131")
	wantError(t, "no picture", r.Apply(x, nil), "empty")
	wantError(t, "short picture", r.Apply(x, &RGB{W: 131, H: 98}), "empty")
	wantError(t, "other size", r.Apply(x, NewRGB(30, 20)), "30 x 20", "131 x 98", "set crop to center", "98x131")
	r = Torchvision(32768, 1)
	wantError(t, "thin picture", r.Apply(make([]float32, 3), NewRGB(1, 100000)), "1 x 100000", "too large")
	r = Torchvision(256, 224)
	if err := r.Apply(make([]float32, r.Len()), NewRGB(1, 60000)); err != nil { // only what the crop leaves is computed
		t.Error(err)
	}
}

// One Preparer serves several goroutines, and does not feed the garbage collector.
func TestPreparer(t *testing.T) {
	r := Torchvision(64, 56)
	p, err := r.Preparer()
	if err != nil {
		t.Fatal(err)
	}
	wide, tall := source(t), rotate(source(t))
	var want [2][]float32
	for i, m := range []*RGB{wide, tall} {
		want[i] = make([]float32, r.Len())
		if err := r.Apply(want[i], m); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			got := make([]float32, r.Len())
			for i := range 10 {
				k := (g + i) % 2
				if err := p.Apply(got, []*RGB{wide, tall}[k]); err != nil {
					t.Error(err)
				}
				for j := range got {
					if got[j] != want[k][j] {
						t.Errorf("value %d: %v, want %v", j, got[j], want[k][j])
						return
					}
				}
			}
		})
	}
	wg.Wait()
	x := make([]float32, r.Len())
	if n := testing.AllocsPerRun(50, func() { p.Apply(x, wide) }); n > 1 && !raceEnabled() {
		t.Errorf("%v allocations for a picture", n)
	}
}

// raceEnabled: under the race detector sync.Pool drops some of what it is given.
func raceEnabled() bool {
	p := sync.Pool{}
	for range 100 {
		p.Put(new(int))
		if p.Get() == nil {
			return true
		}
	}
	return false
}

func TestRecipeJSON(t *testing.T) {
	for _, r := range []Recipe{Torchvision(256, 224), CIFAR(), {Size: [2]int{3, 4}, Interpolation: "box", Crop: "none", Scale: "1", Std: [3]float32{1, 1, 1}, Channels: "bgr"}} {
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var back Recipe
		if err := json.Unmarshal(text, &back); err != nil || back != r {
			t.Errorf("%s: %v, %+v", text, err, back)
		}
	}
	text, _ := json.Marshal(Torchvision(256, 224))
	const want = `{"size":[224,224],"resize":"256","interpolation":"bilinear","crop":"center","scale":"1/255","mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225],"channels":"rgb"}`
	if string(text) != want {
		t.Errorf("%s", text)
	}
	var r Recipe
	wantError(t, "JSON", json.Unmarshal([]byte(`{"resize":"0x7"}`), &r), `resize "0x7"`)
}

func TestValidate(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		change func(r *Recipe)
		want   string
	}{
		{func(r *Recipe) { *r = Recipe{} }, "size 0x0"},
		{func(r *Recipe) { r.Size = [2]int{224, -1} }, "size 224x-1"},
		{func(r *Recipe) { r.Size = [2]int{math.MaxInt, math.MaxInt} }, "size"},
		{func(r *Recipe) { r.Resize.Edge = -5 }, "resize"},
		{func(r *Recipe) { r.Resize.H = 5 }, "resize"},
		{func(r *Recipe) { r.Resize = Resize{H: math.MaxInt, W: 1} }, "resize"},
		{func(r *Recipe) { r.Interpolation = "" }, "interpolation"},
		{func(r *Recipe) { r.Interpolation = "magic" }, `interpolation "magic": must be nearest`},
		{func(r *Recipe) { r.Crop = "top" }, `crop "top"`},
		{func(r *Recipe) { r.Crop = "none" }, "set crop to center, or resize to 224x224"},
		{func(r *Recipe) { r.Crop, r.Resize = "none", Resize{H: 224, W: 225} }, "resize 224x225 never gives"},
		{func(r *Recipe) { r.Scale = "1/0" }, `scale "1/0"`},
		{func(r *Recipe) { r.Scale = "1e300" }, "scale"},
		{func(r *Recipe) { r.Scale = "NaN" }, "scale"},
		{func(r *Recipe) { r.Mean[1] = nan }, "mean"},
		{func(r *Recipe) { r.Std[2] = 0 }, "std"},
		{func(r *Recipe) { r.Std[2] = inf }, "std"},
		{func(r *Recipe) { r.Channels = "RGB" }, "channels"},
	} {
		r := Torchvision(256, 224)
		c.change(&r)
		wantError(t, fmt.Sprintf("%+v", r), r.Validate(), "recipe: ", c.want)
		if err := r.Apply(nil, source(t)); err == nil {
			t.Errorf("%+v: applied", r)
		}
	}
	for _, r := range []Recipe{Torchvision(256, 224), Torchvision(0, 224), CIFAR()} {
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestSet(t *testing.T) {
	r := CIFAR()
	for _, c := range [][2]string{{"size", "224x192"}, {"resize", "256"}, {"interpolation", "lanczos"}, {"crop", "center"}, {"flip", "true"}, {"scale", "1/127.5"}, {"mean", "1"}, {"std", "0.5, 2,1e-3"}, {"channels", "bgr"}} {
		if err := r.Set(c[0], c[1]); err != nil {
			t.Error(err)
		}
	}
	want := Recipe{[2]int{224, 192}, Resize{Edge: 256}, "lanczos", "center", true, "1/127.5", [3]float32{1, 1, 1}, [3]float32{0.5, 2, 1e-3}, "bgr"}
	if r != want {
		t.Errorf("%+v, want %+v", r, want)
	}
	for _, f := range Fields {
		before := r
		for _, text := range []string{"", "nonsense", "1,2", "-1x5", "99999999999999999999", "0x0"} {
			if f.Name == "mean" && text == "99999999999999999999" || (f.Name == "std" || f.Name == "scale") && text == "99999999999999999999" {
				continue
			}
			wantError(t, f.Name, r.Set(f.Name, text), f.Name, fmt.Sprintf("%q", text))
		}
		if r != before {
			t.Errorf("%s: a wrong value has changed the recipe", f.Name)
		}
	}
	wantError(t, "unknown field", r.Set("colour", "red"), "colour")
	if err := r.Set("size", "7"); err != nil || r.Size != [2]int{7, 7} {
		t.Error(r.Size, err)
	}
	if err := r.Set("resize", "none"); err != nil || r.Resize != (Resize{}) {
		t.Error(r.Resize, err)
	}
}

func TestSin(t *testing.T) {
	for i := range 200001 {
		x := (float64(i)/100000 - 1) * 3 * math.Pi
		if d := math.Abs(sin(x) - math.Sin(x)); d > 2.3e-16 {
			t.Fatalf("sin(%v) = %v, want %v", x, sin(x), math.Sin(x))
		}
	}
}

func BenchmarkPrepareShip(b *testing.B) {
	m, err := DecodeFile(filepath.Join(pictures, "ship.jpg"))
	if err != nil {
		b.Fatal(err)
	}
	r := Torchvision(256, 224)
	p, err := r.Preparer()
	if err != nil {
		b.Fatal(err)
	}
	x := make([]float32, r.Len())
	b.ReportAllocs()
	for b.Loop() {
		p.Apply(x, m)
	}
}
