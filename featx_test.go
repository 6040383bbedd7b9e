package featx_test

import (
	"math"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/weights"
)

const ship = "testdata/images/ship.jpg"

func open(t *testing.T) *featx.Model {
	t.Helper()
	m, err := featx.Open("")
	require.NoError(t, err)
	return m
}

func extractor(t *testing.T, m *featx.Model, o featx.Options) *featx.Extractor {
	t.Helper()
	x, err := m.Extractor(o)
	require.NoError(t, err)
	t.Cleanup(x.Close)
	return x
}

// One model, many goroutines, one after the other and at once: the same bytes.
func TestShared(t *testing.T) {
	m := open(t)
	x := extractor(t, m, featx.Options{Layers: []string{"layer1", "flatten"}, Batch: 1})
	want, err := x.Files(ship, "testdata/images/grey8.png", ship)
	require.NoError(t, err)
	require.Equal(t, []int{3, 16, 32, 32}, want[0].Dims)
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			x, err := m.Extractor(featx.Options{Layers: []string{"layer1", "flatten"}, Batch: 1 + i, Threads: 1 + i%3})
			if !assertNoError(t, err) {
				return
			}
			defer x.Close()
			for range 3 {
				got, err := x.Files(ship, "testdata/images/grey8.png", ship)
				if assertNoError(t, err) && !sameBits(want, got) {
					t.Errorf("goroutine %d has other values", i)
				}
			}
		})
	}
	all.Wait()
}

func assertNoError(t *testing.T, err error) bool {
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

func sameBits(a, b []featx.Tensor) bool {
	for i := range a {
		if len(a[i].Data) != len(b[i].Data) {
			return false
		}
		for j, v := range a[i].Data {
			if math.Float32bits(v) != math.Float32bits(b[i].Data[j]) {
				return false
			}
		}
	}
	return true
}

// A file that is closed stays until its last extractor is.
func TestClose(t *testing.T) {
	embedded, err := weights.Embedded()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "model.safetensors")
	require.NoError(t, weights.Write(t.Context(), file, embedded.Info, embedded, engine.F32))
	m, err := featx.Open(file)
	require.NoError(t, err)
	x := extractor(t, m, featx.Options{})
	want, err := x.Files(ship)
	require.NoError(t, err)
	require.NoError(t, m.Close())
	require.NoError(t, m.Close())
	got, err := x.Files(ship)
	require.NoError(t, err)
	require.Equal(t, want, got)
	_, err = m.Extractor(featx.Options{})
	require.ErrorContains(t, err, "the model is closed")
	x.Close()
	x.Close()
	_, err = x.Files(ship)
	require.ErrorContains(t, err, "the extractor is closed")
}

func TestRunAllocatesNothing(t *testing.T) {
	x := extractor(t, open(t), featx.Options{Layers: []string{"layer2", "flatten"}, Pool: featx.GeM, L2: true, Threads: 2, Batch: 3})
	input := make([]float32, 3*x.InputLen())
	require.Zero(t, testing.AllocsPerRun(10, func() {
		if _, err := x.Run(3, input); err != nil {
			t.Fatal(err)
		}
	}))
}

func TestGoroutinesEnd(t *testing.T) {
	m := open(t)
	before := runtime.NumGoroutine()
	for range 5 {
		x, err := m.Extractor(featx.Options{Threads: 4})
		require.NoError(t, err)
		x.Close()
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
}

func TestErrors(t *testing.T) {
	m := open(t)
	small := image.CIFAR()
	small.Size = [2]int{0, 32}
	for want, o := range map[string]featx.Options{
		`no layer "conv11"; nearest: conv1`: {Layers: []string{"conv11"}},
		"unknown pooling":                   {Pool: "mean"},
		"size 0x32":                         {Recipe: &small},
		"unknown instruction set":           {ISA: "mmx"},
		"on -1 threads":                     {Threads: -1},
		"a batch of -1":                     {Batch: -1},
	} {
		_, err := m.Extractor(o)
		require.ErrorContains(t, err, want)
	}
	var unknown *engine.UnknownLayerError
	_, err := m.Extractor(featx.Options{Layers: []string{"conv11"}})
	require.ErrorAs(t, err, &unknown)

	x := extractor(t, m, featx.Options{Batch: 2})
	_, err = x.Files(ship, "missing.jpg")
	require.ErrorContains(t, err, "missing.jpg: no such file")
	_, err = x.Images(image.NewRGB(4, 4), image.NewRGB(0, 0))
	require.ErrorContains(t, err, "picture 1: ")
	for _, bad := range []featx.Tensor{
		{},
		{Dims: []int{1, 32, 32, 3}, Data: make([]float32, 3072)},
		{Dims: []int{2, 3, 32, 32}, Data: make([]float32, 3072)},
		{Dims: []int{-1, 3, 32, 32}},
	} {
		_, err = x.Tensor(bad)
		require.ErrorContains(t, err, "the network takes [n 3 32 32]")
	}
	_, err = x.Run(3, make([]float32, 3*x.InputLen()))
	require.Error(t, err)
	none, err := x.Files()
	require.NoError(t, err)
	require.Equal(t, []int{0, 64}, none[0].Dims)

	for name, want := range map[string]string{
		"resnet51":           `unknown model "resnet51"`,
		"no/such.safetensor": "no/such.safetensor: no such file",
		ship:                 ship + ": not a featx model file",
		"testdata":           "testdata: is a directory",
	} {
		_, err := featx.Open(name)
		require.ErrorContains(t, err, want)
	}
}
