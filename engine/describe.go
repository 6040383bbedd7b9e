package engine

// NodeInfo describes a node for listings. Numbers are for one picture.
type NodeInfo struct {
	Index   int      `json:"index"`
	Name    string   `json:"name"`
	Aliases []string `json:"aliases,omitempty"`
	Op      string   `json:"op"`
	Inputs  []string `json:"inputs"`
	Dims    []int    `json:"shape"`      // in the layout's order, without the batch
	Params  int64    `json:"parameters"` // as the framework counts: PyTorch without the running statistics, Keras with them
	MACs    int64    `json:"multiply_adds"`
	Bytes   int64    `json:"bytes"` // of the output, float32
}

// Describe describes every node for an input of the given height and width; 0, 0 is the size that the graph was made for.
func (g *Graph) Describe(size [2]int) ([]NodeInfo, error) {
	input := g.Input
	if size != [2]int{} {
		input.H, input.W = size[0], size[1]
	}
	shapes, err := g.Infer(input)
	if err != nil {
		return nil, err
	}
	aliases := map[string][]string{}
	for _, a := range g.aliasNames() {
		aliases[g.Aliases[a]] = append(aliases[g.Aliases[a]], a)
	}
	list := make([]NodeInfo, len(g.Nodes))
	counted := map[string]bool{} // a tensor that two nodes share counts once
	for i, from := range g.edges() {
		n, in := g.Nodes[i], pick(from, input, shapes)
		if b, ok := n.Op.(*BatchNorm); ok && g.Layout == NCHW {
			counted[b.Mean], counted[b.Var] = true, true
		}
		list[i] = NodeInfo{
			Index: i, Name: n.Name, Aliases: aliases[n.Name], Op: n.Op.Kind(), Inputs: n.Inputs,
			Dims: shapes[i].Dims(g.Layout), MACs: n.Op.macs(in, shapes[i]), Bytes: 4 * int64(shapes[i].Elements()),
		}
		for _, p := range n.Op.params(g.Layout, in) {
			if !counted[p.Tensor] {
				counted[p.Tensor] = true
				list[i].Params += int64(Weight{Shape: p.Shape}.Elements())
			}
		}
	}
	return list, nil
}
