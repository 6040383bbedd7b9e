package keras

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/tools/convert/keras/hdf5"
)

// readAll reads a file and all its tensors.
func readAll(data []byte) error {
	_, err := contents(data)
	return err
}

// contents is a digest of a file's graph and tensors.
func contents(data []byte) ([sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	f, err := Read(data, Options{Open: func(string) ([]byte, error) { return make([]byte, 1<<12), nil }})
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(f.Graph); err != nil {
		return sum, err
	}
	for _, x := range f.Tensors {
		w, err := x.Fetch()
		if err != nil {
			return sum, err
		}
		fmt.Fprint(h, x.Name, w.Shape)
		h.Write(w.Data)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// Cut files are errors, flipped bytes never a panic; in a .keras archive, whose parts have checksums, they are errors or change nothing.
func TestDamagedFiles(t *testing.T) {
	files := map[string][]byte{"nested.keras": unzipped(t, "keras3/nested.keras.gz"), "nested.h5": unzipped(t, "keras2/nested.h5.gz")}
	dir := os.Getenv("FEATX_DATA")
	if dir == "" {
		dir = "../../../../shared/data"
	}
	for _, name := range []string{"mlperf-tiny-resnet8.h5", "squeezenet-imagenet-notop.h5"} {
		if testing.Short() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, "weights", name))
		if err != nil {
			t.Logf("without the shared %s: %v", name, err)
			continue
		}
		files[name] = data
	}
	flips := 1000
	if testing.Short() {
		flips = 50
	}
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			whole, err := contents(data)
			require.NoError(t, err)
			r := rand.New(rand.NewPCG(1, 2))
			for i := range 100 {
				require.Error(t, readAll(data[:len(data)*i/100]), "cut at %d", len(data)*i/100)
			}
			copied := bytes.Clone(data)
			for range flips {
				at := r.IntN(len(data))
				copied[at] ^= byte(1 + r.IntN(255))
				if got, err := contents(copied); err == nil && strings.HasSuffix(name, ".keras") {
					require.Equal(t, whole, got, "byte %d of %d changed the network without an error", at, len(data))
				}
				copied[at] = data[at]
			}
		})
	}
}

func FuzzKeras(f *testing.F) {
	f.Add(unzipped(f, "keras3/open_size.keras.gz"))
	f.Add(unzipped(f, "keras2/open_size.h5.gz"))
	f.Add([]byte(`{"modelTopology":{"class_name":"Sequential","config":[{"class_name":"Flatten","config":{"batch_input_shape":[null,2,2,3]}}]},"weightsManifest":[]}`))
	f.Fuzz(func(_ *testing.T, data []byte) { _ = readAll(data) })
}

// FuzzConfig reads models' configs alone.
func FuzzConfig(f *testing.F) {
	for _, name := range []string{"nested", "merge", "activations"} {
		for _, dir := range []string{"keras2", "keras3"} {
			root, err := hdf5.Parse(unzipped(f, dir+"/"+name+".h5.gz"))
			require.NoError(f, err)
			text, err := root.Strings("model_config")
			require.NoError(f, err)
			f.Add([]byte(text[0]))
		}
	}
	f.Fuzz(func(_ *testing.T, text []byte) {
		if t, err := parseModel(text); err == nil {
			for _, keras3 := range []bool{false, true} {
				_, _, _ = buildGraph(t, keras3, [2]int{32, 32})
			}
		}
	})
}
