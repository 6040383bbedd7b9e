//go:build !wasm

// Package address knows how much memory a program can address.
package address

import "math"

// Space is the most bytes that one piece of memory can have.
const Space = math.MaxInt
