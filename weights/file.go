package weights

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"sync"
	"unsafe"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/internal/address"
)

// Version is the layout of the model file that this package reads and writes.
const Version = "1"

// Keys of the metadata.
const (
	keyVersion = "featx.version"
	keyGraph   = "featx.graph"
	keyRecipe  = "featx.recipe"
	keySource  = "featx.source"
	keyClasses = "featx.classes"
)

// Source says where the weights came from.
type Source struct {
	File   string `json:"file,omitempty"`   // file name without folders, or URL
	SHA256 string `json:"sha256,omitempty"` // of that file, in hex
	Arch   string `json:"arch,omitempty"`   // the network's name
	Format string `json:"format,omitempty"` // torch, safetensors, ...
}

// Info is everything of a model but its weights.
type Info struct {
	Graph   *engine.Graph
	Recipe  image.Recipe
	Source  Source
	Classes []string // names of the classifier's outputs, in order; empty if unknown
}

// Model is an open model file. It is an engine.WeightSource and safe for concurrent use.
type Model struct {
	Info
	weights map[string]engine.Weight
	release func() error
	mapping []byte // the file; nil is memory of the program
	file    []byte
}

// Weight implements engine.WeightSource. Its data is the mapped file's: it must not be used after Close.
func (m *Model) Weight(name string) (engine.Weight, bool) {
	w, ok := m.weights[name]
	return w, ok
}

// Release implements engine.Releaser: the pages of a mapped file that hold data, which is of this file, leave the process's memory until they are read again.
func (m *Model) Release(data []byte) {
	if len(m.mapping) == 0 || len(data) == 0 {
		return
	}
	// Memory that is not the file's would be lost for good.
	at := uintptr(unsafe.Pointer(&data[0])) - uintptr(unsafe.Pointer(&m.mapping[0]))
	if size := uintptr(len(m.mapping)); at < size {
		// Where the page cache has large pages, reading brings all of one into the process, what was released around too. What somebody reads there comes back.
		releasePages(m.mapping[at-min(at, largePage) : min(at+uintptr(len(data))+largePage, size)])
	}
}

// largePage is the largest page of the page cache.
const largePage = 2 << 20

// SHA256 is the digest of the model file, in hex: of network, recipe and weights. It reads the whole file, of which nothing stays in the process's memory.
func (m *Model) SHA256() string {
	h := sha256.New()
	for rest := m.file; len(rest) > 0; {
		n := min(len(rest), 4<<20)
		h.Write(rest[:n])
		m.Release(rest[:n])
		rest = rest[n:]
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Bytes is the size of all tensors as they are stored.
func (m *Model) Bytes() int64 {
	var n int64
	for _, w := range m.weights {
		n += int64(len(w.Data))
	}
	return n
}

// Close releases the file. It must not run before the last use of a weight's data, nor of a slice that shares it.
func (m *Model) Close() error {
	release := m.release
	m.release, m.mapping, m.file = nil, nil, nil
	if release == nil {
		return nil
	}
	m.weights = nil
	return release()
}

// Open maps and checks a model file. Errors name the file.
func Open(path string) (*Model, error) {
	data, release, err := MapFile(path)
	if err != nil {
		return nil, err
	}
	m, err := Parse(data)
	if err != nil {
		release()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m.release, m.mapping = release, data
	return m, nil
}

// MapFile gives a file's bytes, mapped where the system can, and a function that releases them. Errors name the file.
func MapFile(path string) ([]byte, func() error, error) {
	fail := func(err error) ([]byte, func() error, error) {
		var p *fs.PathError
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = errors.New("no such file")
		case errors.As(err, &p):
			err = p.Err
		}
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return fail(err)
	case info.IsDir():
		return fail(errors.New("is a directory, not a file"))
	case !info.Mode().IsRegular():
		return fail(errors.New("is not a regular file"))
	case info.Size() == 0:
		return fail(errors.New("is empty (0 bytes)"))
	case info.Size() > math.MaxInt:
		return fail(tooLarge(info.Size()))
	}
	data, release, err := mapFile(f, int(info.Size()))
	if err != nil {
		return fail(err)
	}
	return data, sync.OnceValue(release), nil
}

// tooLarge is the error for a file that cannot be mapped as a whole.
func tooLarge[N int | int64](size N) error {
	hint := "a limit of the process's memory (ulimit -v) may be in the way"
	if address.Space <= math.MaxInt32 {
		hint = "a program for 64 bits could, or store the weights as float16"
	}
	return fmt.Errorf("its %d MB cannot be mapped into memory: %s", (size+999_999)/1e6, hint)
}

const convertHint = "make a model file of it with `featx convert SRC DST`"

// ErrNoModel is wrapped by Parse's error for a file that is not featx's, rather than a damaged one.
var ErrNoModel = errors.New("not a featx model file")

// Parse checks a model file in memory: the container, the version, the graph, the recipe, and that the tensors are those that the graph needs. The model shares data's memory.
func Parse(data []byte) (*Model, error) {
	c, err := ParseSafetensors(data)
	if errors.Is(err, ErrNotSafetensors) {
		return nil, fmt.Errorf("%w; if these are weights, %s", ErrNoModel, convertHint)
	}
	if err != nil {
		return nil, err
	}
	version, ok := c.Metadata[keyVersion]
	if !ok {
		return nil, fmt.Errorf("%w but plain safetensors, without a network and a recipe; %s", ErrNoModel, convertHint)
	}
	if version != Version {
		return nil, fmt.Errorf("model file of version %.20q, this program reads version %q; convert the weights again with this program, or get a newer one", version, Version)
	}
	m := &Model{weights: make(map[string]engine.Weight, len(c.Tensors)), file: data}
	if err := m.Info.fromMetadata(c.Metadata); err != nil {
		return nil, err
	}
	shapes := make(map[string][]int, len(c.Tensors))
	for _, t := range c.Tensors {
		if t.DType != F32 && t.DType != F16 {
			return nil, fmt.Errorf("tensor %.100q is %s: a model file holds F32 and F16 only", t.Name, t.DType)
		}
		m.weights[t.Name] = engine.Weight{DType: engine.DType(t.DType), Shape: t.Shape, Data: t.Data}
		shapes[t.Name] = t.Shape
	}
	if err := m.Graph.CheckWeights(shapes); err != nil {
		return nil, err
	}
	return m, nil
}

// fromMetadata reads and checks what is not a tensor.
func (i *Info) fromMetadata(metadata map[string]string) error {
	i.Graph = &engine.Graph{}
	for _, part := range []struct {
		key      string
		into     any
		optional bool
	}{{keyGraph, i.Graph, false}, {keyRecipe, &i.Recipe, false}, {keySource, &i.Source, true}, {keyClasses, &i.Classes, true}} {
		text, ok := metadata[part.key]
		if !ok && part.optional {
			continue
		}
		if !ok {
			return fmt.Errorf("the metadata lack %s", part.key)
		}
		if err := json.Unmarshal([]byte(text), part.into); err != nil {
			return fmt.Errorf("%s: %w", part.key, err)
		}
	}
	return i.check()
}

// check says what makes no sense.
func (i *Info) check() error {
	if i.Graph == nil {
		return errors.New("no graph")
	}
	shapes, err := i.Graph.Infer(i.Graph.Input)
	if err != nil {
		return err
	}
	if err := i.Recipe.Validate(); err != nil {
		return err
	}
	if in := i.Graph.Input; i.Recipe.Size != [2]int{in.H, in.W} {
		return fmt.Errorf("the recipe makes pictures of %dx%d, the network takes %dx%d", i.Recipe.Size[0], i.Recipe.Size[1], in.H, in.W)
	}
	if out := shapes[len(shapes)-1].Elements(); len(i.Classes) > 0 && len(i.Classes) != out {
		return fmt.Errorf("%d class names for %d outputs of layer %q", len(i.Classes), out, i.Graph.Nodes[len(shapes)-1].Name)
	}
	return nil
}

// metadata is the inverse of fromMetadata.
func (i *Info) metadata() (map[string]string, error) {
	parts := map[string]any{keyGraph: i.Graph, keyRecipe: i.Recipe, keySource: i.Source}
	if len(i.Classes) > 0 {
		parts[keyClasses] = i.Classes
	}
	out := map[string]string{keyVersion: Version}
	for key, part := range parts {
		text, err := json.Marshal(part)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		out[key] = string(text)
	}
	return out, nil
}
