package npy

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/x448/float16"
)

// Archive is an .npz file: arrays by their names, stored or deflated.
type Archive struct {
	Arrays []Array // in the order of the file

	file *os.File
}

// Array is an array of numbers; its values are read by [Array.Values], or piece by piece from [Array.Raw].
type Array struct {
	Name    string // without .npy
	Dims    []int
	Type    string // NumPy's name: "<f4", ">f8", "<f2"; others cannot be read
	Fortran bool   // the first axis is the innermost one in the file; Values gives C order

	open func() (io.ReadCloser, error)
	size int64 // of the file, with the header
	skip int64 // of the header
}

// ReadArray reads the header of a .npy file of size bytes.
func ReadArray(file io.ReaderAt, size int64) (*Array, error) {
	x := &Array{size: size, open: func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(file, 0, size)), nil }}
	if err := x.readHeader(); err != nil {
		return nil, reason(err)
	}
	return x, nil
}

// OpenArchive reads the headers of an .npz file. Errors name the file.
func OpenArchive(path string) (*Archive, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, reason(err))
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("is a directory, not a file")
	}
	var a *Archive
	if err == nil {
		a, err = ReadArchive(f, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, reason(err))
	}
	a.file = f
	return a, nil
}

// ReadArchive reads the headers of an .npz file of size bytes.
func ReadArchive(file io.ReaderAt, size int64) (*Archive, error) {
	a := &Archive{}
	if err := a.read(file, size); err != nil {
		return nil, err
	}
	return a, nil
}

// Close closes the file of OpenArchive.
func (a *Archive) Close() error { return a.file.Close() }

func (a *Archive) read(file io.ReaderAt, size int64) error {
	z, err := zip.NewReader(file, size)
	if errors.Is(err, zip.ErrFormat) {
		return errors.New("is no .npz file (a zip archive of arrays), or a truncated one")
	}
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, entry := range z.File {
		name, ok := strings.CutSuffix(entry.Name, ".npy")
		if !ok {
			continue
		}
		if entry.UncompressedSize64 > 1100*(entry.CompressedSize64+1) { // deflate makes at most 1032 bytes of one
			return fmt.Errorf("array %.200q: broken: %d bytes cannot hold %d", name, entry.CompressedSize64, entry.UncompressedSize64)
		}
		if seen[name] {
			return fmt.Errorf("two arrays are called %.200q", name)
		}
		seen[name] = true
		x := Array{Name: name, open: entry.Open, size: int64(min(entry.UncompressedSize64, math.MaxInt64))}
		if err := x.readHeader(); err != nil {
			return fmt.Errorf("array %.200q: %w", name, reason(err))
		}
		a.Arrays = append(a.Arrays, x)
	}
	return nil
}

// Find gives the array of that name, or nil.
func (a *Archive) Find(name string) *Array {
	i := slices.IndexFunc(a.Arrays, func(x Array) bool { return x.Name == name })
	if i < 0 {
		return nil
	}
	return &a.Arrays[i]
}

// Len is the number of values; of an array whose type cannot be read, as the header claims.
func (x *Array) Len() int {
	n := 1
	for _, d := range x.Dims {
		n *= d
	}
	return n
}

// itemBytes is the size of a value of each type that Values knows.
var itemBytes = map[string]int{"<f2": 2, ">f2": 2, "<f4": 4, ">f4": 4, "<f8": 8, ">f8": 8}

func (x *Array) readHeader() error {
	r, err := x.open()
	if err != nil {
		return err
	}
	defer r.Close()
	// The header's own length is in its first bytes.
	start := make([]byte, 12)
	n, err := io.ReadFull(r, start)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
		return err
	}
	length := 0
	if n >= 10 && start[6] == 1 {
		length = 10 + int(binary.LittleEndian.Uint16(start[8:]))
	} else if n == 12 {
		length = 12 + int(min(binary.LittleEndian.Uint32(start[8:]), maxHeader))
	}
	head := bytes.NewBuffer(start[:n])
	if _, err := io.CopyN(head, r, int64(length-n)); length > n && err != nil && err != io.EOF {
		return err
	}
	x.Type, x.Fortran, x.Dims, x.skip, err = readHeader(bytes.NewReader(head.Bytes()), x.size)
	if err != nil {
		return err
	}
	item := itemBytes[x.Type]
	if item == 0 {
		return nil
	}
	values, ok := int64(1), true
	for _, d := range x.Dims {
		ok = ok && (d == 0 || values <= math.MaxInt/8/int64(d))
		values *= int64(d)
	}
	if !ok || values*int64(item) != x.size-x.skip {
		return fmt.Errorf("truncated or broken: the header says %v values of %d bytes, but %d bytes follow it", x.Dims, item, x.size-x.skip)
	}
	return nil
}

// Values gives all values in C order, float64 rounded to float32.
func (x *Array) Values() ([]float32, error) {
	if itemBytes[x.Type] == 0 {
		return nil, fmt.Errorf("array %.200q: its type is %s: want float32, float64 or float16", x.Name, x.Type)
	}
	values := make([]float32, x.Len())
	if err := x.read(values); err != nil {
		return nil, fmt.Errorf("array %.200q: %w", x.Name, reason(err))
	}
	return values, nil
}

// Raw gives what is behind the header. An archive's checksum is compared when all of it has been read, to io.EOF.
func (x *Array) Raw() (io.ReadCloser, error) {
	r, err := x.open()
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, r, x.skip); err != nil {
		r.Close()
		return nil, reason(err)
	}
	return r, nil
}

func (x *Array) read(dst []float32) error {
	r, err := x.Raw()
	if err != nil {
		return err
	}
	defer r.Close()
	const piece = 8 << 10
	item := itemBytes[x.Type]
	at := x.positions()
	raw, values := make([]byte, piece*item), make([]float32, piece)
	for done := 0; done < len(dst); {
		part := values[:min(piece, len(dst)-done)]
		if _, err := io.ReadFull(r, raw[:len(part)*item]); err != nil {
			return err
		}
		Decode(part, raw, x.Type)
		for _, v := range part {
			dst[at(done)] = v
			done++
		}
	}
	_, err = io.Copy(io.Discard, r) // to the end, where the checksum is compared
	return err
}

// ItemBytes is the size of a value of a type, 0 if it is none of those that can be read.
func ItemBytes(kind string) int { return itemBytes[kind] }

// Decode fills dst with values of a type that can be read, as they stand in a file: float64 is rounded to float32.
func Decode(dst []float32, raw []byte, kind string) {
	order := binary.ByteOrder(binary.LittleEndian)
	if kind[0] == '>' {
		order = binary.BigEndian
	}
	switch {
	case kind == "<f4": // the usual one
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	case itemBytes[kind] == 2:
		for i := range dst {
			dst[i] = float16.Frombits(order.Uint16(raw[2*i:])).Float32()
		}
	case itemBytes[kind] == 4:
		for i := range dst {
			dst[i] = math.Float32frombits(order.Uint32(raw[4*i:]))
		}
	case itemBytes[kind] == 8:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(order.Uint64(raw[8*i:])))
		}
	}
}

// positions gives the place in C order of each value of the file; it must be called with 0, 1, 2, ...
func (x *Array) positions() func(i int) int {
	if !x.Fortran || len(x.Dims) < 2 {
		return func(i int) int { return i }
	}
	strides, step := make([]int, len(x.Dims)), 1
	for i := len(x.Dims) - 1; i >= 0; i-- {
		strides[i] = step
		step *= x.Dims[i]
	}
	index, place := make([]int, len(x.Dims)), 0
	return func(i int) int {
		if i == 0 {
			return place
		}
		for axis := range index {
			index[axis]++
			place += strides[axis]
			if index[axis] < x.Dims[axis] {
				break
			}
			place -= index[axis] * strides[axis]
			index[axis] = 0
		}
		return place
	}
}
