package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/sink/npy"
)

func TestSimilar(t *testing.T) {
	require.Contains(t, ok(t, ".", "similar", "--help"), "Examples:")
	dir := pictures(t, some...)
	for file, flag := range map[string]string{"fge.npz": "--pool=gem", "fl2.npz": "--l2"} {
		ok(t, dir, "extract", "-l", "layer3,flatten", flag, "--resize", "40", "--crop", "center", "-o", file, "p")
	}
	require.NoError(t, os.Rename(filepath.Join(dir, "p", "ship.jpg"), filepath.Join(dir, "other.jpg")))

	// A row is not its own neighbour; the same picture by another name is, with the same features, by the file's recipe, pooling and layer.
	for _, file := range []string{"fge.npz", "fl2.npz"} {
		for _, layer := range []string{"layer3", "flatten"} {
			row := ok(t, dir, "similar", "--in", file, "-l", layer, "p/ship.jpg")
			require.Equal(t, 4, strings.Count(row, "\n"))
			require.NotContains(t, row, "ship")
			picture := ok(t, dir, "similar", "--in", file, "-l", layer, "other.jpg")
			require.Equal(t, "1.000000  p/ship.jpg\n"+row, picture)
			require.True(t, strings.HasPrefix(ok(t, dir, "similar", "--in", file, "-l", layer, "--metric", "l2", "-n", "1", "other.jpg"), "0.000000  p/ship.jpg\n"))
		}
	}

	// Several queries; the numbers are those of the rows.
	var out found
	require.NoError(t, json.Unmarshal([]byte(ok(t, dir, "similar", "--in", "fge.npz", "-l", "flatten", "-n", "2", "--json", "other.jpg", "p/grey8.png")), &out))
	require.Equal(t, "flatten", out.Layer)
	require.EqualValues(t, 5, out.Rows)
	require.Len(t, out.Queries, 2)
	require.Nil(t, out.Queries[0].Row)
	require.EqualValues(t, 2, *out.Queries[1].Row)
	require.Len(t, out.Queries[1].List, 2)
	a, err := npy.OpenArchive(filepath.Join(dir, "fge.npz"))
	require.NoError(t, err)
	defer a.Close()
	values, err := a.Find("flatten").Values()
	require.NoError(t, err)
	length := len(values) / 5
	for _, n := range out.Queries[1].List {
		dot, x, y := 0.0, 0.0, 0.0
		for i := range length {
			p, q := float64(values[2*length+i]), float64(values[int(n.Row)*length+i])
			dot, x, y = dot+p*q, x+p*p, y+q*q
		}
		require.InDelta(t, dot/math.Sqrt(x*y), n.Score, 1e-12)
	}
	require.Regexp(t, `^other\.jpg:\n1\.000000  p/ship\.jpg\n\np/grey8\.png:\n0\.\d+  p/`, ok(t, dir, "similar", "--in", "fge.npz", "-l", "flatten", "-n", "1", "other.jpg", "p/grey8.png"))

	// Through the PCA that the file was made with, and no other.
	ok(t, dir, "extract", "-l", "flatten", "-o", "train.npy", "p", "other.jpg")
	for file, n := range map[string]string{"a.pca.safetensors": "3", "b.pca.safetensors": "2"} {
		ok(t, dir, "pca", "fit", "--in", "train.npy", "-n", n, "-o", file)
	}
	ok(t, dir, "extract", "-l", "flatten", "--pca", "a.pca.safetensors", "-o", "projected.npz", "p", "other.jpg")
	require.True(t, strings.HasPrefix(ok(t, dir, "similar", "--in", "projected.npz", "--pca", "a.pca.safetensors", "--metric", "l2", "./other.jpg"), "0.000000  other.jpg\n"))

	// Arrays of other programs: rows by their numbers, or a picture with the model that is said.
	write(t, dir, "x.npy", npy.AppendFloats(npy.Header("<f4", 4, 2), []float32{1, 0, 0, 1, 2, 1, float32(math.NaN()), 0}))
	r := command(t, dir, "similar", "--in", "x.npy", "0")
	require.Equal(t, "0.894427  2\n0.000000  1\n", r.stdout)
	requireLine(t, r.stderr, "x.npy: 1 of its rows are left out")
	write(t, dir, "y.npy", npy.AppendFloats(npy.Header("<f4", 2, 64), make([]float32, 128)))
	require.Equal(t, "0.000000  0\n0.000000  1\n", ok(t, dir, "similar", "--in", "y.npy", "-m", "cifar10-resnet20", "other.jpg"))

	// Another model than the file's.
	ok(t, dir, "extract", "-o", "z.npy", "p")
	text := string(read(t, dir, "z.npy.provenance.json"))
	write(t, dir, "z.npy.provenance.json", []byte(strings.Replace(text, `"sha256":`, `"sha256":"0", "old":`, 1)))
	r = command(t, dir, "similar", "--in", "z.npy", "-m", "cifar10-resnet20", "other.jpg")
	requireLine(t, r.stderr, "z.npy: was made with the model cifar10-resnet20 of SHA-256 0, and cifar10-resnet20 has ")
	require.Equal(t, 4, strings.Count(r.stdout, "\n"))

	for want, args := range map[string][]string{
		"--in FILE is missing":                                             {"other.jpg"},
		"projected.npz: its layer flatten was projected on":                {"--in", "projected.npz", "./other.jpg"},
		"--pca b.pca.safetensors: is not the PCA of proj":                  {"--in", "projected.npz", "--pca", "b.pca.safetensors", "./other.jpg"},
		"fge.npz: has 2 layers, name one of them: layer3":                  {"--in", "fge.npz", "other.jpg"},
		`fge.npz: has no layer "fc"; it has layer3`:                        {"--in", "fge.npz", "-l", "fc", "other.jpg"},
		"-n 0: must be from 1":                                             {"--in", "z.npy", "-n", "0", "other.jpg"},
		"--metric dot: want cosine or l2":                                  {"--in", "z.npy", "--metric", "dot", "other.jpg"},
		"none.jpg: is no path of a row of z.npy":                           {"--in", "z.npy", "none.jpg"},
		"z.npy: ":                                                          {"--in", "fge.npz", "-l", "flatten", "z.npy"},
		"x.npy: does not tell what its features were mad":                  {"--in", "x.npy", "other.jpg"},
		"x.npy: its rows have 2 values, and layer flatten of the model 64": {"--in", "x.npy", "-m", "cifar10-resnet20", "other.jpg"},
		"say with -m which one to take":                                    {"--in", "z.npy", "other.jpg"},
		"x.npy: the row of 3 has NaN or infinities":                        {"--in", "x.npy", "3"},
	} {
		r := command(t, dir, append([]string{"similar"}, args...)...)
		require.Equal(t, statusFailed, r.status, "%s: %s", want, r.stderr)
		requireLine(t, r.stderr, want)
		require.Empty(t, r.stdout)
	}
}
