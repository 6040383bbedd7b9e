package main

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/pipeline"
)

// Little garbage is let lie: pictures make most of it, and the collector has nothing else to look through.
const garbagePercent = 50

func init() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
}

// keepWithin lets the garbage collector keep to what a plan's limit leaves it. A lower limit by GOMEMLIMIT stays.
func keepWithin(p featx.Plan) {
	const least = 4 << 20 // with less it would do nothing else
	if p.Limit > 0 {
		debug.SetMemoryLimit(min(max(p.Limit-p.Memory.Mapped(), least), debug.SetMemoryLimit(-1)))
	}
}

var memorySize = regexp.MustCompile(`^(\d+(?:\.\d+)?) ?(k|M|G)?(i)?B?$`)

// parseBytes reads the value of a flag: 64MB, 1.5GiB, 65536. The empty text is 0.
func parseBytes(flag, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	m := memorySize.FindStringSubmatch(text)
	if m == nil || m[2] == "" && m[3] != "" {
		return 0, fmt.Errorf("--%s %q: want bytes, as 64MB, 1GiB or 500000000", flag, text)
	}
	unit := map[string]float64{"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[m[2]]
	if m[3] != "" {
		unit = map[string]float64{"k": 1 << 10, "M": 1 << 20, "G": 1 << 30}[m[2]]
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if n *= unit; err != nil || n < 1 || n >= math.MaxInt64 {
		return 0, fmt.Errorf("--%s %q: want 1 byte to %d", flag, text, int64(math.MaxInt64))
	}
	return int64(n), nil
}

// limitsOf are the queues that a plan has room for.
func limitsOf(p featx.Plan) pipeline.Limits {
	return pipeline.Limits{Workers: p.Workers, Batches: p.Batches}
}

// withinPlan bounds a run by the extractor's plan.
func withinPlan(p featx.Plan, o pipeline.Options) pipeline.Options {
	keepWithin(p)
	o.Limits = limitsOf(p)
	o.MaxMemory = p.Decoding
	return o
}
