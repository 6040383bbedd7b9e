// Package filelock takes files for one process alone.
package filelock
