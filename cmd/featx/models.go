package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/internal/glob"
	"github.com/featx-go/featx/weights"
)

func newModels() *cobra.Command {
	var asJSON, cached bool
	c := &cobra.Command{
		Use:   "models [flags] [PATTERN...]",
		Short: "The registry: models that are embedded, cached, available",
		Long: `Lists the models that can be used by name: the one inside featx, those of the cache,
and the published ones, which "featx pull" or the first use downloads.

  state     embedded; cached: in the cache, converted; available: can be pulled;
            unsupported: featx does not know the network yet
  MB        of the model file, or about of the download
  input     height x width of the recipe
  features  the layer that is meant without -l

PATTERN is a name with or without the source, or a pattern as 'keras/*', 'resnet*' or 'hf:*'.`,
		Example: `  featx models
  featx models 'resnet50*'
  featx models --cached --json
  featx models rm vgg16`,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as a JSON array")
	c.Flags().BoolVar(&cached, "cached", false, "only those that need no download")
	c.RunE = func(c *cobra.Command, patterns []string) error {
		list, err := listModels()
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(m listedModel) bool {
			return cached && m.State != "embedded" && m.State != "cached" || !m.matches(patterns)
		})
		if len(list) == 0 && len(patterns) > 0 && !cached {
			return fmt.Errorf("no model is called %s", strings.Join(patterns, ", "))
		}
		if asJSON {
			e := json.NewEncoder(c.OutOrStdout())
			e.SetIndent("", " ")
			return e.Encode(append([]listedModel{}, list...))
		}
		return writeModels(c.OutOrStdout(), list)
	}
	c.AddCommand(&cobra.Command{
		Use:     "rm NAME...",
		Short:   "Delete models from the cache",
		Long:    `Deletes models from the cache, and what was kept of their sources.`,
		Example: `  featx models rm vgg16 keras/resnet50`,
		Args:    arguments(1, -1, "names of models"),
		RunE: func(c *cobra.Command, names []string) error {
			cache, err := weights.DefaultCache()
			if err != nil {
				return err
			}
			for _, name := range names {
				waits := func() { fmt.Fprintf(c.ErrOrStderr(), "featx: %s: another process is pulling it; waiting\n", name) }
				if err := cache.Remove(c.Context(), name, waits); err != nil {
					return err
				}
			}
			return nil
		},
	})
	return c
}

// listedModel is a line of the list.
type listedModel struct {
	Name     string `json:"name"`
	State    string `json:"state"`
	Network  string `json:"network"`
	Bytes    int64  `json:"bytes"` // of the model file, or about of the download
	Size     [2]int `json:"size"`  // of the input
	Features string `json:"features,omitempty"`
	Path     string `json:"path,omitempty"`   // of the model file
	Source   string `json:"source,omitempty"` // file or URL
	SHA256   string `json:"sha256,omitempty"` // of the source; published digits, or all if it is cached
	MD5      string `json:"md5,omitempty"`
}

// matches says whether one of the patterns, if there are any, is the name with or without its source.
func (m *listedModel) matches(patterns []string) bool {
	_, bare, _ := strings.Cut(m.Name, "/")
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		if e, err := weights.Lookup(p); err == nil && e.Name == m.Name {
			return true
		}
		for _, name := range []string{m.Name, bare} {
			if ok, err := glob.Match(strings.ToLower(p), strings.ToLower(name)); ok && err == nil {
				return true
			}
		}
		return false
	})
}

// fill takes what a model file says.
func (m *listedModel) fill(file *weights.Model) {
	m.Network, m.Size, m.Features = file.Graph.Arch, file.Recipe.Size, featureLayer(file.Graph)
	m.Source, m.SHA256 = file.Source.File, file.Source.SHA256
}

func featureLayer(g *engine.Graph) string {
	layers, err := g.Resolve(nil)
	if err != nil {
		return ""
	}
	return layers[0].Name
}

// graphOf builds the network of an entry of the registry.
func graphOf(e weights.Entry) (*engine.Graph, error) {
	if strings.HasPrefix(e.Name, "keras/") {
		return arch.BuildKeras(e.Network, arch.KerasOptions{NoTop: strings.HasSuffix(e.Name, "-notop")})
	}
	return arch.Build(e.Network, arch.Options{})
}

func listModels() ([]listedModel, error) {
	cache, err := weights.DefaultCache()
	if err != nil {
		return nil, err
	}
	inside, err := weights.Embedded()
	if err != nil {
		return nil, err
	}
	embedded := listedModel{Name: weights.EmbeddedName, State: "embedded", Bytes: inside.Bytes()}
	embedded.fill(inside)
	list := []listedModel{embedded}
	for _, e := range weights.Registry() {
		m := listedModel{
			Name: e.Name, State: "available", Network: e.Network, Bytes: e.Bytes, Size: e.Recipe.Size, Source: e.URL, SHA256: e.SHA256, MD5: e.MD5,
		}
		if notConvertible(e) != "" {
			m.State = "unsupported"
		} else if g, err := graphOf(e); err == nil {
			m.Features = featureLayer(g)
		}
		list = append(list, m)
	}
	names, err := cache.Names()
	if err != nil {
		return nil, fmt.Errorf("the cache: %w", err)
	}
	for _, name := range names {
		i := slices.IndexFunc(list, func(m listedModel) bool { return m.Name == name })
		if i < 0 {
			i = len(list)
			list = append(list, listedModel{Name: name})
		}
		m := &list[i]
		m.State, m.Path = "cached", cache.Path(name)
		if info, err := os.Stat(m.Path); err == nil {
			m.Bytes = info.Size()
		}
		if file, err := weights.Open(m.Path); err == nil { // a broken one is named where it is used
			m.fill(file)
			file.Close()
		}
	}
	return list, nil
}

func writeModels(w io.Writer, list []listedModel) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "name\tstate\tMB\tinput\tfeatures\tsource")
	for _, m := range list {
		size := "?"
		if m.Bytes > 0 {
			size = fmt.Sprintf("%.1f", float64(m.Bytes)/1e6)
		}
		features := m.Features
		if features == "" {
			features = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%dx%d\t%s\t%s\n", m.Name, m.State, size, m.Size[0], m.Size[1], brief.Plain(features), brief.Plain(path.Base(m.Source)))
	}
	return t.Flush()
}
