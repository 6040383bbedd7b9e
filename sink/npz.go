package sink

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/featx-go/featx/internal/atomicfile"
	"github.com/featx-go/featx/sink/npy"
)

// npz is a zip archive of .npy files, not compressed, as numpy.savez writes it.
type npz struct {
	*spool
	out *atomicfile.File
}

func (f *npz) finish() error {
	z := zip.NewWriter(f.out)
	entry := func(name string, header []byte) (io.Writer, error) {
		// The oldest time that a zip knows, so that the same rows give the same bytes.
		w, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err == nil {
			_, err = w.Write(header)
		}
		return w, err
	}
	for i, l := range f.layers {
		w, err := entry(l.Name, npy.Header("<f4", f.dims(i)...))
		if err == nil {
			err = f.copyLayer(w, i)
		}
		if err != nil {
			return err
		}
	}
	if err := writePaths(entry, f.paths); err != nil {
		return err
	}
	return z.Close()
}

// writePaths writes an array of strings: UTF-32, all as long as the longest, padded with zeros.
func writePaths(entry func(string, []byte) (io.Writer, error), paths []string) error {
	longest := 1
	for _, p := range paths {
		longest = max(longest, len(fsDecode(p)))
	}
	w, err := entry("paths", npy.Header(fmt.Sprintf("<U%d", longest), len(paths)))
	if err != nil {
		return err
	}
	var row []byte
	for _, p := range paths {
		row = append(row[:0], make([]byte, 4*longest)...)
		for i, r := range fsDecode(p) {
			binary.LittleEndian.PutUint32(row[4*i:], uint32(r))
		}
		if _, err := w.Write(row); err != nil {
			return err
		}
	}
	return nil
}
