package main

import (
	"bytes"
	"fmt"
	stdimage "image"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
)

// resident runs the program and gives the most memory that it had, in bytes, as far as looking every half a millisecond tells. (The system's own sum, ru_maxrss, begins with
// the memory of the process that starts it.)
func resident(t *testing.T, dir string, args ...string) (most int64) {
	t.Helper()
	for range 3 { // on a busy machine a look may come too late
		most = max(most, residentOnce(t, dir, args...))
	}
	require.Positive(t, most)
	return most
}

func residentOnce(t *testing.T, dir string, args ...string) (most int64) {
	t.Helper()
	var stderr bytes.Buffer
	c := exec.Command(program, args...)
	c.Dir, c.Stderr = dir, &stderr
	require.NoError(t, c.Start())
	exited := make(chan error, 1)
	go func() { exited <- c.Wait() }()
	status := fmt.Sprintf("/proc/%d/status", c.Process.Pid)
	for {
		select {
		case err := <-exited:
			require.NoError(t, err, stderr.String())
			return most
		case <-time.After(500 * time.Microsecond):
		}
		text, _ := os.ReadFile(status)
		exe, _ := os.Readlink(filepath.Dir(status) + "/exe")
		var kB int64
		if _, line, ok := strings.Cut(string(text), "VmHWM:"); ok && exe == program { // not before it is this program
			_, err := fmt.Sscan(line, &kB)
			require.NoError(t, err)
			most = kB << 10
		}
	}
}

// What is promised to small machines: of one photograph, and with no flags about memory.
func TestResident(t *testing.T) {
	dir := t.TempDir()
	photo := photograph(t, dir)
	for _, c := range []struct {
		network string
		dtype   engine.DType
		most    int64 // MB
	}{{"", "", 25}, {"mobilenet_v2", engine.F32, 60}, {"resnet50", engine.F16, 160}} {
		if testing.Short() && c.network == "resnet50" {
			continue
		}
		args := []string{"extract", photo}
		if c.network != "" {
			args = append(args, "-m", modelAs(t, dir, c.network, c.dtype))
		}
		for _, more := range [][]string{nil, {"--batch", "1"}, {"--threads", "1"}} {
			got := resident(t, dir, append(args, more...)...)
			t.Logf("%s %s %v: %.1f MB", c.network, c.dtype, more, float64(got)/1e6)
			require.Less(t, got, c.most*1e6, "%s %v", c.network, more)
		}
	}
}

// A limit is kept to, with many pictures too.
func TestResidentWithin(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	dir := t.TempDir()
	photo := photograph(t, dir)
	path := modelAs(t, dir, "mobilenet_v2", engine.F32)
	args := []string{"extract", "-m", path, "-l", "features.2", "--pool", "max", "--max-memory", "40MB"}
	for range 30 {
		args = append(args, photo)
	}
	got := resident(t, dir, args...)
	t.Logf("%.1f MB", float64(got)/1e6)
	require.Less(t, got, int64(40e6))
}

// photograph makes a JPEG of 500 x 375 pixels, the size that photographs of ImageNet have.
func photograph(t *testing.T, dir string) string {
	t.Helper()
	picture := stdimage.NewYCbCr(stdimage.Rect(0, 0, 500, 375), stdimage.YCbCrSubsampleRatio420)
	for _, plane := range [][]uint8{picture.Y, picture.Cb, picture.Cr} {
		for i := range plane {
			plane[i] = uint8(i*i>>9 + i/7)
		}
	}
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, picture, &jpeg.Options{Quality: 90}))
	write(t, dir, "photo.jpg", b.Bytes())
	return filepath.Join(dir, "photo.jpg")
}
