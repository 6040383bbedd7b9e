package features_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/features"
	"github.com/featx-go/featx/sink/npy"
)

// TestNearest compares with a sort of all rows, among which are equal ones, zeros, NaN and infinities.
func TestNearest(t *testing.T) {
	const rows, length = 3001, 7
	random := rand.New(rand.NewPCG(1, 2))
	all := make([][]float32, rows)
	data := npy.Header("<f4", rows, length)
	for i := range all {
		row := make([]float32, length)
		for j := range row {
			row[j] = float32(random.IntN(4)) // many are equal
		}
		switch i % 500 {
		case 3:
			clear(row)
		case 4:
			row[2] = float32(math.NaN())
		case 5:
			row[6] = float32(math.Inf(-1))
		}
		all[i] = row
		data = npy.AppendFloats(data, row)
	}
	path := filepath.Join(t.TempDir(), "x.npy")
	require.NoError(t, os.WriteFile(path, data, 0o666))
	f := open(t, path)
	queries := []features.Query{{Values: all[17], Row: 17}, {Values: all[18], Row: -1}, {Values: all[3], Row: -1}}
	for _, m := range features.Metrics {
		var last *features.Nearest
		for _, threads := range []int{1, 2, 7} {
			got, err := f.Nearest(t.Context(), 0, queries, 40, m, threads)
			require.NoError(t, err)
			require.EqualValues(t, 12, got.Left)
			if last != nil {
				require.Equal(t, last, got)
			}
			last = got
		}
		for q, query := range queries {
			var want []features.Neighbour
			for i, row := range all {
				if i%500 == 4 || i%500 == 5 || int64(i) == query.Row {
					continue
				}
				dot, a, b, square := 0.0, 0.0, 0.0, 0.0
				for j := range row { // small integers: exact in any order
					x, y := float64(query.Values[j]), float64(row[j])
					dot, a, b, square = dot+x*y, a+x*x, b+y*y, square+(x-y)*(x-y)
				}
				score := -math.Sqrt(square)
				if m == features.Cosine {
					score = 0
					if a*b > 0 {
						score = dot / (math.Sqrt(a) * math.Sqrt(b))
					}
				}
				want = append(want, features.Neighbour{Row: int64(i), Score: score})
			}
			slices.SortStableFunc(want, func(a, b features.Neighbour) int { return cmp.Compare(b.Score, a.Score) })
			for i := range 40 {
				w := want[i]
				if m == features.L2 {
					w.Score = 0 - w.Score
				}
				require.Equal(t, w, last.Neighbours[q][i], "%s %d %d", m, q, i)
			}
		}
	}
	_, err := f.Nearest(t.Context(), 0, []features.Query{{Values: all[0][:3]}}, 1, features.L2, 1)
	require.ErrorContains(t, err, "its rows have 7 values, the query 3")
	few, err := f.Nearest(t.Context(), 0, queries[:1], rows*2, features.L2, 3)
	require.NoError(t, err)
	require.Len(t, few.Neighbours[0], rows-1-12)
}
