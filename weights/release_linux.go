package weights

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// releasePages drops the pages that data touches from the process's share of a mapped file; the page cache has them still. The first and last page may hold other tensors'
// bytes too, which come back when they are read.
func releasePages(data []byte) {
	page := unix.Getpagesize()
	before := int(uintptr(unsafe.Pointer(&data[0])) % uintptr(page))
	pages := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(&data[0]), -before)), (before+len(data)+page-1)/page*page)
	_ = unix.Madvise(pages, unix.MADV_DONTNEED) // it is about memory only
}
