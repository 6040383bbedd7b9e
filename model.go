package featx

import (
	"errors"
	"sync"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/kernels"
	"github.com/featx-go/featx/weights"
)

// EmbeddedName is the name of the model inside the package: a ResNet-20 for pictures of 32 x 32, trained on CIFAR-10.
const EmbeddedName = weights.EmbeddedName

// Model is a network with weights and a recipe for its pictures. It is safe for concurrent use.
type Model struct {
	file   *weights.Model
	sketch engine.DType // of weights that are not there; "" if they are

	mu     sync.Mutex
	packed map[kernels.ISA]*engine.Model // weights are packed once for each instruction set
	users  int                           // extractors that are not closed
	closed bool
}

// Open opens a model file by its path, or a model by its name: the embedded one (also ""), or one that "featx pull" has put into the cache. It downloads nothing.
func Open(name string) (*Model, error) {
	file, err := weights.Find(name)
	if err != nil {
		return nil, err
	}
	return &Model{file: file, packed: map[kernels.ISA]*engine.Model{}}, nil
}

// Graph is the network. It must not be changed.
func (m *Model) Graph() *engine.Graph { return m.file.Graph }

// Recipe says how a picture becomes the network's input. The copy may be changed, and given to [Model.Extractor].
func (m *Model) Recipe() image.Recipe { return m.file.Recipe }

// Source says where the weights came from.
func (m *Model) Source() weights.Source { return m.file.Source }

// SHA256 is the digest of the model file, in hex; reading it takes a second for a gigabyte. It is "" when the model is closed.
func (m *Model) SHA256() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed && m.users == 0 {
		return ""
	}
	return m.file.SHA256()
}

// Classes are the names of the classifier's outputs, in order; empty if they are not known.
func (m *Model) Classes() []string { return m.file.Classes }

// Close releases the file when the last extractor is closed. No extractor can be made afterwards.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	return m.release()
}

// use gives the network for an instruction set and keeps the file open until done is called, once.
func (m *Model) use(isa kernels.ISA) (packed *engine.Model, done func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, nil, errors.New("the model is closed")
	}
	packed = m.packed[isa]
	if packed == nil {
		if m.sketch != "" {
			packed, err = engine.NewSketch(m.file.Graph, m.sketch, isa)
		} else {
			packed, err = engine.NewModel(m.file.Graph, m.file, isa)
		}
		if err != nil {
			return nil, nil, err
		}
		m.packed[isa] = packed
	}
	m.users++
	return packed, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.users--
		_ = m.release()
	}, nil
}

// release closes the file if nobody needs it any longer.
func (m *Model) release() error {
	if !m.closed || m.users > 0 {
		return nil
	}
	return m.file.Close()
}
