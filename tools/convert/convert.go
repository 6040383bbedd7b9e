package convert

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/weights"
)

// Options say what the source file does not.
type Options struct {
	Arch    string                    // the network's name (arch.Names); "" recognises it
	DType   string                    // "f32" or "f16" (see weights.Write); "" is f32
	Recipe  func(*image.Recipe) error // changes the network's usual recipe; may be nil
	Classes []string                  // names of the classifier's outputs; may be nil
	Origin  string                    // the URL that src was downloaded from; "" stores its file name
}

// Report says what was made.
type Report struct {
	weights.Info
	DType      engine.DType
	Tensors    int
	Parameters int64    // values in them
	Bytes      int64    // of the model file
	Dropped    []string // entries of the source that the network does not use: counters, options, what is for training only
}

// Convert makes the model file dst of the weights in src. Errors name the file. If src is a model file itself, its network, recipe, source and classes are kept where
// the options are silent. dst appears whole or not at all; not at all if ctx ends before.
func Convert(ctx context.Context, src, dst string, o Options) (*Report, error) {
	dtype := engine.DType(strings.ToUpper(o.DType))
	if dtype == "" {
		dtype = engine.F32
	}
	data, release, err := weights.MapFile(src)
	if err != nil {
		return nil, err
	}
	defer release()
	if sameFile(src, dst) {
		return nil, fmt.Errorf("%s: is the source itself; give another name for the model file", dst)
	}
	digest := sync.OnceValues(func() (string, error) {
		sum := sha256.New()
		for part := range slices.Chunk(data, 1<<20) {
			if err := ctx.Err(); err != nil {
				return "", err
			}
			sum.Write(part)
		}
		return hex.EncodeToString(sum.Sum(nil)), nil
	})
	m, err := read(data, src, digest, o)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", src, err)
	}
	if m.Source.File == "" {
		m.Source.File = cmp.Or(o.Origin, filepath.Base(src))
		if m.Source.SHA256, err = digest(); err != nil {
			return nil, err
		}
	}
	err = weights.Write(ctx, dst, m.Info, m, dtype)
	if m.err != nil { // what the source could not give is the source's error
		return nil, fmt.Errorf("%s: %w", src, m.err)
	}
	if err != nil {
		return nil, err
	}
	r := &Report{Info: m.Info, DType: dtype, Tensors: len(m.tensors), Dropped: m.dropped}
	for _, t := range m.tensors {
		r.Parameters += int64(engine.Weight{Shape: t.shape}.Elements())
	}
	if info, err := os.Stat(dst); err == nil {
		r.Bytes = info.Size()
	}
	return r, nil
}

func sameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// model is a source that fits a network. It is an engine.WeightSource for weights.Write.
type model struct {
	weights.Info
	tensors map[string]stored
	dropped []string
	err     error // the first of Weight
}

// Weight implements engine.WeightSource.
func (m *model) Weight(name string) (engine.Weight, bool) {
	t, ok := m.tensors[name]
	if !ok {
		return engine.Weight{}, false
	}
	var w engine.Weight
	data, err := t.fetch()
	if err == nil {
		w, err = data.Weight()
		w.Shape = t.shape
	}
	if err != nil && m.err == nil {
		m.err = err
	}
	return w, err == nil
}

// read finds the format, the tensors and the network. digest is the file's SHA-256.
func read(data []byte, path string, digest func() (string, error), o Options) (*model, error) {
	f, err := recognise(data)
	if err != nil {
		return nil, err
	}
	from, err := f.read(data, path, o)
	if err != nil {
		return nil, err
	}
	m := &model{tensors: map[string]stored{}, dropped: from.dropped}
	m.Source.Format = f.name
	prefix := ""
	if from.graph == nil {
		prefix = wrapper(from.tensors)
	}
	integers := map[string]weights.DType{}
	shapes := map[string][]int{}
	for _, t := range from.tensors {
		name := t.name
		if from.graph == nil { // one in the file calls them as the file does
			name, t.shape = arch.Current(strings.TrimPrefix(t.name, prefix), t.shape)
		}
		if !t.dtype.IsFloat() { // batch norm's num_batches_tracked and other counters
			m.dropped = append(m.dropped, name)
			integers[name] = t.dtype
			continue
		}
		m.tensors[name], shapes[name] = t, t.shape
	}
	if len(m.tensors) == 0 {
		return nil, errors.New("holds no floating-point tensors")
	}
	if err := m.chooseNetwork(data, from, shapes, published{path, digest}, o); err != nil {
		if unknown, ok := err.(*arch.UnknownError); ok {
			nameIntegers(unknown.Mismatch, integers)
		}
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		if arch.TrainingOnly(m.Graph.Arch, name) {
			delete(m.tensors, name)
			delete(shapes, name)
			m.dropped = append(m.dropped, name)
		}
	}
	if o.Recipe != nil {
		if err := o.Recipe(&m.Recipe); err != nil {
			return nil, err
		}
	}
	if err := m.Recipe.Validate(); err != nil {
		return nil, err
	}
	// Only a network whose parameters do not depend on the picture's size takes another one.
	m.Graph.Input.H, m.Graph.Input.W = m.Recipe.Size[0], m.Recipe.Size[1]
	err = m.Graph.CheckWeights(shapes)
	if mismatch, ok := err.(*engine.MismatchError); ok {
		nameIntegers(mismatch, integers)
	}
	if err != nil {
		return nil, fmt.Errorf("%s for pictures of %dx%d: %w", m.Graph.Arch, m.Recipe.Size[0], m.Recipe.Size[1], err)
	}
	if len(o.Classes) > 0 {
		m.Classes = o.Classes
	}
	return m, nil
}

// nameIntegers tells tensors of a type without fractions from those that are missing.
func nameIntegers(e *engine.MismatchError, integers map[string]weights.DType) {
	if e == nil {
		return
	}
	e.Missing = slices.DeleteFunc(e.Missing, func(name string) bool {
		dtype, ok := integers[name]
		if ok {
			e.Misshapen = append(e.Misshapen, fmt.Sprintf("%s: is %s, needs floating point", name, dtype))
		}
		return ok
	})
}

// chooseNetwork sets the graph and what goes with it: the one asked for, the one in the source, or the one that has such tensors.
func (m *model) chooseNetwork(data []byte, from *source, shapes map[string][]int, p published, o Options) (err error) {
	switch {
	case from.graph != nil:
		m.Graph = from.graph
		arch.Translate(m.Graph, m.Graph.Arch)
		if from.unnamed {
			file := filepath.Base(p.path)
			m.Graph.Arch = m.Source.Format + "/" + strings.TrimSuffix(file, filepath.Ext(file))
		}
	case o.Arch != "":
		m.Graph, err = arch.BuildFor(o.Arch, shapes)
	default:
		file, notModel := weights.Parse(data)
		if notModel == nil {
			m.Info = file.Info
			return nil
		}
		if !errors.Is(notModel, weights.ErrNoModel) {
			return notModel // a model file, but a damaged one
		}
		m.Graph, err = arch.Recognise(shapes)
		if alike, ok := err.(*arch.AlikeError); ok {
			if e, ok := p.find(alike.Networks...); ok {
				m.Graph, err = arch.BuildFor(e.Network, shapes)
			}
		}
	}
	if err != nil {
		return err
	}
	m.Source.Arch = m.Graph.Arch
	m.Classes = from.classes
	if from.recipe != nil {
		m.Recipe = *from.recipe
		return nil
	}
	m.Recipe, err = p.recipe(m.Graph)
	return err
}

// wrappers are the names of modules that training puts around a network: DataParallel's and torch.compile's.
var wrappers = []string{"module.", "_orig_mod."}

// wrapper is the prefix that all names have because of them, such as "module." or "module._orig_mod.".
func wrapper(list []stored) string {
	prefix := ""
next:
	for _, w := range slices.Concat(wrappers, wrappers) {
		for _, t := range list {
			if !strings.HasPrefix(t.name, prefix+w) {
				continue next
			}
		}
		prefix += w
	}
	return prefix
}
