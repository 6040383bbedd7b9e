//go:build !windows && (!unix || solaris || illumos || aix)

package filelock

import "os"

// TryLock cannot lock here: whoever asks gets the file.
func TryLock(*os.File) (bool, error) { return true, nil }
