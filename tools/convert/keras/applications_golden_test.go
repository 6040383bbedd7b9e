//go:build goldencheck

package keras_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx"
)

// applicationsFolder is where testdata/make_applications.py writes.
func applicationsFolder(t *testing.T) string {
	if folder := os.Getenv("FEATX_GOLDENS_KERAS"); folder != "" {
		return folder
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	return filepath.Join(cache, "featx-golden", "keras-applications")
}

// Networks of keras.applications, as Keras saved them, converted without a flag: every layer, all asked for in one run, against Keras in float64. Each kind of file gives the same bytes.
func TestGoldenApplications(t *testing.T) {
	folder := applicationsFolder(t)
	files, err := filepath.Glob(filepath.Join(folder, "*.expected.safetensors"))
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skipf("%s holds no goldens: testdata/make_applications.py writes them", folder)
	}
	for _, expected := range files {
		base := strings.TrimSuffix(expected, ".expected.safetensors")
		var first []featx.Tensor
		for _, ending := range []string{"keras", "h5", "weights.h5", "old.weights.h5", "old.h5"} {
			if _, err := os.Stat(base + "." + ending); err != nil {
				continue
			}
			t.Run(filepath.Base(base)+"."+ending, func(t *testing.T) {
				out := checkApplication(t, base+"."+ending, readApplication(t, expected))
				if first == nil {
					first = out
				}
				for i := range out {
					require.True(t, sameBits(first[i].Data, out[i].Data), "layer %d has other bytes than from the first kind of file", i)
				}
			})
		}
	}
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}
