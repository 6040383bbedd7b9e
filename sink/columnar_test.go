//go:build !minimal

package sink

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"
	"github.com/x448/float16"
)

// tableLayers have so many values that 8 rows are more than one part.
var tableLayers = []Layer{{Name: "layer1/relu.0", Dims: []int{4, 1 << 9, 1 << 8}}, {Name: "fc", Dims: []int{3}, DType: Float16}}

// table writes 9 rows of 10 inputs.
func table(t *testing.T, ending string) (*os.File, []Outcome) {
	t.Helper()
	list := outcomes(tableLayers, 10)
	path := filepath.Join(t.TempDir(), "out"+ending)
	goOn(t, path, tableLayers, JobOptions{}, list)
	f, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f, list
}

// rowsOf lists the numbers of the inputs that have a row.
func rowsOf(list []Outcome) (rows []int64) {
	for i, o := range list {
		if o.Features != nil {
			rows = append(rows, int64(i))
		}
	}
	return rows
}

// half is v as float16, in bits.
func half(v float32) uint16 { return float16.Fromfloat32(v).Bits() }

func TestParquet(t *testing.T) {
	f, list := table(t, ".parquet")
	info, err := f.Stat()
	require.NoError(t, err)
	p, err := parquet.OpenFile(f, info.Size())
	require.NoError(t, err)
	text, ok := p.Lookup("featx")
	require.True(t, ok)
	require.Contains(t, text, `{"name":"fc","dims":[3],"dtype":"f16"}`)
	// That it is FLOAT16 the library does not say: make interop does.
	require.Equal(t, `message featx {
	required binary path (STRING);
	required int64 row (INT(64,true));
	required group layer1/relu.0 (LIST) {
		repeated group list {
			required float element;
		}
	}
	required group fc (LIST) {
		repeated group list {
			required fixed_len_byte_array(2) element;
		}
	}
}`, p.Schema().String())
	rows := rowsOf(list)
	require.EqualValues(t, len(rows), p.NumRows())
	require.Len(t, p.RowGroups(), 2)
	at := 0
	for _, g := range p.RowGroups() {
		require.LessOrEqual(t, g.NumRows()*tableLayers[0].bytes(), int64(partBytes))
		read := g.Rows()
		one := make([]parquet.Row, 1)
		for range g.NumRows() {
			n, err := read.ReadRows(one)
			require.Equal(t, 1, n)
			if err != nil {
				require.ErrorIs(t, err, io.EOF)
			}
			want := list[rows[at]]
			one[0].Range(func(column int, values []parquet.Value) bool {
				switch column {
				case 0:
					require.Equal(t, utf8Path(want.Path), values[0].String())
				case 1:
					require.Equal(t, rows[at], values[0].Int64())
				case 2:
					require.Len(t, values, len(want.Features[0]))
					for i, v := range values {
						if v.Float() != want.Features[0][i] {
							t.Fatalf("row %d, value %d: %v", at, i, v)
						}
					}
				case 3:
					for i, v := range values {
						b := v.ByteArray()
						require.Equal(t, half(want.Features[1][i]), uint16(b[0])|uint16(b[1])<<8)
					}
				}
				return true
			})
			at++
		}
		require.NoError(t, read.Close())
	}
	require.Len(t, rows, at)
}

func TestArrow(t *testing.T) {
	f, list := table(t, ".arrow")
	r, err := ipc.NewFileReader(f)
	require.NoError(t, err)
	text, ok := r.Schema().Metadata().GetValue("featx")
	require.True(t, ok)
	require.Contains(t, text, `{"name":"fc","dims":[3],"dtype":"f16"}`)
	var fields []string
	for _, field := range r.Schema().Fields() {
		require.False(t, field.Nullable)
		fields = append(fields, fmt.Sprint(field.Name, " ", field.Type))
	}
	require.Equal(t, []string{"path utf8", "row int64", "layer1/relu.0 fixed_size_list<item: float32>[524288]", "fc fixed_size_list<item: float16>[3]"}, fields)
	require.Equal(t, 2, r.NumRecords())
	rows := rowsOf(list)
	at := 0
	for i := range r.NumRecords() {
		batch, err := r.RecordBatch(i)
		require.NoError(t, err)
		values := func(column int) arrow.Array { return batch.Column(column).(*array.FixedSizeList).ListValues() }
		for k := range int(batch.NumRows()) {
			want := list[rows[at]]
			require.Equal(t, utf8Path(want.Path), batch.Column(0).(*array.String).Value(k))
			require.Equal(t, rows[at], batch.Column(1).(*array.Int64).Value(k))
			n := len(want.Features[0])
			require.Equal(t, want.Features[0], values(2).(*array.Float32).Float32Values()[k*n:(k+1)*n])
			for i, v := range want.Features[1] {
				require.Equal(t, half(v), values(3).(*array.Float16).Value(3*k+i).Uint16())
			}
			at++
		}
	}
	require.Len(t, rows, at)
}

// A layer cannot have the name of another column.
func TestTableReserved(t *testing.T) {
	for _, ending := range []string{".parquet", ".arrow"} {
		for _, name := range tableColumns {
			_, err := OpenJob(filepath.Join(t.TempDir(), "out"+ending), []Layer{{Name: name, Dims: []int{1}}}, JobOptions{})
			require.ErrorContains(t, err, fmt.Sprintf("the layer %q has a name that %s files keep for themselves", name, ending))
		}
	}
}

func TestUTF8Path(t *testing.T) {
	require.Equal(t, `ä\xff\x80.jpg`, utf8Path("ä\xff\x80.jpg"))
	require.Equal(t, "ä�", utf8Path("ä�"))
}
