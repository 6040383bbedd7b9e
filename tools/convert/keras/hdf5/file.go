package hdf5

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

const signature = "\x89HDF\r\n\x1a\n"

// start finds the superblock, which is at 0 or after a user block of 512 bytes, 1024, ...; -1 if there is none.
func start(data []byte) int {
	for at := 0; at+len(signature) <= len(data) && at <= 1<<20; at = max(512, 2*at) {
		if bytes.HasPrefix(data[at:], []byte(signature)) {
			return at
		}
	}
	return -1
}

// Is says whether data is an HDF5 file; it may still be damaged.
func Is(data []byte) bool { return start(data) >= 0 }

// file is what all objects of a file share.
type file struct {
	data       []byte          // from the superblock on, which addresses count from
	offsetSize int             // bytes of an address
	lengthSize int             // bytes of a size
	verified   map[uint64]bool // blocks of fractal heaps with the right checksum
}

// at gives a cursor at an address, of n bytes, or of everything behind it if n is negative.
func (f *file) at(address uint64, n int64) *cursor {
	c := &cursor{f: f}
	switch {
	case address == undefined:
		c.err = errors.New("damaged: a structure that is needed is not there")
	case address > uint64(len(f.data)) || n > int64(uint64(len(f.data))-address):
		c.err = errTruncated
	case n < 0:
		c.b = f.data[address:]
	default:
		c.b = f.data[address : address+uint64(n) : address+uint64(n)]
	}
	return c
}

// Parse reads the superblock and opens the root group. Everything else is read when it is asked for. The objects share data's memory,
// and are for one goroutine at a time.
func Parse(data []byte) (*Object, error) {
	at := start(data)
	if at < 0 {
		return nil, errors.New("is no HDF5 file")
	}
	f := &file{data: data[at:], verified: map[uint64]bool{}}
	root, err := f.superblock()
	if err != nil {
		return nil, fmt.Errorf("the HDF5 file's superblock: %w", err)
	}
	return f.open("", root)
}

// superblock reads the sizes of fields and gives the root group's address.
func (f *file) superblock() (root uint64, err error) {
	c := f.at(0, -1)
	c.skip(len(signature))
	version := c.u8()
	switch version {
	case 0, 1:
		c.skip(4) // versions of the free space, the root's entry, the shared headers
		f.sizes(c)
		c.skip(1 + 2 + 2 + 4) // ranks of group B-trees, flags
		if version == 1 {
			c.skip(4)
		}
	case 2, 3:
		f.sizes(c)
		c.skip(1)
	default:
		return 0, fmt.Errorf("version %d is not supported", version)
	}
	if c.err != nil {
		return 0, c.err
	}
	base := c.address()
	c.address() // of the free space, or of the superblock's extension
	end := c.address()
	if version < 2 {
		c.address() // of a driver's information
		c.address() // of the root's name
	}
	root = c.address()
	if version >= 2 {
		c.checksum("superblock")
	}
	if c.err != nil {
		return 0, c.err
	}
	if base != undefined && end >= base && end-base > uint64(len(f.data)) {
		return 0, fmt.Errorf("truncated: the file should have %d bytes, %d are there", end-base, len(f.data))
	}
	return root, nil
}

func (f *file) sizes(c *cursor) {
	f.offsetSize, f.lengthSize = c.u8(), c.u8()
	for _, n := range []int{f.offsetSize, f.lengthSize} {
		if n != 2 && n != 4 && n != 8 {
			c.fail("addresses of %d and sizes of %d bytes are not supported", f.offsetSize, f.lengthSize)
		}
	}
}

// Object is a group or a dataset.
type Object struct {
	Path string // from the root, without a leading slash; "" is the root

	f        *file
	messages []message
	links    map[string]link
	names    []string // of links, sorted
}

func (f *file) open(path string, address uint64) (*Object, error) {
	o := &Object{Path: path, f: f}
	var err error
	if o.messages, err = f.header(address); err == nil {
		err = o.readLinks()
	}
	if err != nil {
		return nil, o.wrap(err)
	}
	return o, nil
}

// wrap says where an error is.
func (o *Object) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("/%s: %w", o.Path, err)
}

// ErrNotFound is wrapped by the error for a path or an attribute that is not there.
var ErrNotFound = errors.New("not there")

// Open opens an object by its path below this one, such as "conv1/kernel:0".
func (o *Object) Open(path string) (*Object, error) {
	for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if name == "" || name == "." {
			continue
		}
		l, ok := o.links[name]
		if !ok {
			return nil, o.wrap(fmt.Errorf("%.200q is %w", name, ErrNotFound))
		}
		if l.soft {
			return nil, o.wrap(fmt.Errorf("%.200q is a soft or external link, which is not supported", name))
		}
		if len(o.Path)+len(name) > maxPath {
			return nil, o.wrap(errors.New("the path is too long"))
		}
		var err error
		if o, err = o.f.open(strings.TrimPrefix(o.Path+"/"+name, "/"), l.address); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// maxPath also ends walks through groups that contain themselves.
const maxPath = 1 << 12

// Names lists what the group contains, sorted. A dataset contains nothing.
func (o *Object) Names() []string { return o.names }

// Has says whether the group has a link of that name.
func (o *Object) Has(name string) bool {
	_, ok := o.links[name]
	return ok
}
