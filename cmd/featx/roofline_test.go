//go:build !minimal

package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The picture is well-formed and has a dot with a title for each layer that multiplies.
func TestRooflineFile(t *testing.T) {
	dir := t.TempDir()
	var r benchReport
	require.NoError(t, json.Unmarshal([]byte(ok(t, dir, "bench", "--rounds", "1", "--json", "--svg", "r.svg")), &r))
	multiplying := 0
	for _, s := range r.Runs[0].Steps {
		if s.MACs > 0 {
			multiplying++
		}
	}
	titles := 0
	d := xml.NewDecoder(bytes.NewReader(read(t, dir, "r.svg")))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "title" {
			titles++
		}
	}
	require.Equal(t, multiplying, titles)
	require.NotContains(t, string(read(t, dir, "r.svg")), "NaN")
	info, err := os.Stat(filepath.Join(dir, "r.svg"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o644), info.Mode().Perm())
}

// Every dot lies in the frame where its numbers put it, and no two labels cover each other, also where many layers are alike.
func TestRooflinePlaces(t *testing.T) {
	r := &benchReport{Bandwidth: 20, Runs: []benchRun{{Peak: 100}}}
	for i := range 160 {
		s := benchStep{Name: fmt.Sprint("layer", i), Kernel: "gemm", Algorithm: "1x1", MACs: 1e7, Bytes: int64(2e5 * float64(1+i%5)), benchSpeed: benchSpeed{MS: 0.5, GFLOPS: 80 + float64(i%7)}}
		if i == 159 {
			s.MACs, s.GFLOPS = 1e3, 0.5 // far from the others
		}
		r.Runs[0].Steps = append(r.Runs[0].Steps, s)
	}
	r.Runs[0].Steps = append(r.Runs[0].Steps, benchStep{Name: "pool", benchSpeed: benchSpeed{MS: 1}})
	dots, x, y := roofline(r)
	require.Len(t, dots, 160)
	for i, d := range dots {
		require.InDelta(t, x.at(2*float64(d.step.MACs)/float64(d.step.Bytes)), d.x, 1e-9)
		require.InDelta(t, y.at(d.step.GFLOPS), d.y, 1e-9)
		require.True(t, d.x > plotLeft && d.x < plotLeft+plotWidth && d.y > plotTop && d.y < plotTop+plotHeight)
		w, h := d.labelBox()
		require.True(t, d.lx-w/2 >= plotLeft && d.lx+w/2 <= plotLeft+plotWidth && d.ly-h/2 >= plotTop && d.ly+h/2 <= plotTop+plotHeight)
		for _, o := range dots[:i] {
			ow, oh := o.labelBox()
			require.False(t, math.Abs(d.lx-o.lx) < (w+ow)/2 && math.Abs(d.ly-o.ly) < (h+oh)/2, "labels %d and %d", d.number, o.number)
		}
	}
	// Ten times as fast is a fixed way up.
	require.InDelta(t, y.at(1)-y.at(10), y.at(10)-y.at(100), 1e-9)
	require.Equal(t, []float64{0.5, 1, 2, 5, 10, 20}, axis{lo: 0.5, hi: 20}.ticks())
}
