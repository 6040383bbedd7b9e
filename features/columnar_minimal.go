//go:build minimal

package features

// columnar is not in this build.
var columnar []format

// left are the endings of formats that only the usual build has.
var left = []string{".parquet", ".arrow", ".feather"}
