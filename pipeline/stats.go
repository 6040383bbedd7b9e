package pipeline

import (
	"sync/atomic"
	"time"
)

// Stats counts what a run has done so far. Everybody may read it at any time.
type Stats struct {
	Total    atomic.Int64 // items of the source, those before this run included; 0 while it is not known
	Before   atomic.Int64 // items that were done before this run
	Done     atomic.Int64 // items that are done, those before this run included
	Failed   atomic.Int64 // of these
	Bytes    atomic.Int64 // read of pictures, in this run
	Prepared Clock        // by the workers: reading, decoding, preparing
	Network  Clock        // by the network on all its threads
	Waited   Clock        // by the network, for pictures
	Written  Clock        // by the output
}

// Clock adds up time.
type Clock struct{ ns atomic.Int64 }

// Since adds the time from then to now.
func (c *Clock) Since(then time.Time) { c.ns.Add(int64(time.Since(then))) }

// Total is the sum.
func (c *Clock) Total() time.Duration { return time.Duration(c.ns.Load()) }
