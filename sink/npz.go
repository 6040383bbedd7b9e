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

// writeNPZ writes a zip archive of .npy files, not compressed, as numpy.savez does.
func writeNPZ(out *atomicfile.File, r *Rows) error {
	z := zip.NewWriter(out)
	entry := func(name string, header []byte) (io.Writer, error) {
		// The oldest time that a zip knows, so that the same rows give the same bytes.
		w, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err == nil {
			_, err = w.Write(header)
		}
		return w, err
	}
	for i, l := range r.Layers {
		w, err := entry(l.Name, npy.Header(l.DType.numpy(), l.dims(r.N)...))
		if err == nil {
			_, err = io.Copy(w, r.Layer(i))
		}
		if err != nil {
			return err
		}
	}
	if err := writePaths(entry, r); err != nil {
		return err
	}
	// A single string, without dimensions.
	text := []rune(string(r.Provenance()))
	w, err := entry("provenance", npy.Header(fmt.Sprintf("<U%d", len(text))))
	if err == nil {
		_, err = w.Write(appendUTF32(nil, text))
	}
	if err != nil {
		return err
	}
	return z.Close()
}

// writePaths writes an array of strings: UTF-32, all as long as the longest, padded with zeros.
func writePaths(entry func(string, []byte) (io.Writer, error), r *Rows) error {
	longest := 1
	for p, err := range r.Paths() {
		if err != nil {
			return err
		}
		longest = max(longest, len(fsDecode(p)))
	}
	w, err := entry("paths", npy.Header(fmt.Sprintf("<U%d", longest), int(r.N)))
	if err != nil {
		return err
	}
	row, blank := make([]byte, 0, 4*longest), make([]byte, 4*longest)
	for p, err := range r.Paths() {
		if err != nil {
			return err
		}
		row = appendUTF32(row[:0], fsDecode(p))
		row = append(row, blank[len(row):]...)
		if _, err := w.Write(row); err != nil {
			return err
		}
	}
	return nil
}

func appendUTF32(b []byte, text []rune) []byte {
	for _, c := range text {
		b = binary.LittleEndian.AppendUint32(b, uint32(c))
	}
	return b
}
