package features

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
)

// Metric says how near two rows are.
type Metric string

const (
	Cosine Metric = "cosine" // the cosine of the angle between them: larger is nearer; 0 if one of them is zero
	L2     Metric = "l2"     // the Euclidean distance: smaller is nearer
)

// Metrics are all of them.
var Metrics = []Metric{Cosine, L2}

// Query is a row to which others are looked for.
type Query struct {
	Values []float32 // of a layer
	Row    int64     // is left out of the result: the query itself; -1 is none
}

// Neighbour is a row of the file.
type Neighbour struct {
	Row   int64
	Score float64 // as the metric says
}

// Nearest is what was found.
type Nearest struct {
	Neighbours [][]Neighbour // of each query, the nearest first; of equally near ones, the first in the file
	Left       int64         // rows that were left out, because they have NaN or infinities
}

// Nearest looks for the n nearest rows of each query, in one pass over the file with so many threads (0 is all cores). Sums are of exact products (L2: of squares
// rounded to float64) and are rounded to float64: four of them, of the values 0, 4, 8, ..., of 1, 5, 9, ..., and so on, added as (s0 + s1) + (s2 + s3); so the result
// is the same on every CPU, with any number of threads.
func (f *File) Nearest(ctx context.Context, layer int, queries []Query, n int, m Metric, threads int) (*Nearest, error) {
	if !slices.Contains(Metrics, m) {
		return nil, fmt.Errorf("unknown metric %q: want %s or %s", string(m), Cosine, L2)
	}
	length := f.Layers()[layer].Len()
	for _, q := range queries {
		if len(q.Values) != length {
			return nil, fmt.Errorf("%s: its rows have %d values, the query %d", f.path, length, len(q.Values))
		}
	}
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	workers := make([]*scan, threads)
	for i := range workers {
		workers[i] = newScan(queries, n, m)
	}
	if err := f.scan(ctx, layer, workers); err != nil {
		return nil, err
	}
	found := &Nearest{Neighbours: make([][]Neighbour, len(queries))}
	for _, w := range workers {
		found.Left += w.left
		for q := range queries {
			found.Neighbours[q] = append(found.Neighbours[q], w.best[q].list...)
		}
	}
	for q, list := range found.Neighbours {
		slices.SortFunc(list, m.compare)
		found.Neighbours[q] = list[:min(n, len(list))]
	}
	return found, nil
}

// block is some rows, one behind the other.
type block struct {
	first  int64
	values []float32
}

const blockBytes = 256 << 10

// scan gives all rows to the workers, a block at a time. There are two blocks for each.
func (f *File) scan(ctx context.Context, layer int, workers []*scan) error {
	length := f.Layers()[layer].Len()
	rows := max(1, blockBytes/4/length)
	full, free := make(chan *block, len(workers)), make(chan *block, 2*len(workers))
	for range cap(free) {
		free <- &block{values: make([]float32, 0, rows*length)}
	}
	var all sync.WaitGroup
	for _, w := range workers {
		all.Go(func() {
			for b := range full {
				w.take(b, length)
				free <- b
			}
		})
	}
	defer all.Wait()
	defer close(full)
	b := <-free
	b.first = 0
	row := int64(0)
	for values, err := range f.Each(layer) {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		b.values = append(b.values, values...)
		if row++; len(b.values) == rows*length {
			full <- b
			b = <-free
			b.first, b.values = row, b.values[:0]
		}
	}
	full <- b
	return nil
}

// scan is a worker's part of a search.
type scan struct {
	metric  Metric
	queries []Query
	norms   []float64 // of the queries
	best    []heap    // by query
	left    int64
}

func newScan(queries []Query, n int, m Metric) *scan {
	s := &scan{metric: m, queries: queries}
	for _, q := range queries {
		s.norms = append(s.norms, math.Sqrt(dot(q.Values, q.Values)))
		s.best = append(s.best, heap{most: n, compare: m.compare})
	}
	return s
}

func (s *scan) take(b *block, length int) {
	for i := 0; i*length < len(b.values); i++ {
		values, row := b.values[i*length:][:length], b.first+int64(i)
		square := dot(values, values) // finite if all values are: float32's are far from float64's largest
		if math.IsInf(square, 0) || square != square {
			s.left++
			continue
		}
		norm := math.Sqrt(square)
		for q := range s.queries {
			if s.queries[q].Row == row {
				continue
			}
			s.best[q].add(Neighbour{row, s.score(q, values, norm)})
		}
	}
}

func (s *scan) score(q int, values []float32, norm float64) float64 {
	if s.metric == L2 {
		return math.Sqrt(squares(s.queries[q].Values, values))
	}
	if norm == 0 || s.norms[q] == 0 {
		return 0
	}
	return dot(s.queries[q].Values, values) / float64(s.norms[q]*norm)
}

// compare orders the nearer one first.
func (m Metric) compare(a, b Neighbour) int {
	nearer := cmp.Compare(b.Score, a.Score)
	if m == L2 {
		nearer = -nearer
	}
	return cmp.Or(nearer, cmp.Compare(a.Row, b.Row))
}

// dot is the sum of products, which are exact in float64.
func dot(a, b []float32) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += float64(a[i]) * float64(b[i])
		s1 += float64(a[i+1]) * float64(b[i+1])
		s2 += float64(a[i+2]) * float64(b[i+2])
		s3 += float64(a[i+3]) * float64(b[i+3])
	}
	rest := [4]float64{s0, s1, s2, s3}
	for ; i < len(a); i++ {
		rest[i%4] += float64(a[i]) * float64(b[i])
	}
	return (rest[0] + rest[1]) + (rest[2] + rest[3])
}

// squares is the sum of the differences' squares, each rounded before it is added.
func squares(a, b []float32) float64 {
	var s [4]float64
	b = b[:len(a)]
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		s[i%4] += float64(d * d)
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}

// heap holds the nearest ones so far, the farthest of them at its root.
type heap struct {
	list    []Neighbour
	most    int
	compare func(a, b Neighbour) int
}

func (h *heap) add(x Neighbour) {
	if len(h.list) < h.most {
		h.list = append(h.list, x)
		for i := len(h.list) - 1; i > 0; {
			up := (i - 1) / 2
			if h.compare(h.list[up], h.list[i]) >= 0 {
				break
			}
			h.list[up], h.list[i] = h.list[i], h.list[up]
			i = up
		}
		return
	}
	if h.most == 0 || h.compare(x, h.list[0]) >= 0 {
		return
	}
	h.list[0] = x
	for i := 0; ; {
		far := i
		for _, down := range []int{2*i + 1, 2*i + 2} {
			if down < len(h.list) && h.compare(h.list[down], h.list[far]) > 0 {
				far = down
			}
		}
		if far == i {
			return
		}
		h.list[i], h.list[far] = h.list[far], h.list[i]
		i = far
	}
}
