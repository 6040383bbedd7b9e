package featx

import (
	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/pca"
)

// after makes rows of what the network gives for one layer: pooling, the mean of each picture's views, PCA, norm.
type after struct {
	shape  engine.Shape
	layout engine.Layout
	reduce func(x []float32, at, step, n int) float32
	pooled []float32 // of a run of the network; nil where nothing is reduced
	length int       // of a row before PCA
	views  int
	sums   []float64 // of the pictures' views; nil where each has one
	rows   []float32
	l2     bool

	pca       *pca.PCA // nil is none
	projector *pca.Projector
	projected []float32
}

func newAfter(s engine.Shape, layout engine.Layout, p Pool, projection *pca.PCA, l2 bool, plan *Plan) after {
	a := after{shape: s, layout: layout, views: plan.Views, l2: l2, pca: projection}
	a.length = s.Elements()
	if a.reduce, _ = p.reduce(); a.reduce != nil && !s.Flat { // the pooling was checked with the plan
		a.length = s.C
		a.pooled = make([]float32, plan.Batch*a.length)
	}
	if a.views > 1 {
		a.sums, a.rows = make([]float64, plan.Pictures*a.length), make([]float32, plan.Pictures*a.length)
	}
	if a.pca != nil {
		a.projector, a.projected = a.pca.Projector(plan.Pictures, plan.Threads), make([]float32, plan.Pictures*a.pca.N())
	}
	return a
}

// take takes what a run of the network gave for n views, from the first-th of all pictures on. The views of a picture are added up in float64, in their order.
func (a *after) take(data []float32, first, n int) {
	if a.pooled != nil {
		poolMap(a.pooled[:n*a.shape.C], data, a.shape, a.layout, a.reduce)
		data = a.pooled[:n*a.shape.C]
	}
	if a.sums == nil {
		a.rows = data
		return
	}
	for i := range n {
		picture, view := (first+i)/a.views, (first+i)%a.views
		sums := a.sums[picture*a.length:][:a.length]
		if view == 0 {
			clear(sums)
		}
		for j, v := range data[i*a.length:][:a.length] {
			sums[j] += float64(v)
		}
	}
}

// finish gives the rows of n pictures, whose views are all taken. They are valid until the next take.
func (a *after) finish(n int) []float32 {
	rows, length := a.rows, a.length
	if a.sums != nil {
		rows = rows[:n*a.length]
		for i := range rows {
			rows[i] = float32(a.sums[i] / float64(a.views))
		}
	}
	if a.pca != nil {
		a.projector.Project(a.projected, rows, n)
		rows, length = a.projected, a.pca.N()
	}
	if a.l2 {
		for i := range n {
			pca.Normalise(rows[i*length:][:length])
		}
	}
	return rows[:n*length]
}
