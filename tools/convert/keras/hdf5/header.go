package hdf5

import (
	"errors"
	"fmt"
)

// Kinds of messages in an object's header.
const (
	msgDataspace    = 0x01
	msgLinkInfo     = 0x02
	msgDatatype     = 0x03
	msgFillOld      = 0x04
	msgFill         = 0x05
	msgLink         = 0x06
	msgExternal     = 0x07
	msgLayout       = 0x08
	msgFilters      = 0x0b
	msgAttribute    = 0x0c
	msgContinuation = 0x10
	msgSymbolTable  = 0x11
	msgAttributes   = 0x15 // where dense attributes are
)

// message is one message of an object's header.
type message struct {
	kind int
	data []byte
}

const (
	flagShared     = 0x02 // the data say where the message is
	flagMustKnow   = 0x80
	highestMessage = 0x18
)

// header reads all messages of an object.
func (f *file) header(address uint64) ([]message, error) { return f.headerAt(address, 0) }

func (f *file) headerAt(address uint64, depth int) ([]message, error) {
	h := &headerReader{f: f, depth: depth, seen: map[uint64]bool{address: true}}
	c := f.at(address, -1)
	if c.err == nil && len(c.b) > 4 && string(c.b[:4]) == "OHDR" {
		h.version2(c)
	} else {
		h.version1(c)
	}
	// Continuations may name further ones.
	for i := 0; i < len(h.more) && h.err == nil; i++ {
		b := h.more[i]
		if h.seen[b.address] {
			return nil, errors.New("damaged: an object's header continues in itself")
		}
		h.seen[b.address] = true
		if b.size > uint64(len(f.data)) {
			return nil, errTruncated
		}
		c := f.at(b.address, int64(b.size))
		if h.v2 {
			c.signature("OCHK")
			h.list2(c, len(c.b)-4)
			c.checksum("header's continuation")
		} else {
			h.list1(c)
		}
		h.keep(c.err)
	}
	return h.list, h.err
}

type block struct{ address, size uint64 }

type headerReader struct {
	f          *file
	list       []message
	more       []block
	seen       map[uint64]bool
	v2, orders bool // version 2; messages with a creation order
	depth      int  // of shared messages
	err        error
}

func (h *headerReader) keep(err error) {
	if h.err == nil {
		h.err = err
	}
}

func (h *headerReader) version1(c *cursor) {
	c.version("an object header", 1)
	c.skip(1 + 2 + 4) // number of messages, which the size says as well; references
	size := c.u32()
	c.skip(4)
	if c.err == nil && size > uint64(len(c.b)-c.at) {
		c.err = errTruncated
	}
	if c.err == nil {
		inner := &cursor{f: h.f, b: c.bytes(int(size))}
		h.list1(inner)
		c.err = inner.err
	}
	h.keep(c.err)
}

// list1 reads messages until less than another one's head is left.
func (h *headerReader) list1(c *cursor) {
	for c.err == nil && len(c.b)-c.at >= 8 {
		kind, size, flags := c.u16(), c.u16(), c.u8()
		c.skip(3)
		h.add(c, kind, flags, c.bytes(size))
	}
}

func (h *headerReader) version2(c *cursor) {
	h.v2 = true
	c.signature("OHDR")
	c.version("an object header", 2)
	flags := c.u8()
	if flags&0x20 != 0 {
		c.skip(16) // times
	}
	if flags&0x10 != 0 {
		c.skip(4) // when attributes become dense
	}
	h.orders = flags&0x04 != 0
	size := c.uint(1 << (flags & 3))
	if c.err == nil && size > uint64(len(c.b)-c.at) {
		c.err = errTruncated
	}
	h.list2(c, c.at+int(size))
	c.checksum("object header")
	h.keep(c.err)
}

// list2 reads messages up to the end; a gap shorter than a message's head may be left.
func (h *headerReader) list2(c *cursor, end int) {
	head := 4
	if h.orders {
		head += 2
	}
	for c.err == nil && end-c.at >= head {
		kind, size, flags := c.u8(), c.u16(), c.u8()
		c.skip(head - 4)
		if size > end-c.at {
			c.fail("damaged: a message is longer than its header")
		}
		h.add(c, kind, flags, c.bytes(size))
	}
	c.skip(end - c.at)
}

func (h *headerReader) add(c *cursor, kind, flags int, data []byte) {
	if c.err != nil {
		return
	}
	if flags&flagMustKnow != 0 && kind > highestMessage {
		c.fail("a message of the unknown kind %d that must be understood", kind)
		return
	}
	if flags&flagShared != 0 {
		data, c.err = h.f.shared(&cursor{f: h.f, b: data}, kind, h.depth)
	}
	if kind == msgContinuation && c.err == nil {
		inner := &cursor{f: h.f, b: data}
		h.more = append(h.more, block{inner.address(), inner.length()})
		c.err = inner.err
		return
	}
	h.list = append(h.list, message{kind, data})
}

// shared follows a reference to a message of another object: a named data type.
func (f *file) shared(c *cursor, kind, depth int) ([]byte, error) {
	version, where := c.u8(), c.u8()
	if version == 1 {
		c.skip(6)
	}
	if c.err == nil && (version < 1 || version > 3 || version == 3 && where != 2) {
		c.fail("messages in a shared heap are not supported")
	}
	address := c.address()
	if c.err != nil {
		return nil, c.err
	}
	if depth > 3 {
		return nil, errors.New("damaged: shared messages point in a circle")
	}
	messages, err := f.headerAt(address, depth+1)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		if m.kind == kind {
			return m.data, nil
		}
	}
	return nil, fmt.Errorf("damaged: a shared message (kind %d) is not where it should be", kind)
}

// message finds the first message of a kind.
func (o *Object) message(kind int) (*cursor, bool) {
	for _, m := range o.messages {
		if m.kind == kind {
			return &cursor{f: o.f, b: m.data}, true
		}
	}
	return nil, false
}
