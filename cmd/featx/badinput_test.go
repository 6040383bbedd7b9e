package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/internal/testdisk"
	"github.com/featx-go/featx/sink"
)

// hugePNG is a PNG whose header claims 60,000 x 60,000 pixels.
func hugePNG() []byte {
	b := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
		body := append([]byte(kind), data...)
		b = binary.BigEndian.AppendUint32(append(b, body...), crc32.ChecksumIEEE(body))
	}
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 60000), 60000)
	chunk("IHDR", append(header, 8, 2, 0, 0, 0))
	chunk("IDAT", []byte{1, 2, 3})
	chunk("IEND", nil)
	return b
}

// A bad picture: one line that names it and the reason, the others go on, status 2; no file if all fail.
func TestBadPictures(t *testing.T) {
	dir := pictures(t, "ship.jpg")
	ship := read(t, dir, "p/ship.jpg")
	write(t, dir, "truncated.jpg", ship[:len(ship)/2])
	write(t, dir, "empty.jpg", nil)
	write(t, dir, "text.jpg", []byte("This is no picture.\n"))
	write(t, dir, "huge.png", hugePNG())
	write(t, dir, "noise.png", append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte{0xa5}, 99)...))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "nothing"), 0o777))
	good := ok(t, dir, "extract", "p/ship.jpg")
	before := names(t, dir)
	for _, c := range []struct{ path, reason string }{
		{"missing.jpg", "no such file"},
		{"truncated.jpg", "truncated"},
		{"empty.jpg", "0 bytes"},
		{"text.jpg", "looks like text"},
		{"huge.png", "60000 x 60000"},
		{"noise.png", "broken"},
		{"nothing", "no pictures"},
	} {
		r := command(t, dir, "extract", c.path, "p/ship.jpg")
		require.Equal(t, statusPartly, r.status)
		requireLine(t, r.stderr, c.path+": ", c.reason)
		require.Equal(t, good, r.stdout)

		r = command(t, dir, "extract", "-o", "out.npz", c.path)
		require.Equal(t, statusPartly, r.status)
		first, second, _ := strings.Cut(r.stderr, "\n")
		requireLine(t, first+"\n", c.path+": ", c.reason)
		requireLine(t, second, "1 of 1 inputs failed: ", "out.npz.errors.jsonl")
		require.Contains(t, string(read(t, dir, "out.npz.errors.jsonl")), `{"path":"`+c.path+`","stage":"`)
		requireOnly(t, dir, append(before, "out.npz.errors.jsonl")...)
		require.NoError(t, os.Remove(filepath.Join(dir, "out.npz.errors.jsonl")))
	}
	r := command(t, dir, "extract", "missing.jpg", "p", "text.jpg", "p/ship.jpg", "empty.jpg")
	require.Equal(t, statusPartly, r.status)
	require.Regexp(t, `^featx: missing\.jpg: .*\nfeatx: text\.jpg: .*\nfeatx: empty\.jpg: .*\n$`, r.stderr)
	require.Len(t, rowsOf(t, r.stdout), 2)
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// A mistake in the command or around it: one line, status 1, before any work, and no file.
func TestBadCommand(t *testing.T) {
	dir := pictures(t, "ship.jpg")
	write(t, dir, "ro.npz", []byte("keep me"))
	for _, c := range []struct {
		args   string
		reason string
	}{
		{"extract", "want pictures"},
		{"picture.jpg", `unknown verb "picture.jpg"`},
		{"extract --colour p", "unknown flag: --colour"},
		{"extract -l layr1 p", `no layer "layr1"; nearest: layer1`},
		{"extract -l 999 p", "no layer 999: the network has 73"},
		{"extract -l layer9* p", "layer9*"},
		{"extract -m resnet51 p", `unknown model "resnet51"; nearest: resnet`},
		{"extract -m no/model.safetensors p", "no/model.safetensors: no such file"},
		{"extract -m p p", "p: is a directory"},
		{"layers resnet51", `unknown model "resnet51"`},
		{"extract --pool median p", `unknown pooling "median": want none, avg, max, gem or flatten`},
		{"extract --isa sse9 p", `unknown instruction set "sse9"`},
		{"extract --threads 0 p", "--threads 0: must be at least 1"},
		{"extract --batch -3 p", "--batch -3: must be at least 1"},
		{"extract --batch 99999999 p", "a batch of 99999999"},
		{"extract --batch many p", "--batch"},
		{"extract --size 99999 p", `size "99999"`},
		{"extract --size 8192 --batch 60000 p", "memory"},
		{"extract --std 0 p", `std "0"`},
		{"extract --resize 40 p", "recipe: resize 40 never gives the network's size"},
		{"extract -o out.csv p", "out.csv: unknown ending: want one of .npy, .npz, .jsonl, .safetensors"},
		{"extract --dtype f64 -o out.npy p", "unknown type of numbers \"f64\": want one of f32, f16"},
		{"extract --dtype f16 -o out.jsonl p", "f16 in a .jsonl file would save nothing"},
		{"extract --dtype f16 p", "--dtype is for features in a file"},
		{"extract -o no/out.npz p", "no/out.npz: there is no such folder"},
		{"extract -l 0,1 -o out.npy p", "out.npy: a .npy file holds one layer, not 2"},
		{"info extra", `1 arguments to "info"`},
	} {
		r := command(t, dir, strings.Fields(c.args)...)
		require.Equal(t, statusFailed, r.status, c.args)
		requireLine(t, r.stderr, c.reason)
		require.Empty(t, r.stdout)
		requireOnly(t, dir, "p", "ro.npz")
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder.npz"), 0o777))
	r := command(t, dir, "extract", "-o", "folder.npz", "p")
	require.Equal(t, statusFailed, r.status)
	requireLine(t, r.stderr, "folder.npz: is a directory")
	r = commandEnv(t, dir, []string{"FEATX_ISA=sse9"}, "extract", "p")
	require.Equal(t, statusFailed, r.status)
	requireLine(t, r.stderr, `FEATX_ISA: unknown instruction set "sse9"`)

	if os.Getuid() == 0 {
		t.Log("root may write anywhere: permissions are not tried")
		return
	}
	require.NoError(t, os.Chmod(filepath.Join(dir, "ro.npz"), 0o444))
	r = command(t, dir, "extract", "-o", "ro.npz", "p")
	require.Equal(t, statusFailed, r.status)
	requireLine(t, r.stderr, "ro.npz: permission denied")
	require.Equal(t, "keep me", string(read(t, dir, "ro.npz")))
}

// edited gives a model file whose header was changed.
func edited(t *testing.T, file []byte, change func(header map[string]any)) []byte {
	t.Helper()
	size := binary.LittleEndian.Uint64(file)
	var header map[string]any
	require.NoError(t, json.Unmarshal(file[8:8+size], &header))
	change(header)
	text, err := json.Marshal(header)
	require.NoError(t, err)
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), file[8+size:]...)
}

func TestBadModels(t *testing.T) {
	dir := pictures(t, "ship.jpg")
	model(t, dir, "cifar_resnet20")
	file := read(t, dir, "cifar_resnet20.safetensors")
	tensor := func(field string, value any) []byte {
		return edited(t, file, func(h map[string]any) { h["conv1.weight"].(map[string]any)[field] = value })
	}
	meta := func(key, value string) []byte {
		return edited(t, file, func(h map[string]any) { h["__metadata__"].(map[string]any)[key] = value })
	}
	length := func(n uint64) []byte { return append(binary.LittleEndian.AppendUint64(nil, n), file[8:]...) }
	for name, data := range map[string][]byte{
		"empty":             {},
		"text":              []byte("This is no model.\n"),
		"truncated header":  file[:100],
		"truncated data":    file[:len(file)-1],
		"length 2^64-1":     length(1<<64 - 1),
		"length 2^63":       length(1 << 63),
		"length 0":          length(0),
		"shape that wraps":  tensor("shape", []uint64{1 << 32, 1 << 32, 1, 1}),
		"negative shape":    tensor("shape", []int{-16, -3, 3, 3}),
		"misshapen":         tensor("shape", []int{3, 16, 3, 3}),
		"wrong dtype":       tensor("dtype", "I64"),
		"no such dtype":     tensor("dtype", "Q7"),
		"beyond the end":    tensor("data_offsets", []uint64{1 << 62, 1<<62 + 1728}),
		"reversed":          tensor("data_offsets", []int{1728, 0}),
		"overlapping":       tensor("data_offsets", []int{64, 64 + 1728}),
		"not a graph":       meta("featx.graph", "[]"),
		"graph of nothing":  meta("featx.graph", "{}"),
		"graph with a loop": meta("featx.graph", `{"layout":"NCHW","input":{"h":8,"w":8,"c":3},"nodes":[{"name":"a","op":"ReLU","inputs":["a"]}]}`),
		"unknown op":        meta("featx.graph", `{"layout":"NCHW","input":{"h":8,"w":8,"c":3},"nodes":[{"name":"a","op":"Shell","inputs":["input"]}]}`),
		"huge input":        meta("featx.graph", `{"layout":"NCHW","input":{"h":1000000,"w":1000000,"c":1000000},"nodes":[{"name":"a","op":"ReLU","inputs":["input"]}]}`),
		"no graph":          edited(t, file, func(h map[string]any) { delete(h["__metadata__"].(map[string]any), "featx.graph") }),
		"bad recipe":        meta("featx.recipe", `{"size":[0,0]}`),
		"other version":     meta("featx.version", "99"),
		"tensor missing":    edited(t, file, func(h map[string]any) { delete(h, "conv1.weight") }),
	} {
		write(t, dir, "bad.safetensors", data)
		for _, args := range [][]string{{"extract", "-m", "bad.safetensors", "-o", "out.npz", "p"}, {"layers", "bad.safetensors"}, {"convert", "bad.safetensors", "out.safetensors"}} {
			if args[0] == "convert" && (name == "no graph" || name == "other version") {
				continue // the tensors are good ones: what they become is convert's own affair
			}
			r := command(t, dir, args...)
			require.Equal(t, statusFailed, r.status, "%s: %v: %s", name, args, r.stdout)
			requireLine(t, r.stderr, "bad.safetensors: ")
			require.NotContains(t, r.stderr, "fault", name)
			require.Less(t, len(r.stderr), 4000, name)
			requireOnly(t, dir, "p", "cifar_resnet20.safetensors", "bad.safetensors")
		}
	}
}

// A checkpoint that asks for code to be run is refused, and nothing is run.
func TestPickleWithCode(t *testing.T) {
	dir := t.TempDir()
	code := []byte("\x80\x02cos\nsystem\nX\x0b\x00\x00\x00touch pwned\x85R.")
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "archive/data.pkl"})
	require.NoError(t, err)
	_, err = w.Write(code)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	write(t, dir, "zip.pth", archive.Bytes())
	// The format from before PyTorch 1.6: a magic number, a version, the system's sizes, then the object.
	legacy := []byte("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}q\x00(X\x10\x00\x00\x00protocol_versionM\xe9\x03X\x0d\x00\x00\x00little_endian\x88u.")
	write(t, dir, "legacy.pth", append(legacy, code...))
	write(t, dir, "bare.pth", code)
	for _, name := range []string{"zip.pth", "legacy.pth", "bare.pth"} {
		r := command(t, dir, "convert", name, "out.safetensors")
		require.Equal(t, statusFailed, r.status)
		requireLine(t, r.stderr, name+": ", "os.system")
		requireOnly(t, dir, "zip.pth", "legacy.pth", "bare.pth")
	}
}

func TestFullDisk(t *testing.T) {
	dir := pictures(t, "ship.jpg", "grey8.png")
	model(t, dir, "cifar_resnet20")
	disk := testdisk.Small(t, 1<<16)
	for _, ending := range sink.Endings {
		out := filepath.Join(disk, "out"+ending)
		r := command(t, dir, "extract", "-l", "layer1", "-o", out, "p")
		require.Equal(t, statusFailed, r.status)
		requireLine(t, r.stderr, out+": the disk is full")
		requireOnly(t, disk)
	}
	out := filepath.Join(disk, "out.safetensors")
	r := command(t, dir, "convert", "cifar_resnet20.safetensors", out)
	require.Equal(t, statusFailed, r.status)
	requireLine(t, r.stderr, out+": ", "disk is full")
	requireOnly(t, disk)
}

// Standard output, too, can be full.
func TestFullOutput(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /dev/full")
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close()
	for _, args := range [][]string{{"extract", testdata(t, "images/ship.jpg")}, {"layers"}, {"layers", "--json"}, {"info"}, {"extract", "--help"}} {
		var stderr bytes.Buffer
		require.Equal(t, statusFailed, run(args, full, &stderr), args)
		requireLine(t, stderr.String(), "standard output: no space left on device")
	}
}

// What foreign files call things does not reach the terminal as it is.
func TestHostileNames(t *testing.T) {
	dir := t.TempDir()
	picture, err := filepath.Abs("../../testdata/images/ship.jpg")
	require.NoError(t, err)
	embedded, err := os.ReadFile("../../weights/embedded.safetensors")
	require.NoError(t, err)
	hostile := bytes.ReplaceAll(embedded, []byte("layer1.0.relu"), []byte(`\\u001b[2Jxxx`)) // as long, in JSON within JSON
	require.NoError(t, os.WriteFile(filepath.Join(dir, "model.safetensors"), hostile, 0o666))
	header := `{"evil\u001b]0;x\u0007":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`
	tensors := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+"\x00\x00\x00\x00"...)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tensors.safetensors"), tensors, 0o666))
	for _, c := range []struct {
		status int
		shows  string
		args   []string
	}{
		{0, `\x1b[2Jxxx`, []string{"layers", "model.safetensors"}},
		{1, `\x1b[2Jxxx`, []string{"extract", "-m", "model.safetensors", "-l", "x2Jxxx", picture}},
		{1, `evil\x1b]0;x\a`, []string{"convert", "--arch", "cifar_resnet20", "tensors.safetensors", "out.safetensors"}},
	} {
		r := command(t, dir, c.args...)
		require.Equal(t, c.status, r.status, "%v: %s", c.args, r.stderr)
		require.Contains(t, r.stdout+r.stderr, c.shows, "%v", c.args)
		require.NotContains(t, r.stdout+r.stderr, "\x1b", "%v", c.args)
	}
}
