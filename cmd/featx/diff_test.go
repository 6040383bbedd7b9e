package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/sink/npy"
)

// differing runs diff and expects that it finds something.
func differing(t *testing.T, dir string, args ...string) string {
	t.Helper()
	r := command(t, dir, append([]string{"diff"}, args...)...)
	require.Empty(t, r.stderr)
	require.Equal(t, statusPartly, r.status)
	return r.stdout
}

func TestDiff(t *testing.T) {
	require.Contains(t, ok(t, ".", "diff", "--help"), "Examples:")
	dir := pictures(t, some...)
	extract := func(out string, args ...string) {
		t.Helper()
		ok(t, dir, append([]string{"extract", "-o", out}, args...)...)
	}
	extract("a.npz", "-l", "layer3,flatten", "p")
	extract("b.safetensors", "-l", "layer3,flatten", "--rows-per-file", "2", "p")
	extract("c.jsonl", "-l", "flatten", "p")

	// Of two formats, as several files, with fewer layers.
	same := ok(t, dir, "diff", "a.npz", "b.safetensors")
	require.Contains(t, same, "same program, model and recipe.\nThey have the same 5 rows, in the same order.\n")
	require.Regexp(t, `layer3 +5 +0 +0 +0 +1\.0{9}\nflatten +5 +0 +0 +0 +1\.0{9}\n\nThe features are the same\.\n$`, same)
	require.Regexp(t, `layer3 +only in A\nflatten +5 +0 .*\n\nThe files differ: 1 of 2 layers differ\.`, differing(t, dir, "a.npz", "c.jsonl"))

	// Another recipe: said in words, with the first row and the worst.
	extract("d.jsonl", "-l", "flatten", "--size", "32", "--resize", "40", "--crop", "center", "--l2", "--on-error", "nan", "p")
	out := differing(t, dir, "c.jsonl", "d.jsonl")
	require.Contains(t, out, "Another recipe: resize 32x32 in A, 40 in B.\n")
	require.Contains(t, out, "Another recipe: crop none in A, center in B.\n")
	require.Contains(t, out, "Rows divided by their norm (--l2): false in A, true in B.\n")
	require.Contains(t, out, "A picture that cannot be read (--on-error): skip in A, nan in B.\n")
	require.Contains(t, out, "flatten: the first row that differs is p/420-53x37.jpg (row 0): most at value ")

	// Other rows, in another order: each is compared with its own.
	extract("e.npz", "-l", "flatten", "p/ship.jpg", "p/grey8.png", "p/rgba16.png", "p/grey8.png")
	out = differing(t, dir, "c.jsonl", "e.npz")
	require.Contains(t, out, "3 rows are in both.\n2 only in A: p/420-53x37.jpg, p/cmyk-adobe-53x37.jpg\n1 only in B: p/grey8.png\n")
	require.Contains(t, out, "another order: the first is p/ship.jpg.\n")
	require.Regexp(t, `flatten +3 +0 +0 +0 +1\.0{9}\n\nThe files differ: 3 rows are in one only, the rows are in another order\.`, out)
	require.Regexp(t, `flatten +4 +4 `, differing(t, dir, "--by-place", "c.jsonl", "e.npz"))
	extract("f.npz", "-l", "flatten", "p/grey8.png", "p/ship.jpg")
	require.Regexp(t, `(?s)2 rows are in both\.\n3 only in A.*flatten +2 +0 `, differing(t, dir, "c.jsonl", "f.npz"))

	// Arrays of other programs have no provenance, paths nor names.
	values := []float32{1, 2, 3, 4, 5, 6}
	write(t, dir, "x.npy", npy.AppendFloats(npy.Header("<f4", 3, 2), values))
	write(t, dir, "y.npy", npy.AppendFloats(npy.Header("<f4", 3, 2), []float32{1, 2, 3, 4.004, 5, 6.03}))
	out = differing(t, dir, "x.npy", "y.npy")
	require.Contains(t, out, "x.npy does not tell what it was made with.\ny.npy does not tell what it was made with.\n")
	require.Contains(t, out, "Rows are compared by their place, since the files do not both have paths: A has 3, B 3.\n")
	require.Contains(t, out, "the first row that differs is 1 (row 1): most at value 1, 4 in A, 4.00400019 in B\n")
	require.Contains(t, out, "the worst row that differs is 2 (row 2): most at value 1, 6 in A, 6.03000021 in B\n")
	require.Contains(t, differing(t, dir, "--tolerance", "0.003", "x.npy", "y.npy"), "1 of 1 layers differ")
	ok(t, dir, "diff", "--tolerance", "0.006", "x.npy", "y.npy")
	write(t, dir, "z.npy", npy.AppendFloats(npy.Header("<f4", 2, 3), values))
	require.Contains(t, differing(t, dir, "x.npy", "z.npy"), "2 in A, 3 in B")

	// A number beside NaN differs infinitely, NaN from NaN not at all.
	nan := strings.ReplaceAll(string(read(t, dir, "c.jsonl")), `"features":[`, `"features":[null,`)
	nan = strings.ReplaceAll(nan, `"shape":[64]`, `"shape":[65]`)
	write(t, dir, "nan.jsonl", []byte(nan))
	ok(t, dir, "diff", "nan.jsonl", "nan.jsonl")
	write(t, dir, "one.jsonl", []byte(strings.Replace(nan, "null", "1", 1)))
	require.Regexp(t, ` +5 +1 +\+Inf +\+Inf `, differing(t, dir, "--tolerance", "1e9", "nan.jsonl", "one.jsonl"))

	var report difference
	text := differing(t, dir, "--json", "nan.jsonl", "one.jsonl")
	require.NoError(t, json.Unmarshal([]byte(text), &report))
	require.False(t, report.Same)
	require.EqualValues(t, 1, report.Layers[0].Differ)
	require.Equal(t, "p/420-53x37.jpg", report.Layers[0].Worst.Path)
	require.Contains(t, text, `"largest_difference": null`)

	for want, args := range map[string][]string{
		"nothing.npz: there is no such file":              {"a.npz", "nothing.npz"},
		"want two files of features":                      {"a.npz"},
		"--tolerance -1: must be 0 or more":               {"--tolerance", "-1", "a.npz", "a.npz"},
		"p: unknown ending: want one of .npy":             {"a.npz", "p"},
		"its provenance is damaged: unexpected end of JS": {"a.npz", "g.npy"},
	} {
		if want[0] == 'i' {
			write(t, dir, "g.npy", read(t, dir, "x.npy"))
			write(t, dir, "g.npy.provenance.json", []byte("{"))
		}
		r := command(t, dir, append([]string{"diff"}, args...)...)
		require.Equal(t, statusFailed, r.status)
		requireLine(t, r.stderr, want)
	}
}

// Another model is told by its hash.
func TestDiffModels(t *testing.T) {
	dir := pictures(t, some...)
	ok(t, dir, "extract", "-o", "a.npy", "p")
	text := string(read(t, dir, "a.npy.provenance.json"))
	var p struct{ Model struct{ SHA256 string } }
	require.NoError(t, json.Unmarshal([]byte(text), &p))
	for _, ending := range []string{"", ".paths.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "b.npy"+ending), read(t, dir, "a.npy"+ending), 0o666))
	}
	write(t, dir, "b.npy.provenance.json", []byte(strings.Replace(text, p.Model.SHA256, "0123", 1)))
	require.Contains(t, ok(t, dir, "diff", "a.npy", "b.npy"), "Another model, "+"cifar10-resnet20 in A and cifar10-resnet20 in B: SHA-256 "+p.Model.SHA256+" in A, 0123 in B.\n")
}
