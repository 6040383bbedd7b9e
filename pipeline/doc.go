// Package pipeline takes pictures from a source through decoding and the network to an output: everything at the same time, and the outcomes in the order of the inputs.
//
// One goroutine takes items from the source and deals them out to batches, workers decode and prepare them, each to its place in its batch, and the caller's
// goroutine runs the network on one batch after the other. What is under way is bounded by [Limits].
package pipeline
