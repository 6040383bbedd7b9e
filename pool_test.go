package featx

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
)

func TestCubeRoot(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	values := []float64{1e-18, 1, 8, 27, math.Pow(math.MaxFloat32, 3)}
	for range 100_000 {
		values = append(values, math.Exp(r.Float64()*300-41))
	}
	for _, v := range values {
		require.InEpsilon(t, math.Cbrt(v), cubeRoot(v), 5e-16, "%g", v)
	}
	require.True(t, math.IsInf(cubeRoot(math.Inf(1)), 1))
	require.True(t, math.IsNaN(cubeRoot(math.NaN())))
}

func TestPoolMap(t *testing.T) {
	s := engine.Shape{H: 2, W: 3, C: 2}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	planes := []float32{ // two pictures of two channels
		1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6,
		0, 0, 0, 0, 0, inf, 1, 1, nan, 1, 1, 1,
	}
	for _, c := range []struct {
		pool Pool
		want []float32
	}{
		{Avg, []float32{3.5, -3.5, inf, nan}},
		{Max, []float32{6, -1, inf, nan}},
		{GeM, []float32{float32(math.Cbrt(441.0 / 6)), 1e-6, inf, nan}},
	} {
		reduce, err := c.pool.reduce()
		require.NoError(t, err)
		for _, layout := range []engine.Layout{engine.NCHW, engine.NHWC} {
			src := planes
			if layout == engine.NHWC {
				src = make([]float32, len(planes))
				for i, v := range planes {
					picture, channel, pixel := i/12, i/6%2, i%6
					src[12*picture+2*pixel+channel] = v
				}
			}
			got := make([]float32, 4)
			poolMap(got, src, s, layout, reduce)
			for i, w := range c.want {
				require.True(t, got[i] == w || got[i] != got[i] && w != w, "%s %s: %v, not %v", c.pool, layout, got, c.want)
			}
		}
	}
}
