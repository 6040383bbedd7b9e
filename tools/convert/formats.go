package convert

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/tools/convert/keras"
	"github.com/featx-go/featx/tools/convert/onnx"
	"github.com/featx-go/featx/tools/convert/safetensors"
	"github.com/featx-go/featx/tools/convert/torch"
	"github.com/featx-go/featx/weights"
)

// stored is a tensor in a source file. Its bytes are fetched when it is written, so that only one tensor is in memory.
type stored struct {
	name  string
	dtype weights.DType
	shape []int
	fetch func() (weights.Tensor, error)
}

// source is what a reader finds in a file.
type source struct {
	tensors []stored
	dropped []string      // names of entries that are no tensors, or that nobody needs
	graph   *engine.Graph // the network, where the file says it; else it is recognised by its tensors
	unnamed bool          // the graph has no name of its own: it gets the file's
	recipe  *image.Recipe // how the network wants its pictures, where that is known; else it is by the network
	classes []string      // names of the classifier's outputs, where the file has them
}

// format is a kind of source file.
type format struct {
	name string
	is   func(data []byte) bool
	// read reads a file; path is its name, for formats that keep a part of their data in other files beside it.
	read func(data []byte, path string, o Options) (*source, error)
}

var formats = []format{
	{"keras", keras.Is, readKeras},
	{"torch", func(data []byte) bool { return torch.IsZip(data) || torch.IsPickle(data) }, readTorch},
	{"safetensors", safetensors.Is, readSafetensors},
	{"onnx", onnx.Is, readONNX},
}

func recognise(data []byte) (format, error) {
	for _, f := range formats {
		if f.is(data) {
			return f, nil
		}
	}
	what := "is of no known format"
	switch {
	case bytes.HasPrefix(data, []byte("version https://git-lfs")):
		what = "is not the file itself but a Git LFS pointer to it: fetch it with `git lfs pull`"
	case bytes.HasPrefix(data, []byte("\x1f\x8b")):
		what = "is compressed with gzip: unpack it first"
	case len(data) > 262 && string(data[257:262]) == "ustar":
		what = "is a tar archive: unpack it first"
	case strings.HasPrefix(strings.ToLower(strings.TrimSpace(string(data[:min(len(data), 64)]))), "<"):
		what = "is a web page, not weights: the download went wrong"
	}
	return format{}, errors.New(what + "; PyTorch checkpoints, Keras and ONNX models, and safetensors files can be converted")
}

func readTorch(data []byte, _ string, _ Options) (*source, error) {
	f, err := torch.Read(data)
	if err != nil {
		return nil, err
	}
	list := make([]stored, len(f.Tensors))
	for i := range f.Tensors {
		t := &f.Tensors[i]
		list[i] = stored{t.Name, t.DType, t.Shape, func() (weights.Tensor, error) { return t.Contiguous(), nil }}
	}
	return &source{tensors: list, dropped: f.Other}, nil
}

// readKeras reads Keras's files; those of TensorFlow.js have their weights beside them.
func readKeras(data []byte, path string, o Options) (*source, error) {
	f, err := keras.Read(data, keras.Options{Arch: o.Arch, Open: func(name string) ([]byte, error) { return beside(path, name) }})
	if err != nil {
		return nil, err
	}
	list := make([]stored, len(f.Tensors))
	for i, t := range f.Tensors {
		list[i] = stored{t.Name, t.DType, t.Shape, t.Fetch}
	}
	return &source{tensors: list, dropped: f.Other, graph: f.Graph, unnamed: f.Unnamed, recipe: &f.Recipe}, nil
}

func readSafetensors(data []byte, _ string, _ Options) (*source, error) {
	tensors, err := safetensors.Read(data)
	list := make([]stored, len(tensors))
	for i, t := range tensors {
		list[i] = stored{t.Name, t.DType, t.Shape, func() (weights.Tensor, error) { return t, nil }}
	}
	return &source{tensors: list}, err
}

// beside maps a file in the folder of path, whose name has slashes. Links that lead out of the folder are not followed. It stays mapped until the program ends, as weights are read from it.
func beside(path, name string) ([]byte, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if _, err := root.Stat(filepath.FromSlash(name)); err != nil {
		if p := (*fs.PathError)(nil); errors.As(err, &p) {
			err = p.Err
		}
		return nil, err
	}
	data, _, err := weights.MapFile(filepath.Join(filepath.Dir(path), filepath.FromSlash(name)))
	return data, err
}
