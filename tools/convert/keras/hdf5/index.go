package hdf5

import (
	"errors"
	"math/bits"
)

// btree1 lists the chunks of a version 1 B-tree, whose keys are sizes and positions in elements.
func (d *dataset) btree1(address uint64) ([]chunk, error) {
	if address == undefined {
		return nil, nil
	}
	rank := len(d.chunk)
	var list []chunk
	key := func(c *cursor) { c.skip(4 + 4 + 8*(rank+1)) }
	err := d.f.btree1(address, 1, key, func(c *cursor, child uint64) error {
		k := chunk{address: child, size: c.u32(), mask: uint32(c.u32()), at: make([]int, rank)}
		for i := range rank {
			offset := c.u64()
			if offset%uint64(d.chunk[i]) != 0 {
				return errors.New("damaged: a chunk lies between the others")
			}
			k.at[i] = int(offset / uint64(d.chunk[i]))
		}
		list = append(list, k)
		return c.err
	})
	return list, err
}

// count is the number of chunks of the whole dataset.
func (d *dataset) count() uint64 {
	n := uint64(1)
	for _, g := range d.grid() {
		n *= uint64(g)
	}
	return n
}

// implicit lists chunks that lie one after the other.
func (d *dataset) implicit(address uint64) ([]chunk, error) {
	size := uint64(d.chunkBytes())
	if d.count() > uint64(len(d.f.data))/size {
		return nil, errTruncated
	}
	grid := d.grid()
	var list []chunk
	for i := range d.count() {
		list = append(list, chunk{at: place(grid, i), address: address + i*size, size: size})
	}
	return list, nil
}

// elements collects the chunks that an array's blocks list.
type elements struct {
	d    *dataset
	size int // of an element in the array
	grid []int
	most uint64 // chunks in the dataset
	list []chunk
}

func (d *dataset) elements(size int) *elements {
	return &elements{d: d, size: size, grid: d.grid(), most: d.count()}
}

// read reads n elements, the first of which stands for chunk number first.
func (e *elements) read(c *cursor, first, n uint64) {
	for i := range n {
		if c.err != nil {
			return
		}
		k := chunk{address: c.address(), size: uint64(e.d.chunkBytes())}
		if e.size > c.f.offsetSize {
			k.size, k.mask = c.uint(e.size-c.f.offsetSize-4), uint32(c.u32())
		}
		if k.address != undefined && first+i < e.most {
			k.at = place(e.grid, first+i)
			e.list = append(e.list, k)
		}
	}
}

// entry checks the size of an array's elements: an address, with filters also a size of up to 8 bytes and the filters left out.
func (d *dataset) entry(c *cursor, filtered, size int) {
	if extra := size - d.f.offsetSize; c.err == nil && (filtered > 1 || filtered == 0 && extra != 0 || filtered == 1 && (extra < 5 || extra > 12)) {
		c.fail("damaged: a chunk index with elements of %d bytes", size)
	}
}

// pages reads elements that are stored in pages with a checksum each; the bitmap tells which pages were ever written.
func (e *elements) pages(c *cursor, bitmap []byte, first, n, perPage uint64) {
	for p := uint64(0); p*perPage < n && c.err == nil; p++ {
		page := &cursor{f: c.f}
		in := min(perPage, n-p*perPage)
		page.b, page.err = c.bytes(int(in)*e.size+4), c.err
		if p/8 < uint64(len(bitmap)) && bitmap[p/8]&(0x80>>(p%8)) != 0 {
			e.read(page, first+p*perPage, in)
			page.checksum("page of a chunk index")
		}
		c.err = page.err
	}
}

// fixedArray lists the chunks of a dataset that cannot grow.
func (d *dataset) fixedArray(address uint64) ([]chunk, error) {
	c := d.f.at(address, -1)
	c.signature("FAHD")
	c.version("a fixed array", 0)
	filtered, size, pageBits := c.u8(), c.u8(), c.u8()
	n := c.length()
	block := c.address()
	c.checksum("fixed array")
	d.entry(c, filtered, size)
	if c.err == nil && (n > uint64(len(d.f.data)) || pageBits > 31) {
		c.err = errTruncated
	}
	if c.err != nil || block == undefined {
		return nil, c.err
	}
	e := d.elements(size)
	c = d.f.at(block, -1)
	c.signature("FADB")
	c.version("a fixed array's block", 0)
	c.skip(1)
	c.address()
	if perPage := uint64(1) << pageBits; n > perPage {
		bitmap := c.bytes(int(((n+perPage-1)/perPage + 7) / 8))
		c.checksum("fixed array's block")
		e.pages(c, bitmap, 0, n, perPage)
	} else {
		e.read(c, 0, n)
		c.checksum("fixed array's block")
	}
	return e.list, c.err
}

// extensibleArray lists the chunks of a dataset that can grow in one dimension. An index block holds the first ones and the addresses of the first
// data blocks and of super blocks, which hold those of further data blocks; these become larger.
func (d *dataset) extensibleArray(address uint64) ([]chunk, error) {
	f := d.f
	c := f.at(address, -1)
	c.signature("EAHD")
	c.version("an extensible array", 0)
	filtered, size, bitsMost := c.u8(), c.u8(), c.u8()
	inIndex, smallest, minPointers, pageBits := uint64(c.u8()), uint64(c.u8()), uint64(c.u8()), c.u8()
	for range 6 {
		c.length()
	}
	index := c.address()
	c.checksum("extensible array")
	d.entry(c, filtered, size)
	power := func(n uint64) bool { return n > 0 && n&(n-1) == 0 }
	if c.err == nil && (!power(smallest) || !power(minPointers) || bitsMost > 64 || bitsMost < bits.Len64(smallest) || pageBits > 31) {
		c.fail("damaged: a chunk index of impossible sizes")
	}
	if c.err != nil || index == undefined {
		return nil, c.err
	}
	e := d.elements(size)
	offsetBytes := (bitsMost + 7) / 8
	prefix := func(c *cursor, signature string) {
		c.signature(signature)
		c.version("an extensible array's block", 0)
		c.skip(1)
		if owner := c.address(); c.err == nil && owner != address {
			c.fail("damaged: a block of another chunk index")
		}
	}
	perPage := uint64(1) << pageBits
	seen := map[uint64]bool{}
	// block reads a data block of n elements.
	block := func(at, first, n uint64, bitmap []byte) error {
		if at == undefined {
			return nil
		}
		if seen[at] {
			return errors.New("damaged: a block of a chunk index is there twice")
		}
		seen[at] = true
		c := f.at(at, -1)
		prefix(c, "EADB")
		c.skip(offsetBytes)
		if n > perPage {
			c.checksum("chunk index's block")
			e.pages(c, bitmap, first, n, perPage)
		} else {
			e.read(c, first, n)
			c.checksum("chunk index's block")
		}
		return c.err
	}

	c = f.at(index, -1)
	prefix(c, "EAIB")
	e.read(c, 0, inIndex)
	// Super block s has 2^(s/2) data blocks of smallest*2^((s+1)/2) elements; those of the first are in the index block itself.
	supers := 1 + bitsMost - (bits.Len64(smallest) - 1)
	direct := 2 * (bits.Len64(minPointers) - 1)
	first := inIndex
	for s := range supers {
		blocks, n := uint64(1)<<(s/2), smallest<<((s+1)/2)
		if s < direct {
			for range blocks {
				at := c.address()
				if c.err == nil {
					c.err = block(at, first, n, nil)
				}
				if c.err != nil {
					return nil, c.err
				}
				first += n
			}
			continue
		}
		at := c.address()
		if c.err != nil {
			return nil, c.err
		}
		if at == undefined {
			first += blocks * n
			continue
		}
		super := f.at(at, -1)
		prefix(super, "EASB")
		super.skip(offsetBytes)
		if blocks > uint64(len(f.data)) || n > uint64(len(f.data))*8 {
			return nil, errTruncated
		}
		var bitmaps []byte
		bitmapSize := 0
		if n > perPage {
			bitmapSize = int((n/perPage + 7) / 8)
			bitmaps = super.bytes(int(blocks) * bitmapSize)
		}
		for b := range blocks {
			at := super.address()
			var bitmap []byte
			if bitmaps != nil {
				bitmap = bitmaps[int(b)*bitmapSize : int(b+1)*bitmapSize]
			}
			if super.err == nil {
				super.err = block(at, first, n, bitmap)
			}
			if super.err != nil {
				return nil, super.err
			}
			first += n
		}
		super.checksum("chunk index's super block")
		if super.err != nil {
			return nil, super.err
		}
	}
	c.checksum("chunk index")
	return e.list, c.err
}

// btree2 lists the chunks of a dataset that can grow in several dimensions.
func (d *dataset) btree2(address uint64) ([]chunk, error) {
	rank, size := len(d.chunk), uint64(d.chunkBytes())
	kind := 10
	if len(d.filters) > 0 {
		kind = 11
	}
	var list []chunk
	err := d.f.btree2(address, kind, func(record []byte) error {
		c := &cursor{f: d.f, b: record}
		k := chunk{address: c.address(), size: size, at: make([]int, rank)}
		if kind == 11 {
			width := len(record) - d.f.offsetSize - 4 - 8*rank
			if width < 1 || width > 8 {
				return errors.New("damaged: a chunk index of impossible sizes")
			}
			k.size, k.mask = c.uint(width), uint32(c.u32())
		}
		for i := range rank {
			k.at[i] = int(min(c.u64(), 1<<31-1))
		}
		list = append(list, k)
		return c.err
	})
	return list, err
}
