package hdf5

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// undefined is the address of what is not there.
const undefined = ^uint64(0)

var errTruncated = errors.New("truncated or damaged: a structure reaches beyond its end")

// cursor reads fields in a row. After the first error all fields are zero.
type cursor struct {
	f   *file
	b   []byte
	at  int
	err error
}

func (c *cursor) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// bytes gives the next n bytes, which share the file's memory; nil after an error.
func (c *cursor) bytes(n int) []byte {
	if c.err == nil && (n < 0 || n > len(c.b)-c.at) {
		c.err = errTruncated
	}
	if c.err != nil {
		return nil
	}
	c.at += n
	return c.b[c.at-n : c.at : c.at]
}

func (c *cursor) skip(n int) { c.bytes(n) }

// rest is everything that is left.
func (c *cursor) rest() []byte { return c.bytes(len(c.b) - c.at) }

// uint reads a little-endian number of n bytes, at most 8.
func (c *cursor) uint(n int) uint64 {
	b := c.bytes(n)
	if b == nil || n > 8 {
		return 0
	}
	var wide [8]byte
	copy(wide[:], b)
	return binary.LittleEndian.Uint64(wide[:])
}

func (c *cursor) u8() int     { return int(c.uint(1)) }
func (c *cursor) u16() int    { return int(c.uint(2)) }
func (c *cursor) u32() uint64 { return c.uint(4) }
func (c *cursor) u64() uint64 { return c.uint(8) }

// length reads a size in the file's own width.
func (c *cursor) length() uint64 { return c.uint(c.f.lengthSize) }

// address reads an address in the file's own width; all ones are undefined.
func (c *cursor) address() uint64 {
	v := c.uint(c.f.offsetSize)
	if c.err == nil && v == undefined>>(64-8*c.f.offsetSize) {
		return undefined
	}
	return v
}

// signature checks the four letters that a structure begins with.
func (c *cursor) signature(want string) {
	if b := c.bytes(len(want)); b != nil && string(b) != want {
		c.err = fmt.Errorf("damaged: %q where %q must begin", b, want)
	}
}

// version checks a version byte.
func (c *cursor) version(what string, want int) {
	if v := c.u8(); c.err == nil && v != want {
		c.err = fmt.Errorf("%s of version %d is not supported", what, v)
	}
}

// checksum compares everything before the cursor with the sum that follows.
func (c *cursor) checksum(what string) {
	if c.err != nil {
		return
	}
	got := lookup3(c.b[:c.at])
	if want := c.u32(); c.err == nil && uint64(got) != want {
		c.err = fmt.Errorf("damaged: the checksum of a %s is wrong", what)
	}
}
