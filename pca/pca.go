package pca

import (
	"errors"
	"fmt"
	"math"
)

// PCA is a projection of rows: y = Components (x - Mean), each value divided by the square root of its Variance if it whitens.
type PCA struct {
	Mean       []float64 // [dims]
	Components []float64 // [n][dims]: unit vectors, the one of most variance first
	Variance   []float64 // [n]: of the projections, with the divisor rows - 1; nil if it is not known
	Ratio      []float64 // [n]: the same as shares of the whole; nil if they are not known
	Whiten     bool
	L2         bool // it is for rows of norm one: a row is divided by its Euclidean norm first
	Fitted     Fitted
	SHA256     string // of the file that it was read from, in hex

	packed    []float64 // the components as panels of side: [panels(n)][dims][side]
	deviation []float64 // that the projections are divided by; nil is 1
}

// Fitted says what a PCA was fitted on, as far as that is known.
type Fitted struct {
	Rows    int64    `json:"rows,omitempty"`
	Dims    int      `json:"dims,omitempty"`
	Left    int64    `json:"left_out,omitempty"` // rows that were not finite
	Layer   string   `json:"layer,omitempty"`
	Pool    string   `json:"pool,omitempty"`
	Model   string   `json:"model,omitempty"`  // SHA-256 of the model file
	Inputs  []string `json:"inputs,omitempty"` // names of the files of features, without folders
	Program string   `json:"program,omitempty"`
}

// Dims is the length of the rows that it takes.
func (p *PCA) Dims() int { return len(p.Mean) }

// N is the length of the rows that it gives.
func (p *PCA) N() int { return len(p.Components) / len(p.Mean) }

// Bytes is what it takes of memory, with a projector of so many rows.
func (p *PCA) Bytes(most int) int64 {
	return 8 * int64(len(p.Components)+len(p.packed)+(panels(most)*side+1)*p.Dims())
}

// prepare checks the parts and packs the components.
func (p *PCA) prepare() error {
	dims := len(p.Mean)
	if dims == 0 || len(p.Components) == 0 || len(p.Components)%dims != 0 {
		return fmt.Errorf("%d values of components for a mean of %d", len(p.Components), dims)
	}
	n := p.N()
	for _, part := range []struct {
		name   string
		values []float64
	}{{meanTensor, p.Mean}, {componentsTensor, p.Components}, {varianceTensor, p.Variance}, {ratioTensor, p.Ratio}} {
		for i, v := range part.values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("%s: value %d is %v", part.name, i, v)
			}
		}
	}
	if p.Variance != nil && len(p.Variance) != n || p.Ratio != nil && len(p.Ratio) != n {
		return fmt.Errorf("%d explained variances and %d ratios for %d components", len(p.Variance), len(p.Ratio), n)
	}
	p.deviation = nil
	if p.Whiten {
		if p.Variance == nil {
			return errors.New("whitening needs explained_variance")
		}
		for i, v := range p.Variance {
			if !(v > 0) {
				return fmt.Errorf("whitening divides by the root of explained_variance, and value %d is %g: fit fewer components", i, v)
			}
			p.deviation = append(p.deviation, math.Sqrt(v))
		}
	}
	p.packed = make([]float64, panels(n)*dims*side)
	for k := range n {
		for i, v := range p.Components[k*dims : (k+1)*dims] {
			p.packed[(k/side*dims+i)*side+k%side] = v
		}
	}
	return nil
}

// Projector projects rows, so many at a time. It is for one goroutine.
type Projector struct {
	pca     *PCA
	threads int
	rows    []float64 // packed: [panels(most)][dims][side]
}

// Projector projects at most so many rows at a time, on so many threads.
func (p *PCA) Projector(most, threads int) *Projector {
	return &Projector{p, threads, make([]float64, panels(most)*p.Dims()*side)}
}

// Project gives the projections of n rows: dst is [n][N()], src [n][Dims()]. Each value is one sum in the order of the row, of float64; what comes out is rounded to float32. src may change:
// rows are divided by their norms in place if the PCA is for such rows.
func (j *Projector) Project(dst, src []float32, n int) {
	p := j.pca
	dims, components := p.Dims(), p.N()
	for r := range n {
		row := src[r*dims : (r+1)*dims]
		if p.L2 {
			Normalise(row)
		}
		packed := j.rows[r/side*dims*side+r%side:]
		for i, v := range row {
			packed[i*side] = float64(v) - p.Mean[i]
		}
	}
	threads := j.threads
	if n*dims*components < 8*few {
		threads = 1
	}
	if threads == 1 {
		for k := range panels(components) {
			j.panel(dst, n, k)
		}
		return
	}
	parallel(panels(components), threads, func(k int) { j.panel(dst, n, k) })
}

// panel projects all rows on the components of one panel.
func (j *Projector) panel(dst []float32, n, k int) {
	p := j.pca
	dims, components := p.Dims(), p.N()
	w := p.packed[k*dims*side:][:dims*side]
	var out [side][side]float64
	for first := 0; first < n; first += side {
		tile(&out, j.rows[first*dims:][:dims*side], w)
		for r := first; r < min(first+side, n); r++ {
			for c := k * side; c < min((k+1)*side, components); c++ {
				v := out[r-first][c-k*side]
				if p.deviation != nil {
					v /= p.deviation[c]
				}
				dst[r*components+c] = float32(v)
			}
		}
	}
}

// Normalise divides a row by its Euclidean norm: the squares are exact in float64, their sum is rounded to float64 in the order of the row, the root and the
// quotients once each to float64, these then to float32. Zeros stay.
func Normalise(row []float32) {
	sum := 0.0
	for _, v := range row {
		sum += float64(float64(v) * float64(v))
	}
	if sum == 0 {
		return
	}
	norm := math.Sqrt(sum)
	for i, v := range row {
		row[i] = float32(float64(v) / norm)
	}
}
