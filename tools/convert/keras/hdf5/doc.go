// Package hdf5 reads HDF5 files, as much of the format as Keras's weight files use, and no more. It never writes.
//
//	root, err := hdf5.Parse(data) // data is the mapped file
//	conv, err := root.Open("model_weights/conv1")
//	conv.Names()                  // its links
//	names, err := conv.Attribute("weight_names")
//	kernel, err := conv.Open("kernel:0")
//	array, err := kernel.Dataset()
//	array.Type, array.Dims        // little-endian bytes follow:
//	bytes, err := array.Bytes()
//
//	file.go      superblock, objects and their paths
//	cursor.go    reading fields without ever leaving the data
//	header.go    object headers (versions 1 and 2) and their messages
//	types.go     data types, data spaces, arrays and strings
//	group.go     links: symbol tables, link messages, dense storage
//	attribute.go attributes, in the header or in dense storage
//	heap.go      local, global and fractal heaps
//	btree.go     version 2 B-trees
//	layout.go    where a dataset's bytes are: compact, contiguous, chunked
//	index.go     the indices of chunks: version 1 and 2 B-trees, fixed and extensible arrays
//	filter.go    deflate, shuffle, fletcher32, lzf
//	checksum.go  Jenkins's lookup3, Fletcher's
//
// Checksums are verified wherever the format has them. Every structure is visited once, so that a file that points in circles ends in an error;
// memory is bounded by the file's size (compressed data: by what deflate can expand it to). What is not supported is an error that says what it is.
//
// The format: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
package hdf5
