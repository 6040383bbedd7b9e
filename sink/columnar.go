//go:build !minimal

package sink

import "iter"

// columnar are formats of tables: a column per layer. A minimal build leaves them out.
var columnar = []*format{
	{ending: ".parquet", reserved: tableColumns, assemble: writeParquet},
	{ending: ".arrow", reserved: tableColumns, assemble: writeArrow},
}

var leftOut []string

const (
	pathColumn = "path"
	rowColumn  = "row"
	metaKey    = "featx" // of the provenance
)

var tableColumns = []string{pathColumn, rowColumn}

// partBytes bounds what is in memory at a time: a table is written in parts, Parquet's row groups and Arrow's record batches. DuckDB and polars read them in parallel.
const partBytes = 16 << 20

// parts gives all rows in parts, which depend on the layers alone.
func (r *Rows) parts() iter.Seq2[[]Row, error] {
	most := int64(64) // about what a path takes
	for _, l := range r.Layers {
		most += l.bytes()
	}
	most = max(1, partBytes/most)
	return func(yield func([]Row, error) bool) {
		var part []Row
		for row, err := range r.Rows() {
			if err != nil {
				yield(nil, err)
				return
			}
			if part = append(part, row); int64(len(part)) == most {
				if !yield(part, nil) {
					return
				}
				part = part[:0]
			}
		}
		if len(part) > 0 {
			yield(part, nil)
		}
	}
}
