//go:build !minimal

package sink

import (
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/featx-go/featx/internal/atomicfile"
)

// writeArrow writes an Arrow IPC file ("Feather version 2"). A layer is a list of fixed size, not compressed: its values lie in the file as they do in memory, so that
// a reader that maps the file copies nothing.
func writeArrow(out *atomicfile.File, r *Rows) error {
	fields := []arrow.Field{{Name: pathColumn, Type: arrow.BinaryTypes.String}, {Name: rowColumn, Type: arrow.PrimitiveTypes.Int64}}
	var values []io.Reader
	for i, l := range r.Layers {
		fields = append(fields, arrow.Field{Name: l.Name, Type: arrow.FixedSizeListOfNonNullable(int32(l.values()), arrowType(l.DType))})
		values = append(values, r.Layer(i))
	}
	about := arrow.NewMetadata([]string{metaKey}, []string{string(r.Provenance())})
	schema := arrow.NewSchema(fields, &about)
	w, err := ipc.NewFileWriter(out, ipc.WithSchema(schema))
	if err != nil {
		return err
	}
	paths, numbers := array.NewStringBuilder(memory.DefaultAllocator), array.NewInt64Builder(memory.DefaultAllocator)
	for part, err := range r.parts() {
		if err != nil {
			return err
		}
		for _, row := range part {
			paths.Append(utf8Path(row.Path))
			numbers.Append(row.Input)
		}
		columns := []arrow.Array{paths.NewArray(), numbers.NewArray()}
		for i, l := range r.Layers {
			data := make([]byte, int64(len(part))*l.bytes())
			if _, err := io.ReadFull(values[i], data); err != nil {
				return err
			}
			columns = append(columns, arrowList(fields[2+i].Type.(*arrow.FixedSizeListType), len(part), data))
		}
		if err := w.Write(array.NewRecordBatch(schema, columns, int64(len(part)))); err != nil {
			return err
		}
	}
	return w.Close()
}

func arrowType(d DType) arrow.DataType {
	if d == Float16 {
		return arrow.FixedWidthTypes.Float16
	}
	return arrow.PrimitiveTypes.Float32
}

// arrowList makes a column of its values' bytes.
func arrowList(kind *arrow.FixedSizeListType, rows int, data []byte) arrow.Array {
	values := array.NewData(kind.Elem(), rows*int(kind.Len()), []*memory.Buffer{nil, memory.NewBufferBytes(data)}, nil, 0, 0)
	return array.MakeFromData(array.NewData(kind, rows, []*memory.Buffer{nil}, []arrow.ArrayData{values}, 0, 0))
}
