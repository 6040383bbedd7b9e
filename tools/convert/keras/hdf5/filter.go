package hdf5

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// filter is one step that chunks went through when they were written.
type filter struct{ id int }

const (
	filterDeflate  = 1
	filterShuffle  = 2
	filterFletcher = 3
	filterLZF      = 32000
)

var filterNames = map[int]string{4: "szip", 5: "n-bit", 6: "scale-offset", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32015: "zstd"}

// maxExpansion is the most that deflate can expand a byte to.
const maxExpansion = 1032

// maxFilters is the format's own limit.
const maxFilters = 32

func readFilters(c *cursor) ([]filter, error) {
	version, n := c.u8(), c.u8()
	switch {
	case c.err != nil:
		return nil, c.err
	case version < 1 || version > 2:
		return nil, fmt.Errorf("a filter pipeline of version %d is not supported", version)
	case n > maxFilters:
		return nil, fmt.Errorf("damaged: %d filters", n)
	case version == 1:
		c.skip(6)
	}
	var list []filter
	for range n {
		id, nameSize := c.u16(), 0
		if version == 1 || id >= 256 {
			nameSize = c.u16()
		}
		c.skip(2)
		values := c.u16()
		if version == 1 {
			nameSize = (nameSize + 7) / 8 * 8
			values += values % 2
		}
		c.skip(nameSize + 4*values)
		if c.err != nil {
			return nil, c.err
		}
		switch id {
		case filterDeflate, filterShuffle, filterFletcher, filterLZF:
		default:
			name := filterNames[id]
			if name == "" {
				name = "an unknown filter"
			}
			return nil, fmt.Errorf("compressed with %s (filter %d), which is not supported; deflate, shuffle, fletcher32 and lzf are", name, id)
		}
		list = append(list, filter{id})
	}
	return list, c.err
}

// unfilter undoes the filters, the last first. The chunk has size bytes in the end, an element elementSize.
func unfilter(filters []filter, mask uint32, b []byte, size, elementSize int) ([]byte, error) {
	for i := len(filters) - 1; i >= 0; i-- {
		if mask&(1<<i) != 0 {
			continue
		}
		var err error
		switch filters[i].id {
		case filterDeflate:
			b, err = inflate(b, size+4) // a checksum may have been inside
		case filterLZF:
			b, err = unlzf(b, size+4)
		case filterFletcher:
			b, err = checkFletcher(b)
		case filterShuffle:
			b = unshuffle(b, elementSize)
		}
		if err != nil {
			return nil, err
		}
	}
	return b, nil
}

func inflate(b []byte, most int) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("damaged: %w", err)
	}
	var out bytes.Buffer
	out.Grow(min(most, 64*len(b)))
	if _, err = io.Copy(&out, io.LimitReader(z, int64(most)+1)); err != nil {
		return nil, fmt.Errorf("damaged: %w", err)
	}
	if out.Len() > most {
		return nil, errors.New("damaged: more compressed data than a chunk holds")
	}
	return out.Bytes(), nil
}

// unlzf undoes liblzf's compression: runs of literals, and copies of 3 to 264 bytes from at most 8 KB before.
func unlzf(b []byte, most int) ([]byte, error) {
	bad := errors.New("damaged: no lzf data")
	out := make([]byte, 0, min(most, 90*len(b)))
	for len(b) > 0 {
		head := int(b[0])
		b = b[1:]
		if head < 32 {
			if head+1 > len(b) || len(out)+head+1 > most {
				return nil, bad
			}
			out = append(out, b[:head+1]...)
			b = b[head+1:]
			continue
		}
		n := head >> 5
		if n == 7 {
			if len(b) == 0 {
				return nil, bad
			}
			n += int(b[0])
			b = b[1:]
		}
		if len(b) == 0 {
			return nil, bad
		}
		back := (head&31)<<8 + int(b[0]) + 1
		b = b[1:]
		if back > len(out) || len(out)+n+2 > most {
			return nil, bad
		}
		for range n + 2 { // may overlap itself
			out = append(out, out[len(out)-back])
		}
	}
	return out, nil
}

// checkFletcher compares with the checksum behind the data and takes it off. HDF5 before 1.6.3 wrote it with swapped bytes.
func checkFletcher(b []byte) ([]byte, error) {
	if len(b) < 4 {
		return nil, errTruncated
	}
	b, stored := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	sum := fletcher32(b)
	swapped := sum>>8&0x00ff00ff | sum<<8&0xff00ff00
	if stored != sum && stored != swapped {
		return nil, errors.New("damaged: the checksum (fletcher32) is wrong")
	}
	return b, nil
}

// unshuffle undoes the sorting of bytes by their place in an element; what is left over at the end was not sorted.
func unshuffle(b []byte, size int) []byte {
	n := len(b) / size
	if size < 2 || n < 2 {
		return b
	}
	out := make([]byte, len(b))
	for i := range size {
		for j, v := range b[i*n : (i+1)*n] {
			out[j*size+i] = v
		}
	}
	copy(out[n*size:], b[n*size:])
	return out
}
