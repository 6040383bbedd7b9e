package pca

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// covariance of random rows whose columns have very different scales; of fewer rows than columns it is singular.
func randomCovariance(r *rand.Rand, n, rows int) []float64 {
	x := make([]float64, rows*n)
	for i := range x {
		x[i] = r.NormFloat64() * math.Exp(-6*float64(i%n)/float64(n))
	}
	a := make([]float64, n*n)
	for i := range n {
		for j := range n {
			for k := range rows {
				a[i*n+j] += x[k*n+i] * x[k*n+j] / float64(rows)
			}
		}
	}
	return a
}

// A z = z diag(values), z'z = 1, and the threads change no bit.
func requireEigen(t *testing.T, a []float64, n int) (values []float64) {
	t.Helper()
	var z []float64
	for _, threads := range []int{1, 2, 7} {
		gotValues, gotZ, err := eigen(slices.Clone(a), n, threads)
		require.NoError(t, err)
		if z != nil {
			require.Equal(t, values, gotValues, "%d threads", threads)
			require.Equal(t, z, gotZ, "%d threads", threads)
		}
		values, z = gotValues, gotZ
	}
	norm := 0.0
	for _, v := range values {
		norm = max(norm, math.Abs(v))
	}
	bound := 1e-14 * float64(n)
	for k := range n {
		for i := range n {
			az, zz := 0.0, 0.0
			for j := range n {
				az += a[i*n+j] * z[j*n+k]
				zz += z[j*n+i] * z[j*n+k]
			}
			require.InDelta(t, values[k]*z[i*n+k], az, bound*max(norm, 1e-300), "A z, row %d of vector %d", i, k)
			want := 0.0
			if i == k {
				want = 1
			}
			require.InDelta(t, want, zz, bound, "z'z, %d and %d", i, k)
		}
	}
	slices.Sort(values)
	return values
}

func TestEigen(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range [][2]int{{1, 3}, {2, 5}, {3, 2}, {4, 10}, {7, 20}, {33, 100}, {64, 10}, {130, 200}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			requireEigen(t, randomCovariance(r, c[0], c[1]), c[0])
		})
	}
	identity := make([]float64, 25)
	for i := range 5 {
		identity[6*i] = 1e-200
	}
	require.Equal(t, []float64{1e-200, 1e-200, 1e-200, 1e-200, 1e-200}, requireEigen(t, identity, 5))
	require.Equal(t, make([]float64, 6), requireEigen(t, make([]float64, 36), 6))
	// The second difference's eigenvalues are known: 2 - 2 cos(k pi / (n + 1)).
	const n = 50
	difference := make([]float64, n*n)
	for i := range n {
		difference[i*n+i] = 2e100
		if i > 0 {
			difference[i*n+i-1], difference[(i-1)*n+i] = -1e100, -1e100
		}
	}
	for k, v := range requireEigen(t, difference, n) {
		require.InEpsilon(t, 2-2*math.Cos(float64(k+1)*math.Pi/(n+1)), v/1e100, 1e-12)
	}
	// Equal eigenvalues, and blocks that have nothing to do with each other.
	blocks := make([]float64, 64)
	for i := range 8 {
		blocks[9*i] = 3
		blocks[i*8+i^1] = 1
	}
	require.InDeltaSlice(t, []float64{2, 2, 2, 2, 4, 4, 4, 4}, requireEigen(t, blocks, 8), 1e-14)
}

func BenchmarkEigen(b *testing.B) {
	for _, n := range []int{512, 1024, 2048, 4096} {
		r := rand.New(rand.NewPCG(1, 2))
		a := make([]float64, n*n)
		for i := range n {
			for j := range i + 1 {
				a[i*n+j] = r.NormFloat64()
				a[j*n+i] = a[i*n+j]
			}
		}
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%d/threads=%d", n, threads), func(b *testing.B) {
				for b.Loop() {
					if _, _, err := eigen(slices.Clone(a), n, threads); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
