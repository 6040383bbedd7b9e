package featx_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/tools/convert"
)

// data is a file of the shared test data; without it the test is skipped.
func data(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("FEATX_DATA")
	if dir == "" {
		dir = filepath.Join("..", "shared", "data")
	}
	file := filepath.Join(dir, filepath.FromSlash(name))
	if _, err := os.Stat(file); err != nil {
		t.Skipf("needs the test data, by FEATX_DATA or in ../shared/data: %v", err)
	}
	return file
}

// labelled is a test picture and the number of its class.
type labelled struct {
	class   int
	picture *image.RGB
}

// cifarTest gives the 5,000 test pictures in the order of folder name, then file name; classes are numbered in the order of the folders.
func cifarTest(t *testing.T) (list []labelled) {
	t.Helper()
	f, err := os.Open(data(t, "cifar10/test.tar.gz"))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	files := map[string]*image.RGB{}
	classes := map[string]bool{}
	for archive := tar.NewReader(z); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if h.Typeflag != tar.TypeReg {
			continue
		}
		picture, err := image.Decode(archive)
		require.NoError(t, err, h.Name)
		folder := path.Base(path.Dir(h.Name))
		files[folder+"/"+path.Base(h.Name)], classes[folder] = picture, true
	}
	folders := keys(classes)
	for _, name := range keys(files) {
		list = append(list, labelled{slices.Index(folders, path.Dir(name)), files[name]})
	}
	require.Len(t, list, 5000)
	return list
}

func keys[V any](m map[string]V) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	sort.Strings(list)
	return list
}

// torchPredictions are the classes that PyTorch gave the test pictures with the checkpoint of this hash (testdata/golden/make_predictions.py).
func torchPredictions(t *testing.T, sha256 string) []byte {
	t.Helper()
	files, err := filepath.Glob("testdata/golden/*predictions.txt")
	require.NoError(t, err)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		if sha256 != "" && bytes.Contains(text, []byte("sha256 "+sha256)) {
			digits := regexp.MustCompile(`(?m)^#.*\n|\s`).ReplaceAll(text, nil)
			require.Len(t, digits, 5000)
			return digits
		}
	}
	t.Fatalf("no testdata/golden/*predictions.txt for the checkpoint with sha256 %q: make one (make golden, make embedded)", sha256)
	return nil
}

// classify gives the class of each picture as a digit.
func classify(t *testing.T, m *featx.Model, list []labelled) []byte {
	t.Helper()
	x, err := m.Extractor(featx.Options{Layers: []string{"-1"}, Batch: 50})
	require.NoError(t, err)
	defer x.Close()
	input := make([]float32, x.Batch()*x.InputLen())
	var digits []byte
	for chunk := range slices.Chunk(list, x.Batch()) {
		for i, l := range chunk {
			require.NoError(t, x.PrepareImage(input[i*x.InputLen():][:x.InputLen()], l.picture))
		}
		out, err := x.Run(len(chunk), input[:len(chunk)*x.InputLen()])
		require.NoError(t, err)
		for scores := range slices.Chunk(out[0].Data, 10) {
			digits = append(digits, '0'+byte(slices.Index(scores, slices.Max(scores))))
		}
	}
	return digits
}

func compare(t *testing.T, m *featx.Model) (right int) {
	t.Helper()
	if testing.Short() {
		t.Skip("slow: 5,000 pictures")
	}
	want := torchPredictions(t, m.Source().SHA256)
	list := cifarTest(t)
	got := classify(t, m, list)
	right, torchRight, differ := 0, 0, 0
	for i, l := range list {
		if got[i] == '0'+byte(l.class) {
			right++
		}
		if want[i] == '0'+byte(l.class) {
			torchRight++
		}
		if got[i] != want[i] {
			differ++
		}
	}
	t.Logf("right: %d of %d, PyTorch %d; another class than PyTorch: %d", right, len(list), torchRight, differ)
	require.LessOrEqual(t, differ, 5)
	return right
}

// A published checkpoint, converted, classifies as it does in PyTorch.
func TestAccuracyPublished(t *testing.T) {
	file := filepath.Join(t.TempDir(), "model.safetensors")
	_, err := convert.Convert(t.Context(), data(t, "weights/cifar10-resnet20.th"), file, convert.Options{})
	require.NoError(t, err)
	m, err := featx.Open(file)
	require.NoError(t, err)
	defer m.Close()
	compare(t, m)
}

// The embedded model, in float16, classifies as its checkpoint does in PyTorch, in float32.
func TestAccuracyEmbedded(t *testing.T) {
	m, err := featx.Open(featx.EmbeddedName)
	require.NoError(t, err)
	require.Equal(t, "airplane automobile bird cat deer dog frog horse ship truck", strings.Join(m.Classes(), " "))
	require.GreaterOrEqual(t, compare(t, m), 4200, "84 % of the test pictures")
}
