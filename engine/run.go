package engine

import (
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"github.com/featx-go/featx/kernels"
)

// Runner runs a plan. It owns the memory of one run and its worker goroutines, and serves one goroutine at a time.
type Runner struct {
	plan    *Plan
	arena   []float32 // and the workers' memory behind it
	free    func()    // gives it back
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
	pictures     []float32 // of the run, the caller's
	outputs      [][]float32
	offsets      []int64
	acc          []float32
	floatScratch []float32
	threads      int             // of the runner
	bandAt       int             // where its memory for the rows of bands begins in the arena
	localAt      [maxBand]int    // by value of the current band: where the picture's first row would lie
	localRow     [maxBand]int    // and which row is the first that is there
	timed        bool            // in a profiled run,
	clock        []time.Duration // by step: what it took in a band
	operands     [maxBlock]operands
	tile         kernels.GemmTile
	rows         kernels.Elementwise
	pool         kernels.PoolRow
	inputTiles   kernels.WinogradInputTiles
	product      kernels.WinogradProduct
	outputTiles  kernels.WinogradOutputTiles
	axis         kernels.WinogradAxis
	depthwise    kernels.DepthwiseRow
	accumulators [reduceBlock]accumulator
	_            [64]byte // workers write to their tiles: keep them on cache lines of their own
}

// floats is a piece of the arena.
func (w *worker) floats(at, n int) []float32 { return w.arena[at : at+n : at+n] }

// memory is what holds a value: the arena, or the caller's pictures.
func (w *worker) memory(v *value) []float32 {
	if v.outside {
		return w.pictures
	}
	return w.arena
}

// at is the float of its memory at which a value begins.
func (w *worker) at(v *value) int {
	if local := v.buffer.local; local > 0 {
		return w.localAt[local-1] + v.skip
	}
	return v.at()
}

// float is an address in the arena.
func (w *worker) float(at int) *float32 { return (*float32)(unsafe.Add(w.base, at*4)) }

// NewRunner makes a runner with so many threads, the caller's included; 0 is all cores. Close it to end the others. Weights that no runner has had before begin to be
// packed, on all cores; the first Run takes them as they come.
func (p *Plan) NewRunner(threads int) *Runner {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	p.model.startPacking(p.weights)
	arena, acc, scratch := max(p.arena, lineFloats), roundUp(p.scratchAcc, lineFloats), roundUp(p.scratchFloats, lineFloats)
	own := p.scratchBand + acc + scratch
	memory, mapped := mapFloats(arena + threads*own)
	r := &Runner{plan: p, arena: memory, free: func() {}, workers: make([]worker, threads)}
	if mapped != nil {
		cleanup := runtime.AddCleanup(r, unmap, mapped) // of a runner that nobody closes
		r.free = func() {
			cleanup.Stop()
			unmap(mapped)
		}
	}
	for _, o := range p.outputs {
		r.outputs = append(r.outputs, make([]float32, p.batch*o.Shape.Elements()))
	}
	for i := range r.workers {
		w := &r.workers[i]
		*w = worker{
			isa: p.model.isa, base: unsafe.Pointer(&memory[0]), arena: memory, outputs: r.outputs,
			offsets: make([]int64, max(1, p.scratchOffsets)), threads: threads, bandAt: arena + i*own,
		}
		w.acc = w.floats(w.bandAt+p.scratchBand, acc)
		w.floatScratch = w.floats(w.bandAt+p.scratchBand+acc, scratch)
	}
	r.crew = newCrew(threads, len(p.stages), func(worker, step, item int) {
		r.plan.stages[step].run(&r.workers[worker], r.n, item)
	})
	return r
}

// Run computes the plan's layers for n pictures, given as NHWC float32, which it reads while it runs. A run after the first allocates nothing. A panic, in whatever goroutine, is returned as a *[Fault].
func (r *Runner) Run(n int, pictures []float32) error {
	if err := r.fault(); err != nil {
		return err
	}
	if err := r.run(n, pictures); err != nil {
		return err
	}
	return r.fault()
}

// fault is the first panic of a run's goroutines, or of those that packed its weights.
func (r *Runner) fault() error {
	if f := r.crew.failed.Load(); f != nil {
		return f
	}
	return nil
}

func (r *Runner) run(n int, pictures []float32) error {
	p := r.plan
	if n < 1 || n > p.batch {
		return fmt.Errorf("%d pictures in one run: the plan is for 1 to %d", n, p.batch)
	}
	if want := n * p.size.Elements(); len(pictures) != want {
		return fmt.Errorf("%d floats for %d pictures of %v: want %d", len(pictures), n, p.size, want)
	}
	r.crew.begin()
	r.show(pictures)
	r.n = n
	for i, s := range p.stages {
		r.crew.items[i].Store(int32(s.items(n, len(r.workers))))
	}
	defer r.done()
	defer r.crew.recovered()
	weights := p.weights
	for i := range p.stages {
		for len(weights) > 0 && weights[0].step < p.endOf(i) {
			if f := weights[0].wait(); f != nil {
				r.crew.failed.CompareAndSwap(nil, f)
				return f
			}
			weights = weights[1:]
		}
		if r.crew.do(i); r.crew.failed.Load() != nil {
			break
		}
	}
	return nil
}

// show gives the workers the pictures of a run.
func (r *Runner) show(pictures []float32) {
	for i := range r.workers {
		r.workers[i].pictures = pictures
	}
}

// done ends a run.
func (r *Runner) done() {
	r.crew.rest()
	r.show(nil)
}

// Output is the i-th layer asked for: one row of Plan.Outputs()[i].Shape.Elements() values per picture, in the graph's layout. It is
// valid until the next Run.
func (r *Runner) Output(i int) []float32 {
	return r.outputs[i][:r.n*r.plan.outputs[i].Shape.Elements()]
}

// Close ends the worker goroutines; the model's source is not read afterwards. The runner must not be used any longer; closing twice is harmless.
func (r *Runner) Close() {
	if r.crew != nil {
		for _, w := range r.plan.weights {
			w.wait()
		}
		r.crew.close()
		r.crew = nil
		r.free()
	}
}
