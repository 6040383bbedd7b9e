package safetensors

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/weights"
)

const checkpoints = "../../../testdata/checkpoints/" // written by make.py there

func TestRead(t *testing.T) {
	text, err := os.ReadFile(checkpoints + "expected.json")
	require.NoError(t, err)
	var expected map[string]map[string]struct {
		DType  weights.DType
		Shape  []int
		Values []float64
	}
	require.NoError(t, json.Unmarshal(text, &expected))
	data, err := os.ReadFile(checkpoints + "all.safetensors")
	require.NoError(t, err)
	require.True(t, Is(data))
	tensors, err := Read(data)
	require.NoError(t, err)
	want := expected["all.safetensors"]
	require.Len(t, tensors, len(want))
	for _, x := range tensors {
		w := want[x.Name]
		require.Equal(t, w.DType, x.DType, x.Name)
		require.Equal(t, w.Shape, x.Shape, x.Name)
		values, err := x.Float64s()
		if !x.DType.IsFloat() {
			require.ErrorContains(t, err, "only F32, F16, BF16 and F64 can be read")
			continue
		}
		require.NoError(t, err)
		require.Equal(t, w.Values, values, x.Name)
	}
}

func FuzzSafetensors(f *testing.F) {
	data, err := os.ReadFile(checkpoints + "all.safetensors")
	require.NoError(f, err)
	f.Add(data)
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Add([]byte("\x40\x00\x00\x00\x00\x00\x00\x00" + `{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}          01234567`))
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors, err := Read(data)
		if err != nil {
			return
		}
		total := 0
		for _, x := range tensors {
			total += len(x.Data)
			if !x.DType.IsFloat() {
				continue
			}
			n := 1
			for _, extent := range x.Shape {
				n *= extent
			}
			if v, err := x.Float64s(); err != nil || len(v) != n {
				t.Fatalf("%q: %d values of %v: %v", x.Name, len(v), x.Shape, err)
			}
		}
		if total > len(data) {
			t.Fatalf("%d bytes of tensors in %d of file", total, len(data))
		}
	})
}
