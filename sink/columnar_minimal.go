//go:build minimal

package sink

// columnar is not in this build.
var columnar []*format

// leftOut are the endings of formats that only the usual build has.
var leftOut = []string{".parquet", ".arrow"}
