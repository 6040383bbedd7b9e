package sink

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/featx-go/featx/internal/atomicfile"
)

// format makes a file of rows, in one of two ways. Its errors do not name the file.
type format struct {
	ending   string
	reserved []string // names of layers that it keeps for itself
	single   bool     // one layer only
	text     bool     // numbers are text, without a type
	beside   []beside // files that go with it

	// From front to back: row appends what a row adds to the file, and header is what the file begins with, as long for any number of rows.
	row    func(b []byte, layers []Layer, path string, features [][]float32) []byte
	header func(layers []Layer, rows int64) []byte

	// Or at once, from rows that are all there.
	assemble func(out *atomicfile.File, r *Rows) error
	// nameBytes is what a path takes of the maxNames bytes that the format has for paths; nil is no limit.
	nameBytes func(path string) int64
	maxNames  int64
}

var formats = append([]*format{
	{ending: ".npy", single: true, beside: []beside{pathsFile, provenanceFile}, header: npyHeader, row: npyRow},
	{ending: ".npz", reserved: []string{"paths", "provenance"}, assemble: writeNPZ},
	{ending: ".jsonl", text: true, beside: []beside{provenanceFile}, row: appendJSONL},
	{ending: ".safetensors", reserved: []string{"__metadata__"}, assemble: writeSafetensors, nameBytes: headerBytes, maxNames: maxHeader - headerSpare},
}, columnar...)

// Endings lists the file name endings that there are formats for.
var Endings = func() (list []string) {
	for _, f := range formats {
		list = append(list, f.ending)
	}
	return list
}()

// formatOf gives the format of a file of this name, or says why it cannot hold these layers. It looks at the names alone.
func formatOf(path string, layers []Layer) (*format, error) {
	ending := strings.ToLower(filepath.Ext(path))
	i := slices.IndexFunc(formats, func(f *format) bool { return f.ending == ending })
	switch {
	case slices.Contains(leftOut, ending):
		return nil, fmt.Errorf("%s: this is a minimal build of featx, without %s files: the usual build has them, or name it %s", path, ending, strings.Join(Endings, ", "))
	case i < 0:
		return nil, fmt.Errorf("%s: unknown ending: want one of %s", path, strings.Join(Endings, ", "))
	}
	f := formats[i]
	if j := slices.IndexFunc(layers, func(l Layer) bool { return l.DType != Float32 }); j >= 0 && f.text {
		return nil, fmt.Errorf("%s: %s in a %s file would save nothing, its numbers are text: name it .npy, .npz or .safetensors", path, layers[j].DType, ending)
	}
	if f.single && len(layers) != 1 {
		return nil, fmt.Errorf("%s: a %s file holds one layer, not %d: name it .npz or .safetensors", path, ending, len(layers))
	}
	if i := slices.IndexFunc(layers, func(l Layer) bool { return slices.Contains(f.reserved, l.Name) }); i >= 0 {
		return nil, fmt.Errorf("%s: the layer %q has a name that %s files keep for themselves: name it .jsonl", path, layers[i].Name, ending)
	}
	return f, nil
}
