package features

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

// maxLine is the longest line that is taken for true: a row of maxRow numbers has not more.
const maxLine = 24 * maxRow

// openJSONL looks at the first row for the layers, and counts the lines.
func openJSONL(file *os.File, size int64) (t *table, err error) {
	j := &jsonLines{file: file, size: size}
	n := int64(0)
	in := j.reader()
	for ; ; n++ {
		line, err := readLine(in, maxLine)
		if err == io.EOF {
			break
		}
		var r jsonRow
		if err == nil {
			r, err = cutRow(line)
		}
		var l Layer
		if err == nil {
			l, err = r.layerOf()
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		if slices.ContainsFunc(j.layers, func(x Layer) bool { return x.Name == l.Name }) {
			m, err := countLines(in)
			if err != nil {
				return nil, err
			}
			n += 1 + m
			break
		}
		j.layers = append(j.layers, l)
	}
	each := int64(max(len(j.layers), 1))
	if n%each != 0 {
		return nil, fmt.Errorf("truncated: %d lines, and each row has %d", n, each)
	}
	t = &table{layers: j.layers, rows: n / each, paths: j.paths, each: j.each}
	t.provenance, err = provenanceBeside(file.Name())
	return t, err
}

// countLines counts what is left.
func countLines(in *bufio.Reader) (n int64, err error) {
	last := byte('\n')
	for {
		part, err := in.ReadSlice('\n')
		if len(part) > 0 {
			last = part[len(part)-1]
		}
		switch {
		case err == nil:
			n++
		case err == io.EOF:
			if last != '\n' {
				n++
			}
			return n, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return 0, err
		}
	}
}

// jsonLines has a line for each row and layer, the layers in the same order for each row.
type jsonLines struct {
	file   *os.File
	size   int64
	layers []Layer
}

func (j *jsonLines) reader() *bufio.Reader {
	return bufio.NewReaderSize(io.NewSectionReader(j.file, 0, j.size), 1<<18)
}

// lines gives the lines of one layer.
func (j *jsonLines) lines(layer int) iter.Seq2[jsonRow, error] {
	return func(yield func(jsonRow, error) bool) {
		in := j.reader()
		for n := 0; ; n++ {
			line, err := readLine(in, maxLine)
			if err == io.EOF {
				return
			}
			if err == nil && n%len(j.layers) != layer {
				continue
			}
			var r jsonRow
			if err == nil {
				r, err = cutRow(line)
			}
			if err == nil {
				err = r.isOf(j.layers[layer])
			}
			if err != nil {
				err = fmt.Errorf("line %d: %w", n+1, err)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

func (j *jsonLines) paths(yield func(string, error) bool) {
	for r, err := range j.lines(0) {
		path := ""
		if err == nil {
			if path, err = unquote(r.path); err != nil {
				err = fmt.Errorf("path %.100s: %w", r.path, err)
			}
		}
		if !yield(path, err) || err != nil {
			return
		}
	}
}

func (j *jsonLines) each(layer int) iter.Seq2[[]float32, error] {
	return func(yield func([]float32, error) bool) {
		row := make([]float32, 0, j.layers[layer].Len())
		for r, err := range j.lines(layer) {
			if err == nil {
				row, err = r.values(row[:0])
			}
			if err == nil && len(row) != j.layers[layer].Len() {
				err = fmt.Errorf("%.200s has %d features, want %d", r.path, len(row), j.layers[layer].Len())
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// jsonRow is a line, its fields as they stand there.
type jsonRow struct{ path, layer, shape, features []byte }

var errObject = errors.New(`is no JSON object with "path", "layer", "shape" and "features"`)

// cutRow finds the fields of a line, without looking at each number.
func cutRow(line []byte) (r jsonRow, err error) {
	line = bytes.TrimSpace(line)
	if len(line) < 2 || line[0] != '{' || line[len(line)-1] != '}' {
		return r, errObject
	}
	rest := line[1 : len(line)-1]
	for len(rest) > 0 {
		n := extent(rest, ':')
		if n == len(rest) {
			return r, errObject
		}
		key := bytes.TrimSpace(rest[:n])
		rest = rest[n+1:]
		n = extent(rest, ',')
		value := bytes.TrimSpace(rest[:n])
		rest = rest[min(n+1, len(rest)):]
		switch string(key) {
		case `"path"`:
			r.path = value
		case `"layer"`:
			r.layer = value
		case `"shape"`:
			r.shape = value
		case `"features"`:
			r.features = value
		}
	}
	if r.path == nil || r.features == nil {
		return r, errObject
	}
	return r, nil
}

// extent is where a value ends: before the first such byte that is in no string and no brackets.
func extent(text []byte, end byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		case c == end && depth == 0:
			return i
		}
	}
	return len(text)
}

// layerOf is the layer that a line is of.
func (r *jsonRow) layerOf() (Layer, error) {
	l := Layer{Type: "float32"}
	if r.layer != nil {
		if err := json.Unmarshal(r.layer, &l.Name); err != nil {
			return l, fmt.Errorf("the layer is %.100s: want a string", r.layer)
		}
	}
	values, err := r.values(nil)
	if err != nil {
		return l, err
	}
	if r.shape == nil {
		l.Dims = []int{len(values)}
		return l, nil
	}
	if err := json.Unmarshal(r.shape, &l.Dims); err != nil {
		return l, fmt.Errorf("the shape is %.100s: want an array of numbers", r.shape)
	}
	n := 1
	for _, d := range l.Dims {
		if d < 1 || d > len(values) || n*d > len(values) {
			n = -1
			break
		}
		n *= d
	}
	if n != len(values) {
		return l, fmt.Errorf("the shape is %v, but there are %d features", l.Dims, len(values))
	}
	return l, nil
}

// isOf says whether the line is of that layer.
func (r *jsonRow) isOf(l Layer) error {
	name := ""
	if r.layer != nil {
		if err := json.Unmarshal(r.layer, &name); err != nil {
			return fmt.Errorf("the layer is %.100s: want a string", r.layer)
		}
	}
	if name != l.Name {
		return fmt.Errorf("it is of layer %.200q, where %.200q was to come: want the layers in the same order for each row", name, l.Name)
	}
	return nil
}

// values appends the features. What Python writes for numbers that JSON does not know, NaN and Infinity, is read too.
func (r *jsonRow) values(row []float32) ([]float32, error) {
	text := r.features
	if len(text) < 2 || text[0] != '[' || text[len(text)-1] != ']' {
		return nil, fmt.Errorf("the features are %.20s...: want an array of numbers", text)
	}
	text = text[1 : len(text)-1]
	for len(bytes.TrimSpace(text)) > 0 {
		n := bytes.IndexByte(text, ',')
		if n < 0 {
			n = len(text)
		}
		number := string(bytes.TrimSpace(text[:n]))
		text = text[min(n+1, len(text)):]
		if number == "null" {
			row = append(row, float32(math.NaN()))
			continue
		}
		v, err := strconv.ParseFloat(number, 32)
		if err != nil && !errors.Is(err, strconv.ErrRange) || strings.ContainsAny(number, "_xX") { // beyond float32 is infinite
			return nil, fmt.Errorf("feature %d is %.20q: want a number", len(row), number)
		}
		row = append(row, float32(v))
	}
	return row, nil
}
