package features

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strconv"
	"strings"

	"github.com/featx-go/featx/sink/npy"
)

// pathsEnding is what the list of the rows' paths of a .npy file has behind its name.
const pathsEnding = ".paths.txt"

func openNPY(file *os.File, size int64) (*table, error) {
	x, err := npy.ReadArray(file, size)
	if err != nil {
		return nil, err
	}
	if npy.ItemBytes(x.Type) == 0 {
		return nil, fmt.Errorf("the array's type is %s: want float32, float64 or float16", x.Type)
	}
	c, err := columnOf(x)
	if err != nil {
		return nil, err
	}
	var paths iter.Seq2[string, error]
	list := file.Name() + pathsEnding
	switch _, err := os.Stat(list); {
	case err == nil:
		paths = lines(list)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w", list, reason(err))
	}
	t := tableOf([]column{c}, int64(x.Dims[0]), paths)
	t.provenance, err = provenanceBeside(file.Name())
	return t, err
}

// columnOf is an array as a layer: the first axis counts the rows.
func columnOf(x *npy.Array) (column, error) {
	switch {
	case len(x.Dims) == 0:
		return column{}, errors.New("the array is a single number: want a row per picture")
	case x.Fortran && len(x.Dims) > 1:
		return column{}, errors.New("the array is in Fortran order: want C order; in Python: np.save(f, np.ascontiguousarray(a))")
	}
	return column{Layer{x.Name, x.Dims[1:], typeNames[x.Type[1:]]}, x.Type, x.Raw}, nil
}

// lines gives the paths of a list, as sink writes it: one that a line cannot hold is a JSON string.
func lines(list string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		f, err := os.Open(list)
		if err != nil {
			yield("", fmt.Errorf("%s: %w", list, reason(err)))
			return
		}
		defer f.Close()
		in := bufio.NewReader(f)
		for {
			line, err := readLine(in, maxName)
			if err == io.EOF {
				return
			}
			path := strings.TrimSuffix(string(line), "\r")
			if err == nil && strings.HasPrefix(path, `"`) {
				path, err = unquote([]byte(path))
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", list, err)
			}
			if !yield(path, err) || err != nil {
				return
			}
		}
	}
}

// maxName is the longest path that is taken for true.
const maxName = 1 << 20

func openNPZ(file *os.File, size int64) (*table, error) {
	a, err := npy.ReadArchive(file, size)
	if err != nil {
		return nil, err
	}
	var columns []column
	rows := int64(-1)
	for i := range a.Arrays {
		x := &a.Arrays[i]
		if npy.ItemBytes(x.Type) == 0 || len(x.Dims) == 0 {
			continue
		}
		c, err := columnOf(x)
		if err == nil {
			rows, err = rowsOf(rows, c.Layer, x.Dims[0])
		}
		if err != nil {
			return nil, fmt.Errorf("array %.200q: %w", x.Name, err)
		}
		columns = append(columns, c)
	}
	var paths iter.Seq2[string, error]
	if x := a.Find("paths"); x != nil {
		if paths, err = names(x, rows); err != nil {
			return nil, fmt.Errorf("array \"paths\": %w", err)
		}
	}
	t := tableOf(columns, rows, paths)
	if x := a.Find("provenance"); x != nil && len(x.Dims) == 0 { // a single string, else it is somebody else's
		x.Dims = []int{1}
		one, err := names(x, 1)
		if err == nil {
			for text, bad := range one {
				t.provenance, err = []byte(text), bad
			}
		}
		if err != nil {
			return nil, fmt.Errorf("array \"provenance\": %w", err)
		}
	}
	return t, nil
}

// names gives the strings of an array of NumPy's fixed-width ones, UTF-32 padded with zeros.
func names(x *npy.Array, rows int64) (iter.Seq2[string, error], error) {
	digits, ok := strings.CutPrefix(strings.TrimLeft(x.Type, "<>"), "U")
	width, err := strconv.Atoi(digits)
	if !ok || err != nil || width < 0 || width > maxName {
		return nil, fmt.Errorf("its type is %.20s: want strings, as '<U40'", x.Type)
	}
	if len(x.Dims) != 1 || int64(x.Dims[0]) != rows && rows >= 0 {
		return nil, fmt.Errorf("its shape is %v: want a name for each of the %d rows", x.Dims, rows)
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if x.Type[0] == '>' {
		order = binary.BigEndian
	}
	return func(yield func(string, error) bool) {
		r, err := x.Raw()
		if err != nil {
			yield("", err)
			return
		}
		defer r.Close()
		in := bufio.NewReaderSize(r, 1<<16)
		raw, text := make([]byte, 4*width), make([]rune, width)
		for range rows {
			if _, err := io.ReadFull(in, raw); err != nil {
				yield("", fmt.Errorf("paths: %w", cutOff(err)))
				return
			}
			n := 0
			for i := range text {
				if text[i] = rune(order.Uint32(raw[4*i:])); text[i] != 0 {
					n = i + 1
				}
			}
			if !yield(fsEncode(text[:n]), nil) {
				return
			}
		}
	}, nil
}
