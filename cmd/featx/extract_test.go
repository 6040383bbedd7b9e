package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/x448/float16"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/sink/npy"
	"github.com/featx-go/featx/weights"
)

var some = []string{"ship.jpg", "420-53x37.jpg", "grey8.png", "rgba16.png", "cmyk-adobe-53x37.jpg"}

// row is a line of JSON Lines.
type row struct {
	Path     string
	Layer    string
	Shape    []int
	Features []float32
}

func rowsOf(t *testing.T, jsonl string) (rows []row) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSuffix(jsonl, "\n"), "\n") {
		var r row
		require.NoError(t, json.Unmarshal([]byte(line), &r), line)
		n := 1
		for _, d := range r.Shape {
			n *= d
		}
		require.Len(t, r.Features, n)
		rows = append(rows, r)
	}
	return rows
}

// The four formats hold the same, and standard output the same as .jsonl.
func TestFormats(t *testing.T) {
	dir := pictures(t, some...)
	layers := []string{"layer1", "layer3", "-1"}
	args := []string{"extract", "-l", "layer1,layer3", "-l", "-1", "p"}
	lines := ok(t, dir, args...)
	for _, ending := range []string{"npz", "jsonl", "safetensors"} {
		require.Empty(t, ok(t, dir, append(args, "-o", "all."+ending)...))
	}
	require.Equal(t, lines, string(read(t, dir, "all.jsonl")))

	rows := rowsOf(t, lines)
	require.Len(t, rows, len(some)*len(layers))
	container, err := weights.ParseSafetensors(read(t, dir, "all.safetensors"))
	require.NoError(t, err)
	require.Len(t, container.Tensors, len(layers))
	for l, layer := range layers {
		name := rows[l].Layer
		ok(t, dir, "extract", "-l", layer, "-o", fmt.Sprintf("%d.npy", l), "p")
		array := read(t, dir, fmt.Sprintf("%d.npy", l))
		r, err := npy.NewReader(bytes.NewReader(array), int64(len(array)))
		require.NoError(t, err)
		require.Equal(t, append([]int{len(some)}, rows[l].Shape...), r.Dims)
		got := make([]float32, len(rows[l].Features))
		var raw []byte
		for i := range some {
			want := rows[i*len(layers)+l]
			require.Equal(t, name, want.Layer)
			require.NoError(t, r.Read(got, i*len(got)))
			require.Equal(t, want.Features, got)
			raw = npy.AppendFloats(raw, want.Features)
		}
		require.Equal(t, array, zipEntry(t, filepath.Join(dir, "all.npz"), name+".npy"))
		narrow := fmt.Sprintf("%d.f16.npy", l)
		ok(t, dir, "extract", "-l", layer, "--dtype", "f16", "-o", narrow, "p")
		half := npy.Header("<f2", r.Dims...)
		for at := 0; at < len(raw); at += 4 {
			v := math.Float32frombits(binary.LittleEndian.Uint32(raw[at:]))
			half = binary.LittleEndian.AppendUint16(half, float16.Fromfloat32(v).Bits())
		}
		require.Equal(t, half, read(t, dir, narrow))
		for _, ending := range []string{"", ".paths.txt", ".provenance.json"} {
			require.NoError(t, os.Remove(filepath.Join(dir, narrow+ending)))
		}
		found := false
		for _, tensor := range container.Tensors {
			if tensor.Name == name {
				found = true
				require.Equal(t, r.Dims, tensor.Shape)
				require.Equal(t, raw, tensor.Data)
			}
		}
		require.True(t, found)
	}
	var paths []string
	require.NoError(t, json.Unmarshal([]byte(container.Metadata["paths"]), &paths))
	want := []string{"p/420-53x37.jpg", "p/cmyk-adobe-53x37.jpg", "p/grey8.png", "p/rgba16.png", "p/ship.jpg"}
	require.Equal(t, want, paths)
	requireOnly(t, dir, "p", "all.npz", "all.jsonl", "all.jsonl.provenance.json", "all.safetensors", "0.npy", "1.npy", "2.npy",
		"0.npy.paths.txt", "1.npy.paths.txt", "2.npy.paths.txt", "0.npy.provenance.json", "1.npy.provenance.json", "2.npy.provenance.json")
	require.Equal(t, strings.Join(want, "\n")+"\n", string(read(t, dir, "0.npy.paths.txt")))
}

func zipEntry(t *testing.T, path, name string) []byte {
	t.Helper()
	z, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer z.Close()
	f, err := z.Open(name)
	require.NoError(t, err)
	data, err := io.ReadAll(f)
	require.NoError(t, err)
	return data
}

// Batch size, threads, instruction set and the other layers asked for change no byte, nor does a bad picture in between.
func TestSameBytes(t *testing.T) {
	dir := pictures(t, some...)
	want := ok(t, dir, "extract", "-l", "layer2.0.conv1,flatten", "p")
	isas := []string{"generic", "avx2", "avx512", "neon"}
	tried := 0
	for _, isa := range isas {
		for _, threads := range []string{"1", "3"} {
			for _, batch := range []string{"1", "3", "8"} {
				r := command(t, dir, "extract", "-l", "layer2.0.conv1,flatten", "--isa", isa, "--threads", threads, "--batch", batch, "p")
				if r.status == statusFailed && strings.Contains(r.stderr, "cannot run here") {
					continue
				}
				require.Empty(t, r.stderr)
				require.Equal(t, want, r.stdout, "%s, %s threads, batches of %s", isa, threads, batch)
				tried++
			}
		}
	}
	require.GreaterOrEqual(t, tried, 6)
	require.Equal(t, want, commandEnv(t, dir, []string{"FEATX_ISA=generic"}, "extract", "-l", "layer2.0.conv1,flatten", "p").stdout)

	// In this process, for the race detector.
	var stdout, stderr bytes.Buffer
	require.Zero(t, run([]string{"extract", "-l", "layer2.0.conv1,flatten", "--batch", "2", "--threads", "3", filepath.Join(dir, "p")}, &stdout, &stderr))
	require.Equal(t, want, strings.ReplaceAll(stdout.String(), `"path":"`+dir+"/", `"path":"`))

	for _, line := range rowsOf(t, ok(t, dir, "extract", "-l", "flatten", "p")) {
		data, err := json.Marshal(line.Path)
		require.NoError(t, err)
		require.Contains(t, want, `{"path":`+string(data)+`,"layer":"flatten"`)
	}
	write(t, filepath.Join(dir, "p"), "a-bad-one.jpg", []byte("text"))
	write(t, filepath.Join(dir, "p"), "no picture.txt", []byte("text"))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "p", "folder.png"), 0o777))
	r := command(t, dir, "extract", "-l", "layer2.0.conv1,flatten", "--batch", "2", "p")
	require.Equal(t, statusPartly, r.status)
	requireLine(t, r.stderr, "a-bad-one.jpg: ", "looks like text")
	require.Equal(t, want, r.stdout)
}

// A tensor that went through the recipe gives what the picture gives.
func TestTensorInput(t *testing.T) {
	dir := pictures(t, some...)
	recipe := image.CIFAR()
	array := npy.Header("<f4", len(some), 3, 32, 32)
	var single []byte
	for _, name := range some {
		picture, err := image.DecodeFile(filepath.Join(dir, "p", name))
		require.NoError(t, err)
		pixels := make([]float32, recipe.Len())
		require.NoError(t, recipe.Apply(pixels, picture))
		planes := make([]float32, len(pixels))
		for i, v := range pixels {
			planes[i%3*32*32+i/3] = v
		}
		single = npy.AppendFloats(npy.Header("<f4", 3, 32, 32), planes)
		array = npy.AppendFloats(array, planes)
	}
	write(t, dir, "many.npy", array)
	write(t, dir, "one.NPY", single)
	args := []string{"extract", "-l", "conv1,flatten", "--batch", "2", "many.npy", "one.NPY"}
	var want []row
	for i, name := range append(some, some[len(some)-1]) {
		for _, r := range rowsOf(t, ok(t, dir, "extract", "-l", "conv1,flatten", "p/"+name)) {
			r.Path = fmt.Sprintf("many.npy[%d]", i)
			if i == len(some) {
				r.Path = "one.NPY[0]"
			}
			want = append(want, r)
		}
	}
	require.Equal(t, want, rowsOf(t, ok(t, dir, args...)))

	write(t, dir, "size.npy", npy.AppendFloats(npy.Header("<f4", 1, 3, 2, 2), make([]float32, 12)))
	write(t, dir, "double.npy", append(npy.Header("<f8", 1), make([]byte, 8)...))
	write(t, dir, "short.npy", array[:len(array)-4])
	for name, reason := range map[string]string{
		"size.npy":    "the array is [1 3 2 2]: the network takes [3 32 32]",
		"double.npy":  "want float32",
		"short.npy":   "truncated or broken",
		"missing.npy": "no such file",
	} {
		r := command(t, dir, "extract", name, "one.NPY")
		require.Equal(t, statusPartly, r.status)
		requireLine(t, r.stderr, name+": ", reason)
		require.Len(t, rowsOf(t, r.stdout), 1)
	}
	write(t, dir, "larger.npy", npy.AppendFloats(npy.Header("<f4", 2, 3, 48, 40), make([]float32, 2*3*48*40)))
	require.Len(t, rowsOf(t, ok(t, dir, "extract", "--size", "48x40", "larger.npy")), 2)
}

func TestPool(t *testing.T) {
	dir := pictures(t, "ship.jpg")
	layer := func(args ...string) row {
		return rowsOf(t, ok(t, dir, append([]string{"extract", "p/ship.jpg"}, args...)...))[0]
	}
	whole := layer("-l", "layer3")
	require.Equal(t, []int{64, 8, 8}, whole.Shape)
	want := map[string][]float64{}
	for c := range 64 {
		var sum, cubes, most float64
		for _, v := range whole.Features[c*64 : (c+1)*64] {
			sum += float64(v)
			cubes += math.Pow(math.Max(float64(v), 1e-6), 3)
			most = math.Max(most, float64(v))
		}
		want["avg"] = append(want["avg"], sum/64)
		want["max"] = append(want["max"], most)
		want["gem"] = append(want["gem"], math.Cbrt(cubes/64))
	}
	for mode, values := range want {
		got := layer("-l", "layer3", "--pool", mode)
		require.Equal(t, []int{64}, got.Shape)
		for c, v := range values {
			require.InEpsilon(t, v+1, got.Features[c]+1, 1e-6, mode)
		}
		require.Equal(t, layer("-l", "-1"), layer("-l", "-1", "--pool", mode), "a vector stays")
	}
	require.Equal(t, whole, layer("-l", "layer3", "--pool", "none"))

	rows := rowsOf(t, ok(t, dir, "extract", "p/ship.jpg", "-l", "layer2,layer3,conv1", "--pool", "max,layer3=none", "--pool=conv1=flatten", "--l2"))
	var shapes [][]int
	for _, r := range rows {
		shapes = append(shapes, r.Shape)
		sum := 0.0
		for _, v := range r.Features {
			sum += float64(v) * float64(v)
		}
		require.InDelta(t, 1, sum, 1e-6)
	}
	require.Equal(t, [][]int{{32}, {64, 8, 8}, {16 * 32 * 32}}, shapes)
	r := command(t, dir, "extract", "p/ship.jpg", "--pool", "layer3=avg")
	require.Equal(t, statusFailed, r.status)
	requireLine(t, r.stderr, `pooling of layer "layer3", which is not asked for; those that are: flatten`)
}

// Each part of the recipe does something, and a size alone takes the resize along.
func TestRecipeFlags(t *testing.T) {
	dir := pictures(t, "ship.jpg")
	extract := func(args ...string) row {
		return rowsOf(t, ok(t, dir, append([]string{"extract", "p/ship.jpg", "-l", "conv1"}, args...)...))[0]
	}
	plain := extract()
	seen := map[string]string{fmt.Sprint(plain.Features): "none"}
	for _, flag := range []string{
		"--resize=40 --crop=center", "--resize=64x64 --crop=center", "--interpolation=nearest", "--interpolation=lanczos", "--scale=1/127.5",
		"--mean=0.5", "--mean=0.1,0.2,0.3", "--std=1", "--channels=bgr",
	} {
		got := extract(strings.Fields(flag)...)
		require.Equal(t, plain.Shape, got.Shape)
		key := fmt.Sprint(got.Features)
		require.Empty(t, seen[key], "%s gives what %s gives", flag, seen[key])
		seen[key] = flag
	}
	require.Equal(t, []int{16, 64, 48}, extract("--size=64x48").Shape)
	require.Equal(t, extract("--size=64x48", "--resize=64x48"), extract("--size=64x48"))

	require.NotEqual(t, plain, extract("--flip"))
	five := extract("--resize=40", "--crop=five")
	require.Equal(t, plain.Shape, five.Shape)
	ten := extract("--resize=40", "--crops=ten")
	require.NotEqual(t, five, ten)
	require.Equal(t, ten, extract("--resize=40", "--crops", "five", "--flip", "--batch=3"))
	for args, reason := range map[string]string{
		"--crops five":              "crop five of 32x32 (height x width) out of a picture of resize 32x32: resize it to something larger",
		"--crops nine":              `crop "nine": must be none, center, five or ten`,
		"--crops ten --resize none": "", // a picture is large enough or not
	} {
		r := command(t, dir, append([]string{"extract", "p/ship.jpg"}, strings.Fields(args)...)...)
		if reason == "" {
			require.Equal(t, statusDone, r.status, r.stderr)
			continue
		}
		require.Equal(t, statusFailed, r.status)
		requireLine(t, r.stderr, reason)
	}
}

// A reader that goes away ends the program without a word.
func TestBrokenPipe(t *testing.T) {
	dir := pictures(t, "ship.jpg")
	args := []string{"extract", "-l", "layer1", "--batch", "1"}
	for range 40 {
		args = append(args, "p/ship.jpg")
	}
	var stderr bytes.Buffer
	c := exec.Command(program, args...)
	c.Dir, c.Stderr = dir, &stderr
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	_, err = io.ReadFull(out, make([]byte, 10))
	require.NoError(t, err)
	require.NoError(t, out.Close())
	require.Error(t, c.Wait())
	require.Empty(t, stderr.String())
}

func TestInterrupt(t *testing.T) {
	dir := pictures(t, "ship.jpg")
	args := []string{"extract", "-l", "layer1", "--batch", "1", "--isa", "generic", "-o", "out.npz"}
	for range 4000 {
		args = append(args, "p/ship.jpg")
	}
	var stderr bytes.Buffer
	c := exec.Command(program, args...)
	c.Dir, c.Stderr = dir, &stderr
	require.NoError(t, c.Start())
	require.Eventually(t, func() bool {
		entries, err := os.ReadDir(dir)
		return err == nil && len(entries) > 1
	}, 10e9, 1e6)
	require.NoError(t, c.Process.Signal(os.Interrupt))
	require.Error(t, c.Wait())
	require.Equal(t, statusInterrupted, c.ProcessState.ExitCode())
	requireLine(t, stderr.String(), "interrupted")
	requireOnly(t, dir, "p")
}

// With --exif-orient a picture that lies on its side is another one; without, as in the frameworks, it is not.
func TestExifOrient(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"exif-1.png", "exif-6.png"} {
		write(t, dir, name, read(t, testdata(t, "images/formats"), name))
	}
	plain := rowsOf(t, ok(t, dir, "extract", "exif-1.png", "exif-6.png"))
	require.Equal(t, plain[0].Features, plain[1].Features)
	turned := rowsOf(t, ok(t, dir, "extract", "--exif-orient", "exif-1.png", "exif-6.png"))
	require.Equal(t, plain[0].Features, turned[0].Features)
	require.NotEqual(t, plain[1].Features, turned[1].Features)
}

// With --fast-decode a photograph that is much larger than the network's input has nearly the same features, a picture that is not has the same.
func TestFastDecode(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"ship.jpg", "420-53x37.jpg", "grey8.png"} {
		write(t, dir, name, read(t, testdata(t, "images"), name))
	}
	args := []string{"ship.jpg", "420-53x37.jpg", "grey8.png"}
	whole := rowsOf(t, ok(t, dir, append([]string{"extract"}, args...)...))
	fast := rowsOf(t, ok(t, dir, append([]string{"extract", "--fast-decode"}, args...)...))
	require.NotEqual(t, whole[0].Features, fast[0].Features)
	require.Greater(t, cosine(whole[0].Features, fast[0].Features), 0.99)
	require.Equal(t, whole[1:], fast[1:])

	m, err := featx.Open(featx.EmbeddedName)
	require.NoError(t, err)
	defer m.Close()
	x, err := m.Extractor(featx.Options{FastDecode: true})
	require.NoError(t, err)
	defer x.Close()
	out, err := x.Files(filepath.Join(dir, "ship.jpg"))
	require.NoError(t, err)
	require.Equal(t, fast[0].Features, out[0].Data)
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab, aa, bb = ab+float64(a[i])*float64(b[i]), aa+float64(a[i])*float64(a[i]), bb+float64(b[i])*float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}
