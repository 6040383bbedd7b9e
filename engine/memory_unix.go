//go:build unix

package engine

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapFloats makes a zeroed slice outside of the garbage collector's heap, aligned as alignedFloats does, and gives what free takes. Weights are most of a program's memory and never change: in
// the heap they would let it grow by as much again before it is collected.
func mapFloats(n int) (s []float32, mapped []byte) {
	mapped, err := unix.Mmap(-1, 0, 4*n+2*hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return alignedFloats(n), nil
	}
	at := unsafe.Pointer(&mapped[0])
	at = unsafe.Add(at, (hugePage-int(uintptr(at)%hugePage))%hugePage)
	s = unsafe.Slice((*float32)(at), n)
	if 4*n >= hugePage {
		adviseHuge(unsafe.Slice((*float32)(at), roundUp(n, hugePage/4)))
	}
	return s, mapped
}

func unmap(mapped []byte) { _ = unix.Munmap(mapped) }
