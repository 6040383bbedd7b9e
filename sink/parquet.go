//go:build !minimal

package sink

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/parquet-go/parquet-go"
	parquetformat "github.com/parquet-go/parquet-go/format"

	"github.com/featx-go/featx/internal/atomicfile"
)

// writeParquet writes a table: path, row, and a list per layer, without nulls.
func writeParquet(out *atomicfile.File, r *Rows) error {
	fields := orderedGroup{Group: parquet.Group{pathColumn: parquet.String(), rowColumn: parquet.Int(64)}, order: []string{pathColumn, rowColumn}}
	options := []parquet.WriterOption{
		parquet.Compression(&parquet.Zstd), parquet.DataPageVersion(1),
		parquet.CreatedBy("featx", r.provenance.Program, ""), parquet.KeyValueMetadata(metaKey, string(r.Provenance())),
	}
	var values []io.Reader
	for i, l := range r.Layers {
		fields.Group[l.Name] = parquet.List(parquet.Leaf(parquetType(l.DType)))
		fields.order = append(fields.order, l.Name)
		// Smallest and largest of all values help no query, and float16's would be compared as bytes.
		options = append(options, parquet.SkipPageBounds(l.Name, "list", "element"))
		values = append(values, r.Layer(i))
	}
	w := parquet.NewWriter(out, append(options, parquet.NewSchema("featx", fields))...)
	into := w.ColumnWriters()
	var row []parquet.Value
	write := func(column int, v ...parquet.Value) error {
		for i := range v {
			v[i] = v[i].Level(0, 0, column)
		}
		_, err := into[column].WriteRowValues(v)
		return err
	}
	for part, err := range r.parts() {
		if err != nil {
			return err
		}
		for _, one := range part {
			if err := write(0, parquet.ByteArrayValue([]byte(utf8Path(one.Path)))); err != nil {
				return err
			}
			if err := write(1, parquet.Int64Value(one.Input)); err != nil {
				return err
			}
		}
		for i, l := range r.Layers {
			data := make([]byte, l.bytes())
			for range part {
				if _, err := io.ReadFull(values[i], data); err != nil {
					return err
				}
				row = appendList(row[:0], data, l.DType, 2+i)
				if _, err := into[2+i].WriteRowValues(row); err != nil {
					return err
				}
			}
		}
		if err := w.Flush(); err != nil { // ends the row group
			return err
		}
	}
	return w.Close()
}

// appendList appends one picture's values; the first begins a list, the others go on with it.
func appendList(row []parquet.Value, data []byte, d DType, column int) []parquet.Value {
	for at := 0; at < len(data); at += int(d.size()) {
		var v parquet.Value
		if d == Float16 {
			v = parquet.FixedLenByteArrayValue(data[at : at+2])
		} else {
			v = parquet.FloatValue(math.Float32frombits(binary.LittleEndian.Uint32(data[at:])))
		}
		row = append(row, v.Level(min(at, 1), 1, column))
	}
	return row
}

func parquetType(d DType) parquet.Type {
	if d == Float16 {
		return float16Type{parquet.FixedLenByteArrayType(2)}
	}
	return parquet.FloatType
}

// float16Type is Parquet's FLOAT16, which the library can store but not name.
type float16Type struct{ parquet.Type }

func (float16Type) LogicalType() *parquetformat.LogicalType {
	return &parquetformat.LogicalType{Value: new(parquetformat.Float16Type)}
}

// orderedGroup is a group whose fields keep their order.
type orderedGroup struct {
	parquet.Group
	order []string
}

// Fields implements parquet.Node.
func (g orderedGroup) Fields() []parquet.Field {
	list := make([]parquet.Field, len(g.order))
	for _, f := range g.Group.Fields() {
		for i, name := range g.order {
			if f.Name() == name {
				list[i] = f
			}
		}
	}
	return list
}
