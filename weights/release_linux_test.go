package weights

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/engine/image"
)

// resident is how many kB of a mapped file the process holds.
func resident(t *testing.T, path string) (kB int) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	inside := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if first, _, _ := strings.Cut(line, " "); !strings.HasSuffix(first, ":") {
			inside = strings.HasSuffix(line, path)
			continue
		}
		var n int
		if _, err := fmt.Sscanf(line, "Rss: %d kB", &n); err == nil && inside {
			kB += n
		}
	}
	return kB
}

// What is released leaves memory, and comes back when it is read.
func TestRelease(t *testing.T) {
	g, err := arch.Build("resnet18", arch.Options{})
	require.NoError(t, err)
	source, err := arch.Seeded(g, 1)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "m.safetensors")
	require.NoError(t, Write(t.Context(), path, Info{Graph: g, Recipe: image.Torchvision(256, 224)}, source, engine.F32))
	m, err := Open(path)
	require.NoError(t, err)
	defer m.Close()

	w, ok := m.Weight("layer4.1.conv2.weight") // 9 MB
	require.True(t, ok)
	before := resident(t, path)
	sum := func() (s float64) {
		for _, v := range w.Float32s() {
			s += float64(v)
		}
		return s
	}
	read := sum()
	require.Greater(t, resident(t, path), before+9000)
	m.Release(w.Data)
	require.Less(t, resident(t, path), before+200)
	require.Equal(t, read, sum())
	require.Greater(t, resident(t, path), before+9000)

	own := []byte("not of the file")
	m.Release(own)
	require.Equal(t, "not of the file", string(own))
	m.Release(nil)
}
