// Package sink writes features to files: one row per picture, in the order of the calls.
//
//	.npy          one layer: float32 (rows, ...)
//	.npz          one array per layer and "paths", as numpy.load reads it
//	.jsonl        one JSON object per picture and layer
//	.safetensors  one tensor per layer; the paths as a JSON array under "paths" in the metadata
//
// Rows go to disk as they come. A file gets its final name only when it is complete and on disk; on an error nothing remains. The bytes depend
// on the rows alone.
//
// A path that is not UTF-8 is written as Python's os.fsdecode reads it, so that Python's os.fsencode gives the file's name back.
package sink
