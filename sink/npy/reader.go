package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
)

const maxHeader = 1 << 20 // a float32 array's is about a hundred bytes

// Reader reads the rows of a float32 array: the first axis counts them.
type Reader struct {
	Dims []int // at least one

	file io.ReaderAt
	data int64 // where the values begin
	raw  []byte
}

// NewReader checks the header of a file of size bytes; the values are read by [Reader.Read].
func NewReader(file io.ReaderAt, size int64) (*Reader, error) {
	descr, fortran, dims, data, err := readHeader(file, size)
	switch {
	case err != nil:
		return nil, err
	case descr != "<f4":
		return nil, fmt.Errorf("the array's type is %s: want float32 ('<f4'); in Python: np.save(f, a.astype('<f4'))", descr)
	case len(dims) == 0:
		return nil, errors.New("the array is a single number")
	case fortran && len(dims) > 1:
		return nil, errors.New("the array is in Fortran order: want C order; in Python: np.save(f, np.ascontiguousarray(a))")
	}
	values, ok := int64(1), true
	for _, d := range dims {
		ok = ok && (d == 0 || values <= math.MaxInt64/4/int64(d))
		values *= int64(d)
	}
	if !ok || values != (size-data)/4 || (size-data)%4 != 0 {
		return nil, fmt.Errorf("truncated or broken: the header says %v values of 4 bytes, but %d bytes follow it", dims, size-data)
	}
	return &Reader{Dims: dims, file: file, data: data}, nil
}

// Read reads len(dst) values from the at-th on.
func (r *Reader) Read(dst []float32, at int) error {
	if len(r.raw) < 4*len(dst) {
		r.raw = make([]byte, 4*len(dst))
	}
	raw := r.raw[:4*len(dst)]
	if n, err := r.file.ReadAt(raw, r.data+4*int64(at)); n < len(raw) {
		return reason(err)
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return nil
}

// reason is the error without the name of the file, which the caller adds.
func reason(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("truncated")
	}
	return err
}

// The dictionary is a Python literal; writers differ in the order of the keys and in spaces.
var (
	descrKey   = regexp.MustCompile(`['"]descr['"]\s*:\s*('[^']*'|"[^"]*"|[\[(])`)
	fortranKey = regexp.MustCompile(`['"]fortran_order['"]\s*:\s*(True|False)`)
	shapeKey   = regexp.MustCompile(`['"]shape['"]\s*:\s*\(([0-9L,\s]*)\)`)
)

func readHeader(file io.ReaderAt, size int64) (descr string, fortran bool, dims []int, data int64, err error) {
	fail := func(format string, args ...any) (string, bool, []int, int64, error) {
		return "", false, nil, 0, fmt.Errorf(format, args...)
	}
	var start [12]byte
	n, err := file.ReadAt(start[:], 0)
	if err != nil && err != io.EOF {
		return "", false, nil, 0, reason(err)
	}
	if n == 0 {
		return fail("no array: 0 bytes")
	}
	if n < 10 || string(start[:6]) != magic {
		return fail("not a .npy file: it begins with % x", start[:min(n, 6)])
	}
	length := int64(binary.LittleEndian.Uint16(start[8:]))
	at := int64(10)
	switch start[6] {
	case 1:
	case 2, 3:
		length, at = int64(binary.LittleEndian.Uint32(start[8:])), 12
	default:
		return fail("a .npy file of version %d.%d: versions 1 to 3 are known", start[6], start[7])
	}
	if length > maxHeader || at+length > size {
		return fail("truncated or broken: a header of %d bytes in a file of %d", length, size)
	}
	text := make([]byte, length)
	if n, err := file.ReadAt(text, at); n < len(text) {
		return "", false, nil, 0, reason(err)
	}
	d, f, s := descrKey.FindSubmatch(text), fortranKey.FindSubmatch(text), shapeKey.FindSubmatch(text)
	if d == nil || f == nil || s == nil {
		return fail("broken: its header lacks descr, fortran_order or shape")
	}
	for _, field := range strings.FieldsFunc(string(s[1]), func(r rune) bool { return strings.ContainsRune("L, \t\r\n", r) }) {
		v, err := strconv.Atoi(field)
		if err != nil {
			return fail("broken: its shape is (%s)", s[1])
		}
		dims = append(dims, v)
	}
	descr = strings.Trim(string(d[1]), `'"`)
	if descr == "[" || descr == "(" {
		descr = "a structure"
	}
	return descr, string(f[1]) == "True", dims, at + length, nil
}
