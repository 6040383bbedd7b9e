// Package features reads features back from files: those that package sink writes, and arrays of other programs in the same formats.
//
//	.npy          one layer, a row per picture: float32, float64 or float16; the paths in FILE.npy.paths.txt, if it is there
//	.npz          a layer per array of such numbers, other arrays are left alone; the paths in "paths", if it is there
//	.safetensors  a layer per tensor of F32, F64 or F16; the paths as a JSON array under "paths" in the metadata, if it is there
//	.jsonl        a line per picture and layer: path, layer, shape, features
//	.parquet      a layer per column of lists of float, double or FLOAT16, all lists as long; the paths in the column "path", if there are strings
//	.arrow        the same of an Arrow IPC file, also called .feather: lists of float32, float64 or float16
//
// Rows are read one after the other, as float32 (float64 is rounded), so that memory does not depend on how many there are. Sizes that a file claims are
// compared with what it has before memory is taken for them.
package features
