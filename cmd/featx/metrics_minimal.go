//go:build minimal

package main

import (
	"errors"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/pipeline"
)

// metrics is not in this build.
type metrics struct{}

func (*metrics) listen(address string) error {
	if address != "" {
		return errors.New("--metrics: this is a minimal build of featx, without metrics; the usual build has them")
	}
	return nil
}

func (*metrics) serve(*featx.Model, featx.Plan, *pipeline.Stats) string { return "" }

func (*metrics) close() {}
