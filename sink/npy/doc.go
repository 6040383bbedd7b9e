// Package npy reads and writes NumPy's .npy format: float32, little-endian, C order; and reads .npz archives of real numbers.
//
// The format is described in numpy/lib/format.py ("NumPy Enhancement Proposal 1"); versions 1.0 to 3.0 are read, 1.0 is written.
package npy
