// Package onnx reads ONNX models, operator sets 7 to 23: the network, its weights, and nothing that would have to be run.
//
//	proto.go          the few messages of onnx.proto, in place
//	tensor.go         stored tensors: every data field, external files
//	array.go fold.go  the constant part of a graph (arithmetic on shapes, weights that are computed) evaluated at once
//	view.go           how a tensor's axes lie in one of the engine's values: reshapes and transpositions move nothing until they must
//	import.go         the graph, node by node; functions and conditions inlined
//	ops_*.go          one translation per operator
//
// An engine value is one picture's map or vector, so the first axis of every activation must be the batch, and no operator may mix pictures. Maps are
// shown as channels, height, width, whatever the file's order of axes; a layer's name is its output tensor's, and the node's name is an alias.
// The outputs of the model have exactly the axes of the file.
package onnx
