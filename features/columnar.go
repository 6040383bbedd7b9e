//go:build !minimal

package features

import (
	"fmt"
)

// columnar opens files of tables. A minimal build leaves them out.
var columnar = []format{
	{".parquet", openParquet},
	{".arrow", openArrow},
	{".feather", openArrow},
}

// left are the endings of formats that only the usual build has.
var left []string

const (
	pathColumn = "path"
	maxList    = 1 << 12 // columns that are taken for true
)

// safely runs what a library does with a foreign file. The libraries are known to panic on some that are damaged.
func safely(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged: %.200s", fmt.Sprint(p))
		}
	}()
	return do()
}

// listLength is the length of the rows' lists, which all are as long.
func listLength(name string, values, rows int64) (int, error) {
	if rows <= 0 {
		return 0, fmt.Errorf("%s: no rows, so that it is not known how many values they have", Layer{Name: name}.title())
	}
	if values%rows != 0 || values/rows > maxRow {
		return 0, fmt.Errorf("%s: %d values in %d rows: want as many in each", Layer{Name: name}.title(), values, rows)
	}
	return int(values / rows), nil
}
