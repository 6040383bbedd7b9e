package engine

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/featx-go/featx/kernels"
)

// Runner runs a plan. It owns the memory of one run and its worker goroutines, and serves one goroutine at a time.
type Runner struct {
	plan    *Plan
	arena   []float32
	outputs [][]float32
	workers []worker
	crew    *crew
	n       int // pictures of the current run
}

// worker is what one thread needs: where the arena is, and scratch memory.
type worker struct {
	isa          kernels.ISA
	base         unsafe.Pointer // of the arena
	arena        []float32
	outputs      [][]float32
	offsets      []int64
	acc          []float32
	floatScratch []float32
	threads      int // of the runner
	tile         kernels.GemmTile
	rows         kernels.Elementwise
	pool         kernels.PoolRow
	inputTiles   kernels.WinogradInputTiles
	outputTiles  kernels.WinogradOutputTiles
	depthwise    kernels.DepthwiseRow
	accumulators [reduceBlock]accumulator
	_            [64]byte // workers write to their tiles: keep them on cache lines of their own
}

// floats is a piece of the arena.
func (w *worker) floats(at, n int) []float32 { return w.arena[at : at+n : at+n] }

// float is an address in the arena.
func (w *worker) float(at int) *float32 { return (*float32)(unsafe.Add(w.base, at*4)) }

// NewRunner makes a runner with so many threads, the caller's included; 0 is all cores. Close it to end the others.
func (p *Plan) NewRunner(threads int) *Runner {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	r := &Runner{plan: p, arena: alignedFloats(max(p.arena, lineFloats)), workers: make([]worker, threads)}
	for _, o := range p.outputs {
		r.outputs = append(r.outputs, make([]float32, p.batch*o.Shape.Elements()))
	}
	for i := range r.workers {
		r.workers[i] = worker{
			isa: p.model.isa, base: unsafe.Pointer(&r.arena[0]), arena: r.arena, outputs: r.outputs,
			offsets: make([]int64, max(1, p.scratchOffsets)), acc: alignedFloats(max(1, p.scratchAcc)), floatScratch: alignedFloats(max(1, p.scratchFloats)), threads: threads,
		}
	}
	r.crew = newCrew(threads, len(p.steps), func(worker, step, item int) {
		r.plan.steps[step].run(&r.workers[worker], r.n, item)
	})
	return r
}

// Run computes the plan's layers for n pictures, given as NHWC float32. A run after the first allocates nothing.
func (r *Runner) Run(n int, pictures []float32) error {
	p := r.plan
	if n < 1 || n > p.batch {
		return fmt.Errorf("%d pictures in one run: the plan is for 1 to %d", n, p.batch)
	}
	if want := n * p.size.Elements(); len(pictures) != want {
		return fmt.Errorf("%d floats for %d pictures of %v: want %d", len(pictures), n, p.size, want)
	}
	copy(r.arena[p.input.at():], pictures)
	r.n = n
	for i, s := range p.steps {
		r.crew.items[i].Store(int32(s.items(n, len(r.workers))))
	}
	for i := range p.steps {
		r.crew.do(i)
	}
	r.crew.rest()
	return nil
}

// Output is the i-th layer asked for: one row of Plan.Outputs()[i].Shape.Elements() values per picture, in the graph's layout. It is
// valid until the next Run.
func (r *Runner) Output(i int) []float32 {
	return r.outputs[i][:r.n*r.plan.outputs[i].Shape.Elements()]
}

// Close ends the worker goroutines. The runner must not be used afterwards; closing twice is harmless.
func (r *Runner) Close() {
	if r.crew != nil {
		r.crew.close()
		r.crew = nil
	}
}
