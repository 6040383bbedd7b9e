package engine

import (
	"errors"
	"fmt"
	"path"
	"sort"
	"strconv"
	"strings"

	"github.com/featx-go/featx/internal/glob"
)

// index is the position of a node by its own name, or -1.
func (g *Graph) index(name string) int {
	for i := range g.Nodes {
		if g.Nodes[i].Name == name {
			return i
		}
	}
	return -1
}

// find is the position of a node by its name or an alias.
func (g *Graph) find(name string) (int, error) {
	if target, ok := g.Aliases[name]; ok {
		name = target
	}
	if i := g.index(name); i >= 0 {
		return i, nil
	}
	return -1, &UnknownLayerError{Layer: name, Nearest: g.nearest(name)}
}

// UnknownLayerError names a layer that the network does not have, and the nearest that it has.
type UnknownLayerError struct {
	Layer   string
	Nearest []string
}

func (e *UnknownLayerError) Error() string {
	if len(e.Nearest) == 0 {
		return fmt.Sprintf("no layer %q", e.Layer)
	}
	return fmt.Sprintf("no layer %q; nearest: %s", e.Layer, strings.Join(e.Nearest, ", "))
}

// Layer is one answer of Resolve: the name as it was asked for (an alias stays one), and the node's position.
type Layer struct {
	Name string
	Node int
}

// Resolve finds the layers that the patterns mean, in the order asked, without repeats. A pattern is a node's name, an alias, an index (0 is the first node, -1 the
// last) or a glob (`layer*.relu`, `/layer4/*`; over node names, and over aliases if no node matches): that of path.Match, but
// `*` and `?` match slashes too, which are part of the names in ONNX and Keras models. Without patterns
// the graph's Features, or else its last node, is meant.
func (g *Graph) Resolve(patterns []string) ([]Layer, error) {
	if len(patterns) == 0 {
		if g.Features == "" {
			return []Layer{{g.Nodes[len(g.Nodes)-1].Name, len(g.Nodes) - 1}}, nil
		}
		patterns = []string{g.Features}
	}
	var found []Layer
	seen := map[string]bool{}
	add := func(name string, node int) {
		if !seen[name] {
			seen[name] = true
			found = append(found, Layer{name, node})
		}
	}
	for _, p := range patterns {
		node, err := g.find(p)
		if err == nil {
			add(p, node)
			continue
		}
		if i, bad := strconv.Atoi(p); bad == nil {
			at := i
			if i < 0 {
				at += len(g.Nodes)
			}
			if at < 0 || at >= len(g.Nodes) {
				return nil, fmt.Errorf("no layer %d: the network has %d (0 to %d, or -1 from the end)", i, len(g.Nodes), len(g.Nodes)-1)
			}
			add(g.Nodes[at].Name, at)
			continue
		}
		if !strings.ContainsAny(p, "*?[") {
			return nil, err
		}
		before := len(found)
		for i, n := range g.Nodes {
			ok, bad := glob.Match(p, n.Name)
			if errors.Is(bad, path.ErrBadPattern) {
				return nil, fmt.Errorf("layer pattern %q is malformed", p)
			}
			if ok {
				add(n.Name, i)
			}
		}
		if len(found) == before {
			for _, alias := range g.aliasNames() {
				if ok, _ := glob.Match(p, alias); ok {
					add(alias, g.index(g.Aliases[alias]))
				}
			}
		}
		if len(found) == before {
			return nil, fmt.Errorf("layer pattern %q matches none of the network's %d layers, from %q to %q", p, len(g.Nodes), g.Nodes[0].Name, g.Nodes[len(g.Nodes)-1].Name)
		}
	}
	return found, nil
}

func (g *Graph) aliasNames() []string {
	names := make([]string, 0, len(g.Aliases))
	for a := range g.Aliases {
		names = append(names, a)
	}
	sort.Strings(names)
	return names
}

// nearest gives up to five names by edit distance.
func (g *Graph) nearest(name string) []string {
	names := make([]string, 0, len(g.Nodes)+len(g.Aliases))
	for _, n := range g.Nodes {
		names = append(names, n.Name)
	}
	return Nearest(name, append(names, g.aliasNames()...))
}

// Nearest gives up to five of the candidates that are within a third of the name's length of it, nearest first.
func Nearest(name string, candidates []string) []string {
	type near struct {
		name string
		d    int
	}
	var list []near
	for _, c := range candidates {
		d := distance(strings.ToLower(name), strings.ToLower(c))
		if d <= 1+max(len(name), len(c))/3 {
			list = append(list, near{c, d})
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].d < list[j].d })
	var out []string
	for _, n := range list[:min(5, len(list))] {
		out = append(out, n.name)
	}
	return out
}

// distance is Levenshtein's, on bytes. Only the first 256 count.
func distance(a, b string) int {
	a, b = a[:min(len(a), 256)], b[:min(len(b), 256)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
