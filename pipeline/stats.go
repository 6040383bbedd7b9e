package pipeline

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/featx-go/featx/sink"
)

// Stats counts what a run has done so far. Everybody may read it at any time.
type Stats struct {
	Total    atomic.Int64 // items of the source, those before this run included; 0 while it is not known
	Before   atomic.Int64 // items that were done before this run
	Done     atomic.Int64 // items that are done, those before this run included
	Failed   atomic.Int64 // of these
	Rows     atomic.Int64 // given to the output, in this run
	Bytes    atomic.Int64 // read of pictures, in this run
	Prepared Clock        // by the workers: reading, decoding, preparing
	Network  Clock        // by the network on all its threads
	Waited   Clock        // by the network, for pictures
	Written  Clock        // by the output

	// Pictures that are in the queues now: see [Limits.Queues].
	Waiting, Decoding, Ready atomic.Int64

	failedAt [4]atomic.Int64 // by sink.Stages
}

// FailedAt counts the items that failed at this stage, in this run.
func (s *Stats) FailedAt(stage sink.Stage) *atomic.Int64 {
	return &s.failedAt[slices.Index(sink.Stages, stage)]
}

// Clock adds up time.
type Clock struct{ ns atomic.Int64 }

// Since adds the time from then to now.
func (c *Clock) Since(then time.Time) { c.ns.Add(int64(time.Since(then))) }

// Total is the sum.
func (c *Clock) Total() time.Duration { return time.Duration(c.ns.Load()) }
