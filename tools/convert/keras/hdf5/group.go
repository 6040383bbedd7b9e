package hdf5

import (
	"errors"
	"maps"
	"slices"
)

// link is where a name in a group leads.
type link struct {
	address uint64
	soft    bool // a path or another file instead of an address
}

// readLinks finds all links of the object, wherever they are stored.
func (o *Object) readLinks() error {
	o.links = map[string]link{}
	for _, m := range o.messages {
		c := &cursor{f: o.f, b: m.data}
		switch m.kind {
		case msgSymbolTable:
			tree, heap := c.address(), c.address()
			if c.err == nil {
				c.err = o.symbolTable(tree, heap)
			}
		case msgLink:
			o.linkMessage(c)
		case msgLinkInfo:
			c.version("link information", 0)
			if flags := c.u8(); flags&1 != 0 {
				c.skip(8)
			}
			heap, names := c.address(), c.address()
			if c.err != nil || heap == undefined || names == undefined {
				break
			}
			c.err = o.f.dense(heap, names, 5, 4, o.linkMessage)
		}
		if c.err != nil {
			return c.err
		}
	}
	o.names = slices.Sorted(maps.Keys(o.links))
	return nil
}

func (o *Object) addLink(name string, l link) error {
	if _, twice := o.links[name]; twice || name == "" {
		return errors.New("damaged: a name is there twice, or empty")
	}
	o.links[name] = l
	return nil
}

// symbolTable reads a group of the old style: a B-tree whose leaves are nodes of symbols, and a heap of names.
func (o *Object) symbolTable(tree, heapAddress uint64) error {
	heap, err := o.f.localHeap(heapAddress)
	if err != nil {
		return err
	}
	return o.f.btree1(tree, 0, func(c *cursor) { c.length() }, func(_ *cursor, address uint64) error {
		c := o.f.at(address, -1)
		c.signature("SNOD")
		c.version("a symbol table node", 1)
		c.skip(1)
		for range c.u16() {
			at := c.length()
			l := link{address: c.address()}
			l.soft = c.u32() == 2
			c.skip(4 + 16)
			if c.err != nil {
				break
			}
			name, err := heap.name(at)
			if err == nil {
				err = o.addLink(name, l)
			}
			if err != nil {
				return err
			}
		}
		return c.err
	})
}

// linkMessage reads a link of the new style.
func (o *Object) linkMessage(c *cursor) {
	c.version("a link", 1)
	flags := c.u8()
	kind := 0
	if flags&0x08 != 0 {
		kind = c.u8()
	}
	if flags&0x04 != 0 {
		c.skip(8) // creation order
	}
	if flags&0x10 != 0 {
		c.skip(1) // character set
	}
	size := c.uint(1 << (flags & 3))
	name := string(c.bytes(int(min(size, 1<<30))))
	l := link{soft: kind != 0}
	if kind == 0 {
		l.address = c.address()
	}
	if c.err == nil {
		c.err = o.addLink(name, l)
	}
}

// btree1 walks a version 1 B-tree: leaf is called with each child of the lowest level and a cursor at the key before it. Levels
// fall by one from node to node, and no node is visited twice.
func (f *file) btree1(address uint64, kind int, skipKey func(*cursor), leaf func(key *cursor, child uint64) error) error {
	seen := map[uint64]bool{}
	var walk func(address uint64, level int) error
	walk = func(address uint64, level int) error {
		if seen[address] {
			return errors.New("damaged: a node of a B-tree is there twice")
		}
		seen[address] = true
		c := f.at(address, -1)
		c.signature("TREE")
		if k := c.u8(); k != kind {
			c.fail("damaged: a B-tree of kind %d where %d must be", k, kind)
		}
		l := c.u8()
		if level >= 0 && l != level {
			c.fail("damaged: a B-tree's levels do not follow each other")
		}
		n := c.u16()
		c.address() // siblings
		c.address()
		for range n {
			if c.err != nil {
				return c.err
			}
			key := *c
			skipKey(c)
			child := c.address()
			if c.err != nil {
				return c.err
			}
			var err error
			if l > 0 {
				err = walk(child, l-1)
			} else {
				err = leaf(&key, child)
			}
			if err != nil {
				return err
			}
		}
		return c.err
	}
	return walk(address, -1)
}
