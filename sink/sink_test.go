package sink_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/sink"
	"github.com/featx-go/featx/sink/npy"
)

var (
	layers = []sink.Layer{{Name: "layer1/relu.0", Dims: []int{2, 1, 3}}, {Name: "fc", Dims: []int{4}}}
	paths  = []string{"a.jpg", "Ordner/Möwe \"1\".png", "tensor.npy[0]", "bad\xff\x01.jpg"}
	// Python's os.fsdecode of paths, as JSON.
	pathsJSON = `["a.jpg","Ordner/Möwe \"1\".png","tensor.npy[0]","bad\udcff\u0001.jpg"]`
)

// value is the i-th value of a row of a layer; among them are the numbers that text formats get wrong.
func value(row, layer, i int) float32 {
	special := []float32{float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, math.MaxFloat32, float32(math.Inf(-1)), float32(math.Inf(1)), 0.1, 16777217, 1e-7}
	if layer == 0 && row < len(special) && i == 1 {
		return special[row]
	}
	return float32(row) + float32(i)/7 - float32(layer)*1e6
}

func rowOf(row int, layers []sink.Layer) [][]float32 {
	var features [][]float32
	for l, layer := range layers {
		n := 1
		for _, d := range layer.Dims {
			n *= d
		}
		f := make([]float32, n)
		for i := range f {
			f[i] = value(row, l, i)
		}
		features = append(features, f)
	}
	return features
}

func write(t *testing.T, name string, layers []sink.Layer) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	j, err := sink.OpenJob(path, layers, sink.JobOptions{Provenance: provenance})
	require.NoError(t, err)
	for i, p := range paths {
		scratch := rowOf(i, layers)
		require.NoError(t, j.Add(sink.Outcome{Path: p, Features: scratch}))
		for _, s := range scratch {
			clear(s) // nothing may be kept
		}
		require.NoFileExists(t, path)
	}
	require.NoError(t, j.Finish(t.Context()))
	require.NoError(t, j.Close()) // does nothing now
	files := []string{name}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".npy":
		files = append(files, name+".paths.txt", name+".provenance.json")
	case ".jsonl":
		files = append(files, name+".provenance.json")
	}
	requireFiles(t, filepath.Dir(path), files...)
	return path
}

var provenance = sink.Provenance{Program: "1.0", Model: sink.Model{Name: "größe", SHA256: "ab12"}, Recipe: image.Torchvision(256, 224), OnError: "skip"}

// requireProvenance wants the provenance of these layers as JSON.
func requireProvenance(t *testing.T, text []byte, layers []sink.Layer) {
	t.Helper()
	want := provenance
	want.Layers = layers
	var got sink.Provenance
	require.NoError(t, json.Unmarshal(text, &got))
	require.Equal(t, want, got)
}

func requireProvenanceFile(t *testing.T, path string, layers []sink.Layer) {
	t.Helper()
	text, err := os.ReadFile(path + ".provenance.json")
	require.NoError(t, err)
	requireProvenance(t, text, layers)
}

func requireFiles(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	found := []string{}
	for _, e := range entries {
		found = append(found, e.Name())
	}
	require.ElementsMatch(t, names, found)
}

func requireArray(t *testing.T, data []byte, layer int, layers []sink.Layer) {
	t.Helper()
	r, err := npy.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	require.Equal(t, append([]int{len(paths)}, layers[layer].Dims...), r.Dims)
	for i := range paths {
		want := rowOf(i, layers)[layer]
		got := make([]float32, len(want))
		require.NoError(t, r.Read(got, i*len(want)))
		require.Equal(t, bitsOf(want), bitsOf(got))
	}
}

func bitsOf(v []float32) []uint32 {
	b := make([]uint32, len(v))
	for i := range v {
		b[i] = math.Float32bits(v[i])
	}
	return b
}

func TestNPY(t *testing.T) {
	path := write(t, "out.NPY", layers[:1])
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	requireArray(t, data, 0, layers)
	names, err := os.ReadFile(path + ".paths.txt")
	require.NoError(t, err)
	require.Equal(t, strings.Join(paths, "\n")+"\n", string(names))
	require.Zero(t, bytes.IndexByte(data, '\n')%64-63, "values must be aligned")
	requireProvenanceFile(t, path, layers[:1])
}

func TestNPZ(t *testing.T) {
	z, err := zip.OpenReader(write(t, "out.npz", layers))
	require.NoError(t, err)
	defer z.Close()
	read := func(i int, name string) []byte {
		require.Equal(t, name, z.File[i].Name)
		require.Equal(t, zip.Store, z.File[i].Method)
		r, err := z.File[i].Open()
		require.NoError(t, err)
		data, err := io.ReadAll(r) // checks the CRC
		require.NoError(t, err)
		return data
	}
	requireArray(t, read(0, "layer1/relu.0.npy"), 0, layers)
	requireArray(t, read(1, "fc.npy"), 1, layers)

	data := read(2, "paths.npy")
	longest := len([]rune(paths[1]))
	require.Contains(t, string(data), fmt.Sprintf("'<U%d'", longest))
	require.Contains(t, string(data), fmt.Sprintf("'shape': (%d,)", len(paths)))
	text := data[len(data)-4*longest*len(paths):]
	runes := func(b []byte) (s []rune) {
		for ; len(b) > 0; b = b[4:] {
			if r := binary.LittleEndian.Uint32(b); r != 0 {
				s = append(s, rune(r))
			}
		}
		return s
	}
	row := func(i int) []rune { return runes(text[4*longest*i:][:4*longest]) }
	require.Equal(t, []rune(paths[1]), row(1))
	require.Equal(t, []rune{'b', 'a', 'd', 0xDCFF, 1, '.', 'j', 'p', 'g'}, row(3))

	data = read(3, "provenance.npy")
	require.Contains(t, string(data), "'shape': ()")
	requireProvenance(t, []byte(string(runes(data[bytes.IndexByte(data, '\n')+1:]))), layers)
}

func TestSafetensors(t *testing.T) {
	data, err := os.ReadFile(write(t, "out.safetensors", layers))
	require.NoError(t, err)
	size := binary.LittleEndian.Uint64(data)
	require.Zero(t, size%8)
	var header map[string]struct {
		DType   string
		Shape   []int
		Offsets [2]int `json:"data_offsets"`
		Paths   string
		Featx   string
	}
	require.NoError(t, json.Unmarshal(data[8:8+size], &header))
	require.Equal(t, pathsJSON, header["__metadata__"].Paths)
	requireProvenance(t, []byte(header["__metadata__"].Featx), layers)
	end := 0
	for l, layer := range layers {
		h := header[layer.Name]
		require.Equal(t, "F32", h.DType)
		require.Equal(t, append([]int{len(paths)}, layer.Dims...), h.Shape)
		require.Equal(t, end, h.Offsets[0])
		end = h.Offsets[1]
		requireArray(t, append(npy.Header("<f4", h.Shape...), data[8+int(size):][h.Offsets[0]:end]...), l, layers)
	}
	require.Len(t, data, 8+int(size)+end)
}

func TestJSONL(t *testing.T) {
	path := write(t, "out.jsonl", layers)
	requireProvenanceFile(t, path, layers)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var stream bytes.Buffer
	w := sink.NewStream(&stream, layers)
	for i, p := range paths {
		require.NoError(t, w.Add(sink.Outcome{Path: p, Features: rowOf(i, layers)}))
	}
	require.Equal(t, string(data), stream.String())

	var names []json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(pathsJSON), &names))
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	require.Len(t, lines, len(paths)*len(layers))
	for i, line := range lines {
		var got struct {
			Path     json.RawMessage
			Layer    string
			Shape    []int
			Features []json.Number
		}
		require.NoError(t, json.Unmarshal([]byte(line), &got))
		row, l := i/len(layers), i%len(layers)
		require.Equal(t, string(names[row]), string(got.Path))
		require.Equal(t, layers[l].Name, got.Layer)
		require.Equal(t, layers[l].Dims, got.Shape)
		for j, n := range got.Features {
			f, err := n.Float64()
			if err != nil {
				require.Equal(t, "1e999", strings.TrimPrefix(n.String(), "-"))
			}
			require.Equal(t, math.Float32bits(value(row, l, j)), math.Float32bits(float32(f)))
		}
	}
	require.NoError(t, w.Add(sink.Outcome{Path: "nan", Features: [][]float32{{float32(math.NaN())}, {}}}))
	require.Contains(t, stream.String(), `"features":[null]`)
}

// The bytes depend on the rows alone.
func TestSameBytes(t *testing.T) {
	for _, ending := range []string{".npz", ".safetensors"} {
		a, err := os.ReadFile(write(t, "a"+ending, layers))
		require.NoError(t, err)
		b, err := os.ReadFile(write(t, "b"+ending, layers))
		require.NoError(t, err)
		require.Equal(t, a, b)
	}
}

// A file that is there stays until the new one is complete; a link to it stays a link.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "old.jsonl"), filepath.Join(dir, "link.jsonl")
	require.NoError(t, os.WriteFile(target, []byte("old"), 0o640))
	if err := os.Symlink("old.jsonl", link); err != nil {
		t.Skip("no symbolic links: ", err)
	}
	j, err := sink.OpenJob(link, layers, sink.JobOptions{})
	require.NoError(t, err)
	require.NoError(t, j.Add(sink.Outcome{Path: "a", Features: rowOf(0, layers)}))
	data, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "old", string(data))
	require.NoError(t, j.Finish(t.Context()))
	data, err = os.ReadFile(target)
	require.NoError(t, err)
	require.Contains(t, string(data), `{"path":"a"`)
	info, err := os.Stat(target)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode())
	requireFiles(t, dir, "old.jsonl", "link.jsonl", "old.jsonl.provenance.json")
}

func TestCreateErrors(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder.npz"), 0o777))
	for name, want := range map[string]string{
		"out.csv":           "unknown ending: want one of " + strings.Join(sink.Endings, ", "),
		"out":               "unknown ending",
		"out.npy":           "a .npy file holds one layer, not 2",
		"missing/out.npz":   "there is no such folder to write to",
		"folder.npz":        "is a directory",
		"missing/out.jsonl": "there is no such folder to write to",
	} {
		path := filepath.Join(dir, name)
		_, err := sink.OpenJob(path, layers, sink.JobOptions{})
		require.ErrorContains(t, err, path+": ")
		require.ErrorContains(t, err, want)
		require.Equal(t, 1, strings.Count(err.Error(), dir), err)
	}
	_, err := sink.OpenJob(filepath.Join(dir, "out.npz"), []sink.Layer{{Name: "paths"}}, sink.JobOptions{})
	require.ErrorContains(t, err, `the layer "paths" has a name that .npz files keep for themselves`)
	requireFiles(t, dir, "folder.npz")
}

func TestSafetensorsHeaderLimit(t *testing.T) {
	j, err := sink.OpenJob(filepath.Join(t.TempDir(), "out.safetensors"), []sink.Layer{{Name: "x", Dims: []int{1}}}, sink.JobOptions{})
	require.NoError(t, err)
	defer j.Close()
	long := strings.Repeat("x", 10_000_000)
	for range 10 {
		if err = j.Add(sink.Outcome{Path: long, Features: [][]float32{{1}}}); err != nil {
			break
		}
	}
	require.ErrorContains(t, err, "do not fit into the header")
	require.ErrorContains(t, err, ".npz")
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestStreamError(t *testing.T) {
	require.ErrorContains(t, sink.NewStream(failing{}, layers).Add(sink.Outcome{Path: "a", Features: rowOf(0, layers)}), "gone")
}
