package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/featx-go/featx/engine/image"
)

// isPicture says whether a file in a folder or an archive counts.
func isPicture(name string) bool { return slices.Contains(image.Endings, ending(name)) }

// isHidden says whether a name, or a part of a path with slashes inside an archive, is one that people do not mean: .name, or what macOS adds to archives.
func isHidden(name string) bool {
	for part := range strings.SplitSeq(path.Clean("/"+name), "/") { // ../ before a member's name hides nothing
		if strings.HasPrefix(part, ".") || part == "__MACOSX" {
			return true
		}
	}
	return false
}

func noPictures(where string) error {
	return fmt.Errorf("no pictures (%s) in this %s", strings.Join(image.Endings, ", "), where)
}

// walk is the pictures in a folder and in those inside it, by name; of each folder that is open, only names are kept: about 40 bytes each.
type walk struct {
	root  string
	open  []level // from the root down to where the walk is
	found bool
}

// level is a folder on the way to where a walk is.
type level struct {
	path    string
	info    os.FileInfo
	entries []entry
	at      int
}

type entry struct {
	name   string
	folder bool
}

func folder(ctx context.Context, path string) (Source, error) {
	w := &walk{root: path}
	return w, w.enter(ctx, path)
}

func (w *walk) Next(ctx context.Context) (Item, error) {
	for len(w.open) > 0 {
		l := &w.open[len(w.open)-1]
		if l.at == len(l.entries) {
			w.open = w.open[:len(w.open)-1]
			continue
		}
		e := l.entries[l.at]
		l.at++
		path := filepath.Join(l.path, e.name)
		if !e.folder {
			w.found = true
			return file(path, path), nil
		}
		if err := w.enter(ctx, path); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return Item{}, cause
			}
			w.found = true
			return Item{Name: path, Err: Reason(err)}, nil
		}
	}
	if !w.found {
		w.found = true
		return Item{Name: w.root, Err: noPictures("folder")}, nil
	}
	return Item{}, io.EOF
}

func (w *walk) Skip(ctx context.Context) (string, error) {
	item, err := w.Next(ctx)
	return item.Name, err
}

func (w *walk) Close() error { return nil }

// enter begins a folder. One that links lead back to is left out.
func (w *walk) enter(ctx context.Context, path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	l := level{path: path}
	if l.info, err = dir.Stat(); err != nil {
		return err
	}
	if slices.ContainsFunc(w.open, func(above level) bool { return os.SameFile(above.info, l.info) }) {
		return nil
	}
	for err == nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		var some []os.DirEntry
		some, err = dir.ReadDir(1 << 12)
		for _, e := range some {
			if isHidden(e.Name()) {
				continue
			}
			mode := e.Type()
			if mode&os.ModeSymlink != 0 {
				if info, err := os.Stat(filepath.Join(path, e.Name())); err == nil {
					mode = info.Mode()
				} // else a link to nothing, which is said when it is opened
			}
			switch {
			case mode.IsDir():
				l.entries = append(l.entries, entry{e.Name(), true})
			case (mode.IsRegular() || mode&os.ModeSymlink != 0) && isPicture(e.Name()): // no pipe, which could keep whoever opens it waiting
				l.entries = append(l.entries, entry{e.Name(), false})
			}
		}
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	slices.SortFunc(l.entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	w.open = append(w.open, l)
	return nil
}
