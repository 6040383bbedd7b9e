package source

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// pictureEndings are those that a file in a folder needs in order to count.
var pictureEndings = []string{".jpg", ".jpeg", ".png"}

// folder is the pictures in a folder, by name. Only their names are kept: about 40 bytes each.
func folder(ctx context.Context, path string) (Source, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var names []string
	for err == nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		var some []os.DirEntry
		some, err = dir.ReadDir(1 << 12)
		for _, e := range some {
			if slices.Contains(pictureEndings, ending(e.Name())) && !isFolder(path, e) {
				names = append(names, e.Name())
			}
		}
	}
	if err != io.EOF {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no pictures (%s) in this folder; those of folders inside it do not count", strings.Join(pictureEndings, ", "))
	}
	slices.Sort(names)
	return &list{n: len(names), item: func(i int) Item { return file(filepath.Join(path, names[i])) }}, nil
}

// isFolder follows links.
func isFolder(path string, e os.DirEntry) bool {
	if e.Type()&os.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := os.Stat(filepath.Join(path, e.Name()))
	return err == nil && info.IsDir()
}
