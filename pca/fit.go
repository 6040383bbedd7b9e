package pca

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"
)

// MaxDims is how long rows may be: the covariance and its eigenvectors take 16 bytes times its square.
const MaxDims = 1 << 14

// Fitter takes rows and fits a PCA on them. It is for one goroutine.
type Fitter struct {
	dims    int
	threads int
	l2      bool
	unit    bool // all rows so far have norm one, or are zeros
	rows    int64
	shift   []float64 // the mean of the first block, taken from all rows: sums of what is left do not lose digits
	sums    []float64
	squares []float64 // [dims][dims], in the tiles on and above the diagonal: sums of products
	block   []float64 // [panels(dims)][blockRows][side]
	filled  int
	row     []float32
}

// blockRows is how many rows are added up before their sums go to those of all rows.
const blockRows = 256

// NewFitter takes rows of so many values, 1 to MaxDims. With l2 each is divided by its Euclidean norm first. Threads 0 are all cores.
func NewFitter(dims int, l2 bool, threads int) (*Fitter, error) {
	if dims < 1 || dims > MaxDims {
		return nil, fmt.Errorf("rows of %d values: want 1 to %d; --pool makes one value per channel of a map", dims, MaxDims)
	}
	return &Fitter{
		dims: dims, l2: l2, unit: true, threads: cmp.Or(threads, runtime.GOMAXPROCS(0)),
		sums: make([]float64, dims), squares: make([]float64, dims*dims), block: make([]float64, panels(dims)*blockRows*side), row: make([]float32, dims),
	}, nil
}

// Dims is the length of the rows.
func (f *Fitter) Dims() int { return f.dims }

// Rows counts those that were added.
func (f *Fitter) Rows() int64 { return f.rows }

// Add takes a row of dims values; a row that is not finite everywhere, as that of a picture that failed, is left out, and ok is false.
func (f *Fitter) Add(row []float32) (ok bool) {
	sum := 0.0
	for _, v := range row[:f.dims] {
		sum += float64(float64(v) * float64(v))
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return false
	}
	if f.l2 {
		copy(f.row, row)
		row = f.row
		Normalise(row)
	} else if sum != 0 && math.Abs(math.Sqrt(sum)-1) > 1e-5 {
		f.unit = false
	}
	for i, v := range row[:f.dims] {
		f.block[(i/side*blockRows+f.filled)*side+i%side] = float64(v)
	}
	f.rows++
	if f.filled++; f.filled == blockRows {
		f.flush()
	}
	return true
}

// flush adds up the block.
func (f *Fitter) flush() {
	n, blocks := f.filled, panels(f.dims)
	column := func(i int) []float64 { return f.block[i/side*blockRows*side+i%side:] }
	first := f.shift == nil
	if first {
		f.shift = make([]float64, f.dims)
	}
	for i := range f.dims {
		x := column(i)
		if first {
			for k := range n {
				f.shift[i] += x[k*side]
			}
			f.shift[i] /= float64(n)
		}
		sum := 0.0
		for k := range n {
			x[k*side] -= f.shift[i]
			sum += x[k*side]
		}
		f.sums[i] += sum
	}
	threads := f.threads
	if n*f.dims*f.dims < few {
		threads = 1
	}
	parallel(blocks, threads, func(i int) {
		var out [side][side]float64
		a := f.block[i*blockRows*side:][:n*side]
		for j := i; j < blocks; j++ {
			tile(&out, a, f.block[j*blockRows*side:][:n*side])
			for r := i * side; r < min((i+1)*side, f.dims); r++ {
				sums := f.squares[r*f.dims+j*side : r*f.dims+min((j+1)*side, f.dims)]
				for c := range sums {
					sums[c] += out[r-i*side][c]
				}
			}
		}
	})
	f.filled = 0
}

// Options say which components are kept.
type Options struct {
	Components int     // how many; 0 is as many as Variance says, or all that have any variance
	Variance   float64 // so large a share of the variance, in (0, 1], by as few components as have it; 0 is not asked
	Whiten     bool    // projections are divided by their standard deviation
}

// Fit gives the components of what was added. The fitter is used up.
func (f *Fitter) Fit(o Options) (*PCA, error) {
	if f.filled > 0 {
		f.flush()
	}
	if f.rows < 2 {
		return nil, fmt.Errorf("a PCA needs 2 rows at least, not %d", f.rows)
	}
	n := f.dims
	p := &PCA{Mean: make([]float64, n), Whiten: o.Whiten, L2: f.l2 || f.unit, Fitted: Fitted{Rows: f.rows, Dims: n}}
	rows := float64(f.rows)
	for i, sum := range f.sums {
		p.Mean[i] = f.shift[i] + sum/rows
	}
	total := 0.0
	for i := range n {
		for j := i; j < n; j++ {
			c := (f.squares[i*n+j] - float64(f.sums[i]*f.sums[j])/rows) / (rows - 1)
			f.squares[i*n+j], f.squares[j*n+i] = c, c
		}
		total += f.squares[i*n+i]
	}
	values, vectors, err := eigen(f.squares, n, f.threads)
	if err != nil {
		return nil, err
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[b], values[a]) })
	// What is below is rounding: of a covariance of fewer rows than values, or of values that never change.
	least := values[order[0]] * float64(n) * epsilon
	rank := 0
	for rank < n && int64(rank) < f.rows-1 && values[order[rank]] > least {
		rank++
	}
	if rank == 0 {
		return nil, fmt.Errorf("the %d rows are all equal: there is no variance", f.rows)
	}
	keep, err := o.keep(rank, func(i int) float64 { return values[order[i]] / total })
	if err != nil {
		return nil, err
	}
	p.Components = make([]float64, keep*n)
	for k, from := range order[:keep] {
		component := p.Components[k*n : (k+1)*n]
		for i := range component {
			component[i] = vectors[i*n+from]
		}
		orient(component)
		p.Variance = append(p.Variance, values[from])
		p.Ratio = append(p.Ratio, values[from]/total)
	}
	return p, p.prepare()
}

// keep is how many components of rank are kept, whose shares of the variance ratio gives.
func (o Options) keep(rank int, ratio func(i int) float64) (int, error) {
	switch {
	case o.Components != 0 && o.Variance != 0:
		return 0, fmt.Errorf("%d components, or those of %g of the variance: only one can be asked for", o.Components, o.Variance)
	case o.Components < 0 || o.Variance < 0 || o.Variance > 1 || o.Variance != o.Variance:
		return 0, fmt.Errorf("%d components of %g of the variance: want at least 1, or more than 0 and at most 1", o.Components, o.Variance)
	case o.Components > rank:
		return 0, fmt.Errorf("%d components: the rows have variance in only %d directions; ask for fewer, or fit on more rows", o.Components, rank)
	case o.Components > 0:
		return o.Components, nil
	case o.Variance > 0:
		sum := 0.0
		for i := range rank {
			if sum += ratio(i); sum >= o.Variance {
				return i + 1, nil
			}
		}
	}
	return rank, nil
}

// orient turns a component so that its value of the largest magnitude, the first of them, is positive: the rule of scikit-learn's svd_flip(u_based_decision=False).
func orient(component []float64) {
	largest := 0.0
	for _, v := range component {
		if math.Abs(v) > math.Abs(largest) {
			largest = v
		}
	}
	if largest < 0 {
		for i := range component {
			component[i] = -component[i]
		}
	}
}
