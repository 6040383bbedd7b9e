//go:build goldencheck

package onnx

import (
	"os"
	"path/filepath"
	"testing"
)

// Stock networks as their frameworks' exporters write them, against ONNX Runtime: what testdata/onnx/make.py has put into the cache folder.
func TestGoldenExports(t *testing.T) {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	folder := filepath.Join(cache, "featx-golden", "onnx")
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("%v: testdata/onnx/make.py writes it", err)
	}
	testExports(t, folder)
}
