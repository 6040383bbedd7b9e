package source

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// sequence is what paths mean that are got one by one. Pictures' names are taken for pictures without a look at the disk.
func sequence(next func() (string, error), o Options) *chain {
	return &chain{next: next, open: func(ctx context.Context, name string) (Source, error) {
		path := name
		if o.Root != "" && !isAddress(path) && !filepath.IsAbs(path) {
			path = filepath.Join(o.Root, path)
		}
		if isPicture(path) && !isAddress(path) && !isPattern(path) {
			return one(file(name, path)), nil
		}
		return open(ctx, name, path, o)
	}}
}

// listed is what the paths in a list (@FILE) or a column of a table (@FILE.csv, @FILE.tsv) mean.
func listed(argument string, o Options) (Source, error) {
	path := argument[1:]
	if path == "-" {
		return sequence(lines(o.Stdin, "standard input", o.Null), o), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	var next func() (string, error)
	switch ending(path) {
	case ".csv":
		next, err = column(f, path, ',', o.Column)
	case ".tsv":
		next, err = column(f, path, '\t', o.Column)
	default:
		next = lines(f, path, o.Null)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	s := sequence(next, o)
	s.close = f.Close
	return s, nil
}

// maxLine is the length of a path that lists may hold.
const maxLine = 1 << 16

// lines gives the paths of a list. An error is the list's, and its end.
func lines(r io.Reader, name string, null bool) func() (string, error) {
	s := bufio.NewScanner(skipMark(r))
	s.Buffer(nil, maxLine)
	if null {
		s.Split(splitNull)
	}
	n, ended := 0, false
	return func() (string, error) {
		for !ended && s.Scan() {
			n++
			if s.Text() != "" {
				return s.Text(), nil
			}
		}
		if err := s.Err(); err != nil && !ended {
			ended = true
			if errors.Is(err, bufio.ErrTooLong) {
				err = fmt.Errorf("a path of more than %d bytes; if NUL bytes end the paths, say --null", maxLine)
			}
			return name, fmt.Errorf("after %d paths: %w; the rest of this list is not read", n, Reason(err))
		}
		return "", io.EOF
	}
}

func splitNull(data []byte, end bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return i + 1, data[:i], nil
	}
	if end && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// skipMark drops the byte order mark that some programs begin UTF-8 with.
func skipMark(r io.Reader) io.Reader {
	b := bufio.NewReaderSize(r, 1<<16)
	if head, _ := b.Peek(3); string(head) == "\ufeff" {
		b.Discard(3)
	}
	return b
}

// usualColumns are the names of a table's column of paths that are tried if none is given, in this order.
var usualColumns = []string{"path", "filepath", "file_path", "file", "filename", "file_name", "image", "image_path", "img", "img_path", "picture", "url", "image_url"}

// column gives the paths in a column of a table.
func column(r io.Reader, name string, comma rune, want string) (func() (string, error), error) {
	table := csv.NewReader(skipMark(r))
	table.Comma, table.FieldsPerRecord, table.ReuseRecord = comma, -1, true
	number, err := strconv.Atoi(want)
	at := number - 1
	if err != nil || number < 1 {
		header, err := table.Read()
		if err == io.EOF {
			return nil, errors.New("the table is empty")
		}
		if err != nil {
			return nil, err
		}
		if at = findColumn(header, want); at < 0 {
			quoted := make([]string, len(header))
			for i, h := range header {
				quoted[i] = strconv.Quote(h)
			}
			return nil, fmt.Errorf("which column has the paths? --column takes its name, or its number in a table without header; the header is %.500s", strings.Join(quoted, ", "))
		}
	}
	ended := false
	return func() (string, error) {
		for !ended {
			record, err := table.Read()
			switch {
			case err == io.EOF:
				ended = true
			case err != nil:
				ended = true
				return name, fmt.Errorf("%w; the rest of this table is not read", Reason(err))
			case at >= len(record):
				line, _ := table.FieldPos(0)
				return fmt.Sprintf("%s:%d", name, line), fmt.Errorf("%d columns: there is no path", len(record))
			case record[at] == "":
				line, _ := table.FieldPos(at)
				return fmt.Sprintf("%s:%d", name, line), errors.New("the path is empty")
			default:
				return record[at], nil
			}
		}
		return "", io.EOF
	}, nil
}

// findColumn is the place of the column that is wanted, or of a usual one.
func findColumn(header []string, want string) int {
	place := func(name string) int {
		return slices.IndexFunc(header, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), name) })
	}
	if want != "" {
		return place(want)
	}
	for _, name := range usualColumns {
		if i := place(name); i >= 0 {
			return i
		}
	}
	return -1
}
