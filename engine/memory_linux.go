package engine

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// adviseHuge asks for large pages. A system that has none is slower, no more.
func adviseHuge(s []float32) {
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), 4*len(s)/hugePage*hugePage)
	_ = unix.Madvise(bytes, unix.MADV_HUGEPAGE)
}
