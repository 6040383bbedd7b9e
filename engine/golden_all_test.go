//go:build goldencheck

package engine_test

import (
	"os"
	"path/filepath"
	"strings"
)

// All networks with a committed golden, and those in the folder of FEATX_GOLDENS, which `make_golden.py --to FOLDER` makes of any.
func init() {
	goldenNetworks = append(goldenNetworks, goldenMore...)
	if folder := os.Getenv("FEATX_GOLDENS"); folder != "" {
		files, err := filepath.Glob(filepath.Join(folder, "*.safetensors"))
		if err != nil || len(files) == 0 {
			panic("FEATX_GOLDENS: no goldens in " + folder)
		}
		goldenFolder, goldenNetworks, goldenMore = folder, nil, nil
		for _, f := range files {
			goldenNetworks = append(goldenNetworks, strings.TrimSuffix(filepath.Base(f), ".safetensors"))
		}
	}
}
