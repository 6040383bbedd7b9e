package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// program is the binary, built once as users build it, or what FEATX_PROGRAM names.
var program = os.Getenv("FEATX_PROGRAM")

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "featx")
	// No test may use the network or the user's cache.
	os.Setenv("FEATX_OFFLINE", "1")
	os.Setenv("FEATX_CACHE", filepath.Join(dir, "cache"))
	if err == nil && program == "" {
		program = filepath.Join(dir, "featx")
		build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		build.Stderr = os.Stderr
		err = build.Run()
	}
	status := 1
	if err == nil {
		status = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, "building featx:", err)
	}
	os.RemoveAll(dir)
	os.Exit(status)
}

// result is what a user sees of a run.
type result struct {
	status         int
	stdout, stderr string
}

// command runs the program in a folder.
func command(t *testing.T, dir string, args ...string) result {
	t.Helper()
	return commandEnv(t, dir, nil, args...)
}

func commandEnv(t *testing.T, dir string, env []string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := exec.Command(program, args...)
	c.Dir, c.Env, c.Stdout, c.Stderr = dir, append(os.Environ(), env...), &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return result{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// ok runs the program and expects success without a word on standard error.
func ok(t *testing.T, dir string, args ...string) string {
	t.Helper()
	r := command(t, dir, args...)
	require.Empty(t, r.stderr)
	require.Zero(t, r.status)
	return r.stdout
}

// requireLine expects one line of standard error, with all of the parts in it.
func requireLine(t *testing.T, stderr string, parts ...string) {
	t.Helper()
	require.Equal(t, 1, strings.Count(stderr, "\n"), "one line wanted: %q", stderr)
	require.True(t, strings.HasPrefix(stderr, "featx: "), stderr)
	require.NotContains(t, stderr, "goroutine")
	for _, p := range parts {
		require.Contains(t, stderr, p)
	}
}

// requireOnly expects these files in a folder, and none else, hidden ones included.
func requireOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	found := []string{}
	for _, e := range entries {
		found = append(found, e.Name())
	}
	require.ElementsMatch(t, names, found)
}

// testdata is the path of a file of the project.
func testdata(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "testdata", filepath.FromSlash(name)))
	require.NoError(t, err)
	return path
}

// pictures copies some pictures of the project to a folder p and gives the folder that p is in.
func pictures(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "p"), 0o777))
	for _, name := range names {
		data, err := os.ReadFile(testdata(t, "images/"+name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "p", name), data, 0o666))
	}
	return dir
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o666))
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return data
}

func TestHelp(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{{}, {"help"}, {"--help"}, {"extract", "--help"}, {"layers", "--help"}, {"plan", "--help"}, {"show", "--help"}, {"convert", "--help"}, {"bench", "--help"}, {"info", "--help"}, {"models", "--help"}, {"models", "rm", "--help"}, {"pull", "--help"}, {"verify", "--help"}} {
		require.Contains(t, ok(t, dir, args...), "Examples:")
	}
	require.Regexp(t, `^featx \S+`, ok(t, dir, "--version"))
}

// The program is static, small, and needs nothing beside it.
func TestStatic(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	info, err := os.Stat(program)
	require.NoError(t, err)
	require.LessOrEqual(t, info.Size(), int64(30_000_000))
	t.Logf("%d bytes", info.Size())

	data, err := os.ReadFile(program)
	require.NoError(t, err)
	if bytes.HasPrefix(data, []byte("\x7fELF")) {
		require.NotContains(t, string(data), "/lib64/ld-", "dynamically linked")
	}
	c := exec.Command(program, "extract", testdata(t, "images/ship.jpg"))
	c.Dir, c.Env = t.TempDir(), []string{}
	out, err := c.Output()
	require.NoError(t, err)
	require.Contains(t, string(out), `"layer":"flatten","shape":[64]`)
	requireOnly(t, c.Dir)
}
