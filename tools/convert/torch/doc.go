// Package torch reads the tensors of PyTorch checkpoints: the zip archives of torch.save, and the pickled format from before 1.6.
//
//	f, err := torch.Read(data) // data is the mapped file
//	for _, t := range f.Tensors {
//		t.Contiguous()     // name, dtype, shape and row-major bytes
//	}
//
//	torch.go    what the user gets: which dictionary is the state_dict
//	archive.go  the two containers, and where their storages lie
//	tensor.go   a tensor as a view (offset, strides) of a storage
//	pickle.go   the pickle machine
//	globals.go  the few names that a pickle may use
//
// A pickle is a program for Python. The machine here runs none of it: it builds numbers, strings, lists, dictionaries and tensors, and refuses a file that names
// anything beyond the lists in globals.go. Storages stay in the mapped file, so reading takes memory for the pickle alone.
package torch
