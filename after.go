package featx

import (
	"math"

	"github.com/featx-go/featx/engine"
)

// after makes rows of what the network gives for one layer.
type after struct {
	shape  engine.Shape
	layout engine.Layout
	reduce func(x []float32, at, step, n int) float32
	pooled []float32 // of a batch; nil where nothing is reduced
	l2     bool
}

func newAfter(s engine.Shape, layout engine.Layout, p Pool, l2 bool, batch int) after {
	a := after{shape: s, layout: layout, l2: l2}
	if a.reduce, _ = p.reduce(); a.reduce != nil && !s.Flat { // the pooling was checked with the plan
		a.pooled = make([]float32, batch*s.C)
	}
	return a
}

// rows gives n pictures' rows. They are in data, or valid until the next call.
func (a *after) rows(data []float32, n int) []float32 {
	if a.pooled != nil {
		poolMap(a.pooled[:n*a.shape.C], data, a.shape, a.layout, a.reduce)
		data = a.pooled[:n*a.shape.C]
	}
	if a.l2 {
		length := len(data) / n
		for i := range n {
			normalise(data[i*length:][:length])
		}
	}
	return data
}

// normalise divides a row by its Euclidean norm: the squares are exact in float64, their sum is rounded to float64 in the order of the row, the root and the
// quotients once each to float64, these then to float32. Zeros stay.
func normalise(row []float32) {
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
