package engine

import (
	"bytes"
	"sync"
	"time"
	"unsafe"
)

// ReadBandwidth measures how many bytes per second so many threads read in order from memory laid out as packed weights are, each its part of 256 MB: more than the
// caches of most machines hold. It takes some tenths of a second, the best of several passes.
func ReadBandwidth(threads int) float64 {
	const size = 256 << 20
	floats := alignedFloats(size / 4)
	memory := unsafe.Slice((*byte)(unsafe.Pointer(&floats[0])), size)
	for i := 0; i < size; i += 4 << 10 {
		memory[i] = 1 // a page that nobody wrote to does not exist
	}
	part := size / threads
	best := time.Duration(1 << 62)
	for range 5 {
		start := time.Now()
		var wg sync.WaitGroup
		for i := range threads {
			wg.Go(func() { bytes.IndexByte(memory[i*part:(i+1)*part], 2) }) // vector code everywhere; there is no 2
		}
		wg.Wait()
		best = min(best, time.Since(start))
	}
	return float64(part*threads) / best.Seconds()
}
