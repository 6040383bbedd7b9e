package hdf5

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// testFile reads a file that testdata/make.py made.
func testFile(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".gz"))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	data, err := io.ReadAll(z)
	require.NoError(t, err)
	return data
}

func digest(list []string) string {
	sum := sha256.Sum256([]byte(strings.Join(list, "\x00")))
	return fmt.Sprintf("%d %s", len(list), hex.EncodeToString(sum[:]))
}

// Every object of every file, as h5py reads it.
func TestAgainstH5py(t *testing.T) {
	text, err := os.ReadFile("testdata/expected.json")
	require.NoError(t, err)
	var expected map[string]map[string]struct {
		Class   Class
		Dims    []int
		SHA256  string
		Values  string
		Names   string
		Strings map[string]string
	}
	require.NoError(t, json.Unmarshal(text, &expected))
	require.Len(t, expected, 10)
	for name, objects := range expected {
		t.Run(name, func(t *testing.T) {
			root, err := Parse(testFile(t, name))
			require.NoError(t, err)
			require.NotEmpty(t, objects)
			for path, want := range objects {
				o, err := root.Open(path)
				require.NoError(t, err)
				for attribute, values := range want.Strings {
					list, err := o.Strings(attribute)
					require.NoError(t, err)
					require.Equal(t, values, digest(list), "%s: %s", path, attribute)
				}
				require.Equal(t, want.Names == "", o.IsDataset(), path)
				if !o.IsDataset() {
					require.Equal(t, want.Names, digest(o.Names()), path)
					continue
				}
				a, err := o.Dataset()
				require.NoError(t, err, path)
				require.Equal(t, want.Class, a.Type.Class, path)
				require.Equal(t, len(want.Dims), len(a.Dims), path)
				for i, d := range want.Dims {
					require.Equal(t, d, a.Dims[i], path)
				}
				if want.Values != "" {
					list, err := a.Strings()
					require.NoError(t, err, path)
					require.Equal(t, want.Values, digest(list), path)
					continue
				}
				b, err := a.Bytes()
				require.NoError(t, err, path)
				sum := sha256.Sum256(b)
				require.Equal(t, want.SHA256, hex.EncodeToString(sum[:]), path)
			}
		})
	}
}

func TestLookups(t *testing.T) {
	root, err := Parse(testFile(t, "v110.h5"))
	require.NoError(t, err)
	parts, err := root.Strings("layer_names") // layer_names0, layer_names1, layer_names2
	require.NoError(t, err)
	require.Len(t, parts, 100)
	require.Equal(t, "layer_57", parts[57])
	_, err = root.Open("a/b/nothing")
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorContains(t, err, `/a/b: "nothing" is not there`)
	_, err = root.Attribute("nothing")
	require.ErrorIs(t, err, ErrNotFound)
	_, err = root.Open("soft/c")
	require.ErrorContains(t, err, `"soft" is a soft or external link, which is not supported`)
	_, err = root.Strings("numbers")
	require.ErrorContains(t, err, `attribute "numbers": holds signed integers, not strings`)
	_, err = root.Dataset()
	require.ErrorContains(t, err, "is a group, not a dataset")
	_, err = Parse([]byte("no HDF5"))
	require.ErrorContains(t, err, "is no HDF5 file")
	require.True(t, Is(testFile(t, "userblock.h5")))
}

func TestChecksums(t *testing.T) {
	// Published values of hashlittle("Four score and seven years ago", 0), and of HDF5's own test of its Fletcher sum.
	require.EqualValues(t, 0x17770551, lookup3([]byte("Four score and seven years ago")))
	require.Equal(t, uint32(0xdeadbeef), lookup3(nil))
	require.EqualValues(t, 0x01000100, fletcher32([]byte{1, 0}))
}

// walk reads everything that there is, and how many bytes it came to.
func walk(o *Object, read *int, left *int) error {
	if *left--; *left < 0 || *read > 1<<28 {
		return nil
	}
	var first error
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	for _, name := range []string{"layer_names", "weight_names", "model_config", "list", "attribute 7"} {
		list, err := o.Strings(name)
		if !errors.Is(err, ErrNotFound) {
			keep(err)
		}
		for _, s := range list {
			*read += len(s)
		}
	}
	if o.IsDataset() {
		a, err := o.Dataset()
		if err == nil {
			var b []byte
			b, err = a.Bytes()
			*read += len(b)
			_, _ = a.Strings()
		}
		keep(err)
	}
	for _, name := range o.Names() {
		child, err := o.Open(name)
		if err == nil {
			err = walk(child, read, left)
		}
		keep(err)
	}
	return first
}

func walkAll(data []byte) (read int, err error) {
	root, err := Parse(data)
	if err != nil {
		return 0, err
	}
	left := 2000
	err = walk(root, &read, &left)
	return read, err
}

// real gives the shared trained networks' files.
func real(t *testing.T) map[string][]byte {
	dir := os.Getenv("FEATX_DATA")
	if dir == "" {
		dir = "../../../../../shared/data"
	}
	files := map[string][]byte{}
	for _, name := range []string{"mlperf-tiny-resnet8.h5", "squeezenet-imagenet-notop.h5"} {
		data, err := os.ReadFile(filepath.Join(dir, "weights", name))
		if err != nil {
			t.Skip("no shared data: ", err)
		}
		files[name] = data
	}
	return files
}

// Cut files are errors; flipped bytes are errors or are read, without a panic and without more memory than the file's size allows.
func TestDamaged(t *testing.T) {
	files := map[string][]byte{"v110.h5": testFile(t, "v110.h5"), "earliest.h5": testFile(t, "earliest.h5"), "large_attribute.h5": testFile(t, "large_attribute.h5")}
	flips := map[string]int{}
	if !testing.Short() {
		for name, data := range real(t) {
			files[name], flips[name] = data, 1000
		}
	}
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			for i := range 100 {
				_, err := walkAll(data[:len(data)*i/100])
				require.Error(t, err, "cut at %d of %d", len(data)*i/100, len(data))
			}
			copied := bytes.Clone(data)
			for range max(flips[name], 100) {
				at := r.IntN(len(data))
				if r.IntN(2) == 0 { // structures are rarer than values
					at = r.IntN(min(len(data), 1<<14))
				}
				copied[at] ^= byte(1 + r.IntN(255))
				_, _ = walkAll(copied)
				copied[at] = data[at]
			}
		})
	}
}

// In a file whose metadata and values all have checksums, a flipped byte is an error, or changes nothing that is read.
func TestFlipsAreFound(t *testing.T) {
	data := testFile(t, "v110.h5")
	root, err := Parse(data)
	require.NoError(t, err)
	o, err := root.Open("layouts/fixed, checked")
	require.NoError(t, err)
	a, err := o.Dataset()
	require.NoError(t, err)
	want, err := a.Bytes()
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(3, 4))
	found := 0
	copied := bytes.Clone(data)
	for last, at := 0, 0; at < len(data); at += 1 + r.IntN(100) {
		copied[last] = data[last]
		copied[at] ^= byte(1 + r.IntN(255))
		last = at
		root, err := Parse(copied)
		if err == nil {
			if o, err = root.Open("layouts/fixed, checked"); err == nil {
				if a, err = o.Dataset(); err == nil {
					var got []byte
					if got, err = a.Bytes(); err == nil {
						require.Equal(t, want, got, "byte %d", at)
					}
				}
			}
		}
		if err != nil {
			found++
		}
	}
	require.Greater(t, found, 20)
}

func FuzzHDF5(f *testing.F) {
	for _, name := range []string{"seed_earliest.h5", "seed_latest.h5"} {
		f.Add(testFile(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		read, _ := walkAll(data)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<28+8*uint64(read) {
			t.Fatalf("%d bytes of memory for a file of %d, of which %d were read", used, len(data), read)
		}
	})
}
