package draw

import (
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestShort(t *testing.T) {
	for v, want := range map[float32]string{
		0: "0.00", 1: "1.00", -2.345: "-2.35", 12.34: "12.3", 123.4: "123", -1234: "-1234", 0.05: "0.05", 0.001: "1e-3", -12345: "-1e4", 3e38: "3e38", 1e-45: "1e-45",
	} {
		require.Equal(t, want, short(v))
	}
}

func TestRange(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	r := RangeOf([]float32{3, nan, -1}, []float32{inf, -inf})
	require.Equal(t, Range{-1, 3}, r)
	for v, want := range map[float32]int{-1: 0, 3: 255, 1: 128, inf: 255, -inf: 0, 5: 255} {
		require.Equal(t, want, r.level(v, 255), v)
	}
	require.Equal(t, -1, r.level(nan, 255))
	require.Zero(t, Range{2, 2}.level(2, 255))
	require.Equal(t, 255, Range{-math.MaxFloat32, math.MaxFloat32}.level(math.MaxFloat32, 255), "the extent is no float32")
	require.Equal(t, "not finite", RangeOf([]float32{nan}).label())
	require.Equal(t, "all 2.00", RangeOf([]float32{2, 2}).label())
}

// The frameworks' bilinear interpolation with align_corners=False: a pixel's middle lies at (i+0.5)*n/size-0.5.
func TestEnlarged(t *testing.T) {
	for _, sizes := range [][2]int{{7, 224}, {8, 32}, {1, 9}, {13, 13}, {30, 11}} {
		n, size := sizes[0], sizes[1]
		for i := range size {
			first, second, share := between(i, size, n)
			got := (float64(first)*float64(one-share) + float64(second)*float64(share)) / one
			want := min(max((float64(i)+0.5)*float64(n)/float64(size)-0.5, 0), float64(n-1))
			require.InDelta(t, want, got, 2./one)
		}
	}
	h := Heat{H: 1, W: 2, Map: []float32{0, 10}}
	require.Equal(t, []uint8{0, 63, 191, 255}, h.enlarged(4, 1, RangeOf(h.Map)))
}

func TestSheet(t *testing.T) {
	grid := &Grid{Title: "größe", H: 2, W: 2, Maps: [][]float32{{0, 1, 2, 3}, {float32(math.NaN()), 1, 1, 1}}, Channels: []int{4, 7}, Colours: ColoursOf("gray")}
	m, err := Sheet(grid, &Bars{Values: []float32{1, -2, float32(math.NaN())}}, &Heats{Picture: image.NewRGBA(image.Rect(0, 0, 3, 2)), Over: []Heat{{H: 1, W: 1, Map: []float32{1}}}, Colours: grid.Colours})
	require.NoError(t, err)
	first := image.Pt(margin, margin+2*lineHeight+gap)
	for i, want := range []uint8{0, 85, 170, 255} {
		require.Equal(t, color.RGBA{want, want, want, 255}, m.RGBAAt(first.X+i%2*48+47, first.Y+i/2*48))
	}
	require.Equal(t, missing, m.RGBAAt(first.X+96+gap, first.Y))

	large := &Grid{H: 4096, W: 4096, Maps: make([][]float32, 64), Channels: make([]int, 64)}
	_, err = Sheet(large)
	require.ErrorContains(t, err, "would be too large (64 million at most): choose fewer channels or layers")
	for _, name := range ColourNames {
		require.NotNil(t, ColoursOf(name))
	}
	require.Nil(t, ColoursOf("jet"))
}
