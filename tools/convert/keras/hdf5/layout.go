package hdf5

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// IsDataset says whether the object is a dataset rather than a group.
func (o *Object) IsDataset() bool {
	_, ok := o.message(msgLayout)
	return ok
}

// dataset is what a dataset's header says about its bytes.
type dataset struct {
	f       *file
	array   *Array
	filters []filter
	fill    []byte // one element, or nothing for zeros

	chunk     []int // dimensions of a chunk, in elements
	index     int   // which kind of index a chunked dataset has
	unchanged bool  // chunks that reach over the edge are not filtered
}

// Kinds of chunk indices.
const (
	indexBTree1 = iota
	indexSingle
	indexImplicit
	indexFixed
	indexExtensible
	indexBTree2
)

// Dataset gives the elements of a dataset.
func (o *Object) Dataset() (*Array, error) {
	a, err := o.dataset()
	return a, o.wrap(err)
}

func (o *Object) dataset() (*Array, error) {
	layout, ok := o.message(msgLayout)
	if !ok {
		return nil, errors.New("is a group, not a dataset")
	}
	if _, external := o.message(msgExternal); external {
		return nil, errors.New("keeps its values in other files, which is not supported")
	}
	d := &dataset{f: o.f}
	typ, ok := o.message(msgDatatype)
	space, ok2 := o.message(msgDataspace)
	if !ok || !ok2 {
		return nil, errors.New("damaged: a dataset without type or shape")
	}
	t, err := readType(typ)
	if err != nil {
		return nil, err
	}
	dims, err := readSpace(space)
	if err != nil {
		return nil, err
	}
	if c, ok := o.message(msgFilters); ok {
		if d.filters, err = readFilters(c); err != nil {
			return nil, err
		}
	}
	if d.fill, err = o.fillValue(); err != nil {
		return nil, err
	}
	if len(d.fill) != t.Size {
		d.fill = nil
	}
	var read func() ([]byte, error)
	d.array, err = newArray(o.f, t, dims, func(*Array) ([]byte, error) {
		b, err := read()
		return b, o.wrap(err)
	})
	if err != nil {
		return nil, err
	}
	read, err = d.layout(layout)
	return d.array, err
}

// fillValue is one element of what was never written.
func (o *Object) fillValue() ([]byte, error) {
	if c, ok := o.message(msgFill); ok {
		version := c.u8()
		var there bool
		switch version {
		case 1, 2:
			c.skip(2)
			there = c.u8() != 0 || version == 1
		case 3:
			there = c.u8()&0x20 != 0
		default:
			return nil, fmt.Errorf("a fill value of version %d is not supported", version)
		}
		if !there || c.err != nil {
			return nil, c.err
		}
		return c.bytes(int(min(c.u32(), math.MaxInt32))), c.err
	}
	if c, ok := o.message(msgFillOld); ok {
		return c.bytes(int(min(c.u32(), math.MaxInt32))), c.err
	}
	return nil, nil
}

// layout reads where the bytes are, and gives the function that reads them.
func (d *dataset) layout(c *cursor) (func() ([]byte, error), error) {
	version := c.u8()
	switch version {
	case 1, 2:
		return d.layout1(c)
	case 3, 4, 5:
	default:
		return nil, fmt.Errorf("a data layout of version %d is not supported", version)
	}
	switch class := c.u8(); class {
	case 0:
		value := c.bytes(c.u16())
		return func() ([]byte, error) { return value, nil }, c.err
	case 1:
		address, size := c.address(), c.length()
		return func() ([]byte, error) { return d.contiguous(address, size) }, c.err
	case 2:
		if version == 3 {
			rank := c.u8() - 1
			address := c.address()
			d.readChunk(c, rank, 4)
			c.skip(4) // the size of an element
			return d.chunked(func() ([]chunk, error) { return d.btree1(address) }), c.err
		}
		flags := c.u8()
		d.unchanged = flags&1 != 0
		rank, width := c.u8()-1, c.u8()
		d.readChunk(c, rank, width)
		c.skip(width) // the size of an element
		return d.layout4(c, flags)
	case 3:
		return nil, errors.New("a virtual dataset, which takes its values from other files, is not supported")
	default:
		return nil, fmt.Errorf("a data layout of class %d is not supported", class)
	}
}

// layout1 is the form from before HDF5 1.6.
func (d *dataset) layout1(c *cursor) (func() ([]byte, error), error) {
	rank, class := c.u8(), c.u8()
	c.skip(5)
	address := undefined
	if class != 0 {
		address = c.address()
	}
	if class == 2 {
		d.readChunk(c, rank-1, 4)
		return d.chunked(func() ([]chunk, error) { return d.btree1(address) }), c.err
	}
	c.skip(4 * rank)
	if class == 0 {
		value := c.bytes(int(min(c.u32(), math.MaxInt32)))
		return func() ([]byte, error) { return value, nil }, c.err
	}
	size := uint64(d.array.Elements() * d.array.Type.Size)
	return func() ([]byte, error) { return d.contiguous(address, size) }, c.err
}

// layout4 chooses among the indices that came with HDF5 1.10.
func (d *dataset) layout4(c *cursor, flags int) (func() ([]byte, error), error) {
	if c.err != nil {
		return nil, c.err
	}
	d.index = c.u8()
	var list func(address uint64) ([]chunk, error)
	switch d.index {
	case indexSingle:
		whole := chunk{at: make([]int, len(d.chunk)), size: uint64(d.chunkBytes())}
		if flags&2 != 0 {
			whole.size, whole.mask = c.length(), uint32(c.u32())
		}
		list = func(address uint64) ([]chunk, error) {
			whole.address = address
			return []chunk{whole}, nil
		}
	case indexImplicit:
		list = d.implicit
	case indexFixed:
		c.skip(1)
		list = d.fixedArray
	case indexExtensible:
		c.skip(5)
		list = d.extensibleArray
	case indexBTree2:
		c.skip(6)
		list = d.btree2
	default:
		return nil, fmt.Errorf("a chunk index of kind %d is not supported", d.index)
	}
	address := c.address()
	return d.chunked(func() ([]chunk, error) {
		if address == undefined {
			return nil, nil
		}
		return list(address)
	}), c.err
}

func (d *dataset) contiguous(address, size uint64) ([]byte, error) {
	want := d.array.Elements() * d.array.Type.Size
	if address == undefined { // never written
		return d.empty(want)
	}
	if size < uint64(want) {
		return nil, fmt.Errorf("damaged: %d bytes for %v elements of %d", size, d.array.Dims, d.array.Type.Size)
	}
	c := d.f.at(address, int64(want))
	return c.b, c.err
}

// empty makes n bytes of fill values.
func (d *dataset) empty(n int) ([]byte, error) {
	if n > 1<<20+len(d.f.data) {
		return nil, fmt.Errorf("most of its %d bytes were never written", n)
	}
	if d.fill == nil {
		return make([]byte, n), nil
	}
	return bytes.Repeat(d.fill, n/len(d.fill)), nil
}

// chunk is a piece of a dataset: where it belongs, in chunks along each dimension, and where it is.
type chunk struct {
	at      []int
	address uint64
	size    uint64 // stored bytes
	mask    uint32 // filters that were left out
}

func (d *dataset) readChunk(c *cursor, rank, width int) {
	if c.err == nil && rank != len(d.array.Dims) {
		c.fail("damaged: chunks of %d dimensions for data of %d", rank, len(d.array.Dims))
	}
	n := uint64(d.array.Type.Size)
	for range d.array.Dims {
		v := c.uint(width)
		hi, lo := bits.Mul64(n, v)
		if c.err == nil && (v == 0 || hi != 0 || lo > math.MaxInt32) {
			c.fail("damaged: chunks of more than 2 GB, or of none")
		}
		if c.err != nil {
			return
		}
		n = lo
		d.chunk = append(d.chunk, int(v))
	}
}

func (d *dataset) chunkBytes() int {
	n := d.array.Type.Size
	for _, v := range d.chunk {
		n *= v
	}
	return n
}

// grid is the number of chunks along each dimension.
func (d *dataset) grid() []int {
	g := make([]int, len(d.chunk))
	for i, v := range d.chunk {
		g[i] = (d.array.Dims[i] + v - 1) / v
	}
	return g
}

// place gives a chunk's position by its number in row-major order.
func place(grid []int, number uint64) []int {
	at := make([]int, len(grid))
	for i := len(grid) - 1; i >= 0; i-- {
		at[i] = int(number % uint64(max(grid[i], 1)))
		number /= uint64(max(grid[i], 1))
	}
	return at
}

// chunked reads and joins all chunks.
func (d *dataset) chunked(list func() ([]chunk, error)) func() ([]byte, error) {
	return func() ([]byte, error) {
		chunks, err := list()
		if err != nil {
			return nil, err
		}
		size, total := d.chunkBytes(), d.array.Elements()*d.array.Type.Size
		var stored uint64
		for _, c := range chunks {
			if c.size > uint64(len(d.f.data)) {
				return nil, errTruncated
			}
			stored += c.size
		}
		if stored > uint64(len(d.f.data)) {
			return nil, errors.New("damaged: the chunks overlap")
		}
		// Nothing is larger than what the stored bytes can expand to.
		if most := 1<<16 + stored*maxExpansion; uint64(size) > most && len(chunks) > 0 || uint64(total) > uint64(1<<20+len(d.f.data))+most {
			return nil, fmt.Errorf("damaged, or mostly empty: %d bytes in chunks of %d, %d are stored", total, size, stored)
		}
		out := make([]byte, total)
		if d.fill != nil {
			for i := 0; i < len(out); i += len(d.fill) {
				copy(out[i:], d.fill)
			}
		}
		for _, c := range chunks {
			raw := d.f.at(c.address, int64(c.size))
			if raw.err != nil {
				return nil, raw.err
			}
			b := raw.b
			if !d.unchanged || !d.overEdge(c.at) {
				if b, err = unfilter(d.filters, c.mask, b, size, d.array.Type.Size); err != nil {
					return nil, fmt.Errorf("chunk %v: %w", c.at, err)
				}
			}
			if len(b) != size {
				return nil, fmt.Errorf("damaged: chunk %v has %d bytes instead of %d", c.at, len(b), size)
			}
			d.paste(out, b, c.at)
		}
		return out, nil
	}
}

func (d *dataset) overEdge(at []int) bool {
	for i, v := range d.chunk {
		if (at[i]+1)*v > d.array.Dims[i] {
			return true
		}
	}
	return false
}

// paste copies a chunk to its place; what is beyond the data's edges stays out.
func (d *dataset) paste(out, b []byte, at []int) {
	dims, size := d.array.Dims, d.array.Type.Size
	rank := len(dims)
	if rank == 0 {
		copy(out, b)
		return
	}
	for i, v := range d.chunk {
		if at[i] < 0 || at[i] >= (dims[i]+v-1)/v {
			return // shrunk datasets keep chunks outside
		}
	}
	var copyRows func(axis, from, to int)
	copyRows = func(axis, from, to int) { // in elements
		first := at[axis] * d.chunk[axis]
		n := min(d.chunk[axis], dims[axis]-first)
		from, to = from*d.chunk[axis], to*dims[axis]+first
		if axis == rank-1 {
			copy(out[to*size:(to+n)*size], b[from*size:])
			return
		}
		for i := range n {
			copyRows(axis+1, from+i, to+i)
		}
	}
	copyRows(0, 0, 0)
}
