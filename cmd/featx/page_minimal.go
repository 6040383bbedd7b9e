//go:build minimal

package main

import (
	"context"
	"errors"
)

// checkPage refuses a page, which is not in this build.
func checkPage(path string, _ int) error {
	if path != "" {
		return errors.New("--html: this is a minimal build of featx, without pages; the usual build has them")
	}
	return nil
}

func (*search) page(context.Context, string) error { return nil }
