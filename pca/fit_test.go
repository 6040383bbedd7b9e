package pca

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/sink/npy"
	"github.com/featx-go/featx/weights"
)

// tensors of a file in testdata.
func tensors(t *testing.T, name string) map[string][]float64 {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	c, err := weights.ParseSafetensors(data)
	require.NoError(t, err)
	values := map[string][]float64{}
	for _, one := range c.Tensors {
		values[one.Name], err = one.Float64s()
		require.NoError(t, err)
	}
	return values
}

func narrow(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

func fit(t *testing.T, x []float32, dims, threads int, l2 bool, o Options) *PCA {
	t.Helper()
	f, err := NewFitter(dims, l2, threads)
	require.NoError(t, err)
	for row := range slices.Chunk(x, dims) {
		require.True(t, f.Add(row))
	}
	p, err := f.Fit(o)
	require.NoError(t, err)
	return p
}

func project(p *PCA, x []float32, threads int) []float32 {
	n := len(x) / p.Dims()
	out := make([]float32, n*p.N())
	p.Projector(n, threads).Project(out, slices.Clone(x), n)
	return out
}

// near compares with what scikit-learn has: within so much of the largest value.
func near(t *testing.T, want, got []float64, bound float64, what string) {
	t.Helper()
	require.Len(t, got, len(want), what)
	most := 0.0
	for _, v := range want {
		most = max(most, math.Abs(v))
	}
	for i := range want {
		require.InDelta(t, want[i], got[i], bound*most, "%s: value %d", what, i)
	}
}

func TestScikitLearn(t *testing.T) {
	want := tensors(t, "sklearn.safetensors")
	const dims = 18
	for name, n := range map[string]int{"tall": 7, "wide": 6} {
		x := narrow(want[name+".x"])
		for _, whiten := range []bool{false, true} {
			p := fit(t, x, dims, 2, false, Options{Components: n, Whiten: whiten})
			require.Equal(t, n, p.N())
			require.Equal(t, int64(len(x)/dims), p.Fitted.Rows)
			near(t, want[name+".mean"], p.Mean, 1e-14, "mean")
			near(t, want[name+".explained_variance"], p.Variance, 1e-13, "variance")
			near(t, want[name+".explained_variance_ratio"], p.Ratio, 1e-13, "ratio")
			near(t, want[name+".components"], p.Components, 1e-11, "components") // with their signs
			projected := project(p, x, 1)
			wide := make([]float64, len(projected))
			for i, v := range projected {
				wide[i] = float64(v)
			}
			near(t, want[fmt.Sprintf("%s.%s.projected", name, map[bool]string{false: "False", true: "True"}[whiten])], wide, 1e-7, "projected")
		}
		for i, share := range []float64{0.5, 0.9, 0.95, 0.999} {
			require.Equal(t, int(want[name+".kept"][i]), fit(t, x, dims, 1, false, Options{Variance: share}).N(), share)
		}
	}
	// All that there is: the value that never changes has no component, nor have more than rows - 1.
	require.Equal(t, dims-1, fit(t, narrow(want["tall.x"]), dims, 1, false, Options{}).N())
	require.Equal(t, 8, fit(t, narrow(want["wide.x"]), dims, 1, false, Options{Whiten: true}).N())
}

// A file that Python has written works, and gives what it gives there in float32.
func TestForeign(t *testing.T) {
	p, err := Open("testdata/foreign.safetensors")
	require.NoError(t, err)
	require.True(t, p.Whiten)
	require.False(t, p.L2)
	require.Equal(t, Fitted{}, p.Fitted)
	want := tensors(t, "foreign.projected.safetensors")
	got := project(p, narrow(want["x"]), 1)
	for i, v := range got {
		require.InDelta(t, want["projected"][i], v, 2e-5)
	}
}

// rows like features: of several blocks, of which the last is not full.
func rowsOf(n, dims int) []float32 {
	r := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, n*dims)
	for i := range x {
		sum := r.Int32N(200) + r.Int32N(200) + r.Int32N(200) - 250 // integers: no library function that rounds otherwise elsewhere
		x[i] = float32(max(0, sum)) * float32(8+i%dims)
	}
	return x
}

// Threads change no bit of a fit, of its file, of a projection, and the file keeps all.
func TestSameBits(t *testing.T) {
	const dims, n = 67, 700
	x := rowsOf(n, dims)
	var file []byte
	var projected []float32
	for _, threads := range []int{1, 2, 7} {
		p := fit(t, x, dims, threads, true, Options{Components: 33, Whiten: true})
		require.True(t, p.L2)
		path := filepath.Join(t.TempDir(), "p.safetensors")
		require.NoError(t, p.Write(t.Context(), path))
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		read, err := Open(path)
		require.NoError(t, err)
		require.Len(t, read.SHA256, 64)
		read.SHA256 = ""
		require.Equal(t, p, read)
		got := project(read, x, threads)
		if file == nil {
			file, projected = data, got
			continue
		}
		require.True(t, bytes.Equal(file, data), "%d threads", threads)
		require.Equal(t, projected, got, "%d threads", threads)
	}
	// And so on any CPU: these were computed on amd64.
	require.Equal(t, "ed7943bdc9def7572a6c3c61cb182696c353794d24af6c813083d82c47521995", fmt.Sprintf("%x", sha256.Sum256(file)))
	require.Equal(t, "3fb53656c8faf3bbc16ed98ecfd2927f42c86056db9d03cbcbfdc27fdaadbf16", fmt.Sprintf("%x", sha256.Sum256(npy.AppendFloats(nil, projected))))

	// The rows beside a row do not matter.
	p, err := Parse(file)
	require.NoError(t, err)
	require.Equal(t, projected[5*33:6*33], project(p, x[5*dims:6*dims], 1))

	// Whitened projections have the covariance 1.
	for a := range 33 {
		for b := range a + 1 {
			sum := 0.0
			for i := range n {
				sum += float64(projected[i*33+a]) * float64(projected[i*33+b])
			}
			want := 0.0
			if a == b {
				want = 1
			}
			require.InDelta(t, want, sum/(n-1), 1e-5)
		}
	}
}

// Rows of norm one are noticed, and then a projection makes its rows so.
func TestRowsOfNormOne(t *testing.T) {
	const dims = 10
	x := rowsOf(50, dims)
	require.False(t, fit(t, x, dims, 1, false, Options{}).L2)
	normal := slices.Clone(x)
	for row := range slices.Chunk(normal, dims) {
		Normalise(row)
	}
	p := fit(t, normal, dims, 1, false, Options{})
	require.True(t, p.L2)
	require.Equal(t, p, fit(t, x, dims, 1, true, Options{}))
	require.InDeltaSlice(t, project(p, normal, 1), project(p, x, 1), 1e-6)
}

func TestFitErrors(t *testing.T) {
	for _, dims := range []int{0, -1, MaxDims + 1} {
		_, err := NewFitter(dims, false, 0)
		require.ErrorContains(t, err, "want 1 to 16384; --pool")
	}
	three := func(o Options, rows ...[]float32) error {
		f, err := NewFitter(3, false, 0)
		require.NoError(t, err)
		for _, row := range rows {
			f.Add(row)
		}
		_, err = f.Fit(o)
		return err
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	require.ErrorContains(t, three(Options{}), "2 rows at least, not 0")
	require.ErrorContains(t, three(Options{}, []float32{1, 2, 3}, []float32{1, nan, 3}, []float32{inf, 2, 3}), "not 1")
	require.ErrorContains(t, three(Options{}, []float32{1, 2, 3}, []float32{1, 2, 3}), "no variance")
	a, b := []float32{1, 2, 3}, []float32{3, 2, 1}
	require.ErrorContains(t, three(Options{Components: 2}, a, b), "variance in only 1 directions")
	require.ErrorContains(t, three(Options{Components: 1, Variance: .5}, a, b), "only one can be asked for")
	for _, o := range []Options{{Components: -1}, {Variance: -.5}, {Variance: 1.5}, {Variance: math.NaN()}} {
		require.ErrorContains(t, three(o, a, b), "want at least 1", o)
	}
	require.NoError(t, three(Options{Components: 1, Whiten: true}, a, b))
}

func TestParseErrors(t *testing.T) {
	file := func(metadata map[string]string, list ...weights.Tensor) []byte {
		var b bytes.Buffer
		require.NoError(t, weights.WriteSafetensors(&b, metadata, list, nil))
		return b.Bytes()
	}
	mean, components := tensor("mean", []int{2}, []float64{1, 2}), tensor("components", []int{1, 2}, []float64{1, 0})
	for reason, data := range map[string][]byte{
		"not a safetensors file":      []byte("nothing"),
		"this is no PCA":              file(nil, mean),
		"want [dims] and [n, dims]":   file(nil, mean, tensor("components", []int{2}, []float64{1, 2})),
		"neither true nor false":      file(map[string]string{"whiten": "maybe"}, mean, components),
		"featx.pca: ":                 file(map[string]string{"featx.pca": "{"}, mean, components),
		"needs explained_variance":    file(map[string]string{"whiten": "true"}, mean, components),
		"value 0 is 0: fit fewer":     file(map[string]string{"whiten": "true"}, mean, components, tensor("explained_variance", []int{1}, []float64{0})),
		"want [1], one for each":      file(nil, mean, components, tensor("explained_variance", []int{2}, []float64{2, 1})),
		"components: value 1 is NaN":  file(nil, mean, tensor("components", []int{1, 2}, []float64{1, math.NaN()})),
		"only F32, F16, BF16 and F64": file(nil, mean, weights.Tensor{Name: "components", DType: "I32", Shape: []int{1, 2}, Data: make([]byte, 8)}),
		"at most 16384":               file(nil, weights.Tensor{Name: "mean", DType: weights.F16, Shape: []int{MaxDims + 1}, Data: make([]byte, 2*MaxDims+2)}, weights.Tensor{Name: "components", DType: weights.F16, Shape: []int{1, MaxDims + 1}, Data: make([]byte, 2*MaxDims+2)}),
	} {
		_, err := Parse(data)
		require.ErrorContains(t, err, reason)
	}
	_, err := Open(filepath.Join(t.TempDir(), "missing"))
	require.ErrorContains(t, err, "missing: no such file")
	_, err = Parse(file(nil, mean, components))
	require.NoError(t, err)
}

func TestNormalise(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range [][2][]float32{
		{{3, -4}, {0.6, -0.8}},
		{{0, 0, float32(math.Copysign(0, -1))}, {0, 0, 0}},
		{{math.SmallestNonzeroFloat32, 0}, {1, 0}},
		{{math.MaxFloat32, math.MaxFloat32}, {math.Sqrt2 / 2, math.Sqrt2 / 2}},
		{{1, inf}, {0, nan}},
		{{1, nan}, {nan, nan}},
	} {
		got := append([]float32{}, c[0]...)
		Normalise(got)
		for i, w := range c[1] {
			require.True(t, got[i] == w || got[i] != got[i] && w != w, "%v: %v, not %v", c[0], got, c[1])
		}
	}
}

// What can be read can be used and written, and is the same then.
func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("testdata/foreign.safetensors")
	require.NoError(f, err)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err != nil {
			return
		}
		project(p, make([]float32, p.Dims()), 1)
		path := filepath.Join(t.TempDir(), "p")
		require.NoError(t, p.Write(t.Context(), path))
		again, err := Open(path)
		require.NoError(t, err)
		again.SHA256 = p.SHA256
		require.Equal(t, p, again)
	})
}
