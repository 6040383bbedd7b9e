// Package engine runs convolutional networks on the CPU and gives the activations of any layer.
//
// Data flows one way, and the files follow it:
//
//	graph.go ops.go   a typed graph with shape inference        what the network is
//	weights.go        where the parameters come from            and whether they fit
//	tap.go            layer names, aliases, globs, indices      which values are wanted
//	fuse.go           chains of nodes that become one step
//	algorithm.go      direct, Winograd or depthwise, by the network and the picture's size alone
//	pack.go           weights in the kernels' order, once per model: their form
//	packing.go        and filling it, while the first steps run
//	plan.go arena.go  steps, buffers, memory                    what will be done
//	run.go pool.go    runners, their workers                    and doing it
//	fault.go          a panic as an error
//	step_*.go         one kind of step each
//	step_band.go      and several together, which go through a picture a band of rows at a time
//	profile.go        what the steps are, and what each takes
//
// A [Model] is a [Graph] with weights packed for one instruction set. A [Plan] is a model cut to a set of wanted layers, an
// input size and a largest batch. A [Runner] owns the memory and the worker goroutines of one plan. Models and plans
// are immutable and may be shared; a runner serves one goroutine at a time.
//
// # Layout
//
// Inside, activations are NHWC. A graph knows the layout of the framework that it came from ([NCHW] for PyTorch, [NHWC] for Keras), and
// weights are read from, and outputs given in, that layout.
//
// # Numbers
//
// The value of a node is defined by one formula, whatever was fused, tapped, batched or threaded (see package kernels):
// a convolution or dense node is fma(acc, 1, bias), or acc itself without a bias, where acc is a single float32 accumulator fed by fused multiply-adds
// in the order kernel row, kernel column, input channel; a batch normalisation after it is fma(acc, scale, shift) of that same acc, with
// scale and shift computed in float64 and rounded once.
package engine
