//go:build minimal

package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// newShow is a verb that is not in this build.
func newShow() *cobra.Command {
	return &cobra.Command{
		Use: "show", Hidden: true, DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("show: this is a minimal build of featx, which draws nothing; the usual build does")
		},
	}
}
