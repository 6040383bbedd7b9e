package engine

import (
	"fmt"
	"runtime/debug"
)

// Fault is a panic of the engine, given as an error: a mistake in featx, never one of its input. The runner that gives it once gives it always.
type Fault struct {
	Value any    // of the panic
	Stack []byte // of its goroutine
}

func (f *Fault) Error() string {
	return fmt.Sprintf("a fault of the program, please report it at https://github.com/featx-go/featx/issues: %v", f.Value)
}

// newFault is called while the panic's stack is still there.
func newFault(value any) *Fault { return &Fault{value, debug.Stack()} }
