package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/sink"
	"github.com/featx-go/featx/source"
)

// Limits bound what is under way. No result depends on them.
type Limits struct {
	Workers int // decode at the same time; 0 is as many as cores
	Batches int // of Extractor.Batch pictures: one in the network, the others being filled; 0 is 3
}

// Queue is where pictures wait or are worked on.
type Queue struct {
	Name     string `json:"name"`
	Pictures int    `json:"pictures"` // at most
	Bytes    int64  `json:"bytes"`    // of memory that they take then; 0 is not known: it depends on the files
}

// Names of the queues, in the order in which a picture goes through them.
const (
	WaitingQueue  = "waiting"  // for a worker that decodes them
	DecodingQueue = "decoding" // being read, decoded and prepared
	ReadyQueue    = "ready"    // prepared, in batches, of which one is in the network
)

// Queues are those of a run, for an extractor that takes so many pictures of so many values at a time.
func (l Limits) Queues(batch, inputLen int) []Queue {
	l = l.withDefaults()
	ready := l.Batches * batch
	return []Queue{{WaitingQueue, l.Workers, 0}, {DecodingQueue, l.Workers, 0}, {ReadyQueue, ready, 4 * int64(ready) * int64(inputLen)}}
}

func (l Limits) withDefaults() Limits {
	return Limits{cmp.Or(l.Workers, runtime.GOMAXPROCS(0)), cmp.Or(l.Batches, 3)}
}

// OnError says what becomes of an input that fails.
type OnError string

const (
	Skip OnError = "skip" // no row
	NaN  OnError = "nan"  // a row of NaN
	Fail OnError = "fail" // the run ends
)

// Check is an error for anything else; "" is skip.
func (e OnError) Check() error {
	switch e {
	case "", Skip, NaN, Fail:
		return nil
	}
	return fmt.Errorf("--on-error %q: want %s, %s or %s", string(e), Skip, NaN, Fail)
}

// Options of a run.
type Options struct {
	Limits
	OnError   OnError
	MaxErrors MaxErrors
	MaxPixels int64  // of a picture; 0 is image.MaxPixels
	MaxMemory int64  // bytes that a worker may take to decode a picture; 0 is no limit
	Stats     *Stats // counts on from what is in it

	ApplyOrientation bool // turns pictures upright as their EXIF says
}

// Output takes the outcomes, in the order of the inputs.
type Output interface{ Add(sink.Outcome) error }

// Run takes the items of a source through the network to the output. When ctx ends, what is under way is finished and written, and the error is ctx's.
func Run(ctx context.Context, items source.Source, x *featx.Extractor, out Output, o Options) error {
	o.Limits = o.Limits.withDefaults()
	p := &run{x: x, out: out, options: o, tasks: make(chan task, o.Workers), order: make(chan *batch, o.Batches), free: make(chan *batch, o.Batches)}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	for range o.Batches {
		p.free <- newBatch(x.Batch(), x.InputLen())
	}
	if o.OnError == NaN {
		p.blank = blankRow(x.Layers())
	}
	var feeding error
	var goroutines sync.WaitGroup
	goroutines.Go(func() { feeding = p.feed(ctx, items) })
	for range o.Workers {
		goroutines.Go(p.work)
	}
	var failed error
	for b := range p.order {
		start := time.Now()
		b.pending.Wait()
		o.Stats.Waited.Since(start)
		if failed == nil {
			if failed = p.finish(b); failed != nil {
				stop(failed)
			}
		}
		o.Stats.Ready.Add(-int64(b.n))
		p.free <- b
	}
	goroutines.Wait()
	if failed != nil {
		return failed
	}
	if feeding != io.EOF {
		return feeding
	}
	return o.MaxErrors.check(o.Stats, true)
}

type run struct {
	x       *featx.Extractor
	out     Output
	options Options
	blank   [][]float32 // the row of an input that failed; nil is none
	tasks   chan task
	order   chan *batch // in the order of the source
	free    chan *batch
}

// batch is consecutive items, each with its place.
type batch struct {
	n        int // items in it
	items    []source.Item
	failures []*sink.Failure
	pixels   []float32
	pending  sync.WaitGroup // items that are not prepared yet
}

func newBatch(size, inputLen int) *batch {
	return &batch{items: make([]source.Item, size), failures: make([]*sink.Failure, size), pixels: make([]float32, size*inputLen)}
}

type task struct {
	batch *batch
	place int
}

// feed deals the items out until they end, with io.EOF, or ctx does.
func (p *run) feed(ctx context.Context, items source.Source) error {
	defer close(p.order)
	defer close(p.tasks)
	for {
		var b *batch
		select {
		case b = <-p.free:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		err := p.fill(ctx, b, items)
		if b.n > 0 {
			p.order <- b
		}
		if err != nil {
			return err
		}
	}
}

// fill gives a batch its items, and the workers theirs.
func (p *run) fill(ctx context.Context, b *batch, items source.Source) error {
	for b.n = 0; b.n < len(b.items); b.n++ {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		item, err := items.Next(ctx)
		if err != nil {
			return err
		}
		b.items[b.n], b.failures[b.n] = item, nil
		b.pending.Add(1)
		p.options.Stats.Waiting.Add(1)
		p.tasks <- task{b, b.n}
	}
	return nil
}

// finish runs the network on a batch and hands the outcomes on.
func (p *run) finish(b *batch) error {
	length, rows := p.x.InputLen(), 0
	for i, f := range b.failures[:b.n] {
		if f == nil {
			if rows < i {
				copy(b.pixels[rows*length:], b.pixels[i*length:][:length])
			}
			rows++
		}
	}
	var out []featx.Tensor
	if rows > 0 {
		start := time.Now()
		var err error
		if out, err = p.x.Run(rows, b.pixels[:rows*length]); err != nil {
			return err
		}
		p.options.Stats.Network.Since(start)
	}
	defer p.options.Stats.Written.Since(time.Now())
	features := make([][]float32, len(out))
	row := 0
	for i, item := range b.items[:b.n] {
		outcome := sink.Outcome{Path: item.Name, Failure: b.failures[i], Features: p.blank}
		if outcome.Failure == nil {
			for l, t := range out {
				n := len(t.Data) / rows
				features[l] = t.Data[row*n : (row+1)*n]
			}
			outcome.Features = features
			row++
		}
		if err := p.done(outcome); err != nil {
			return err
		}
	}
	return nil
}

// done hands one outcome on.
func (p *run) done(o sink.Outcome) error {
	if o.Failure != nil && p.options.OnError == Fail {
		return o.Failure
	}
	if err := p.out.Add(o); err != nil {
		return err
	}
	stats := p.options.Stats
	stats.Done.Add(1)
	if o.Features != nil {
		stats.Rows.Add(1)
	}
	if o.Failure == nil {
		return nil
	}
	stats.Failed.Add(1)
	stats.FailedAt(o.Failure.Stage).Add(1)
	return p.options.MaxErrors.check(stats, false)
}

func blankRow(layers []featx.Layer) [][]float32 {
	row := make([][]float32, len(layers))
	for i, l := range layers {
		n := 1
		for _, d := range l.Dims {
			n *= d
		}
		row[i] = make([]float32, n)
		for j := range row[i] {
			row[i][j] = float32(math.NaN())
		}
	}
	return row
}
