package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFit(t *testing.T) {
	const text = "120 of 181, 20.5 a second, 3s left, 1 failed"
	bar := bar(120, 181)
	for columns, want := range map[int]string{
		0: bar + text, 200: bar + text, len(bar+text) + 1: bar + text,
		len(bar + text): text, len(text) + 1: text,
		len(text): "120 of 181, 20.5 a second, 3s left", 30: "120 of 181, 20.5 a second", 5: "120 ", 1: "",
	} {
		require.Equal(t, want, fit(columns, bar, text), columns)
	}
}

func TestRate(t *testing.T) {
	require.Equal(t, "0 of 8, 0.0 a second", rate(0, 0, 8, time.Second))
	require.Equal(t, "60 of 100, 10.0 a second, 4s left", rate(60, 40, 100, 2*time.Second), "what an earlier run did is not speed")
	require.Equal(t, "60, 30.0 a second", rate(60, 0, 0, 2*time.Second), "of an unknown number")
	require.Equal(t, "9, 9.0 a second", rate(9, 0, 8, time.Second), "there are more than were counted")
}

// On a narrow terminal no line wraps, since one that does cannot be written over; /dev/null is no terminal.
func TestNarrowTerminal(t *testing.T) {
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("no script here, which makes a terminal")
	}
	dir := t.TempDir()
	list := strings.Repeat(testdata(t, "images/ship.jpg")+"\n", 800)
	write(t, dir, "list.txt", []byte(list))
	run := func(env string) string {
		c := exec.Command(script, "-qec", "stty cols 40 && "+program+" extract --threads 1 -l conv1 --pool avg @list.txt >/dev/null", "typescript")
		c.Dir, c.Env = dir, append(os.Environ(), env)
		out, err := c.Output()
		require.NoError(t, err)
		return string(out)
	}
	shown := strings.Split(run("TERM=xterm"), overwrite)
	require.Greater(t, len(shown), 1)
	state := regexp.MustCompile(`^(\d+(, | of 800(, )?)?([\d.]+ a second)?(, \S+ left)?)?$`)
	for _, line := range shown {
		require.Less(t, len(line), 40)
		require.Regexp(t, state, line)
	}
	require.Contains(t, strings.Join(shown, "\n"), " a second")
	require.NotContains(t, run("TERM=dumb"), "\x1b")
}
