// Netbench times a stock network with seeded weights, one run for each line on standard input, so that a script
// can let featx and another engine take turns (bench/peers/run.py).
//
// First it prints one line of JSON: the graph, its parameters, every node's shape, the instruction set. Then it answers
// each line: `run` with the nanoseconds of one run, `output` with the last layer's values of the latest run as a JSON array, picture by picture.
package main
