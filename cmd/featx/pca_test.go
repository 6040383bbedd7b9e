package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/pca"
)

// From features to a PCA to projected features: what extract gives is what the PCA makes of the rows that extract gives without it.
func TestPCA(t *testing.T) {
	dir := pictures(t, some...)
	write(t, filepath.Join(dir, "p"), "broken.png", []byte("no picture"))
	require.Equal(t, statusPartly, command(t, dir, "extract", "-l", "layer3", "--pool", "gem", "--on-error", "nan", "--rows-per-file", "4", "-o", "f.npy", "p").status)
	text := ok(t, dir, "pca", "fit", "--in", "f-00000.npy,f-00001.npy", "-l", "layer3", "-n", "3", "--whiten", "--l2", "-o", "x.pca.safetensors")
	require.Regexp(t, `^x.pca.safetensors: 3 components of 64 values, whitened, of rows of norm one\n  fitted on  5 rows of f-00000.npy, f-00001.npy; 1 were not finite and are left out\n  layer      layer3\n  pooling    gem\n  model      [0-9a-f]{64}\n  variance   1: [\d.]+ %, 2: [\d.]+ %, 3: [\d.]+ %\n$`, text)
	require.Equal(t, text, ok(t, dir, "pca", "show", "x.pca.safetensors"))
	var shown struct {
		Components, Dims int
		Whiten, L2       bool
		Ratio            []float64  `json:"explained_variance_ratio"`
		Fitted           pca.Fitted `json:"fitted_on"`
	}
	require.NoError(t, json.Unmarshal([]byte(ok(t, dir, "pca", "show", "--json", "x.pca.safetensors")), &shown))
	require.Equal(t, []int{3, 64}, []int{shown.Components, shown.Dims})
	require.True(t, shown.Whiten && shown.L2)
	require.Len(t, shown.Ratio, 3)
	require.Equal(t, int64(1), shown.Fitted.Left)

	// The same file with any number of threads, and one of the components that have half of the variance.
	ok(t, dir, "pca", "fit", "--in", "f-00000.npy", "--in", "f-00001.npy", "-l", "layer3", "-n", "3", "--whiten", "--l2", "--threads", "7", "-o", "y.pca.safetensors")
	require.Equal(t, read(t, dir, "x.pca.safetensors"), read(t, dir, "y.pca.safetensors"))
	require.Contains(t, ok(t, dir, "pca", "fit", "--in", "f-00000.npy", "--variance", "0.5", "-o", "half.pca.safetensors"), " components of 64 values\n")

	p, err := pca.Open(filepath.Join(dir, "x.pca.safetensors"))
	require.NoError(t, err)
	extract := []string{"extract", "-l", "layer3,layer2", "--pool", "gem"}
	args := append(extract, "p/"+some[0], "p/"+some[1])
	raw := rowsOf(t, ok(t, dir, args...))
	got := rowsOf(t, ok(t, dir, append(args, "--pca", "x.pca.safetensors", "--l2")...))
	for i := range raw {
		want := raw[i].Features
		if raw[i].Layer == "layer3" {
			want = make([]float32, 3)
			p.Projector(1, 1).Project(want, raw[i].Features, 1)
		}
		pca.Normalise(want)
		require.Equal(t, want, got[i].Features)
		require.Equal(t, []int{len(want)}, got[i].Shape)
	}

	// All shards by one name, and from a file of several layers: the same rows.
	require.Equal(t, text, strings.Replace(ok(t, dir, "pca", "fit", "--in", "f.npy", "-n", "3", "--whiten", "--l2", "-o", "z.pca.safetensors"), "z.pca", "x.pca", 1))
	require.Equal(t, read(t, dir, "x.pca.safetensors"), read(t, dir, "z.pca.safetensors"))
	require.Equal(t, statusPartly, command(t, dir, append(extract, "-o", "all.safetensors", "p")...).status)
	ok(t, dir, "pca", "fit", "--in", "all.safetensors", "-l", "layer3", "-n", "3", "--whiten", "--l2", "-o", "z.pca.safetensors")
	z, err := pca.Open(filepath.Join(dir, "z.pca.safetensors"))
	require.NoError(t, err)
	require.Equal(t, p.Components, z.Components)
	require.Equal(t, p.Fitted.Model, z.Fitted.Model)
	z.Fitted.Layer, z.Fitted.Model = "", strings.Repeat("0", 64)
	require.NoError(t, z.Write(t.Context(), filepath.Join(dir, "other.pca.safetensors")))

	// The plan knows, and what was begun with another projection does not go on.
	var plan planReport
	require.NoError(t, json.Unmarshal([]byte(ok(t, dir, "plan", "--json", "--pca", "layer3=x.pca.safetensors", "-l", "layer3", "--pool", "gem")), &plan))
	require.Equal(t, []planLayer{{"layer3", []int{3}, 12}}, plan.Layers)
	require.Positive(t, plan.Memory.PCA)
	begun := append(extract, "-o", "g.npz", "--max-errors", "0", "p")
	require.Equal(t, statusFailed, command(t, dir, append(begun, "--pca", "x.pca.safetensors")...).status)
	require.DirExists(t, filepath.Join(dir, "g.npz.partial"))
	r := command(t, dir, append(begun, "--pca", "layer3=half.pca.safetensors")...)
	require.Equal(t, statusFailed, r.status)
	requireLine(t, r.stderr, "g.npz: what an interrupted run has left of it cannot be used")

	ok(t, dir, "extract", "-l", "layer3", "-o", "maps.npy", "p/"+some[0])
	ok(t, dir, "extract", "-l", "layer2", "--pool", "avg", "-o", "other.npy", "p/"+some[0])
	write(t, dir, "broken.safetensors", []byte("no PCA"))
	ok(t, dir, append(extract, "--pca", "x.pca.safetensors", "-o", "projected.safetensors", "p/"+some[0], "p/"+some[1])...)
	for _, c := range []struct{ args, reason string }{
		{"pca fit --in projected.safetensors -l layer3 -o z.safetensors", "projected.safetensors: its rows are what a PCA gave"},
		{"pca fit --in projected.safetensors -o z.safetensors", "has 2 layers, name one of them: layer3, layer2"},
		{"extract --pca x.pca.safetensors -l layer3 --pool avg p/" + some[0], "it was fitted on maps pooled by gem, and here they are pooled by avg"},
		{"extract --pca other.pca.safetensors p/" + some[0], "it was fitted on features of another model"},
		{"pca fit", "--in FILE is missing"},
		{"pca fit --in f-00000.npy", "-o FILE.pca.safetensors is missing"},
		{"pca fit --in f-00000.npy -o x.npy", "want a name that ends in .safetensors"},
		{"pca fit --in missing.npy -o z.safetensors", "missing.npy: there is no such file"},
		{"pca fit --in p -o z.safetensors", "p: "},
		{"pca fit --in maps.npy -o z.safetensors", "maps.npy: rows of [64 8 8]: a PCA takes vectors; --pool makes vectors of maps"},
		{"pca fit --in other.npy -o z.safetensors", "other.npy: a PCA needs 2 rows at least, not 1"},
		{"pca fit --in f-00000.npy,other.npy -o z.safetensors", `f-00000.npy: 64 values of layer "layer3" pooled by "gem", model `},
		{"pca fit --in f-00000.npy -n 64 -o z.safetensors", "f-00000.npy: 64 components: the rows have variance in only"},
		{"pca fit --in f-00000.npy -n 0 -o z.safetensors", "-n 0: must be at least 1"},
		{"pca fit --in f-00000.npy --variance 1.5 -o z.safetensors", "--variance 1.5: want"},
		{"pca fit --in f-00000.npy --variance 0.5 -n 3 -o z.safetensors", "-n and --variance exclude each other"},
		{"pca fit --in f-00000.npy -o nowhere/z.safetensors", "nowhere/z.safetensors: not written: there is no such folder"},
		{"pca fit --in f-00000.npy --threads 0 -o z.safetensors", "--threads 0: must be at least 1"},
		{"pca fit f-00000.npy", "files of features go to --in"},
		{"pca fix", `unknown verb "fix"`},
		{"pca show broken.safetensors", "broken.safetensors: not a safetensors file"},
		{"extract --pca missing.safetensors p/" + some[0], "--pca missing.safetensors: no such file"},
		{"extract --pca layer3=missing.safetensors p/" + some[0], "--pca missing.safetensors: no such file"},
		{"extract --pca x.pca.safetensors p/" + some[0], `a PCA of layer "layer3", which is not asked for; those that are: flatten`},
		{"extract --pca layer2=x.pca.safetensors -l layer2 --pool gem p/" + some[0], "it takes rows of 64 values, and the layer has 32"},
		{"extract --pca x.pca.safetensors -l layer3 p/" + some[0], "it is a map [64 8 8]"},
	} {
		r := command(t, dir, strings.Fields(c.args)...)
		require.Equal(t, statusFailed, r.status, c.args)
		requireLine(t, r.stderr, c.reason)
	}
	require.NoFileExists(t, filepath.Join(dir, "z.safetensors"))
}
