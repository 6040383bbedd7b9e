package engine

import "syscall"

// yieldProcessor lets another thread that waits for this processor have it. It does not block: the runtime need not know.
func yieldProcessor() { syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) }
