// Package atomicfile writes files that are there whole, on disk and under their name, or not at all.
package atomicfile
