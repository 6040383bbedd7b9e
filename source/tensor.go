package source

import (
	"fmt"
	"os"
	"slices"

	"github.com/featx-go/featx/sink/npy"
)

// tensors is the rows of a .npy file.
func tensors(path string, dims []int) (Source, error) {
	rows := 0
	err := withArray(path, func(r *npy.Reader) (err error) {
		rows, err = countRows(r.Dims, dims)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &list{n: rows, item: func(i int) Item {
		return Item{Name: fmt.Sprintf("%s[%d]", path, i), Tensor: func(values []float32) error {
			return withArray(path, func(r *npy.Reader) error {
				if n, err := countRows(r.Dims, dims); err != nil || n <= i {
					return fmt.Errorf("the file has changed: the array is %v now", r.Dims)
				}
				return r.Read(values, i*len(values))
			})
		}}
	}}, nil
}

// withArray opens the file for one use, so that rows can be read at the same time and no file stays open.
func withArray(path string, use func(*npy.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r, err := npy.NewReader(f, info.Size())
	if err != nil {
		return err
	}
	return use(r)
}

// countRows is the number of inputs of these dims in an array: one, or as many as its first axis says.
func countRows(array, dims []int) (int, error) {
	switch {
	case slices.Equal(array, dims):
		return 1, nil
	case slices.Equal(array[1:], dims) && array[0] > 0:
		return array[0], nil
	}
	return 0, fmt.Errorf("the array is %v: the network takes %v, or any number of those; another size needs --size", array, dims)
}
