package engine

// chain is what one step computes: a convolution, a dense layer or a plain value, then up to three nodes of its epilogue.
//
//	last = act(fma(head(source), scale, shift) + residual)
//
// A chain ends where a value is wanted by somebody else, so every value that is seen exists in memory. What is fused
// does not change a bit: each node's formula is the same alone and in a chain.
type chain struct {
	source   ref // what it reads
	head     int // Conv2D, ConvTranspose2D or Dense node, or none
	norm     int // BatchNorm, Scale or Affine node, or none
	add      int // Add node, or none
	residual ref // the Add's other operand
	act      int // ReLU, Clip or Activation node, or none
	last     int // the node whose value this is
}

const (
	none  = -2 // no node
	input = -1 // the picture's place among the nodes
)

// ref is a value that a step reads: a node's (or the input's), or the raw accumulators of a convolution whose bias is not yet added.
type ref struct {
	node int
	raw  bool
}

// unit is what becomes a step: a chain, or any other single node with what it reads.
type unit struct {
	*chain
	node  int // the node whose value it gives
	reads []ref
}

// fusion is the graph cut to what the taps need and joined to units.
type fusion struct {
	root  []int        // by node: itself, or the one that an Identity, Dropout or Flatten passes on; may be input
	units []unit       // in an order in which they can run
	read  map[ref]bool // values that some unit reads or a tap shows: those that need memory
}

// fuse drops the nodes that no tap needs and joins the others to units.
func fuse(g *Graph, taps []int, size Shape, shapes []Shape) *fusion {
	n, edges := len(g.Nodes), g.edges()
	f := &fusion{root: make([]int, n), read: map[ref]bool{}}
	canJoin := make([]bool, n)
	for i := range n {
		f.root[i] = i
		switch g.Nodes[i].Op.(type) {
		case *Identity, *Flatten:
			f.root[i] = edges[i][0]
			if f.root[i] != input {
				f.root[i] = f.root[f.root[i]]
			}
		}
		canJoin[i] = fusible(g.Nodes[i].Op, pick(edges[i], size, shapes), shapes[i])
		for j, e := range edges[i] {
			if e != input {
				edges[i][j] = f.root[e]
			}
		}
	}
	uses := make([]int, n) // by live readers; a tap counts as one that no chain can take in
	live := make([]bool, n)
	for _, t := range taps {
		if r := f.root[t]; r != input {
			live[r] = true
			uses[r] += 2
			f.read[ref{node: r}] = true
		}
	}
	for i := n - 1; i >= 0; i-- {
		if !live[i] {
			continue
		}
		for _, r := range edges[i] {
			if r != input {
				live[r] = true
				uses[r]++
			}
		}
	}

	ends := make([]*chain, n) // the chain that ends in a node
	// open gives the chain that ends in a value, if the one reader of that value can join it.
	open := func(r int) *chain {
		if r == input || uses[r] != 1 {
			return nil
		}
		return ends[r]
	}
	join := func(c *chain, i int) *chain {
		if c.last != i {
			ends[c.last], c.last = nil, i
		}
		ends[i] = c
		return c
	}
	begin := func(source, i int) *chain {
		return join(&chain{source: ref{node: source}, head: none, norm: none, add: none, act: none, last: i}, i)
	}
	for i := range n {
		if !live[i] {
			continue
		}
		in := edges[i]
		if !canJoin[i] {
			continue
		}
		switch g.Nodes[i].Op.(type) {
		case *Conv2D, *ConvTranspose2D, *Dense:
			begin(in[0], i).head = i
		case *BatchNorm, *Scale:
			c := open(in[0])
			if c == nil || c.head != in[0] {
				c = begin(in[0], i)
				c.source.raw = in[0] != input && biasOf(g.Nodes[in[0]].Op) != ""
			}
			join(c, i).norm = i
		case *Affine:
			begin(in[0], i).norm = i
		case *Add:
			// The later operand's chain takes it in, so that the other operand is there when it runs.
			a, b := max(in[0], in[1]), min(in[0], in[1])
			c := open(a)
			if c == nil || a == b || c.add != none || c.act != none {
				c = begin(a, i)
			}
			join(c, i).add, c.residual = i, ref{node: b}
		case *ReLU, *Clip, *Activation:
			c := open(in[0])
			if c == nil || c.act != none {
				c = begin(in[0], i)
			}
			join(c, i).act = i
		}
	}
	for i := range n {
		u := unit{chain: ends[i], node: i}
		switch {
		case !live[i]:
			continue
		case u.chain != nil:
			u.reads = []ref{u.source}
			if u.add != none {
				u.reads = append(u.reads, u.residual)
			}
		case canJoin[i]:
			continue // inside a chain that ends later
		default:
			for _, r := range edges[i] {
				u.reads = append(u.reads, ref{node: r})
			}
		}
		for _, r := range u.reads {
			f.read[r] = true
		}
		f.units = append(f.units, u)
	}
	return f
}

// fusible tells whether a node can be part of a chain: an Add only where nothing is repeated.
func fusible(op Op, in []Shape, out Shape) bool {
	switch op.(type) {
	case *Conv2D, *ConvTranspose2D, *Dense, *BatchNorm, *Affine, *Scale, *ReLU, *Clip, *Activation:
		return true
	case *Add:
		return len(in) == 2 && in[0] == out && in[1] == out
	}
	return false
}

// biasOf is the name of a convolution's or dense layer's bias, or "".
func biasOf(op Op) string {
	switch op := op.(type) {
	case *Conv2D:
		return op.Bias
	case *ConvTranspose2D:
		return op.Bias
	case *Dense:
		return op.Bias
	}
	return ""
}
