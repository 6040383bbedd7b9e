package kernels

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func init() {
	placements = append(placements,
		placement{"before a guard page", func(t testing.TB, n int) []float32 { return guarded(t, n, true) }},
		placement{"behind a guard page", func(t testing.TB, n int) []float32 { return guarded(t, n, false) }})
}

// guarded gives n float32 in memory of their own, between pages whose touch is a crash: right before the upper one, or
// right behind the lower one.
func guarded(t testing.TB, n int, atEnd bool) []float32 {
	page := unix.Getpagesize()
	size := (4*n + page - 1) / page * page
	mem, err := unix.Mmap(-1, 0, size+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal("mmap:", err)
	}
	t.Cleanup(func() { _ = unix.Munmap(mem) })
	for _, guard := range [][]byte{mem[:page], mem[page+size:]} {
		if err := unix.Mprotect(guard, unix.PROT_NONE); err != nil {
			t.Fatal("mprotect:", err)
		}
	}
	start := page
	if atEnd {
		start += size - 4*n
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&mem[start])), n)
}
