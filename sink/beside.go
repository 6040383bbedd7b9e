package sink

import (
	"bufio"
	"strings"

	"github.com/featx-go/featx/internal/atomicfile"
)

// beside is a file that goes with a file of rows whose format has no place for what is in it.
type beside struct {
	ending string // behind the name of the file of rows
	write  func(*atomicfile.File, *Rows) error
}

var (
	pathsFile      = beside{".paths.txt", writeLines}
	provenanceFile = beside{".provenance.json", writeProvenance}
)

// writeLines writes a path a line, as its bytes are. A path with a line break in it, or that begins with a quotation mark, is a JSON string.
func writeLines(out *atomicfile.File, r *Rows) error {
	w := bufio.NewWriter(out)
	for path, err := range r.Paths() {
		if err != nil {
			return err
		}
		line := []byte(path)
		if strings.ContainsAny(path, "\r\n") || strings.HasPrefix(path, `"`) {
			line = appendString(nil, path)
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return w.Flush()
}

// writeProvenance writes it as JSON in one line.
func writeProvenance(out *atomicfile.File, r *Rows) error {
	_, err := out.Write(append(r.Provenance(), '\n'))
	return err
}
