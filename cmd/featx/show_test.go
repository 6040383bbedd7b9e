//go:build !minimal

package main

import (
	"bytes"
	stdimage "image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The pictures of docs/show.md are what the command draws, on every instruction set.
func TestShow(t *testing.T) {
	dir := t.TempDir()
	ship := testdata(t, "images/ship.jpg")
	for name, args := range map[string][]string{
		"show-maps.png": {"-l", "layer1,layer3,flatten", "--top", "20"},
		"show-heat.png": {"-l", "layer1,layer2,layer3", "--heat"},
	} {
		want, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		require.NoError(t, err)
		for _, isa := range []string{"generic", ""} {
			require.Empty(t, ok(t, dir, append([]string{"show", "--isa", isa, "-o", name, ship}, args...)...))
			require.Equal(t, pixels(t, want), pixels(t, read(t, dir, name)))
		}
	}
	ok(t, dir, "show", "-o", "a.png", "--maps", "0,3-5", "--range", "shared", "--colors", "magma", "--size", "64", ship)
	ok(t, dir, "show", "-o", "b.png", ship)
	requireOnly(t, dir, "show-maps.png", "show-heat.png", "a.png", "b.png")
}

func pixels(t *testing.T, data []byte) stdimage.Image {
	t.Helper()
	m, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	return m
}

func TestShowErrors(t *testing.T) {
	dir := t.TempDir()
	ship := testdata(t, "images/ship.jpg")
	for _, c := range []struct {
		reason string
		args   []string
	}{
		{"-o is missing", nil},
		{"maps.jpg: it will be a PNG file: name it .png", []string{"-o", "maps.jpg"}},
		{"missing/a.png: there is no such folder to write to", []string{"-o", "missing/a.png"}},
		{"--top 0: must be at least 1", []string{"-o", "a.png", "--top", "0"}},
		{"give one of them", []string{"-o", "a.png", "--top", "3", "--maps", "1"}},
		{`--maps "5-3": want numbers and ranges, as 0,5,7-20`, []string{"-o", "a.png", "--maps", "5-3"}},
		{"--maps 1-64: there are only 0 to 63 of layer layer3", []string{"-o", "a.png", "-l", "layer3", "--maps", "1-64"}},
		{`--range "all": want each or shared`, []string{"-o", "a.png", "--range", "all"}},
		{`--colors "jet": want one of viridis, magma, gray`, []string{"-o", "a.png", "--colors", "jet"}},
		{"--opacity 2: must be from 0 to 1", []string{"-o", "a.png", "--heat", "--opacity", "2"}},
		{"--opacity is for --heat", []string{"-o", "a.png", "--opacity", "0.5"}},
		{"are for the grid", []string{"-o", "a.png", "--heat", "--top", "3"}},
		{"layer flatten is a vector, which has no places in the picture", []string{"-o", "a.png", "--heat", "-l", "flatten"}},
		{`"layer9"`, []string{"-o", "a.png", "-l", "layer9"}},
	} {
		r := command(t, dir, append(append([]string{"show"}, c.args...), ship)...)
		require.Equal(t, statusFailed, r.status)
		requireLine(t, r.stderr, c.reason)
	}
	write(t, dir, "broken.jpg", []byte("\xff\xd8\xff"))
	r := command(t, dir, "show", "-o", "a.png", "broken.jpg")
	requireLine(t, r.stderr, "broken.jpg: ")
	requireOnly(t, dir, "broken.jpg")
}
