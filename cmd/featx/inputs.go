package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/featx-go/featx/source"
)

// inputs are a command's paths, and the flags that say how they are meant.
type inputs struct {
	paths    []string
	options  source.Options
	maxBytes string
}

func addInputFlags(set *pflag.FlagSet) *inputs {
	i := new(inputs)
	set.BoolVarP(&i.options.Null, "null", "0", false, "a NUL byte ends each path of a list, not a line (find -print0)")
	set.StringVar(&i.options.Column, "column", "", "`column` of tables that has the paths: its name, or its number in tables without header (default path, file, image or the like)")
	set.StringVar(&i.options.Root, "root", "", "`folder` that relative paths in lists and tables start from (default the working folder)")
	set.StringVar(&i.maxBytes, "max-bytes", "256MiB", "larger pictures in archives and from servers are refused")
	return i
}

// of completes the inputs with the command's arguments.
func (i *inputs) of(c *cobra.Command, paths []string) (err error) {
	i.paths, i.options.Stdin = paths, c.InOrStdin()
	i.options.MaxBytes, err = parseBytes("max-bytes", i.maxBytes)
	return err
}

// open gives the items; dims are those of the network's input.
func (i *inputs) open(dims []int) source.Source {
	i.options.Dims = dims
	return source.Paths(i.paths, i.options)
}

// count is how many items there are; -1 if that cannot be known.
func (i *inputs) count(ctx context.Context, dims []int) int {
	o := i.options
	o.Dims = dims
	return source.Count(ctx, i.paths, o)
}

// few counts the pictures that the paths mean if they are few, for which a whole batch would be too much; else it is 0. It does not look into arrays, nor into what
// can be read only once.
func (i *inputs) few(ctx context.Context) int {
	const enough = 8
	if slices.ContainsFunc(i.paths, func(path string) bool { return path == "@-" || strings.EqualFold(filepath.Ext(path), ".npy") }) {
		return 0
	}
	items := source.Paths(i.paths, i.options)
	defer items.Close()
	for n := range enough {
		if _, err := items.Skip(ctx); err != nil {
			return n
		}
	}
	return 0
}
