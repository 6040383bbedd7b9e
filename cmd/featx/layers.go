package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/internal/brief"
)

func newLayers() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "layers [flags] [MODEL]",
		Short: "The layers of a model: name, aliases, shape, parameters, multiply-adds, bytes",
		Long: `Lists the layers of a model, as "featx extract -l" takes them: index, name, aliases,
operation, shape of one picture's value (in the axes of the model's framework),
parameters, multiply-adds for one picture, and bytes of the value. The star marks the
layer that is meant without -l. MODEL is a file or a name, as of extract (default the
embedded model).`,
		Example: `  featx layers
  featx layers resnet50.safetensors
  featx layers --size 448 --json resnet50.safetensors`,
		Args: arguments(0, 1, "one model"),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as one JSON object")
	size := c.Flags().String("size", "", "of the network's input, as of extract")
	c.RunE = func(c *cobra.Command, args []string) error {
		m, err := openModel(c, strings.Join(args, ""))
		if err != nil {
			return err
		}
		defer m.Close()
		r := m.Recipe()
		if c.Flags().Changed("size") {
			if err := r.Set("size", *size); err != nil {
				return err
			}
		}
		list, err := m.Graph().Describe(r.Size)
		if err != nil {
			return err
		}
		if asJSON {
			return writeLayersJSON(c.OutOrStdout(), m, r, list)
		}
		return writeLayers(c.OutOrStdout(), m, r, list)
	}
	return c
}

// totals adds up parameters, multiply-adds and bytes.
func totals(list []engine.NodeInfo) (sum engine.NodeInfo) {
	for _, n := range list {
		sum.Params += n.Params
		sum.MACs += n.MACs
		sum.Bytes += n.Bytes
	}
	return sum
}

func writeLayersJSON(w io.Writer, m *featx.Model, r image.Recipe, list []engine.NodeInfo) error {
	sum := totals(list)
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(map[string]any{
		"arch": m.Graph().Arch, "layout": m.Graph().Layout, "size": r.Size, "features": m.Graph().Features, "layers": list,
		"total": map[string]int64{"parameters": sum.Params, "multiply_adds": sum.MACs, "bytes": sum.Bytes},
	})
}

func writeLayers(w io.Writer, m *featx.Model, r image.Recipe, list []engine.NodeInfo) error {
	g := m.Graph()
	axes := "channels x height x width"
	if g.Layout == engine.NHWC {
		axes = "height x width x channels"
	}
	fmt.Fprintf(w, "%s, %d layers, input %d x %d (height x width), shapes in %s\n\n", brief.Plain(g.Arch), len(list), r.Size[0], r.Size[1], axes)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "index\tname\taliases\top\tshape\tparameters\tmultiply-adds\tbytes")
	line := func(index, name string, n engine.NodeInfo) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", index, brief.Plain(name), brief.Plain(strings.Join(n.Aliases, " ")), n.Op, times(n.Dims), grouped(n.Params), grouped(n.MACs), grouped(n.Bytes))
	}
	def, err := g.Resolve(nil)
	if err != nil {
		return err
	}
	for _, n := range list {
		name := n.Name
		if n.Index == def[0].Node {
			name += " *"
		}
		line(strconv.Itoa(n.Index), name, n)
	}
	line("", "total", totals(list))
	return t.Flush()
}

func times(dims []int) string {
	parts := make([]string, len(dims))
	for i, d := range dims {
		parts[i] = strconv.Itoa(d)
	}
	return strings.Join(parts, "x")
}

// grouped writes thousands apart: 25,557,032.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
