package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// DType is the element type of a tensor in a safetensors file.
type DType string

// The types that hold real numbers which featx reads; the format has more (see dtypeBits).
const (
	F16  DType = "F16"
	BF16 DType = "BF16"
	F32  DType = "F32"
	F64  DType = "F64"
)

// dtypeBits is every type of the format with the bits of one element.
var dtypeBits = map[DType]int{
	"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
	"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
	"I16": 16, "U16": 16, F16: 16, BF16: 16,
	"I32": 32, "U32": 32, F32: 32,
	"I64": 64, "U64": 64, F64: 64, "C64": 64,
}

// IsFloat says whether the type is one that featx reads numbers from.
func (d DType) IsFloat() bool { return d == F32 || d == F16 || d == BF16 || d == F64 }

// Tensor is one tensor of a container: row-major, little-endian.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Data  []byte // shares the container's memory
}

// Container is a parsed .safetensors file.
type Container struct {
	Metadata map[string]string // nil if the file has none
	Tensors  []Tensor          // in the order of their data
}

// ErrNotSafetensors is wrapped by the error for data that is no safetensors file at all, rather than a damaged one.
var ErrNotSafetensors = errors.New("not a safetensors file")

// maxHeader is the format's own limit.
const maxHeader = 100_000_000

// maxRank is PyTorch's limit; the format has none.
const maxRank = 64

// IsSafetensors says whether data begins as a safetensors file does; the rest may still be damaged.
func IsSafetensors(data []byte) bool {
	return len(data) > 8 && binary.LittleEndian.Uint64(data) <= maxHeader && data[8] == '{'
}

// ParseSafetensors reads a container of any dtypes. It checks all of it before it gives anything out: the header's length and JSON, duplicate
// names, known types, shapes, and that the tensors fill the data exactly, without overlaps and holes. Tensors share data's memory.
//
// The format: https://github.com/huggingface/safetensors#format
func ParseSafetensors(data []byte) (*Container, error) {
	c, offsets, err := ReadSafetensors(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	for i := range c.Tensors {
		c.Tensors[i].Data = data[offsets[i]:offsets[i+1]:offsets[i+1]]
	}
	return c, nil
}

// ReadSafetensors is ParseSafetensors of a file of size bytes without reading its data: tensor i is the bytes from offsets[i] to offsets[i+1].
func ReadSafetensors(file io.ReaderAt, size int64) (c *Container, offsets []int64, err error) {
	start := make([]byte, min(size, 9))
	if n, err := file.ReadAt(start, 0); n < len(start) {
		return nil, nil, err
	}
	if !IsSafetensors(start) {
		return nil, nil, ErrNotSafetensors
	}
	length := int64(binary.LittleEndian.Uint64(start))
	if length > size-8 {
		return nil, nil, fmt.Errorf("truncated: the header is %d bytes long, the file has %d", length, size)
	}
	header := make([]byte, length)
	if n, err := file.ReadAt(header, 8); n < len(header) {
		return nil, nil, err
	}
	if !utf8.Valid(header) {
		return nil, nil, errors.New("the header is not UTF-8")
	}
	c = &Container{}
	entries, err := c.parseHeader(header)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil, errors.New("header: the JSON ends too soon")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	slices.SortStableFunc(entries, func(a, b headerEntry) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
	begin := 8 + length
	end := size - begin
	var at int64
	offsets = append(offsets, begin)
	for _, e := range entries {
		switch {
		case e.from < at:
			return nil, nil, fmt.Errorf("tensor %.100q overlaps the one before it (bytes %d to %d)", e.Name, e.from, e.to)
		case e.from > at:
			return nil, nil, fmt.Errorf("%d bytes before tensor %.100q belong to no tensor", e.from-at, e.Name)
		case e.to > end:
			return nil, nil, fmt.Errorf("truncated: tensor %.100q ends at byte %d of the data, which has %d", e.Name, e.to, end)
		}
		c.Tensors = append(c.Tensors, e.Tensor)
		offsets = append(offsets, begin+e.to)
		at = e.to
	}
	if at < end {
		return nil, nil, fmt.Errorf("%d bytes behind the last tensor belong to none", end-at)
	}
	return c, offsets, nil
}

type headerEntry struct {
	Tensor
	from, to int64
}

// jsonEntry is a tensor in the header.
type jsonEntry struct {
	DType   DType   `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

// parseHeader reads the JSON object key by key, since a map would hide duplicates.
func (c *Container) parseHeader(header []byte) ([]headerEntry, error) {
	d := json.NewDecoder(bytes.NewReader(header))
	if _, err := d.Token(); err != nil { // '{', as IsSafetensors has seen
		return nil, err
	}
	var entries []headerEntry
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if seen[name] {
			return nil, fmt.Errorf("two tensors are called %.100q", name)
		}
		seen[name] = true
		if name == "__metadata__" {
			if err := d.Decode(&c.Metadata); err != nil {
				return nil, fmt.Errorf("__metadata__: %w", err)
			}
			continue
		}
		var j jsonEntry
		if err := d.Decode(&j); err != nil {
			return nil, fmt.Errorf("tensor %.100q: %w", name, err)
		}
		e := headerEntry{Tensor: Tensor{Name: name, DType: j.DType, Shape: j.Shape}}
		if e.from, e.to, err = j.check(); err != nil {
			return nil, fmt.Errorf("tensor %.100q: %w", name, err)
		}
		entries = append(entries, e)
	}
	if _, err := d.Token(); err != nil { // '}'
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF { // the padding is white space
		return nil, errors.New("there is something behind the JSON object")
	}
	return entries, nil
}

// check compares dtype, shape and offsets, without knowing how long the data is.
func (j jsonEntry) check() (from, to int64, err error) {
	if len(j.Offsets) != 2 || j.Shape == nil {
		return 0, 0, errors.New("needs dtype, shape and two data_offsets")
	}
	if len(j.Shape) > maxRank {
		return 0, 0, fmt.Errorf("%d axes (at most %d are possible)", len(j.Shape), maxRank)
	}
	size, err := byteSize(j.DType, j.Shape)
	if err != nil {
		return 0, 0, err
	}
	from, to = j.Offsets[0], j.Offsets[1]
	if from < 0 || to < from {
		return 0, 0, fmt.Errorf("data_offsets %v are out of order", j.Offsets)
	}
	if to-from != size {
		return 0, 0, fmt.Errorf("%s %v takes %d bytes, but data_offsets %v hold %d", j.DType, j.Shape, size, j.Offsets, to-from)
	}
	return from, to, nil
}

// byteSize is the number of bytes of a tensor.
func byteSize(d DType, shape []int) (int64, error) {
	width, ok := dtypeBits[d]
	if !ok {
		return 0, fmt.Errorf("unknown dtype %.20q", d)
	}
	n := uint64(width)
	for _, extent := range shape {
		high, low := bits.Mul64(n, uint64(extent))
		if extent < 0 || high != 0 || low > math.MaxInt64 {
			return 0, fmt.Errorf("shape %v is impossible", shape)
		}
		n = low
	}
	if n%8 != 0 {
		return 0, fmt.Errorf("%s %v does not fill whole bytes", d, shape)
	}
	return int64(n / 8), nil
}

// dataAlignment is where the data of a file that featx writes begin.
const dataAlignment = 64

// WriteSafetensors writes a container with the tensors in the given order; equal input gives equal bytes. Only a tensor's DType and Shape are looked at
// first: data gives the bytes of tensor i when it is its turn, so that they need not all be in memory. If data is nil the tensors' own Data are written.
func WriteSafetensors(w io.Writer, metadata map[string]string, tensors []Tensor, data func(i int) ([]byte, error)) error {
	if data == nil {
		data = func(i int) ([]byte, error) { return tensors[i].Data, nil }
	}
	header, sizes, err := makeHeader(metadata, tensors)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for i, t := range tensors {
		b, err := data(i)
		if err != nil {
			return err
		}
		if int64(len(b)) != sizes[i] {
			return fmt.Errorf("tensor %.100q: %d bytes of data for %s %v, which takes %d", t.Name, len(b), t.DType, t.Shape, sizes[i])
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// makeHeader gives the length, the JSON and the padding, and each tensor's number of bytes.
func makeHeader(metadata map[string]string, tensors []Tensor) ([]byte, []int64, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	separator := byte('{')
	member := func(key string, value any) error {
		for _, v := range []any{key, value} {
			text, err := json.Marshal(v)
			if err != nil {
				return err
			}
			b.WriteByte(separator)
			b.Write(text)
			separator = ':'
		}
		separator = ','
		return nil
	}
	if metadata != nil {
		if err := member("__metadata__", metadata); err != nil {
			return nil, nil, err
		}
	}
	var at int64
	seen := map[string]bool{"__metadata__": true}
	sizes := make([]int64, len(tensors))
	for i, t := range tensors {
		size, err := byteSize(t.DType, t.Shape)
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %.100q: %w", t.Name, err)
		}
		if seen[t.Name] || !utf8.ValidString(t.Name) {
			return nil, nil, fmt.Errorf("tensor %.100q: the name is taken or not UTF-8", t.Name)
		}
		seen[t.Name], sizes[i] = true, size
		shape := t.Shape
		if shape == nil {
			shape = []int{} // a scalar, not null
		}
		if err := member(t.Name, jsonEntry{t.DType, shape, []int64{at, at + size}}); err != nil {
			return nil, nil, err
		}
		at += size
	}
	if separator == '{' {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	for b.Len()%dataAlignment != 0 {
		b.WriteByte(' ')
	}
	if b.Len()-8 > maxHeader {
		return nil, nil, fmt.Errorf("the header would take %d bytes, the format allows %d", b.Len()-8, maxHeader)
	}
	header := b.Bytes()
	binary.LittleEndian.PutUint64(header, uint64(len(header)-8))
	return header, sizes, nil
}
