package onnx

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/featx-go/featx/engine"
)

// outputs lays the model's outputs out with exactly the axes that the file gives them.
func (im *importer) outputs(top *scope) error {
	found := false
	for _, o := range im.model.proto.graph.outputs {
		v, ok := top.find(o.name)
		switch {
		case !ok || v == nil:
			return fmt.Errorf("the output %q is given by no node", o.name)
		case v.above != nil:
			return fmt.Errorf("the output %q is a comparison, which is not supported", o.name)
		case v.dropped:
			continue
		case v.constant():
			im.dropped = append(im.dropped, fmt.Sprintf("%s (a constant output)", o.name))
			continue
		}
		found = true
		if other, ok := im.renamed[v.node]; ok {
			w := *v
			w.node = other
			v = &w
		}
		if len(v.dims[0]) > 0 {
			return fmt.Errorf("output %q: %w", o.name, errBatch)
		}
		dims := v.extents()
		want, flat := [3]int{1, 1, 1}, len(dims) <= 2
		switch len(dims) {
		case 1:
		case 2:
			want[axisC] = dims[1]
		case 3:
			want[axisC], want[axisW] = dims[1], dims[2]
		default:
			want = [3]int{dims[1], dims[2], product(dims[3:])}
		}
		// A flattened map is a vector as it is.
		if v.straight() && (flat && v.shape.Flat || v.shape == engine.Shape{C: want[axisC], H: want[axisH], W: want[axisW], Flat: flat}) {
			if v.node == engine.InputName {
				if _, err := im.emit(im.free.name(o.name), &engine.Identity{}, v.node); err != nil {
					return err
				}
			}
			continue
		}
		w := *v
		im.giveUp(o.name)
		if other, ok := im.renamed[w.node]; ok {
			w.node = other
		}
		w.name = o.name
		if _, err := im.materialise(&w, want, flat); err != nil {
			return fmt.Errorf("output %q: %w", o.name, err)
		}
	}
	if !found {
		return errors.New("the model has no output that depends on the picture as a number")
	}
	return nil
}

// giveUp frees the name of an output for the node that will have its axes.
func (im *importer) giveUp(name string) {
	at, ok := im.position[name]
	if !ok {
		return
	}
	other := im.free.name(name + ".channels")
	for i := range im.g.Nodes {
		n := &im.g.Nodes[i]
		for j, in := range n.Inputs {
			if in == name {
				n.Inputs[j] = other
			}
		}
	}
	for alias, node := range im.alias {
		if node == name {
			im.alias[alias] = other
		}
	}
	for _, v := range im.made {
		if v.node == name {
			v.node = other
		}
	}
	im.g.Nodes[at].Name = other
	im.position[other], im.shapes[other] = at, im.shapes[name]
	delete(im.position, name)
	delete(im.shapes, name)
	delete(im.free.taken, name)
	im.renamed[name] = other
}

func (im *importer) finish() (*Network, error) {
	g := im.g
	for _, name := range slices.Sorted(maps.Keys(im.alias)) {
		node := im.alias[name]
		if _, ok := im.position[name]; !ok && node != engine.InputName && name != engine.InputName && name != "" {
			g.Alias(name, node)
		}
	}
	g.Features = im.features()
	n := &Network{Graph: g, Weights: im.weights, Dropped: im.dropped}
	for _, t := range im.model.proto.graph.tensors {
		if !im.taken[t] {
			n.Dropped = append(n.Dropped, t.name)
		}
	}
	if _, err := g.Infer(g.Input); err != nil {
		return nil, fmt.Errorf("ONNX: %w", err)
	}
	return n, nil
}

// features is the layer before the classifier: what the last dense layer, or 1x1 convolution of a single pixel, reads, if nothing but shapes and
// activations comes after it; else "", the last layer.
func (im *importer) features() string {
	g := im.g
	for name := g.Nodes[len(g.Nodes)-1].Name; name != engine.InputName; {
		n := g.Nodes[im.position[name]]
		classifier := false
		switch op := n.Op.(type) {
		case *engine.Dense:
			classifier = true
		case *engine.Conv2D:
			in := im.shapes[n.Inputs[0]]
			classifier = in.H*in.W == 1 && op.Groups == 1
			if !classifier {
				return ""
			}
		case *engine.Softmax, *engine.LogSoftmax, *engine.Activation, *engine.Flatten, *engine.Reshape, *engine.Identity, *engine.Scale:
		default:
			return ""
		}
		name = n.Inputs[0]
		if !classifier {
			continue
		}
		// Padding by nothing and shapes are not what people mean.
		for name != engine.InputName {
			n := g.Nodes[im.position[name]]
			if _, ok := n.Op.(*engine.Identity); !ok {
				return name
			}
			name = n.Inputs[0]
		}
	}
	return ""
}
