package sink

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/x448/float16"
)

// Between two neighbouring float16 the middle goes to the even one, and what is nearer to one to that. Behind the largest, 65504, the next would be 65536: it is infinite.
func TestFloat16(t *testing.T) {
	bits := func(v float64) uint16 { return binary.LittleEndian.Uint16(Float16.append(nil, []float32{float32(v)})) }
	for h := range uint16(0x7c00) {
		this, next := float64(float16.Frombits(h).Float32()), float64(float16.Frombits(h+1).Float32())
		if h == 0x7bff {
			next = 65536
		}
		middle := (this + next) / 2
		below, above := float64(math.Nextafter32(float32(middle), 0)), float64(math.Nextafter32(float32(middle), math.MaxFloat32))
		for v, want := range map[float64]uint16{this: h, below: h, middle: h + h&1, above: h + 1} {
			if got := bits(v); got != want {
				t.Fatalf("%g: %#x, want %#x", v, got, want)
			}
			if got := bits(math.Copysign(v, -1)); got != want|0x8000 {
				t.Fatalf("%g: %#x, want %#x", -v, got, want|0x8000)
			}
		}
	}
	require.EqualValues(t, 0x7c00, bits(math.MaxFloat32))
	require.EqualValues(t, 0xfc00, bits(math.Inf(-1)))
	require.True(t, float16.Frombits(bits(math.NaN())).IsNaN())
}

func TestDTypeText(t *testing.T) {
	for _, d := range []DType{Float32, Float16} {
		text, err := json.Marshal(d)
		require.NoError(t, err)
		var got DType
		require.NoError(t, json.Unmarshal(text, &got))
		require.Equal(t, d, got)
	}
	require.ErrorContains(t, new(DType).UnmarshalText([]byte("f64")), `unknown type of numbers "f64": want one of f32, f16`)
}
