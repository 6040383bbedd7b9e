// Package onnx reads ONNX models, operator sets 7 to 23: the network, its weights, and nothing that would have to be run.
//
//	proto.go tensor.go           the few messages of onnx.proto, in place; stored tensors and external files
//	model.go                     what a file is
//	array.go fold.go evaluate.go the part of a graph that does not depend on the picture, evaluated at once
//	view.go broadcast.go         how a tensor's axes lie in one of the engine's values: reshapes and transpositions move nothing until they must
//	import.go scope.go           the graph, node by node; functions and conditions inlined
//	operators.go ops_*.go        one translation for each operator
//	params.go outputs.go         the tensors and the outputs of the result
//	problems.go                  what cannot be translated, all at once
//
// An engine value is one picture's map or vector, so the first axis of every activation must be the batch, and no operator may mix pictures. Maps are
// shown as channels, height, width, whatever the file's order of axes; a layer's name is its output tensor's, and the node's name is an alias.
// The outputs of the model have exactly the axes of the file.
//
// To add an operator: a translation, its line in operators (or a fold, if it is arithmetic on constants), and go test -run Conformance -update.
package onnx
