package torch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/featx-go/featx/internal/brief"
)

// File is a checkpoint's state_dict.
type File struct {
	Tensors []Tensor // in the file's order, under the file's names
	Other   []string // names of entries that are no tensors
}

// wrappers are the keys under which training scripts keep the state_dict, the most telling first.
var wrappers = []string{"state_dict", "model_state_dict", "model", "net"}

// Read reads a checkpoint of either format. The tensors share data's memory. What it needs beyond that is in proportion to the pickle's
// size, whatever the file says.
//
// The state_dict is the pickled object itself, or what it has under one of the usual keys: state_dict, model_state_dict, model, net.
func Read(data []byte) (*File, error) {
	var a *archive
	var err error
	switch {
	case IsZip(data):
		a, err = readZip(data)
	case IsPickle(data):
		a, err = readLegacy(data)
	default:
		err = errors.New("is no PyTorch checkpoint")
	}
	if err != nil {
		return nil, err
	}
	state, err := stateDict(a.root)
	if err != nil {
		return nil, err
	}
	return a.tensors(state, len(data))
}

// stateDict finds the dictionary that holds the tensors.
func stateDict(root any) (*dict, error) {
	d, ok := root.(*dict)
	if !ok {
		return nil, fmt.Errorf("holds a %s, not a dictionary of tensors; %s", kind(root), saveHint)
	}
	for range 3 { // {"model": {"state_dict": ...}}
		inner := (*dict)(nil)
		for _, key := range wrappers {
			if inner, ok = d.get(key).(*dict); ok {
				break
			}
		}
		if inner == nil {
			break
		}
		d = inner
	}
	var keys []string
	for _, it := range d.items {
		if _, ok := it.value.(*Tensor); ok {
			return d, nil
		}
		keys = append(keys, keyText(it.key))
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("holds an empty dictionary; %s", saveHint)
	}
	return nil, fmt.Errorf("holds no tensors under a usual key (%s), only %s; %s", strings.Join(wrappers, ", "), brief.List(keys, 10), saveHint)
}

func keyText(key any) string {
	if text, ok := key.(string); ok {
		return fmt.Sprintf("%.50q", text)
	}
	return "a " + kind(key)
}

// expansion is how often larger than the file all tensors may be (views can repeat elements), and slack what is allowed anyhow.
const expansion, slack = 16, 1 << 20

// tensors checks the tensors of the state_dict and locates their storages.
func (a *archive) tensors(state *dict, fileSize int) (*File, error) {
	f := &File{}
	at := map[string]int{}
	budget := uint64(fileSize)*expansion + slack
	for _, it := range state.items {
		name, ok := it.key.(string)
		if !ok {
			return nil, fmt.Errorf("the state_dict has a key that is no string, but a %s", kind(it.key))
		}
		shared, ok := it.value.(*Tensor)
		if !ok {
			f.Other = append(f.Other, name)
			continue
		}
		t := *shared
		t.Name = name
		if err := t.check(); err != nil {
			return nil, err
		}
		n, size := uint64(t.elements()), uint64(t.storage.size)
		if n > budget/size {
			return nil, fmt.Errorf("tensor %.100q: shape %v is much larger than the file", name, t.Shape)
		}
		budget -= n * size
		if err := a.load(t.storage); err != nil {
			return nil, fmt.Errorf("tensor %.100q: %w", name, err)
		}
		if i, ok := at[name]; ok { // Python keeps the last
			f.Tensors[i] = t
			continue
		}
		at[name] = len(f.Tensors)
		f.Tensors = append(f.Tensors, t)
	}
	return f, nil
}
