package featx

import (
	"fmt"
	"math"
	"strings"
)

// budget is the memory that a plan may take, the program's own included.
type budget struct {
	bytes int64
	limit int64  // that the process must keep to; 0: there is none, the bytes are what is free
	what  string // sets it
}

// newBudget is the least of what is asked for (0: nothing is), what the container allows and what the machine has free.
func newBudget(asked int64) budget {
	b := budget{math.MaxInt64, 0, ""}
	if asked > 0 {
		b = budget{asked, asked, "are allowed"}
	}
	if limit := containerLimit(); limit > 0 && limit < b.bytes {
		b = budget{limit, limit, "are the limit of this container"}
	}
	if free := freeMemory(); free > 0 && free+residentMemory() < b.bytes {
		b.bytes, b.what = free+residentMemory(), "of memory are free"
	}
	return b
}

// exceeded says what is needed at the least, and the ways out.
func (b budget) exceeded(s *settled) error {
	ways := []string{}
	if s.Batch > 1 {
		ways = append(ways, "a smaller batch")
	}
	ways = append(ways, "a smaller picture", "fewer layers")
	if !s.Compact {
		ways = append(ways, "weights stored as float16")
	}
	last := len(ways) - 1
	return fmt.Errorf("%d pictures of %v at a time on %d threads need %d MB at the least, but %d MB %s: choose %s or %s",
		s.Batch, s.plan.InputShape(), s.Threads, (s.Memory.Total()+999_999)/1e6, b.bytes/1e6, b.what, strings.Join(ways[:last], ", "), ways[last])
}
