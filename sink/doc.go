// Package sink writes features to files: one row per picture, in the order of the calls.
//
//	.npy          one layer: float32 (rows, ...); the paths, a line each, in FILE.npy.paths.txt
//	.npz          one array per layer, "paths" and "provenance", as numpy.load reads it
//	.jsonl        one JSON object per picture and layer
//	.safetensors  one tensor per layer; in the metadata the paths as a JSON array under "paths", and the provenance under "featx"
//
//	.parquet      columns path, row and one list per layer, compressed with zstd; the provenance under "featx" in the file's metadata
//	.arrow        the same columns as an Arrow IPC file, not compressed; the provenance under "featx" in the schema's metadata
//
// What the rows were made with is a [Provenance], as JSON; beside .npy and .jsonl it is in FILE.provenance.json.
//
// The bytes depend on the rows alone. A path that is not UTF-8 is written as Python's os.fsdecode reads it, so that Python's os.fsencode gives the file's name back.
//
// A [Job] is a file, or a row of files, under way. Until it is complete it lives in the folder FILE.partial, where it survives the end of the process, whatever that was:
//
//	lock      held by the process that works on it
//	job.json  the provenance; a job goes on only with the same
//	journal   what is done, and how long the other files are: replaced as a whole when they are on disk
//	names     the rows' paths
//	errors    the ledger, see below
//	rows      the file to be, for formats that are written from front to back
//	0, 1, ... the rows of each layer, for formats that want one layer after the other
//
// What lies behind the lengths in the journal is what a process had no time to record; the next one cuts it off. When the inputs have ended, the files get
// their names, each complete and on disk, and the folder goes.
//
// The ledger FILE.errors.jsonl has a line for each input that failed, in their order: {"path": ..., "stage": ..., "reason": ...}.
//
// A new format is an entry in formats.
package sink
