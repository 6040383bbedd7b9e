package weights

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A file that does not fit the address space is named, with its size: this test runs itself again with a limit.
func TestMappedFileTooLarge(t *testing.T) {
	if path := os.Getenv("FEATX_TEST_MAP"); path != "" {
		_, _, err := MapFile(path)
		require.ErrorContains(t, err, path+": its 1500 MB cannot be mapped into memory: ")
		return
	}
	path := filepath.Join(t.TempDir(), "large.safetensors")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(1_500_000_000)) // takes no space on the disk
	require.NoError(t, f.Close())
	limited := exec.Command("sh", "-c", `ulimit -v 2400000 && exec "$0" -test.run='^TestMappedFileTooLarge$'`, os.Args[0])
	limited.Env = append(os.Environ(), "FEATX_TEST_MAP="+path, "GOMAXPROCS=1")
	out, err := limited.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
