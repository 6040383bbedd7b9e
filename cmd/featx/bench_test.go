package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/internal/testdisk"
	"github.com/featx-go/featx/kernels"
)

func benchJSON(t *testing.T, args ...string) benchReport {
	t.Helper()
	var r benchReport
	require.NoError(t, json.Unmarshal([]byte(ok(t, t.TempDir(), append([]string{"bench", "--json"}, args...)...)), &r))
	return r
}

func TestBench(t *testing.T) {
	r := benchJSON(t, "--rounds", "4", "--time", "1h", "--batch", "2", "--threads", "2")
	require.Equal(t, "cifar_resnet20", r.Arch)
	require.Equal(t, [2]int{32, 32}, r.Size)
	require.Len(t, r.Runs, 1)
	run := r.Runs[0]
	require.Equal(t, 4, run.Rounds)
	isa, err := kernels.Select("")
	require.NoError(t, err)
	require.Equal(t, isa.String(), run.ISA)

	// He et al.'s count of a ResNet-20 (40.55 million multiply-adds with the classifier), for two pictures; each kind adds up its steps.
	var macs, byKind int64
	count := 0
	for _, s := range run.Steps {
		macs += s.MACs
		require.Positive(t, s.MS, s.Name)
		require.InEpsilon(t, 2*float64(s.MACs)+1, s.GFLOPS*s.MS*1e6+1, 1e-9, s.Name)
	}
	for _, k := range run.Kernels {
		byKind += k.MACs
		count += k.Count
	}
	require.Equal(t, int64(2*40551040), macs)
	require.Equal(t, macs, byKind)
	require.Equal(t, len(run.Steps), count)

	// Rates are those of a CPU, and a network is not slower than a clock between its steps makes it.
	require.Greater(t, run.Peak, 0.01)
	require.Less(t, run.Peak, 1e4)
	require.Greater(t, r.Bandwidth, 0.1)
	require.Less(t, r.Bandwidth, 1e4)
	require.LessOrEqual(t, run.BestMS, run.Network.MS)
	require.InEpsilon(t, 2*float64(macs)/run.Network.MS/1e6, run.Network.GFLOPS, 1e-9)
	require.Less(t, run.Network.Share, 8.0) // Winograd saves at most three quarters of the multiplications; a busy machine may show half of its peak
}

// The same work with each instruction set, side by side.
func TestBenchISAs(t *testing.T) {
	var names []string
	for _, isa := range kernels.All() {
		names = append(names, isa.String())
	}
	args := []string{"--seeded", "--rounds", "1", "--isa", strings.Join(names, ","), "cifar_resnet20"}
	r := benchJSON(t, args...)
	require.Len(t, r.Runs, len(names))
	for i, run := range r.Runs {
		require.Equal(t, names[i], run.ISA)
		require.Len(t, run.Steps, len(r.Runs[0].Steps))
	}
	out := ok(t, t.TempDir(), append([]string{"bench"}, args...)...)
	require.Contains(t, out, "cifar_resnet20 (seeded weights), float32, 32 x 32, batch 1, 1 thread(s)\n")
	for _, n := range names {
		require.Regexp(t, `(?m)^`+n+`: the whole network in \d+\.\d\d ms \(median of 1,`, out)
	}
	require.Regexp(t, `(?m)^conv1 \+bn \+relu +gemm 3x3 +16x32x32 +0\.44 +`, out)
	require.Regexp(t, `(?m)^linear +gemm dense +10 +0\.00 +`, out)

	// One picture larger than the network's own.
	r = benchJSON(t, "--rounds", "1", "--size", "64x48")
	require.Equal(t, [2]int{64, 48}, r.Size)
	require.Equal(t, "16x64x48", r.Runs[0].Steps[1].Shape)
}

// The time is kept: a round that takes all of it is the only one.
func TestBenchTime(t *testing.T) {
	r := benchJSON(t, "--time", "1ns", "--rounds", "1000")
	require.Equal(t, 1, r.Runs[0].Rounds)
}

func TestBenchErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ args, reason string }{
		{"resnet50", `--seeded for the network of that name`},
		{"none.safetensors", "none.safetensors: no such file"},
		{"--seeded", "--seeded needs the name of a network: alexnet, cifar_"},
		{"--seeded resnet51", `unknown network "resnet51"; nearest are`},
		{"--isa mmx", `unknown instruction set "mmx"`},
		{"--isa generic," + kernels.Best().String() + " --svg x.svg", "--svg shows one instruction set"},
		{"--threads 0", "--threads 0: must be 1"},
		{"--rounds 0", "--rounds 0: must be 1"},
		{"--batch -1", "--batch -1: must be 1"},
		{"--size 0", `size "0"`},
		{"--rounds 1 --svg no/x.svg", "no/x.svg: there is no such folder"},
		{"a b", "want one model"},
	} {
		if strings.Contains(c.args, "generic,generic") {
			continue // this machine has no second instruction set
		}
		r := command(t, dir, append([]string{"bench"}, strings.Fields(c.args)...)...)
		require.Equal(t, statusFailed, r.status, c.args)
		requireLine(t, r.stderr, c.reason)
		requireOnly(t, dir)
	}
	small := testdisk.Small(t, 4096)
	r := command(t, small, "bench", "--rounds", "1", "--svg", "x.svg")
	require.Equal(t, statusFailed, r.status)
	requireLine(t, r.stderr, "x.svg: the disk is full")
	requireOnly(t, small)
}
