package onnx

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// readAll does everything that a conversion does with a file, but for writing.
func readAll(data []byte) (*Network, error) {
	m, err := Parse(data, nil)
	if err != nil {
		return nil, err
	}
	h, w := m.Size()
	if h == 0 || w == 0 {
		h, w = 32, 32
	}
	n, err := m.Import(h, w)
	if err != nil {
		return nil, err
	}
	for _, w := range n.Weights {
		tensor, err := w.Fetch()
		if err != nil {
			return nil, err
		}
		if _, err := tensor.Weight(); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// checked is readAll with a bound on memory: what constants may grow to is 32 bytes for each of the file and 16 MB; messages and weights are less.
func checked(t testing.TB, data []byte) (*Network, error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, err := readAll(data)
	runtime.ReadMemStats(&after)
	if used, allowed := after.TotalAlloc-before.TotalAlloc, uint64(256<<20+1024*len(data)); used > allowed {
		t.Fatalf("%d bytes allocated for a file of %d", used, len(data))
	}
	if errors.Is(err, errInternal) {
		t.Fatal(err)
	}
	return n, err
}

func FuzzONNX(f *testing.F) {
	seeds, err := filepath.Glob(filepath.Join(exports, "*.onnx"))
	require.NoError(f, err)
	for _, path := range seeds {
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(data)
	}
	ops := map[string]bool{}
	for _, c := range archivedCases(f) {
		if op, ok := c.operator(); ok && !ops[op] {
			ops[op] = true
			f.Add(c.model)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if n, err := checked(t, data); err == nil {
			if err := n.Graph.Validate(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// The real file cut at 100 places is an error each time; with flipped bytes it is an error or a network, without a panic and without more memory than its size allows.
func TestDamaged(t *testing.T) {
	data := os.Getenv("FEATX_DATA")
	if data == "" {
		data = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	file, err := os.ReadFile(filepath.Join(data, "weights", "imagenet-mobilenet-v1-075-192.onnx"))
	if err != nil {
		t.Skipf("%v (FEATX_DATA names the folder of the shared data)", err)
	}
	_, err = checked(t, file)
	require.NoError(t, err)
	for i := range 100 {
		_, err := checked(t, file[:len(file)*i/100])
		require.Error(t, err, "cut at %d of 100", i)
	}
	flips := 1000
	if testing.Short() {
		flips = 100
	}
	r := rand.New(rand.NewPCG(1, 2))
	// Where the structure is, nearly all flips matter: the weights are most of the file.
	structure := structureOf(t, file)
	failed := 0
	for i := range flips {
		at := r.IntN(len(file))
		if i%2 == 0 {
			at = structure[r.IntN(len(structure))]
		}
		old := file[at]
		file[at] ^= byte(1 + r.IntN(255))
		if _, err := checked(t, file); err != nil {
			failed++
		}
		file[at] = old
	}
	t.Logf("%d of %d flips are errors", failed, flips)
	require.Greater(t, failed, flips/10)
}

// structureOf lists the positions of the file that are not in initialisers.
func structureOf(t *testing.T, file []byte) (list []int) {
	m, err := Parse(file, nil)
	require.NoError(t, err)
	weights := map[int]int{} // begin -> length
	for _, x := range m.proto.graph.tensors {
		raw, err := x.raw()
		require.NoError(t, err)
		if len(raw) > 0 {
			weights[int(uintptr(unsafe.Pointer(&raw[0]))-uintptr(unsafe.Pointer(&file[0])))] = len(raw)
		}
	}
	for at := 0; at < len(file); {
		if n := weights[at]; n > 0 {
			at += n
			continue
		}
		list = append(list, at)
		at++
	}
	return list
}
