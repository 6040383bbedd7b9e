//go:build minimal

package main

import (
	"errors"
	"io"
)

// checkRoofline refuses a picture, which is not in this build.
func checkRoofline(path string, _ int) error {
	if path != "" {
		return errors.New("--svg: this is a minimal build of featx, which draws nothing; the usual build does")
	}
	return nil
}

func drawRoofline(io.Writer, *benchReport) {}
