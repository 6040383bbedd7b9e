package arch

import (
	"math"
	"testing"
	"time"

	"github.com/featx-go/featx/engine"
	"github.com/stretchr/testify/require"
)

// The bits are those that testdata/golden/seeded.py prints.
func TestSeededValues(t *testing.T) {
	he := func(fanIn float64) uniform { return symmetric(float32(math.Sqrt(6 / fanIn))) }
	unit := uniform{from: 0.5, scale: 1}
	for _, c := range []struct {
		name   string
		n      int
		values uniform
		seed   uint64
		want   [3]uint32 // first, second, last
	}{
		{"layer1.0.conv1.weight", 64 * 64, he(64), 0, [3]uint32{0x3e561bcb, 0x3d37a1ff, 0xbe217de1}},
		{"features.0.weight", 64 * 3 * 9, he(27), 0, [3]uint32{0x3eabbb0a, 0x3ccc3687, 0x3dc71cbc}},
		{"classifier.0.weight", 4096 * 25088, he(25088), 7, [3]uint32{0xbc2724d6, 0xbba64d9f, 0xbc19c79d}},
		{"fc.bias", 1000, symmetric(0.1), 0, [3]uint32{0xbb9276e7, 0xbb7c8d67, 0xbd09b40d}},
		{"bn1.weight", 64, unit, 0, [3]uint32{0x3f5c3654, 0x3fa9863c, 0x3f7c0902}},
		{"bn1.bias", 64, symmetric(0.2), 0, [3]uint32{0xbe0644b8, 0xbe3c5a4a, 0xbd719207}},
		{"bn1.running_mean", 64, symmetric(0.1), 0, [3]uint32{0x3d400fb7, 0x3ca4da87, 0xbd927935}},
		{"bn1.running_var", 64, unit, 0, [3]uint32{0x3f923722, 0x3fa4b456, 0x3fa0cdce}},
		{"input", 3 * 224 * 224, symmetric(2), 0, [3]uint32{0xbfcdeac2, 0x3f1c045c, 0xbecdd348}},
	} {
		start := time.Now()
		v := c.values.tensor(c.name, c.seed, []int{c.n}).Float32s()
		if c.n > 1<<26 {
			t.Logf("%s: %d values in %v", c.name, c.n, time.Since(start))
		}
		got := [3]uint32{math.Float32bits(v[0]), math.Float32bits(v[1]), math.Float32bits(v[c.n-1])}
		require.Equal(t, c.want, got, "%s: bits of the first, second and last value", c.name)
	}
}

// Every tensor gets the distribution of its role in the graph, whatever its name.
func TestSeededRoles(t *testing.T) {
	for _, layout := range []engine.Layout{engine.NCHW, engine.NHWC} {
		g := &engine.Graph{Arch: "test", Layout: layout, Input: engine.Shape{H: 8, W: 8, C: 3}}
		x := g.Add("conv", &engine.Conv2D{Window: engine.Square(3, 1, 1), OutC: 16, Groups: 1, Weight: "a", Bias: "b"}, engine.InputName)
		x = g.Add("bn", &engine.BatchNorm{Gamma: "c", Beta: "d", Mean: "e", Var: "f", Eps: 1e-5}, x)
		x = g.Add("depthwise", &engine.Conv2D{Window: engine.Square(3, 1, 1), OutC: 16, Groups: 16, Weight: "h"}, x)
		x = g.Add("flatten", &engine.Flatten{}, x)
		g.Add("fc", &engine.Dense{Out: 10, Weight: "g"}, x)
		w, err := Seeded(g, 3)
		require.NoError(t, err)
		for name, bound := range map[string][2]float64{
			"a": {-math.Sqrt(6.0 / 27), math.Sqrt(6.0 / 27)}, "b": {-0.1, 0.1}, "c": {0.5, 1.5}, "d": {-0.2, 0.2},
			"e": {-0.1, 0.1}, "f": {0.5, 1.5}, "g": {-math.Sqrt(6.0 / 1024), math.Sqrt(6.0 / 1024)}, "h": {-1.0 / 3, 1.0 / 3},
		} {
			require.Contains(t, w, name)
			lo, hi := math.Inf(1), math.Inf(-1)
			for _, v := range w[name].Float32s() {
				lo, hi = min(lo, float64(v)), max(hi, float64(v))
			}
			// At least ten values: they stay inside, and reach over more than half of the range.
			require.GreaterOrEqual(t, lo, bound[0]-1e-6, name)
			require.LessOrEqual(t, hi, bound[1]+1e-6, name)
			require.Greater(t, hi-lo, (bound[1]-bound[0])/2, name)
		}
		require.Len(t, w, 8)

		// The picture is drawn in the graph's layout and given as NHWC.
		drawn, picture := symmetric(2).tensor("input", 3, []int{8 * 8 * 3}).Float32s(), SeededInput(g, 3)
		require.Len(t, picture, len(drawn))
		if layout == engine.NCHW {
			require.Equal(t, drawn[2*64+5*8+1], picture[(5*8+1)*3+2])
		} else {
			require.Equal(t, drawn, picture)
		}
	}
}
