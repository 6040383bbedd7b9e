package engine

// SetBandRows limits the bands of plans that are made from now on; 0 is no limit of the test's.
func SetBandRows(n int) {
	if n == 0 {
		n = maxExtent
	}
	bandRows = n
}
