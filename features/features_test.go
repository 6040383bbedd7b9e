package features_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/x448/float16"

	"github.com/featx-go/featx/features"
	"github.com/featx-go/featx/sink"
	"github.com/featx-go/featx/sink/npy"
)

var (
	layers = []sink.Layer{{Name: "layer1/relu.0", Dims: []int{2, 1, 3}}, {Name: "fc \"ö\"", Dims: []int{4}}}
	paths  = []string{"a.jpg", "Ordner/Möwe \"1\".png", "tensor.npy[0]", "bad\xff\x01.jpg", "\"q\" 𝄞.png", "two\nlines\r", `back\slash.jpg`, ""}
)

// value is the i-th value of a row of a layer; among them are the numbers that text formats get wrong.
func value(row, layer, i int) float32 {
	special := []float32{float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, math.MaxFloat32, float32(math.Inf(-1)), float32(math.Inf(1)), 0.1, 16777217, float32(math.NaN())}
	if layer == 0 && i == 1 {
		return special[row%len(special)]
	}
	return float32(row) + float32(i)/7 - float32(layer)*1e6
}

func rowOf(row, layer int, l sink.Layer) []float32 {
	n := 1
	for _, d := range l.Dims {
		n *= d
	}
	f := make([]float32, n)
	for i := range f {
		f[i] = value(row, layer, i)
	}
	return f
}

func write(t testing.TB, name string, layers []sink.Layer, perFile int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	j, err := sink.OpenJob(path, layers, sink.JobOptions{RowsPerFile: perFile})
	require.NoError(t, err)
	for i, p := range paths {
		var row [][]float32
		for l, layer := range layers {
			row = append(row, rowOf(i, l, layer))
		}
		require.NoError(t, j.Add(sink.Outcome{Path: p, Features: row}))
	}
	require.NoError(t, j.Finish(t.Context()))
	return path
}

func open(t testing.TB, path string) *features.File {
	t.Helper()
	f, err := features.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

func pathsOf(t testing.TB, f *features.File) (list []string) {
	t.Helper()
	for p, err := range f.Paths() {
		require.NoError(t, err)
		list = append(list, p)
	}
	return list
}

func bitsOf(v []float32) []uint32 {
	b := make([]uint32, len(v))
	for i := range v {
		b[i] = math.Float32bits(v[i])
	}
	return b
}

// What sink writes is read back, bit for bit, as one file and as several.
func TestWhatSinkWrites(t *testing.T) {
	for _, ending := range sink.Endings {
		for _, perFile := range []int64{0, 3} {
			t.Run(fmt.Sprint(ending, perFile), func(t *testing.T) {
				written := layers
				if ending == ".npy" {
					written = layers[:1]
				}
				f := open(t, write(t, "out"+ending, written, perFile))
				require.EqualValues(t, len(paths), f.Rows())
				require.True(t, f.HasPaths())
				require.Len(t, f.Files(), map[int64]int{0: 1, 3: 3}[perFile])
				require.Len(t, f.Layers(), len(written))
				names := slices.Clone(paths)
				if ending == ".parquet" || ending == ".arrow" {
					names[3] = `bad\xff` + "\x01.jpg" // text is UTF-8 there
				}
				require.Equal(t, names, pathsOf(t, f))
				for l, layer := range written {
					have := f.Layers()[l]
					require.Equal(t, layer.Dims, have.Dims)
					require.Equal(t, "float32", have.Type)
					if ending != ".npy" {
						require.Equal(t, layer.Name, have.Name)
						at, err := f.Find(layer.Name)
						require.NoError(t, err)
						require.Equal(t, l, at)
					}
					n := 0
					for row, err := range f.Each(l) {
						require.NoError(t, err)
						require.Equal(t, bitsOf(rowOf(n, l, layer)), bitsOf(row))
						n++
					}
					require.Equal(t, len(paths), n)
					for range f.Each(l) {
						break // nobody has to read all
					}
				}
			})
		}
	}
}

// Float16 is widened exactly.
func TestFloat16(t *testing.T) {
	half := []sink.Layer{{Name: "fc", Dims: []int{4}, DType: sink.Float16}}
	for _, ending := range sink.Endings {
		if ending == ".jsonl" {
			continue
		}
		f := open(t, write(t, "out"+ending, half, 0))
		require.Equal(t, "float16", f.Layers()[0].Type)
		n := 0
		for row, err := range f.Each(0) {
			require.NoError(t, err)
			for i, v := range rowOf(n, 0, half[0]) {
				require.Equal(t, bitsOf([]float32{float16.Fromfloat32(v).Float32()}), bitsOf(row[i:i+1]), "%s %g", ending, v)
			}
			n++
		}
		require.Equal(t, len(paths), n)
	}
}

func TestShards(t *testing.T) {
	path := write(t, "out.npz", layers, 3)
	dir := filepath.Dir(path)
	require.Equal(t, paths[3:6], pathsOf(t, open(t, filepath.Join(dir, "out-00001.npz"))))
	require.Equal(t, paths, pathsOf(t, open(t, filepath.Join(dir, "out-*.npz"))))
	require.NoError(t, os.Remove(filepath.Join(dir, "out-00001.npz")))
	_, err := features.Open(path)
	require.EqualError(t, err, path+": the file of rows 2 of 3 is not there: 00001")
	_, err = features.Open(filepath.Join(dir, "none-*.npz"))
	require.ErrorContains(t, err, "none-*.npz: there is no such file")

	other := write(t, "out.npz", layers[1:], 0)
	require.NoError(t, os.Rename(other, filepath.Join(dir, "out-00001.npz")))
	_, err = features.Open(path)
	require.ErrorContains(t, err, `out-00001.npz: its layers are fc "ö" [4] of float32, those of out-00000.npz are layer1/relu.0 [2 1 3] of float32, fc`)
}

// Files that NumPy and Python's safetensors have written (testdata/make.py): other types, no names, other arrays beside.
func TestForeign(t *testing.T) {
	cases := map[string]map[string]string{
		"f8.npy":              {"": "float64"},
		"big_f2.npy":          {"": "float16"},
		"vector.npy":          {"": "float32"},
		"deflated.npz":        {"half": "float16", "single": "float32", "double": "float64"},
		"foreign.safetensors": {"half": "float16", "single": "float32", "double": "float64"},
		"python.jsonl":        {"": "float32"},
	}
	maps.Copy(cases, foreignTables)
	for name, types := range cases {
		f := open(t, filepath.Join("testdata", name))
		require.Len(t, f.Layers(), len(types), name)
		require.EqualValues(t, 5, f.Rows())
		for l, layer := range f.Layers() {
			require.Equal(t, types[layer.Name], layer.Type, name)
			n := 0
			for row, err := range f.Each(l) {
				require.NoError(t, err)
				require.Len(t, row, layer.Len())
				for i, v := range row {
					want := float32(n*len(row)+i)*0.5 - 3
					if name == "python.jsonl" && i == 0 && n > 1 {
						want = map[int]float32{2: float32(math.NaN()), 3: float32(math.Inf(1)), 4: float32(math.Inf(-1))}[n]
					}
					require.Equal(t, bitsOf([]float32{want}), bitsOf([]float32{v}), "%s %d %d", name, n, i)
				}
				n++
			}
			require.Equal(t, 5, n)
		}
		switch name {
		case "deflated.npz", "python.jsonl", "pandas.parquet", "types.feather":
			require.Equal(t, []string{"p0", "p1", "p2", "p3", "p4ä"}, pathsOf(t, f))
		default:
			require.False(t, f.HasPaths())
			require.Equal(t, []string{"0", "1", "2", "3", "4"}, pathsOf(t, f))
		}
	}
}

// readAll gives the first error of anything that is in a file.
func readAll(f *features.File) error {
	for _, err := range f.Paths() {
		if err != nil {
			return err
		}
	}
	for l := range f.Layers() {
		for _, err := range f.Each(l) {
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func TestDamaged(t *testing.T) {
	array := func(descr string, raw int, dims ...int) []byte {
		return append(npy.Header(descr, dims...), make([]byte, raw)...)
	}
	zipped := func(change func([]byte), arrays ...any) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for i := 0; i < len(arrays); i += 2 {
			w, err := z.CreateHeader(&zip.FileHeader{Name: arrays[i].(string) + ".npy"})
			require.NoError(t, err)
			_, err = w.Write(arrays[i+1].([]byte))
			require.NoError(t, err)
		}
		require.NoError(t, z.Close())
		data := b.Bytes()
		if change != nil {
			change(data)
		}
		return data
	}
	tensors := func(header string, raw int) []byte {
		b := append([]byte{byte(len(header)), byte(len(header) >> 8), 0, 0, 0, 0, 0, 0}, header...)
		return append(b, make([]byte, raw)...)
	}
	line := `{"path":"a","layer":"x","shape":[2],"features":[1,2]}` + "\n"
	dir := t.TempDir()
	for _, c := range []struct{ name, want, data string }{
		{"a.txt", "unknown ending: want one of .npy, .npz", ""},
		{"a.npy", "no array: 0 bytes", ""},
		{"b.npy", "the array's type is <i8: want float32", string(array("<i8", 16, 2))},
		{"c.npy", "truncated or broken: the header says [3 2]", string(array("<f4", 20, 3, 2))},
		{"d.npy", "rows of [67108865] values: at most", string(array("<f4", 0, 0, 1<<26+1))},
		{"e.npy", "rows of [0] values", string(array("<f4", 0, 1<<30, 0))},
		{"f.npy", "rows of [2000000000 2000000000 2000000000] values: at most", string(array("<f4", 0, 0, 2e9, 2e9, 2e9))},
		{"g.npz", "no .npz file", "PK"},
		{"h.npz", `array "b": layer "b" has 3 rows, and the one before it 2`, string(zipped(nil, "a", array("<f4", 8, 2), "b", array("<f4", 12, 3)))},
		{"i.npz", `array "paths": its shape is [1]: want a name for each of the 2 rows`, string(zipped(nil, "a", array("<f4", 8, 2), "paths", array("<U1", 4, 1)))},
		{"j.npz", `array "paths": its type is <i8: want strings`, string(zipped(nil, "a", array("<f4", 8, 2), "paths", array("<i8", 16, 2)))},
		{"k.npz", `array "paths": its type is <U99999999999`, string(zipped(nil, "a", array("<f4", 8, 2), "paths", array("<U99999999999", 16, 2)))},
		{"l.npz", "paths: truncated", string(zipped(nil, "a", array("<f4", 8, 2), "paths", array("<U5", 16, 2)))},
		{"m.npz", "no features in it", string(zipped(nil, "a", array("<i4", 8, 2)))},
		{"n.npz", "checksum error", string(zipped(func(b []byte) { b[bytes.IndexByte(b, '\n')+1] ^= 1 }, "a", array("<f4", 8, 2)))},
		{"o.safetensors", "not a safetensors file", "{}"},
		{"p.safetensors", `layer "b" has 2 rows, and the one before it 1`, string(tensors(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12))},
		{"q.safetensors", "paths: they are no JSON array", string(tensors(`{"__metadata__":{"paths":"7"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4))},
		{"r.safetensors", "0 of its 1 rows", string(tensors(`{"__metadata__":{"paths":"[]"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4))},
		{"s.safetensors", "more than its 1 rows", string(tensors(`{"__metadata__":{"paths":"[\"a\",\"b\"]"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4))},
		{"t.safetensors", "paths: truncated", string(tensors(`{"__metadata__":{"paths":"[\"a\""},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4))},
		{"u.safetensors", "truncated: tensor", string(tensors(`{"a":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]}}`, 4))},
		{"v.jsonl", "no features in it", ""},
		{"w.jsonl", `line 1: is no JSON object with "path"`, "hello\n"},
		{"x.jsonl", "line 1: the shape is [3], but there are 2 features", `{"path":"a","layer":"x","shape":[3],"features":[1,2]}`},
		{"y.jsonl", `"a" has 1 features, want 2`, line + line + `{"path":"a","layer":"x","features":[1]}`},
		{"z.jsonl", `line 1: feature 1 is "0x2": want a number`, `{"path":"a","layer":"x","features":[1,0x2]}`},
		{"0.jsonl", `truncated: 3 lines, and each row has 2`, line + `{"path":"a","layer":"y","features":[1]}` + "\n" + line},
		{"1.jsonl", `line 5: it is of layer "y", where "x" was to come`, line + `{"path":"a","layer":"y","features":[1]}` + "\n" + line + `{"path":"a","layer":"y","features":[1]}` + "\n" + `{"path":"b","layer":"y","features":[1]}` + "\n" + line},
		{"2.jsonl", `line 1: the features are 7...: want an array`, `{"path":"a","layer":"y","features":7}`},
		{"3.jsonl", `path nothing: is no JSON string`, `{"path":nothing,"layer":"y","features":[7]}`},
	} {
		path := filepath.Join(dir, c.name)
		require.NoError(t, os.WriteFile(path, []byte(c.data), 0o666))
		f, err := features.Open(path)
		if err == nil {
			err = readAll(f)
			require.NoError(t, f.Close())
		}
		require.ErrorContains(t, err, path+": ", c.name)
		require.ErrorContains(t, err, c.want, c.name)
	}
	path := write(t, "x.npy", layers[:1], 0)
	require.NoError(t, os.WriteFile(path+".paths.txt", []byte("a\nb\n"), 0o666))
	require.ErrorContains(t, readAll(open(t, path)), path+": 2 of its 8 rows")
	_, err := features.Open(dir)
	require.ErrorContains(t, err, dir+": unknown ending")
}

// fuzz opens and reads whatever the bytes: an error, or rows.
func fuzz(f *testing.F, ending string, seeds ...string) {
	for _, path := range append(seeds, write(f, "seed"+ending, layers[:1], 0)) {
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "x"+ending)
		require.NoError(t, os.WriteFile(path, data, 0o666))
		x, err := features.Open(path)
		if err != nil {
			return
		}
		defer x.Close()
		require.LessOrEqual(t, x.Rows(), int64(1200*len(data)))
		_ = readAll(x)
	})
}

func FuzzNPY(f *testing.F)         { fuzz(f, ".npy", "testdata/f8.npy") }
func FuzzNPZ(f *testing.F)         { fuzz(f, ".npz", "testdata/deflated.npz") }
func FuzzSafetensors(f *testing.F) { fuzz(f, ".safetensors", "testdata/foreign.safetensors") }
func FuzzJSONL(f *testing.F)       { fuzz(f, ".jsonl", "testdata/python.jsonl") }
