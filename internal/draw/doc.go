// Package draw makes pictures of feature maps: a sheet of sections, each a grid of labelled maps, a chart of a vector, or pictures with a map laid over them. All
// is computed in integers, or in float64 with each operation rounded by itself, so that a sheet has the same pixels on every CPU.
package draw
