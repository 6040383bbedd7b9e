package hdf5

import (
	"fmt"
	"strconv"
)

// Attribute finds an attribute. Errors wrap ErrNotFound if there is none of the name.
func (o *Object) Attribute(name string) (*Array, error) {
	var found *Array
	look := func(c *cursor) {
		a, n := readAttribute(c, name)
		if c.err == nil && n == name {
			found = a
		} else if c.err != nil && n != name && n != "" {
			c.err = nil // an attribute that is not asked for may be of any type
		}
	}
	for _, m := range o.messages {
		c := &cursor{f: o.f, b: m.data}
		switch m.kind {
		case msgAttribute:
			look(c)
		case msgAttributes:
			c.version("attribute information", 0)
			if flags := c.u8(); flags&1 != 0 {
				c.skip(2)
			}
			heap, names := c.address(), c.address()
			if c.err != nil || heap == undefined || names == undefined {
				break
			}
			c.err = o.f.dense(heap, names, 8, 0, look)
		}
		if c.err != nil {
			return nil, o.wrap(fmt.Errorf("attribute %q: %w", name, c.err))
		}
	}
	if found == nil {
		return nil, o.wrap(fmt.Errorf("attribute %q is %w", name, ErrNotFound))
	}
	return found, nil
}

// HasAttribute says whether there is a readable attribute of that name, or one in parts.
func (o *Object) HasAttribute(name string) bool {
	_, err := o.Attribute(name)
	if err != nil {
		_, err = o.Attribute(name + "0")
	}
	return err == nil
}

// Strings gives an attribute of strings. Where it is missing, the parts name0, name1, ... are joined, as which Keras stores lists of more than 64 KB.
func (o *Object) Strings(name string) ([]string, error) {
	a, err := o.Attribute(name)
	if err == nil {
		list, err := a.Strings()
		if err != nil {
			err = o.wrap(fmt.Errorf("attribute %q: %w", name, err))
		}
		return list, err
	}
	var list []string
	for i := 0; ; i++ {
		part, missing := o.Attribute(name + strconv.Itoa(i))
		if missing != nil {
			if i == 0 {
				return nil, err
			}
			return list, nil
		}
		more, err := part.Strings()
		if err != nil {
			return nil, o.wrap(fmt.Errorf("attribute %q, part %d: %w", name, i, err))
		}
		list = append(list, more...)
	}
}

// readAttribute reads an attribute's message, and no further than the name if it is another one than wanted.
func readAttribute(c *cursor, wanted string) (*Array, string) {
	version := c.u8()
	if c.err == nil && (version < 1 || version > 3) {
		c.fail("an attribute of version %d is not supported", version)
	}
	flags := c.u8()
	nameSize, typeSize, spaceSize := c.u16(), c.u16(), c.u16()
	if version == 3 {
		c.skip(1) // character set
	}
	part := func(n int) []byte {
		b := c.bytes(n)
		if version == 1 {
			c.skip((8 - n%8) % 8)
		}
		return b
	}
	name := part(nameSize)
	for len(name) > 0 && name[len(name)-1] == 0 {
		name = name[:len(name)-1]
	}
	if c.err != nil || string(name) != wanted {
		return nil, string(name)
	}
	typeData, spaceData := part(typeSize), part(spaceSize)
	if version == 1 {
		flags = 0
	}
	for i, p := range []struct {
		data *[]byte
		kind int
	}{{&typeData, msgDatatype}, {&spaceData, msgDataspace}} {
		if flags&(1<<i) != 0 && c.err == nil {
			*p.data, c.err = c.f.shared(&cursor{f: c.f, b: *p.data}, p.kind, 0)
		}
	}
	if c.err != nil {
		return nil, wanted
	}
	value := c.rest()
	t, err := readType(&cursor{f: c.f, b: typeData})
	var dims []int
	if err == nil {
		dims, err = readSpace(&cursor{f: c.f, b: spaceData})
	}
	var a *Array
	if err == nil {
		a, err = newArray(c.f, t, dims, func(*Array) ([]byte, error) { return value, nil })
	}
	c.err = err
	return a, wanted
}
