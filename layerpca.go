package featx

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/pca"
)

// LayerPCA is the projection of one layer: a name, an alias or an index. "" is the layer that the PCA was fitted on, or if that is not known, the only one.
type LayerPCA struct {
	Layer string
	PCA   *pca.PCA
}

// pcas gives the projection of each layer that is asked for; nil is none. A PCA that is known to have been fitted on something else is an error.
func (m *Model) pcas(o *Options) ([]*pca.PCA, error) {
	g := m.Graph()
	layers, err := g.Resolve(o.Layers)
	if err != nil {
		return nil, err
	}
	list := make([]*pca.PCA, len(layers))
	for _, one := range o.PCA {
		i, err := one.of(g, layers)
		if err != nil {
			return nil, err
		}
		fitted := one.PCA.Fitted
		if list[i] != nil {
			return nil, fmt.Errorf("PCA of layer %q: there are two of them", layers[i].Name)
		}
		if fitted.Model != "" && m.sketch == "" && fitted.Model != m.SHA256() {
			return nil, fmt.Errorf("PCA of layer %q: it was fitted on features of another model (SHA-256 %.12s..., this one has %.12s...): fit one on this model's", layers[i].Name, fitted.Model, m.SHA256())
		}
		list[i] = one.PCA
	}
	return list, nil
}

// of finds the layer among those that are asked for.
func (p LayerPCA) of(g *engine.Graph, layers []engine.Layer) (int, error) {
	names := make([]string, len(layers))
	for i, l := range layers {
		names[i] = l.Name
	}
	name := cmp.Or(p.Layer, p.PCA.Fitted.Layer)
	if name == "" {
		if len(layers) != 1 {
			return 0, fmt.Errorf("a PCA that does not tell its layer, for %s: say which", brief.List(names, 10))
		}
		return 0, nil
	}
	meant, err := g.Resolve([]string{name})
	if err != nil {
		return 0, fmt.Errorf("PCA: %w", err)
	}
	i := slices.IndexFunc(layers, func(l engine.Layer) bool { return l.Node == meant[0].Node })
	if i < 0 || len(meant) != 1 {
		return 0, fmt.Errorf("a PCA of layer %q, which is not asked for; those that are: %s", name, brief.List(names, 10))
	}
	return i, nil
}
