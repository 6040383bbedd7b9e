package features

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/sink"
)

// File is an open file of features, or several that hold the rows of one output. Several goroutines may read it at once.
type File struct {
	path   string
	tables []*table
}

// Layer is one column of numbers.
type Layer struct {
	Name string // "" if the file does not tell
	Dims []int  // of one row's value
	Type string // of the numbers in the file: float32, float64 or float16; text in .jsonl
}

// Len is the number of values of a row.
func (l Layer) Len() int {
	n := 1
	for _, d := range l.Dims {
		n *= d
	}
	return n
}

// table is one file. Errors of its functions do not name it.
type table struct {
	path   string
	layers []Layer
	rows   int64
	paths  iter.Seq2[string, error]                    // nil if the file does not name its rows
	each   func(layer int) iter.Seq2[[]float32, error] // a row is valid until the next
	close  func() error                                // beside the file, if there is something

	provenance []byte // JSON; nil if the file does not tell
}

// format opens files of an ending. It may keep the file, which is closed with the table.
type format struct {
	ending string
	open   func(file *os.File, size int64) (*table, error)
}

var formats = append([]format{
	{".npy", openNPY},
	{".npz", openNPZ},
	{".safetensors", openSafetensors},
	{".jsonl", openJSONL},
}, columnar...)

// Endings lists the file name endings that can be read.
var Endings = func() (list []string) {
	for _, f := range formats {
		list = append(list, f.ending)
	}
	return list
}()

// Open opens a file of features. Where there is no file of that name it opens what --rows-per-file makes of it, FILE-00000.npy, FILE-00001.npy, ..., or the files
// that path means as a pattern, in the order of their names, as one. Errors name the file, here and in all that follows.
func Open(path string) (*File, error) {
	paths, err := find(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f := &File{path: path}
	for _, p := range paths {
		t, err := openTable(p)
		if err == nil {
			f.tables = append(f.tables, t)
			err = fits(f.tables[0], t)
		}
		if err != nil {
			f.Close()
			return nil, named(p, err)
		}
	}
	return f, nil
}

// find gives the files that a path means.
func find(path string) ([]string, error) {
	_, err := os.Stat(path)
	if err == nil {
		return []string{path}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, reason(err)
	}
	if list, err := shards(path); err != nil || len(list) > 0 {
		return list, err
	}
	if strings.ContainsAny(path, "*?[{") {
		list, err := doublestar.FilepathGlob(path, doublestar.WithFilesOnly(), doublestar.WithNoHidden())
		if err != nil {
			return nil, fmt.Errorf("as a pattern: %w", reason(err))
		}
		if len(list) > 0 {
			slices.Sort(list)
			return list, nil
		}
	}
	return nil, errors.New("there is no such file")
}

// shards lists the files of so many rows of an output, which must all be there.
func shards(path string) ([]string, error) {
	folder, ending := filepath.Dir(path), filepath.Ext(path)
	form := regexp.MustCompile("^" + regexp.QuoteMeta(strings.TrimSuffix(filepath.Base(path), ending)) + `-([0-9]{5,})` + regexp.QuoteMeta(ending) + "$")
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, nil // there is no such file, then
	}
	numbers := map[int]string{}
	last := -1
	for _, e := range entries {
		if m := form.FindStringSubmatch(e.Name()); m != nil {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", e.Name(), err)
			}
			numbers[n], last = filepath.Join(folder, e.Name()), max(last, n)
		}
	}
	list := make([]string, 0, len(numbers))
	for n := 0; n <= last; n++ {
		if numbers[n] == "" {
			return nil, fmt.Errorf("the file of rows %d of %d is not there: %05d", n+1, last+1, n)
		}
		list = append(list, numbers[n])
	}
	return list, nil
}

func openTable(path string) (*table, error) {
	ending := strings.ToLower(filepath.Ext(path))
	i := slices.IndexFunc(formats, func(f format) bool { return f.ending == ending })
	if slices.Contains(left, ending) {
		return nil, fmt.Errorf("this is a minimal build of featx, which does not read %s files: the usual build does", ending)
	}
	if i < 0 {
		return nil, fmt.Errorf("unknown ending: want one of %s", strings.Join(Endings, ", "))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is no regular file")
	}
	var t *table
	if err == nil {
		t, err = formats[i].open(file, info.Size())
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	t.path = path
	release := t.close
	t.close = func() error {
		err := file.Close()
		if release != nil {
			err = cmp.Or(release(), err)
		}
		return err
	}
	if err := cmp.Or(t.takeProvenance(), t.check()); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// maxRow is the most values of a row that are taken for true; a feature map of the largest networks has a twentieth of them.
const maxRow = 1 << 26

// check refuses what nobody could mean.
func (t *table) check() error {
	if len(t.layers) == 0 {
		return errors.New("there are no features in it: no array of float32, float64 or float16 with a row per picture")
	}
	for _, l := range t.layers {
		n := 1
		for _, d := range l.Dims {
			if d < 0 || d > maxRow || n*d > maxRow {
				return fmt.Errorf("%s: rows of %v values: at most %d are possible", l.title(), l.Dims, maxRow)
			}
			n *= d
		}
		if n == 0 {
			return fmt.Errorf("%s: rows of %v values", l.title(), l.Dims)
		}
	}
	return nil
}

// title names the layer in an error.
func (l Layer) title() string {
	if l.Name == "" {
		return "the layer"
	}
	return fmt.Sprintf("layer %.200q", l.Name)
}

// fits compares a file with the first of the same output.
func fits(first, t *table) error {
	same := slices.EqualFunc(first.layers, t.layers, func(a, b Layer) bool {
		return a.Name == b.Name && slices.Equal(a.Dims, b.Dims) && a.Type == b.Type
	})
	if !same {
		return fmt.Errorf("its layers are %s, those of %s are %s", listLayers(t.layers), filepath.Base(first.path), listLayers(first.layers))
	}
	if d := sink.Differences(object(first.provenance), object(t.provenance)); len(d) > 0 {
		return fmt.Errorf("it was not made as %s: %s is %.100q, and there %.100q", filepath.Base(first.path), d[0].Name, d[0].B, d[0].A)
	}
	return nil
}

func listLayers(layers []Layer) string {
	names := make([]string, len(layers))
	for i, l := range layers {
		names[i] = strings.TrimSpace(fmt.Sprintf("%s %v of %s", l.Name, l.Dims, l.Type))
	}
	return brief.List(names, 5)
}

// named puts the file's name before an error.
func named(path string, err error) error { return fmt.Errorf("%s: %w", path, reason(err)) }

// reason is an error without the operation and the path of its file.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Path is what was given to Open.
func (f *File) Path() string { return f.path }

// Files are the paths of the files that are open, in the order of their rows.
func (f *File) Files() []string {
	list := make([]string, len(f.tables))
	for i, t := range f.tables {
		list[i] = t.path
	}
	return list
}

// Layers are the columns of numbers, in the order of the file.
func (f *File) Layers() []Layer { return f.tables[0].layers }

// Find gives the place of a layer in Layers: by its name, or of the only one if name is "".
func (f *File) Find(name string) (int, error) {
	layers := f.Layers()
	names := make([]string, len(layers))
	for i, l := range layers {
		names[i] = l.Name
		if l.Name == name && name != "" {
			return i, nil
		}
	}
	switch {
	case len(layers) == 1 && (name == "" || names[0] == ""):
		return 0, nil
	case name == "":
		return 0, fmt.Errorf("%s: has %d layers, name one of them: %s", f.path, len(layers), brief.List(names, 20))
	}
	return 0, fmt.Errorf("%s: has no layer %.200q; it has %s", f.path, name, brief.List(names, 20))
}

// Rows is the number of rows.
func (f *File) Rows() int64 {
	n := int64(0)
	for _, t := range f.tables {
		n += t.rows
	}
	return n
}

// HasPaths says whether the rows have names of their own.
func (f *File) HasPaths() bool {
	return !slices.ContainsFunc(f.tables, func(t *table) bool { return t.paths == nil })
}

// Paths gives the path of each row, in order; without names it is the row's number, from 0.
func (f *File) Paths() iter.Seq2[string, error] {
	if !f.HasPaths() {
		return func(yield func(string, error) bool) {
			for i := range f.Rows() {
				if !yield(strconv.FormatInt(i, 10), nil) {
					return
				}
			}
		}
	}
	return through(f.tables, func(t *table) iter.Seq2[string, error] { return t.paths })
}

// Each gives a layer's values of each row, in order. A row's values may be read until the next is asked for.
func (f *File) Each(layer int) iter.Seq2[[]float32, error] {
	return through(f.tables, func(t *table) iter.Seq2[[]float32, error] { return t.each(layer) })
}

// through goes through all files, as far as the first error. Each has to give one value for each row.
func through[V any](tables []*table, values func(*table) iter.Seq2[V, error]) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		var none V
		for _, t := range tables {
			n := int64(0)
			for v, err := range values(t) {
				if err == nil && n == t.rows {
					err = fmt.Errorf("more than its %d rows", t.rows)
				}
				if err != nil {
					yield(none, named(t.path, err))
					return
				}
				n++
				if !yield(v, nil) {
					return
				}
			}
			if n != t.rows {
				yield(none, named(t.path, fmt.Errorf("%d of its %d rows", n, t.rows)))
				return
			}
		}
	}
}

// Close closes the files.
func (f *File) Close() error {
	var errs []error
	for _, t := range f.tables {
		if err := t.close(); err != nil {
			errs = append(errs, named(t.path, err))
		}
	}
	return errors.Join(errs...)
}
