package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/sink/npy"
)

// input is one row to be: a picture, or a row of a .npy file.
type input struct {
	name string // of the row
	path string
	row  int   // of the .npy file; -1 is a picture
	err  error // what is known to be wrong with it already
}

var pictureEndings = []string{".jpg", ".jpeg", ".png"}

func ending(path string) string { return strings.ToLower(filepath.Ext(path)) }

// inputsOf lists the rows that the paths mean, in their order; a folder means its pictures in the order of their names.
func inputsOf(paths []string, x *featx.Extractor) []input {
	var list []input
	for _, path := range paths {
		found, err := expand(path, x)
		if err != nil {
			found = []input{{name: path, err: named(path, err)}}
		}
		list = append(list, found...)
	}
	return list
}

func expand(path string, x *featx.Extractor) ([]input, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() && ending(path) == ".npy" {
		file, err := openTensor(path, x)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		list := make([]input, file.rows)
		for i := range list {
			list[i] = input{name: fmt.Sprintf("%s[%d]", path, i), path: path, row: i}
		}
		return list, nil
	}
	if !info.IsDir() {
		return []input{{name: path, path: path, row: -1}}, nil
	}
	entries, err := os.ReadDir(path) // sorted
	if err != nil {
		return nil, err
	}
	var list []input
	for _, e := range entries {
		inside := filepath.Join(path, e.Name())
		if !slices.Contains(pictureEndings, ending(inside)) {
			continue
		}
		if info, err := os.Stat(inside); err == nil && info.IsDir() {
			continue
		}
		list = append(list, input{name: inside, path: inside, row: -1})
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no pictures (%s) in this folder; those of folders inside it do not count", strings.Join(pictureEndings, ", "))
	}
	return list, nil
}

// prepare writes the network's input to dst. Several goroutines may prepare different inputs.
func (in input) prepare(dst []float32, x *featx.Extractor) error {
	if in.err != nil {
		return in.err
	}
	if in.row < 0 {
		picture, err := image.DecodeFile(in.path)
		if err != nil {
			return err
		}
		return named(in.path, x.PrepareImage(dst, picture))
	}
	file, err := openTensor(in.path, x)
	if err != nil {
		return named(in.path, err)
	}
	defer file.Close()
	values := make([]float32, len(dst))
	if err := file.Read(values, in.row*len(dst)); err != nil {
		return named(in.path, err)
	}
	return x.PrepareTensor(dst, values)
}

// tensorFile is a .npy file of preprocessed pictures.
type tensorFile struct {
	*os.File
	*npy.Reader
	rows int
}

func (f *tensorFile) Read(dst []float32, at int) error { return f.Reader.Read(dst, at) }

func openTensor(path string, x *featx.Extractor) (*tensorFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	t := &tensorFile{File: f, rows: 1}
	info, err := f.Stat()
	if err == nil {
		t.Reader, err = npy.NewReader(f, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	want := x.InputDims()
	switch {
	case slices.Equal(t.Dims, want):
	case slices.Equal(t.Dims[1:], want) && t.Dims[0] > 0:
		t.rows = t.Dims[0]
	default:
		f.Close()
		return nil, fmt.Errorf("the array is %v: the network takes %v, or any number of those; another size needs --size", t.Dims, want)
	}
	return t, nil
}

// named puts the path before the error's reason.
func named(path string, err error) error {
	if err == nil {
		return nil
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}
