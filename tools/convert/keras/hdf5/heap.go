package hdf5

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
)

// localHeap holds the names of a group of the old style.
type localHeap []byte

func (f *file) localHeap(address uint64) (localHeap, error) {
	c := f.at(address, -1)
	c.signature("HEAP")
	c.version("a local heap", 0)
	c.skip(3)
	size := c.length()
	c.length() // free list
	at := c.address()
	if c.err != nil {
		return nil, c.err
	}
	if size > uint64(len(f.data)) {
		return nil, errTruncated
	}
	data := f.at(at, int64(size))
	return data.b, data.err
}

func (h localHeap) name(at uint64) (string, error) {
	if at < uint64(len(h)) {
		if n := bytes.IndexByte(h[at:], 0); n >= 0 {
			return string(h[at : at+uint64(n)]), nil
		}
	}
	return "", errors.New("damaged: a name lies outside of its heap")
}

// global follows a reference to an object of a global heap: the length, the collection's address, the object's number.
func (f *file) global(reference []byte) ([]byte, error) {
	r := &cursor{f: f, b: reference}
	length, address, index := r.u32(), r.address(), r.u32()
	if r.err != nil || length == 0 {
		return nil, r.err
	}
	c := f.at(address, -1)
	c.signature("GCOL")
	c.version("a global heap", 1)
	c.skip(3)
	size := c.length()
	if c.err == nil && size <= uint64(len(c.b)) {
		c.b = c.b[:size]
	} else {
		c.fail("%w", errTruncated)
	}
	for c.err == nil && len(c.b)-c.at >= 8+f.lengthSize {
		number := c.uint(2)
		c.skip(2 + 4)
		size := c.length()
		if number == 0 { // free space
			break
		}
		if c.err == nil && size > uint64(len(c.b)-c.at) {
			return nil, errTruncated
		}
		value := c.bytes(int(size))
		if number == index {
			if length > size {
				return nil, errors.New("damaged: a string is longer than its place")
			}
			return value[:length], nil
		}
		c.skip(int((8 - size%8) % 8))
	}
	if c.err != nil {
		return nil, c.err
	}
	return nil, errors.New("damaged: a string is not where it should be")
}

// dense walks the messages that a group keeps in a fractal heap and finds through a version 2 B-tree of the given kind, whose records have an
// heap's identifier at an offset.
func (f *file) dense(heapAddress, tree uint64, kind, offset int, each func(*cursor)) error {
	heap, err := f.fractalHeap(heapAddress)
	if err != nil {
		return err
	}
	return f.btree2(tree, kind, func(record []byte) error {
		if len(record) < offset+heap.idSize {
			return errTruncated
		}
		data, err := heap.object(record[offset : offset+heap.idSize])
		if err != nil {
			return err
		}
		c := &cursor{f: f, b: data}
		each(c)
		return c.err
	})
}

// fractalHeap is a heap of objects in blocks that double in size from row to row of a table.
type fractalHeap struct {
	f                      *file
	address                uint64
	idSize                 int
	checked                bool // direct blocks have checksums
	huge                   uint64
	width                  int
	startSize, maxSize     uint64 // of direct blocks
	offsetBytes, sizeBytes int    // in identifiers
	root                   uint64
	rows                   int // of the root block; 0: it is a direct one
}

func (f *file) fractalHeap(address uint64) (*fractalHeap, error) {
	h := &fractalHeap{f: f, address: address}
	c := f.at(address, -1)
	c.signature("FRHP")
	c.version("a fractal heap", 0)
	h.idSize = c.u16()
	filters := c.u16()
	h.checked = c.u8()&2 != 0
	largest := c.u32() // of managed objects
	c.length()
	h.huge = c.address()
	c.length()
	c.address()
	for range 8 {
		c.length()
	}
	h.width = c.u16()
	h.startSize, h.maxSize = c.length(), c.length()
	offsetBits := c.u16()
	c.skip(2)
	h.root = c.address()
	h.rows = c.u16()
	if filters > 0 && c.err == nil {
		return nil, errors.New("compressed fractal heaps are not supported")
	}
	c.checksum("fractal heap")
	if c.err != nil {
		return nil, c.err
	}
	power := func(n uint64) bool { return n > 0 && n&(n-1) == 0 && n < 1<<40 }
	if !power(uint64(h.width)) || !power(h.startSize) || !power(h.maxSize) || h.maxSize < h.startSize || offsetBits > 64 || h.idSize < 1 || largest == 0 {
		return nil, errors.New("damaged: a fractal heap of impossible sizes")
	}
	h.offsetBytes = (offsetBits + 7) / 8
	h.sizeBytes = min((bits.Len64(h.maxSize)-1+7)/8, (bits.Len64(largest)-1)/8+1)
	return h, nil
}

// object gives the object of an identifier.
func (h *fractalHeap) object(id []byte) ([]byte, error) {
	c := &cursor{f: h.f, b: id}
	head := c.u8()
	switch head >> 4 & 3 {
	case 0:
		offset, size := c.uint(h.offsetBytes), c.uint(h.sizeBytes)
		if c.err != nil {
			return nil, c.err
		}
		return h.managed(offset, size)
	case 1:
		return h.hugeObject(c)
	case 2:
		n := head&15 + 1
		if h.idSize-1 > 16 {
			n = (head&15)<<8 + c.u8() + 1
		}
		return c.bytes(n), c.err
	}
	return nil, errors.New("damaged: an object of unknown kind in a fractal heap")
}

// hugeObject finds an object that lies outside of the heap, by its key in a B-tree or directly.
func (h *fractalHeap) hugeObject(c *cursor) ([]byte, error) {
	f := h.f
	if h.idSize > f.offsetSize+f.lengthSize {
		at, size := c.address(), c.length()
		if c.err != nil || size > uint64(len(f.data)) {
			return nil, errTruncated
		}
		o := f.at(at, int64(size))
		return o.b, o.err
	}
	key := c.uint(min(8, len(c.b)-1))
	var found []byte
	err := f.btree2(h.huge, 1, func(record []byte) error {
		r := &cursor{f: f, b: record}
		at, size, k := r.address(), r.length(), r.length()
		if r.err == nil && k == key {
			if size > uint64(len(f.data)) {
				return errTruncated
			}
			o := f.at(at, int64(size))
			found, r.err = o.b, o.err
		}
		return r.err
	})
	if err == nil && found == nil {
		err = errors.New("damaged: a large object is not in its index")
	}
	return found, err
}

// rowSize is the size of the blocks in a row of the doubling table.
func (h *fractalHeap) rowSize(row int) uint64 { return h.startSize << max(0, row-1) }

// managed descends from the root block to the direct block that holds an offset of the heap's space.
func (h *fractalHeap) managed(offset, size uint64) ([]byte, error) {
	outside := errors.New("damaged: an object lies outside of its fractal heap")
	directRows := bits.Len64(h.maxSize) - bits.Len64(h.startSize) + 2
	address, begin, rows, blockSize := h.root, uint64(0), h.rows, h.startSize
	for rows > 0 {
		if rows > 64 {
			return nil, outside
		}
		c := h.f.at(address, -1)
		c.signature("FHIB")
		h.prefix(c, begin)
		// The row, and the column in it; the blocks of the rows before it were all passed.
		row, at := 0, begin
		for ; row < rows; row++ {
			if span := uint64(h.width) * h.rowSize(row); offset-at < span {
				break
			} else {
				at += span
			}
		}
		if row == rows || bits.Len64(h.rowSize(row)) > 60 {
			return nil, outside
		}
		column := (offset - at) / h.rowSize(row)
		entry := row*h.width + int(column)
		c.skip(entry * h.f.offsetSize)
		child := c.address()
		c.skip((rows*h.width - entry - 1) * h.f.offsetSize)
		h.verify(c, address)
		if c.err != nil {
			return nil, c.err
		}
		address, begin, blockSize = child, at+column*h.rowSize(row), h.rowSize(row)
		if row < directRows {
			rows = 0
			continue
		}
		// Each level down holds smaller blocks than the one above, so this ends.
		rows = bits.Len64(blockSize) - bits.Len64(h.startSize*uint64(h.width)) + 1
		if rows < 1 || rows > row {
			return nil, outside
		}
	}
	if blockSize > uint64(len(h.f.data)) {
		return nil, errTruncated
	}
	c := h.f.at(address, int64(blockSize))
	c.signature("FHDB")
	h.prefix(c, begin)
	if h.checked && c.err == nil && !h.f.verified[address] {
		place := c.at
		want := uint32(c.u32())
		block := bytes.Clone(c.b)
		if c.err == nil {
			binary.LittleEndian.PutUint32(block[place:], 0)
			if lookup3(block) != want {
				return nil, errors.New("damaged: the checksum of a block in a fractal heap is wrong")
			}
		}
		h.f.verified[address] = true
	}
	if c.err != nil {
		return nil, c.err
	}
	from := offset - begin
	if from > blockSize || size > blockSize-from {
		return nil, outside
	}
	return c.b[from : from+size : from+size], nil
}

// prefix is what blocks begin with after the signature.
func (h *fractalHeap) prefix(c *cursor, begin uint64) {
	c.version("a heap's block", 0)
	if owner := c.address(); c.err == nil && owner != h.address {
		c.fail("damaged: a block of another fractal heap")
	}
	if at := c.uint(h.offsetBytes); c.err == nil && at != begin {
		c.fail("damaged: a block of a fractal heap is in the wrong place")
	}
}

// verify checks a block's checksum once.
func (h *fractalHeap) verify(c *cursor, address uint64) {
	if !h.f.verified[address] {
		c.checksum("block in a fractal heap")
	}
	if c.err == nil {
		h.f.verified[address] = true
	}
}
