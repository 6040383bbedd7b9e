package torch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/featx-go/featx/internal/memzip"
)

// archive is a checkpoint's pickled object, and its storages.
type archive struct {
	root     any
	storages map[string]*storage
	// locate finds a storage's bytes.
	locate func(s *storage) ([]byte, error)
}

// load locates the storage once.
func (a *archive) load(s *storage) error {
	if s.data != nil || s.n == 0 {
		return nil
	}
	data, err := a.locate(s)
	if err != nil {
		return fmt.Errorf("storage %.100q: %w", s.key, err)
	}
	if uint64(len(data)) != uint64(s.n)*uint64(s.size) {
		return fmt.Errorf("storage %.100q: %d elements of %d bytes are announced, %d bytes are there; the file is damaged", s.key, s.n, s.size, len(data))
	}
	s.data = data
	return nil
}

// persistent resolves ('storage', class, key, location, elements[, view]).
func (a *archive) persistent(id any) (any, error) {
	t, ok := id.(tuple)
	if !ok || len(t) < 5 || t[0] != any("storage") {
		return nil, fmt.Errorf("a persistent id that is not of a storage; %s", saveHint)
	}
	class, isClass := t[1].(global)
	e, isStorage := storages[class]
	key, isString := t[2].(string)
	n, isInt := t[4].(int64)
	if !isClass || !isStorage || !isString || !isInt || n < 0 || n > maxExtent {
		return nil, errors.New("the description of a storage is not what torch.save writes; the file is damaged")
	}
	if len(t) > 5 && t[5] != nil {
		return nil, fmt.Errorf("storage %.100q is a view of another one, as early versions of PyTorch could write; load the file in PyTorch and save it again", key)
	}
	s, ok := a.storages[key]
	if !ok {
		s = &storage{element: e, key: key, n: n}
		a.storages[key] = s
	}
	if s.element != e || s.n != n {
		return nil, fmt.Errorf("storage %.100q is described in two ways; the file is damaged", key)
	}
	return s, nil
}

// IsZip says whether data begins as a zip archive.
func IsZip(data []byte) bool { return memzip.Is(data) }

// readZip reads the format of torch.save since 1.6: an archive of stored (not compressed) records NAME/data.pkl and NAME/data/KEY.
func readZip(data []byte) (*archive, error) {
	z, err := memzip.Open(data)
	if err != nil {
		return nil, err
	}
	prefix, found := "", false
	for _, name := range z.Names {
		if dir, ok := strings.CutSuffix(name, "data.pkl"); ok && strings.Count(name, "/") <= 1 {
			prefix, found = dir, true
		}
	}
	switch {
	case !found:
		return nil, errors.New("is a zip archive without data.pkl, so no PyTorch checkpoint")
	case z.Has(prefix + "constants.pkl"):
		return nil, fmt.Errorf("is a TorchScript archive, which holds a program; load it with torch.jit.load and %s", saveHint)
	}
	record := func(name string) ([]byte, error) {
		if !z.Has(name) {
			return nil, fmt.Errorf("record %.100q is missing", name)
		}
		if z.Compressed(name) {
			return nil, fmt.Errorf("record %.100q is compressed, which torch.save never does; unpack the archive and pack it again with `zip -0`", name)
		}
		b, err := z.Read(name)
		if err != nil {
			return nil, fmt.Errorf("record %.100q: %w", name, err)
		}
		return b, nil
	}
	if z.Has(prefix + "byteorder") {
		order, err := record(prefix + "byteorder")
		if err != nil {
			return nil, err
		}
		if string(order) != "little" {
			return nil, fmt.Errorf("byte order %.10q is not supported, only little", order)
		}
	}
	program, err := record(prefix + "data.pkl")
	if err != nil {
		return nil, err
	}
	a := &archive{storages: map[string]*storage{}}
	a.locate = func(s *storage) ([]byte, error) { return record(prefix + "data/" + s.key) }
	a.root, _, err = unpickle(program, a.persistent)
	return a, err
}

// magic is the number 0x1950a86a20f9469cfc6c.
const magic = long("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")

// legacyVersion is the only version of that format that there ever was.
const legacyVersion = 1001

// IsPickle says whether data begins as a binary pickle does, so that it may be a checkpoint from before the zip format.
func IsPickle(data []byte) bool {
	return len(data) > 2 && data[0] == 0x80 && data[1] >= 2 && data[1] <= 5
}

// readLegacy reads the format of before 1.6: the pickles of a magic number, a version, facts about the system, the object and the
// list of storage keys; then each storage, as its number of elements (8 bytes) and the elements.
func readLegacy(data []byte) (*archive, error) {
	a := &archive{storages: map[string]*storage{}}
	next := func(persistent func(any) (any, error)) (any, error) {
		v, n, err := unpickle(data, persistent)
		data = data[n:]
		return v, err
	}
	v, err := next(nil)
	if err != nil {
		return nil, err
	}
	if v != any(magic) {
		return nil, fmt.Errorf("is a pickle, but not of torch.save; %s", saveHint)
	}
	if v, err = next(nil); err != nil {
		return nil, err
	}
	if v != any(int64(legacyVersion)) {
		return nil, fmt.Errorf("is of an unknown version of the format; load the file in PyTorch and %s", saveHint)
	}
	if v, err = next(nil); err != nil {
		return nil, err
	}
	if system, ok := v.(*dict); !ok || system.get("little_endian") != any(true) {
		return nil, errors.New("was not written by a little-endian machine, which is not supported")
	}
	if a.root, err = next(a.persistent); err != nil {
		return nil, err
	}
	if v, err = next(nil); err != nil {
		return nil, err
	}
	keys, ok := v.(*list)
	if !ok {
		return nil, errors.New("the list of storages is missing; the file is damaged")
	}
	blocks := map[string][]byte{}
	for i, v := range keys.items {
		key, _ := v.(string)
		s := a.storages[key]
		if s == nil {
			return nil, fmt.Errorf("storage %d of %d is used by no tensor; the file is damaged", i, len(keys.items))
		}
		if len(data) < 8 || uint64(s.n)*uint64(s.size) > uint64(len(data)-8) {
			return nil, fmt.Errorf("is cut off: storage %d of %d needs %d bytes, %d are left", i+1, len(keys.items), 8+uint64(s.n)*uint64(s.size), len(data))
		}
		if n := binary.LittleEndian.Uint64(data); n != uint64(s.n) {
			return nil, fmt.Errorf("storage %d of %d: %d elements are announced, %d are there; the file is damaged", i+1, len(keys.items), s.n, n)
		}
		end := 8 + int(s.n)*s.size
		blocks[key] = data[8:end:end]
		data = data[end:]
	}
	a.locate = func(s *storage) ([]byte, error) {
		b, ok := blocks[s.key]
		if !ok {
			return nil, errors.New("is not in the file, which is damaged")
		}
		return b, nil
	}
	return a, nil
}

// get is the value of a key, or nil.
func (d *dict) get(key string) any {
	for i := len(d.items) - 1; i >= 0; i-- {
		if d.items[i].key == any(key) {
			return d.items[i].value
		}
	}
	return nil
}
