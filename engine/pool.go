package engine

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/cpu"
)

// crew is the persistent workers of a runner. The items of one step are claimed from an atomic cursor by the workers and by the caller;
// the caller goes on when all items are done. Workers spin a little between the steps of a run, less between runs, and are parked then.
//
// The cursor holds step and item in one word, so that a worker that comes late to one step can only claim an item of the
// next: nobody has to wait for a worker that got no processor.
type crew struct {
	_      cpu.CacheLinePad
	cursor atomic.Uint64 // step<<32 | next item
	_      cpu.CacheLinePad
	done   atomic.Int64 // items of the current step that are finished
	_      cpu.CacheLinePad
	parked atomic.Int32 // workers that wait for a token
	closed atomic.Bool
	failed atomic.Pointer[Fault] // the first; what it left undone stays so
	tokens chan struct{}
	exited sync.WaitGroup

	items []atomic.Int32 // by step, for the current run
	work  func(worker, step, item int)
}

// idle is the step number between runs: no worker has anything to do.
const idle = 1<<31 - 1

// spins is how often a worker looks for new work inside a run before it parks: about a millisecond, longer than most steps that leave it without work. Waking it up again
// costs as much as a small step.
const spins = 200_000

// restless is how many times faster patience runs out between two runs: after some 100 microseconds, which waking a worker up takes in a virtual machine.
const restless = 10

// evenItems is into how many pieces for each thread small work is cut, so that little is left to one of them at the end.
const evenItems = 4

// newCrew starts the workers 1 to n-1; the caller is worker 0. A panic of work ends its worker and the step, and is found in failed; the caller's own is the caller's to
// recover.
func newCrew(n, steps int, work func(worker, step, item int)) *crew {
	c := &crew{tokens: make(chan struct{}, n), items: make([]atomic.Int32, steps), work: work}
	c.cursor.Store(idle << 32)
	for i := 1; i < n; i++ {
		c.exited.Go(func() { c.serve(i) })
	}
	return c
}

// do runs all items of a step and returns when they are finished, or when one has failed.
func (c *crew) do(step int) {
	n := int64(c.items[step].Load())
	if n == 1 || cap(c.tokens) == 1 {
		for i := range int(n) {
			c.work(0, step, i)
		}
		return
	}
	c.done.Store(0)
	c.cursor.Store(uint64(step) << 32)
	c.wake(n - 1)
	for c.claim(0) {
	}
	for spin := 1; c.done.Load() < n; spin++ {
		switch {
		case (spin%64 == 0 || spin > 10*spins) && c.failed.Load() != nil:
			return
		case spin > 10*spins: // a worker lost its processor in the middle of an item
			time.Sleep(20 * time.Microsecond)
		default:
			relax(spin)
		}
	}
}

// relax is called between two looks, so that one who waits does not keep others from a processor: goroutines of the program, and now and then threads, of which the one waited for
// may be, if the system has put both on the same processor.
func relax(spin int) {
	if spin%64 == 0 {
		runtime.Gosched()
	}
	if spin%1024 == 0 { // some 5 microseconds
		yieldProcessor()
	}
}

// wake sends for workers that are parked, n at most.
func (c *crew) wake(n int64) {
	for range min(int64(c.parked.Load()), n) {
		select {
		case c.tokens <- struct{}{}:
		default:
		}
	}
}

// begin is called when a run begins, before its first step can: parked workers are under way meanwhile.
func (c *crew) begin() { c.wake(int64(cap(c.tokens))) }

// rest is called at the end of a run.
func (c *crew) rest() { c.cursor.Store(idle << 32) }

// close ends the workers.
func (c *crew) close() {
	c.closed.Store(true)
	close(c.tokens)
	c.exited.Wait()
}

// claim does one item, if there is one.
func (c *crew) claim(worker int) bool {
	if !c.open() {
		return false
	}
	at := c.cursor.Add(1) - 1
	step, item := int(at>>32), int32(at)
	if step == idle || item >= c.items[step].Load() {
		return false
	}
	c.work(worker, step, int(item))
	c.done.Add(1)
	return true
}

// open tells whether there is an unclaimed item, without writing to the shared line.
func (c *crew) open() bool {
	at := c.cursor.Load()
	step := int(at >> 32)
	return step != idle && int32(at) < c.items[step].Load()
}

func (c *crew) serve(worker int) {
	defer c.recovered()
	for !c.closed.Load() {
		for spin := 0; spin < spins; {
			if c.claim(worker) {
				spin = 0
				continue
			}
			spin++
			relax(spin)
			if spin%64 == 0 && c.cursor.Load()>>32 == idle {
				spin += 64 * (restless - 1)
			}
		}
		c.parked.Add(1)
		if !c.open() {
			<-c.tokens
		}
		c.parked.Add(-1)
	}
}

// recovered is deferred once for a worker's life, and by the caller once for a run.
func (c *crew) recovered() {
	if v := recover(); v != nil {
		c.failed.CompareAndSwap(nil, newFault(v))
	}
}
