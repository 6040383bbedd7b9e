package weights

import "golang.org/x/sys/windows"

// freeSpace is the number of bytes that may still be written in a folder, or -1 if it cannot be told.
func freeSpace(dir string) int64 {
	var free uint64
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil || windows.GetDiskFreeSpaceEx(name, &free, nil, nil) != nil {
		return -1
	}
	return int64(min(free, 1<<62))
}
