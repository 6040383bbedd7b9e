// Package testdisk gives tests a disk that they can fill.
package testdisk
