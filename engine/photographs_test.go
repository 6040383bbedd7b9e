package engine_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/x448/float16"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/image"
)

// From the JPEG file to ResNet-50's features, against torchvision's own pipeline (testdata/golden/make_photographs.py).
//
// The plain cosine similarity of P3 must be at least 0.9999; but with random weights all photographs' features point nearly one way, so it
// hardly sees a wrong resize. Centred, with the mean feature of all photographs taken off both sides, it does: bicubic
// instead of bilinear falls to 0.43, a crop one pixel off to 0.91.
func TestPhotographs(t *testing.T) {
	isa := fastISA(t)
	data := os.Getenv("FEATX_DATA")
	if data == "" {
		data = filepath.Join("..", "..", "shared", "data")
	}
	folder := filepath.Join(data, "images")
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("no photographs: %v (FEATX_DATA names the folder of the shared data)", err)
	}
	m := seededModel(t, "resnet50", isa)
	plan, err := m.Plan(engine.PlanOptions{Layers: []string{"flatten"}})
	require.NoError(t, err)
	r := plan.NewRunner(0)
	defer r.Close()

	recipe := image.Torchvision(256, 224)
	x := make([]float32, recipe.Len())
	golden := openGolden(t, "photographs-resnet50.safetensors")
	ours, theirs := map[string][]float64{}, map[string][]float64{}
	mean := make([]float64, 2048)
	for name := range golden.header {
		pic, err := image.DecodeFile(filepath.Join(folder, name))
		require.NoError(t, err)
		require.NoError(t, recipe.Apply(x, pic))
		require.NoError(t, r.Run(1, x))
		raw := golden.bytes(t, name, "F16")
		for i, v := range r.Output(0) {
			want := float64(float16.Frombits(binary.LittleEndian.Uint16(raw[2*i:])).Float32())
			ours[name], theirs[name] = append(ours[name], float64(v)), append(theirs[name], want)
			mean[i] += want / float64(len(golden.header))
		}
	}
	require.Len(t, ours, 60)
	zero := make([]float64, len(mean))
	worst, worstCentred := 1.0, 1.0
	for name := range ours {
		plain, centred := cosine(ours[name], theirs[name], zero), cosine(ours[name], theirs[name], mean)
		worst, worstCentred = min(worst, plain), min(worstCentred, centred)
		if !(plain >= 0.9999 && centred >= 0.999) {
			t.Errorf("%s: cosine similarity %.6f (at least 0.9999), centred %.6f (at least 0.999)", name, plain, centred)
		}
	}
	t.Logf("smallest cosine similarity %.7f, centred %.6f", worst, worstCentred)
}

// cosine is the cosine similarity of a - from and b - from.
func cosine(a, b, from []float64) float64 {
	var ab, aa, bb float64
	for i := range from {
		p, q := a[i]-from[i], b[i]-from[i]
		ab, aa, bb = ab+p*q, aa+p*p, bb+q*q
	}
	return ab / math.Sqrt(aa*bb)
}
