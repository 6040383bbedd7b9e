//go:build goldencheck

package engine_test

func init() { goldenNetworks = append(goldenNetworks, goldenMore...) }
