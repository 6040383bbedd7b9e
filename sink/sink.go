package sink

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/featx-go/featx/internal/atomicfile"
)

// Layer is one column of the output.
type Layer struct {
	Name string
	Dims []int // of one picture's value
}

// Writer takes rows. It is for one goroutine.
type Writer interface {
	// Write adds a row: the picture's path and its values of each layer, in the order of the layers. Nothing is kept of features.
	Write(path string, features [][]float32) error
	// Close completes the file and gives it its name. Also after an error, nothing is left open.
	Close() error
	// Abort leaves nothing behind. After Close it does nothing.
	Abort()
}

// format is what makes a file's content; its errors do not name the file.
type format interface {
	write(path string, features [][]float32) error
	finish() error
}

// Endings lists the file name endings that Create knows.
var Endings = []string{".npy", ".npz", ".jsonl", ".safetensors"}

// Check says why Create could not write these layers to a file of this name. It looks at the names alone.
func Check(path string, layers []Layer) error {
	ending := strings.ToLower(filepath.Ext(path))
	if !slices.Contains(Endings, ending) {
		return fmt.Errorf("%s: unknown ending: want one of %s", path, strings.Join(Endings, ", "))
	}
	if ending == ".npy" && len(layers) != 1 {
		return fmt.Errorf("%s: a .npy file holds one layer, not %d: name it .npz or .safetensors", path, len(layers))
	}
	reserved := map[string]string{".npz": "paths", ".safetensors": "__metadata__"}[ending]
	if slices.ContainsFunc(layers, func(l Layer) bool { return l.Name == reserved && reserved != "" }) {
		return fmt.Errorf("%s: the layer %q has a name that %s files keep for themselves: name it .jsonl", path, reserved, ending)
	}
	return nil
}

// Create begins a file. The ending of its name gives the format. It fails if the folder cannot be written to. When ctx
// ends before the file is complete, Write and Close fail with its error.
func Create(ctx context.Context, path string, layers []Layer) (Writer, error) {
	if err := Check(path, layers); err != nil {
		return nil, err
	}
	out, err := atomicfile.Create(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f, err := newFormat(out, strings.ToLower(filepath.Ext(path)), layers)
	if err != nil {
		out.Abort()
		return nil, fmt.Errorf("%s: %w", path, atomicfile.Cause(err))
	}
	return &file{File: out, format: f, path: path}, nil
}

func newFormat(out *atomicfile.File, ending string, layers []Layer) (format, error) {
	switch ending {
	case ".npy":
		return newNPY(out, layers[0])
	case ".jsonl":
		return &jsonl{out: out, layers: layers}, nil
	}
	s, err := newSpool(out, layers)
	if err != nil {
		return nil, err
	}
	if ending == ".npz" {
		return &npz{s, out}, nil
	}
	return &safetensors{spool: s, out: out}, nil
}
