package hdf5

import (
	"errors"
	"math"
	"math/bits"
)

// btree2 walks all records of a version 2 B-tree of the given kind, in order.
func (f *file) btree2(address uint64, kind int, each func(record []byte) error) error {
	c := f.at(address, -1)
	c.signature("BTHD")
	c.version("a B-tree", 0)
	if k := c.u8(); c.err == nil && k != kind {
		c.fail("damaged: a B-tree of kind %d where %d must be", k, kind)
	}
	nodeSize, recordSize, depth := c.u32(), c.u16(), c.u16()
	c.skip(2)
	root, records := c.address(), c.u16()
	total := c.length()
	c.checksum("B-tree")
	if c.err != nil {
		return c.err
	}
	if root == undefined || total == 0 {
		return nil
	}
	const prefix = 4 + 1 + 1 + 4 // signature, version, kind, checksum
	if nodeSize < prefix || nodeSize > uint64(len(f.data)) || recordSize == 0 || uint64(recordSize) > nodeSize || depth > 32 {
		return errors.New("damaged: a B-tree of impossible sizes")
	}
	// The numbers of records are stored in as many bytes as the largest possible needs, by level.
	size := func(most uint64) int { return (bits.Len64(most)-1)/8 + 1 }
	most := (nodeSize - prefix) / uint64(recordSize)
	countSize := size(max(most, 1))
	below, totalSize := most, make([]int, depth+1)
	for level := 1; level <= depth; level++ {
		pointer := uint64(f.offsetSize + countSize + totalSize[level-1])
		if nodeSize < prefix+pointer {
			return errors.New("damaged: a B-tree of impossible sizes")
		}
		n := (nodeSize - prefix - pointer) / (uint64(recordSize) + pointer)
		hi, lo := bits.Mul64(n+1, below)
		if hi != 0 || lo > math.MaxInt64-n {
			return errors.New("damaged: a B-tree of impossible sizes")
		}
		below = lo + n
		totalSize[level] = size(max(below, 1))
	}
	seen := map[uint64]bool{}
	var walk func(address uint64, records uint64, level int) error
	walk = func(address, records uint64, level int) error {
		if seen[address] {
			return errors.New("damaged: a node of a B-tree is there twice")
		}
		seen[address] = true
		c := f.at(address, int64(nodeSize))
		if level == 0 {
			c.signature("BTLF")
		} else {
			c.signature("BTIN")
		}
		c.version("a B-tree's node", 0)
		if k := c.u8(); c.err == nil && k != kind {
			c.fail("damaged: a node of another B-tree")
		}
		if records > nodeSize/uint64(recordSize) {
			return errors.New("damaged: a B-tree's node with too many records")
		}
		body := c.bytes(int(records) * recordSize)
		type child struct{ address, records uint64 }
		var children []child
		if level > 0 {
			for range records + 1 {
				children = append(children, child{c.address(), c.uint(countSize)})
				c.skip(totalSize[level-1])
				if c.err != nil {
					break
				}
			}
		}
		c.checksum("B-tree's node")
		if c.err != nil {
			return c.err
		}
		for i := range int(records) + 1 {
			if level > 0 {
				if err := walk(children[i].address, children[i].records, level-1); err != nil {
					return err
				}
			}
			if i < int(records) {
				if err := each(body[i*recordSize : (i+1)*recordSize]); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return walk(root, uint64(records), depth)
}
