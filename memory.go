package featx

import (
	"fmt"

	"github.com/featx-go/featx/engine"
)

// fitsMemory refuses what the machine cannot hold, before the operating system ends the process for it.
func fitsMemory(p *engine.Plan, threads int) error {
	m := p.Memory()
	need := m.Activations + m.Outputs + int64(threads)*m.Scratch
	if free := freeMemory(); free > 0 && need > free {
		return fmt.Errorf("%d pictures of %v at a time need %d MB, but %d MB of memory are free: choose a smaller batch, a smaller picture or fewer layers",
			p.Batch(), p.InputShape(), need>>20, free>>20)
	}
	return nil
}
