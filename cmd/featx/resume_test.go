package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/internal/testdisk"
	"github.com/featx-go/featx/sink"
)

// many makes a folder p with n pictures, of which every 50th is broken.
func many(t *testing.T, n int) (dir string) {
	t.Helper()
	dir = pictures(t, some...)
	for i := range n {
		name := filepath.Join(dir, "p", fmt.Sprintf("%05d%s", i, filepath.Ext(some[i%len(some)])))
		if i%50 == 7 {
			require.NoError(t, os.WriteFile(name, []byte("no picture"), 0o666))
			continue
		}
		require.NoError(t, os.Link(filepath.Join(dir, "p", some[i%len(some)]), name))
	}
	return dir
}

// start runs the program without waiting for it.
func start(t *testing.T, dir string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	var stderr bytes.Buffer
	c := exec.Command(program, args...)
	c.Dir, c.Stderr = dir, &stderr
	require.NoError(t, c.Start())
	return c, &stderr
}

// outputs gives the files beside the pictures, by name.
func outputs(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range names(t, dir) {
		if name != "p" && !strings.HasSuffix(name, ".tmp") { // a killed process cannot remove its temporary file
			files[name] = string(read(t, dir, name))
		}
	}
	return files
}

// torture is how often the long tests kill; 0 is not at all.
func torture() int {
	n, _ := strconv.Atoi(os.Getenv("FEATX_TORTURE"))
	return n
}

// Killed at random moments and continued: the bytes are those of a run that nobody disturbed.
func TestKill(t *testing.T) {
	kills, pictures := 4, 300
	if n := torture(); n > 0 {
		kills, pictures = n, 600
	}
	dir := many(t, pictures)
	variants := [][]string{{"-o", "out.npy", "--rows-per-file", "90"}, {"-o", "out.npz", "-l", "layer3,flatten"}, {"-o", "out.jsonl"}, {"-o", "out.safetensors", "--on-error", "nan", "--dtype", "f16"}}
	if slices.Contains(sink.Endings, ".parquet") {
		variants = append(variants, []string{"-o", "out.parquet", "-l", "layer3,flatten", "--rows-per-file", "90"}, []string{"-o", "out.arrow", "-l", "layer3,flatten"})
	}
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	total, inside := 0, 0
	for v, variant := range variants {
		args := append([]string{"extract", "--checkpoint", "10ms", "p"}, variant...)
		began := time.Now()
		r := command(t, dir, args...)
		took := time.Since(began)
		require.Equal(t, statusPartly, r.status, r.stderr)
		want := outputs(t, dir)
		for name := range want {
			require.NoError(t, os.Remove(filepath.Join(dir, name)))
		}
		for done := false; total < kills*(v+1)/len(variants) || !done; {
			c, stderr := start(t, dir, append(args, "--batch", strconv.Itoa(1+random.IntN(9)))...)
			if total < kills*(v+1)/len(variants) {
				time.Sleep(time.Duration(random.Int64N(int64(took))))
				require.NoError(t, c.Process.Kill())
				total++
			}
			_ = c.Wait()
			if done = c.ProcessState.ExitCode() == statusPartly; !done {
				require.Equal(t, -1, c.ProcessState.ExitCode(), stderr.String())
				if _, err := os.Stat(filepath.Join(dir, variant[1]+".partial", "journal")); err == nil {
					inside++
				}
				continue
			}
			require.Equal(t, want, outputs(t, dir), "%v: other bytes after a kill", variant)
			for name := range want {
				require.NoError(t, os.Remove(filepath.Join(dir, name)))
			}
		}
		for _, name := range names(t, dir) {
			if name != "p" {
				require.NoError(t, os.RemoveAll(filepath.Join(dir, name)))
			}
		}
	}
	t.Logf("%d kills, %d of them with something to go on from", total, inside)
	require.Positive(t, inside)
}

// An interruption leaves a state that the same command goes on from; what no longer fits is refused.
func TestInterruptAndGoOn(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such signal")
	}
	dir := many(t, 60)
	args := []string{"extract", "-l", "layer1", "--isa", "generic", "-o", "out.npy", "--checkpoint", "10ms", "--batch", "2", "p"}
	c, stderr := start(t, dir, args...)
	journal := filepath.Join(dir, "out.npy.partial", "journal")
	items := func() int {
		var j struct{ Items int }
		data, _ := os.ReadFile(journal)
		_ = json.Unmarshal(data, &j)
		return j.Items
	}
	require.Eventually(t, func() bool { return items() > 10 }, 20*time.Second, time.Millisecond)
	second := command(t, dir, args...)
	require.Equal(t, statusFailed, second.status)
	requireLine(t, second.stderr, "out.npy: another process is writing it")
	require.NoError(t, c.Process.Signal(os.Interrupt))
	require.Error(t, c.Wait())
	require.Equal(t, statusInterrupted, c.ProcessState.ExitCode(), stderr.String())
	require.Contains(t, stderr.String(), fmt.Sprintf("featx: interrupted: %d inputs are done, and the same command goes on (", items()))
	require.Less(t, items(), 60)
	require.NoFileExists(t, filepath.Join(dir, "out.npy"))

	for _, other := range []struct{ reason, flag, value string }{
		{"begun with layers[0].dims [16,32,32], and now it is [16]", "--pool", "max"}, {"begun with layers[0].name layer1, and now it is layer2", "-l", "layer2"},
		{"begun with recipe.size [32,32], and now it is [48,48]", "--size", "48"}, {"begun with recipe.flip none, and now it is true", "--flip", "--on-error=skip"}, {"begun with l2 false, and now it is true", "--l2", "--on-error=skip"}, {"begun with layers[0].dims [16,32,32], and now it is [16]", "--pool", "layer1=gem"}, {"begun with rows-per-file 0, and now it is 7", "--rows-per-file", "7"}, {"begun with on_error skip, and now it is nan", "--on-error", "nan"},
		{"begun with model.sha256 ", "-m", model(t, t.TempDir(), "cifar_resnet20")},
	} {
		changed := append([]string{other.flag, other.value}, args[3:]...)
		if other.flag != "-l" {
			changed = append(changed, "-l", "layer1")
		}
		r := command(t, dir, append([]string{"extract"}, changed...)...)
		require.Equal(t, statusFailed, r.status)
		require.Contains(t, r.stderr, other.reason)
		require.Contains(t, r.stderr, "--restart")
	}
	require.NoError(t, os.Rename(filepath.Join(dir, "p", "00000.jpg"), filepath.Join(dir, "p", "0.jpg")))
	r := command(t, dir, args...)
	require.Equal(t, statusFailed, r.status)
	require.Contains(t, r.stderr, "are not those that it was begun with: give the same again; or begin anew with --restart")
	require.NoError(t, os.Rename(filepath.Join(dir, "p", "0.jpg"), filepath.Join(dir, "p", "00000.jpg")))

	r = command(t, dir, append(args, "--threads", "1")...)
	require.Equal(t, statusPartly, r.status)
	require.Contains(t, r.stderr, "featx: out.npy: going on, ")
	got := outputs(t, dir)
	require.Len(t, got, 4)
	require.Equal(t, statusPartly, command(t, dir, append(args, "--isa", "generic")...).status)
	require.Equal(t, outputs(t, dir), got)
}

func TestOnError(t *testing.T) {
	dir := pictures(t, some...)
	write(t, dir, "p/b.jpg", []byte("no picture"))
	lines := func(args ...string) []string {
		r := command(t, dir, append([]string{"extract", "p"}, args...)...)
		require.Equal(t, statusPartly, r.status, r.stderr)
		return strings.Split(strings.TrimSpace(r.stdout), "\n")
	}
	require.Len(t, lines(), len(some))
	withNaN := lines("--on-error", "nan")
	require.Len(t, withNaN, len(some)+1)
	require.Contains(t, withNaN[1], `{"path":"p/b.jpg","layer":"flatten","shape":[64],"features":[null,null`)
	for _, c := range []struct{ args, reason string }{
		{"p --on-error fail", "looks like text; --on-error skip leaves such inputs out"},
		{"p --max-errors 0", "stopped: 1 of 2 inputs have failed, --max-errors is 0"},
		{"p --max-errors 10%", "stopped: 1 of 6 inputs have failed, --max-errors is 10%"},
		{"p --max-errors many", `"many": want a number, or a percentage like 0.5%`},
		{"p --max-errors 101%", "a percentage from 0% to 100%"},
		{"p --on-error cry", `--on-error "cry": want skip, nan or fail`},
		{"p --max-pixels 0", "--max-pixels 0: must be at least 1"},
		{"p --restart", "--restart is for features in a file: give -o"},
	} {
		r := command(t, dir, append([]string{"extract"}, strings.Fields(c.args)...)...)
		require.Equal(t, statusFailed, r.status, c.args)
		require.Contains(t, r.stderr, c.reason)
	}
	require.Len(t, lines("--max-errors", "1"), len(some))
	require.Len(t, lines("--max-errors", "20%"), len(some))
	r := command(t, dir, "extract", "p/ship.jpg", "--max-pixels", "1023")
	require.Equal(t, statusPartly, r.status)
	requireLine(t, r.stderr, "p/ship.jpg: too large: its header says 500 x 375 pixels, the limit is 1023")

	// Stopped, mended, continued.
	args := []string{"extract", "p", "-o", "out.jsonl"}
	r = command(t, dir, append(args, "--on-error", "fail")...)
	require.Equal(t, statusFailed, r.status)
	require.NoFileExists(t, filepath.Join(dir, "out.jsonl"))
	write(t, dir, "p/b.jpg", read(t, dir, "p/ship.jpg"))
	r = command(t, dir, append(args, "--on-error", "fail")...)
	require.Equal(t, statusDone, r.status)
	require.Contains(t, r.stderr, "going on, 1 inputs are done")
	require.Equal(t, ok(t, dir, "extract", "p"), string(read(t, dir, "out.jsonl")))
}

// A disk that fills stops the run; with room again it goes on.
func TestFullDiskAndGoOn(t *testing.T) {
	dir := many(t, 20)
	disk := testdisk.Small(t, 1<<20)
	write(t, disk, "ballast", make([]byte, 3<<18))
	out := filepath.Join(disk, "out.npy")
	args := []string{"extract", "-l", "layer3", "--checkpoint", "1ns", "--batch", "1", "p", "-o"}
	r := command(t, dir, append(args, out)...)
	require.Equal(t, statusFailed, r.status, r.stderr)
	require.Contains(t, r.stderr, out+": the disk is full; when there is room, the same command goes on\n")
	require.NoFileExists(t, out)
	write(t, disk, "ballast", nil)
	r = command(t, dir, append(args, out)...)
	require.Equal(t, statusPartly, r.status, r.stderr)
	require.Contains(t, r.stderr, "going on")
	require.Equal(t, statusPartly, command(t, dir, append(args, "out.npy")...).status)
	require.Equal(t, read(t, dir, "out.npy"), read(t, disk, "out.npy"))
}

// damages are the kinds of broken pictures, with the stage and a part of the reason that the ledger must give.
var damages = []struct {
	stage, reason string
	damage        func(picture []byte) []byte
}{
	{"decode", "0 bytes", func([]byte) []byte { return nil }},
	{"decode", "truncated", func(b []byte) []byte { return b[:len(b)/2] }},
	{"decode", "truncated", func(b []byte) []byte { return b[:20] }},
	{"decode", "looks like text", func([]byte) []byte { return []byte("<html>not found</html>\n") }},
	{"decode", "not a", func([]byte) []byte { return bytes.Repeat([]byte{0, 0xa5}, 500) }},
	{"decode", "60000 x 60000", func([]byte) []byte { return hugePNG() }},
	{"decode", "broken", func(b []byte) []byte { return append([]byte("\x89PNG\r\n\x1a\n"), b...) }},
	{"decode", "JPEG", func(b []byte) []byte { return append([]byte("\xff\xd8\xff\xc4\x00\x05\x00\x01\x02"), b...) }},
	{"decode", "PDF", func([]byte) []byte { return []byte("%PDF-1.4\n1 0 obj\n") }},
	{"decode", "zip", func([]byte) []byte { return []byte("PK\x03\x04 and so on") }},
	{"open", "no such file", nil}, // a link to nothing
	{"decode", "65500 x 65500", func(b []byte) []byte { // a frame header that lies
		b = bytes.Clone(b)
		if i := bytes.Index(b, []byte("\xff\xc0\x00\x11\x08")); i >= 0 {
			copy(b[i+5:], "\xff\xdc\xff\xdc")
		}
		return b
	}},
}

// 20,000 files, 300 of them broken in 12 ways: a row for each good one, a line in the ledger for each other one, and memory that does not grow.
func TestTwentyThousand(t *testing.T) {
	if torture() == 0 {
		t.Skip("long: make torture")
	}
	data := os.Getenv("FEATX_DATA")
	archive, err := os.Open(filepath.Join(data, "cifar10", "train.tar.gz"))
	if err != nil {
		t.Skip("needs the shared CIFAR-10: ", err)
	}
	defer archive.Close()
	photographs, err := filepath.Glob(filepath.Join(data, "images", "*"))
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "p"), 0o777))
	z, err := gzip.NewReader(archive)
	require.NoError(t, err)
	in := tar.NewReader(z)
	type expected struct{ stage, reason string }
	bad := map[string]expected{}
	var good []string
	const n = 20_000
	for i := 0; i < n; {
		var picture []byte
		name := fmt.Sprintf("p/%05d.jpg", i)
		if i%100 == 50 {
			picture, err = os.ReadFile(photographs[i/100%len(photographs)])
			require.NoError(t, err)
		} else {
			h, err := in.Next()
			require.NoError(t, err)
			if h.Typeflag != tar.TypeReg || !strings.HasSuffix(h.Name, ".jpg") && !strings.HasSuffix(h.Name, ".jpeg") {
				continue
			}
			picture, err = io.ReadAll(in)
			require.NoError(t, err)
		}
		if k := i * 300 / n; k != (i+1)*300/n {
			d := damages[k%len(damages)]
			bad[name] = expected{d.stage, d.reason}
			if d.damage == nil {
				require.NoError(t, os.Symlink("nothing", filepath.Join(dir, name)))
			} else {
				write(t, dir, name, d.damage(picture))
			}
		} else {
			good = append(good, name)
			write(t, dir, name, picture)
		}
		i++
	}
	require.Len(t, bad, 300)
	c, stderr := start(t, dir, "extract", "-o", "out.npy", "p")
	var memory []int // MB, over time
	exited := make(chan error, 1)
	go func() { exited <- c.Wait() }()
	began := time.Now()
	for running := true; running; {
		select {
		case <-exited:
			running = false
		case <-time.After(100 * time.Millisecond):
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid))
			if _, line, ok := strings.Cut(string(text), "VmRSS:"); ok {
				var kB int
				if _, err := fmt.Sscan(line, &kB); err == nil {
					memory = append(memory, kB>>10)
				}
			}
		}
	}
	took := time.Since(began)
	require.Equal(t, statusPartly, c.ProcessState.ExitCode(), stderr.String())
	require.Contains(t, stderr.String(), "300 of 20000 inputs failed")
	require.Equal(t, strings.Join(good, "\n")+"\n", string(read(t, dir, "out.npy.paths.txt")))
	require.Len(t, read(t, dir, "out.npy"), 128+64*4*len(good))
	lines := strings.Split(strings.TrimSpace(string(read(t, dir, "out.npy.errors.jsonl"))), "\n")
	require.Len(t, lines, len(bad))
	last := ""
	for _, line := range lines {
		var got struct{ Path, Stage, Reason string }
		require.NoError(t, json.Unmarshal([]byte(line), &got))
		require.Equal(t, bad[got.Path].stage, got.Stage, line)
		require.Contains(t, got.Reason, bad[got.Path].reason, line)
		require.Greater(t, got.Path, last, "in the order of the inputs")
		last = got.Path
	}
	third := len(memory) / 3
	early, late := 0, 0
	for i, m := range memory {
		if i >= third && i < 2*third {
			early = max(early, m)
		} else if i >= 2*third {
			late = max(late, m)
		}
	}
	t.Logf("%d pictures in %v; resident %d MB in the middle third, %d MB in the last", n, took.Round(time.Second/10), early, late)
	if runtime.GOOS == "linux" {
		require.LessOrEqual(t, late, early+4)
	}
}
