package convert

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/weights"
)

const checkpoints = "../../testdata/checkpoints/" // written by make.py there

// resnet20 is a source for conversions: seeded weights as plain safetensors, as spoil changes them.
func resnet20(t *testing.T, spoil func(tensors []weights.Tensor) []weights.Tensor) string {
	return seeded(t, "cifar_resnet20", spoil)
}

func seeded(t *testing.T, network string, spoil func(tensors []weights.Tensor) []weights.Tensor) string {
	t.Helper()
	g, err := arch.Build(network, arch.Options{})
	require.NoError(t, err)
	source, err := arch.Seeded(g, 1)
	require.NoError(t, err)
	params, err := g.Params()
	require.NoError(t, err)
	var tensors []weights.Tensor
	for _, p := range params {
		w, _ := source.Weight(p.Tensor)
		tensors = append(tensors, weights.Tensor{Name: p.Tensor, DType: weights.F32, Shape: p.Shape, Data: w.Data})
	}
	if spoil != nil {
		tensors = spoil(tensors)
	}
	var b bytes.Buffer
	require.NoError(t, weights.WriteSafetensors(&b, map[string]string{"format": "pt"}, tensors, nil))
	path := filepath.Join(t.TempDir(), "source.safetensors")
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o666))
	return path
}

func open(t *testing.T, path string) *weights.Model {
	t.Helper()
	m, err := weights.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	return m
}

func requireNone(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestConvert(t *testing.T) {
	// Wrapped twice, with a counter, and batch norm's values in other types.
	src := resnet20(t, func(tensors []weights.Tensor) []weights.Tensor {
		tensors = append(tensors, weights.Tensor{Name: "bn1.num_batches_tracked", DType: "I64", Data: make([]byte, 8)})
		for i := range tensors {
			tensors[i].Name = "module._orig_mod." + tensors[i].Name
		}
		return tensors
	})
	dst := filepath.Join(t.TempDir(), "m.safetensors")
	r, err := Convert(t.Context(), src, dst, Options{})
	require.NoError(t, err)
	data, err := os.ReadFile(src)
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	require.Equal(t, weights.Source{File: "source.safetensors", SHA256: hex.EncodeToString(sum[:]), Arch: "cifar_resnet20", Format: "safetensors"}, r.Source)
	require.Equal(t, []string{"bn1.num_batches_tracked"}, r.Dropped)
	require.Equal(t, 97, r.Tensors)
	require.EqualValues(t, 271098, r.Parameters)
	m := open(t, dst)
	require.Equal(t, r.Info, m.Info)
	require.Equal(t, image.CIFAR(), m.Recipe)
	source, err := arch.Seeded(m.Graph, 1)
	require.NoError(t, err)
	params, err := m.Graph.Params()
	require.NoError(t, err)
	for _, p := range params {
		want, _ := source.Weight(p.Tensor)
		got, _ := m.Weight(p.Tensor)
		require.Equal(t, want, got, p.Tensor)
	}

	t.Run("a model file again", func(t *testing.T) {
		half := filepath.Join(t.TempDir(), "half.safetensors")
		classes := strings.Fields("a b c d e f g h i j")
		again, err := Convert(t.Context(), dst, half, Options{DType: "f16", Classes: classes, Recipe: func(r *image.Recipe) error { return r.Set("channels", "bgr") }})
		require.NoError(t, err)
		require.Equal(t, r.Source, again.Source, "where the weights came from in the first place")
		m := open(t, half)
		require.Equal(t, "bgr", m.Recipe.Channels)
		require.Equal(t, classes, m.Classes)
		w, _ := m.Weight("conv1.weight")
		require.Equal(t, engine.F16, w.DType)
		require.Less(t, again.Bytes, r.Bytes*11/20)
	})
	t.Run("another size", func(t *testing.T) {
		m64 := filepath.Join(t.TempDir(), "m64.safetensors")
		_, err := Convert(t.Context(), src, m64, Options{Arch: "cifar_resnet20", Recipe: func(r *image.Recipe) error {
			return errors.Join(r.Set("size", "64x48"), r.Set("resize", "64x48"))
		}})
		require.NoError(t, err)
		require.Equal(t, engine.Shape{H: 64, W: 48, C: 3}, open(t, m64).Graph.Input)
	})
	t.Run("interrupted", func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		interrupt()
		for _, source := range []string{src, dst} { // with the digest to be made, and without
			none := filepath.Join(t.TempDir(), "none.safetensors")
			_, err := Convert(ctx, source, none, Options{})
			require.ErrorIs(t, err, context.Canceled)
			requireNone(t, filepath.Dir(none))
		}
	})
	t.Run("onto itself", func(t *testing.T) {
		_, err := Convert(t.Context(), src, src, Options{})
		require.ErrorContains(t, err, "is the source itself")
		again, err := os.ReadFile(src)
		require.NoError(t, err)
		require.Equal(t, data, again)
	})
}

// Inception's checkpoints hold its auxiliary classifier, and do not tell whether the network transforms its input.
func TestInception(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: writes 95 MB")
	}
	src := seeded(t, "inception_v3", func(tensors []weights.Tensor) []weights.Tensor {
		return append(tensors, weights.Tensor{Name: "AuxLogits.conv0.bn.num_batches_tracked", DType: "I64", Data: make([]byte, 8)},
			weights.Tensor{Name: "AuxLogits.fc.weight", DType: weights.F32, Shape: []int{1000, 768}, Data: make([]byte, 4*1000*768)},
			weights.Tensor{Name: "AuxLogits.fc.bias", DType: weights.F32, Shape: []int{1000}, Data: make([]byte, 4*1000)})
	})
	dst := filepath.Join(t.TempDir(), "m.safetensors")
	_, err := Convert(t.Context(), src, dst, Options{})
	require.ErrorContains(t, err, "the tensors fit inception_v3 (torchvision's weights=None: no transform_input) and inception_v3_google (")
	r, err := Convert(t.Context(), src, dst, Options{Arch: "inception_v3_google", DType: "f16"})
	require.NoError(t, err)
	require.Equal(t, []string{"AuxLogits.conv0.bn.num_batches_tracked", "AuxLogits.fc.bias", "AuxLogits.fc.weight"}, r.Dropped)
	m := open(t, dst)
	require.IsType(t, &engine.Affine{}, m.Graph.Nodes[0].Op)
	require.Equal(t, image.Torchvision(342, 299), m.Recipe)
	_, ok := m.Weight("AuxLogits.fc.weight")
	require.False(t, ok)

	_, err = Convert(t.Context(), src, dst, Options{Arch: "resnet18"})
	require.ErrorContains(t, err, "AuxLogits.fc.weight")
}

func TestTypes(t *testing.T) {
	// 1.5 as each type; fc is all of them.
	one := map[weights.DType][]byte{
		weights.F64: {0, 0, 0, 0, 0, 0, 0xf8, 0x3f}, weights.F32: {0, 0, 0xc0, 0x3f}, weights.F16: {0, 0x3e}, weights.BF16: {0xc0, 0x3f},
	}
	for dtype, value := range one {
		src := resnet20(t, func(tensors []weights.Tensor) []weights.Tensor {
			last := &tensors[len(tensors)-1]
			last.DType, last.Data = dtype, bytes.Repeat(value, 10)
			return tensors
		})
		dst := filepath.Join(t.TempDir(), "m.safetensors")
		_, err := Convert(t.Context(), src, dst, Options{})
		require.NoError(t, err)
		w, _ := open(t, dst).Weight("linear.bias")
		require.Equal(t, engine.F32, w.DType)
		require.Equal(t, []float32{1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5}, w.Float32s(), dtype)
	}
}

func TestRefuses(t *testing.T) {
	last := func(change func(x *weights.Tensor)) func([]weights.Tensor) []weights.Tensor {
		return func(tensors []weights.Tensor) []weights.Tensor {
			change(&tensors[len(tensors)-1])
			return tensors
		}
	}
	for want, c := range map[string]struct {
		o     Options
		spoil func([]weights.Tensor) []weights.Tensor
	}{
		"(nearest: cifar_resnet20, but 1 missing: linear.bias; 1 surplus: bias): name one with --arch":                {spoil: last(func(x *weights.Tensor) { x.Name = "bias" })},
		"(nearest: cifar_resnet20, but 1 misshapen: linear.bias: is I32, needs floating point): name one with --arch": {spoil: last(func(x *weights.Tensor) { x.DType = "I32" })},
		"cifar_resnet20 for pictures of 32x32: the weights do not fit the network: 1 missing: conv1.weight; 1 surplus: conv0.weight": {
			Options{Arch: "cifar_resnet20"}, func(x []weights.Tensor) []weights.Tensor { x[0].Name = "conv0.weight"; return x }},
		"1 misshapen: conv1.weight: has [16 9 3], needs [16 3 3 3]": {
			Options{Arch: "cifar_resnet20"}, func(x []weights.Tensor) []weights.Tensor { x[0].Shape = []int{16, 9, 3}; return x }},
		"1 misshapen: linear.bias: is I32, needs floating point": {Options{Arch: "cifar_resnet20"}, last(func(x *weights.Tensor) { x.DType = "I32" })},
		`unknown network "resnet19"; nearest are resnet18, `:     {o: Options{Arch: "resnet19"}},
		"3 class names for 10 outputs":                           {o: Options{Classes: []string{"a", "b", "c"}}},
		`dtype "f8" is neither f32 nor f16`:                      {o: Options{DType: "f8"}},
		`interpolation "best": must be`:                          {o: Options{Recipe: func(r *image.Recipe) error { return r.Set("interpolation", "best") }}},
		"resize 32x32 never gives":                               {o: Options{Recipe: func(r *image.Recipe) error { return r.Set("size", "64") }}},
		`tensor "linear.bias": value 1 is 1e+300, which float32 cannot hold`: {spoil: last(func(x *weights.Tensor) {
			x.DType, x.Data = weights.F64, append(make([]byte, 8), append([]byte{0x9c, 0x75, 0, 0x88, 0x3c, 0xe4, 0x37, 0x7e}, make([]byte, 64)...)...)
		})},
		"holds no floating-point tensors": {spoil: func(x []weights.Tensor) []weights.Tensor { return nil }},
	} {
		t.Run(want, func(t *testing.T) {
			dst := filepath.Join(t.TempDir(), "m.safetensors")
			_, err := Convert(t.Context(), resnet20(t, c.spoil), dst, c.o)
			require.ErrorContains(t, err, want)
			require.NotContains(t, err.Error(), "\n")
			requireNone(t, filepath.Dir(dst))
		})
	}
	t.Run("mismatch", func(t *testing.T) {
		src := resnet20(t, func(x []weights.Tensor) []weights.Tensor { return x[1:] })
		_, err := Convert(t.Context(), src, filepath.Join(t.TempDir(), "m"), Options{Arch: "cifar_resnet20"})
		var mismatch *engine.MismatchError
		require.ErrorAs(t, err, &mismatch)
		require.Equal(t, []string{"conv1.weight"}, mismatch.Missing)
	})
}

func TestFormats(t *testing.T) {
	dir := t.TempDir()
	for content, want := range map[string]string{
		"":                      "is empty (0 bytes)",
		"hello, this is text":   "is of no known format; PyTorch checkpoints, Keras and ONNX models, and safetensors files can be converted",
		"\x89HDF\r\n\x1a\n....": "the HDF5 file's superblock: version 46 is not supported",
		strings.Repeat("\x00", 512) + "\x89HDF\r\n\x1a\n": "the HDF5 file's superblock: truncated or damaged",
		"\x08\x07\x12\x07pytorch":                         "ONNX: holds no graph",
		"version https://git-lfs.github.com/spec/v1\n":    "git lfs pull",
		"\n<!DOCTYPE html>":                               "is a web page",
		"\x1f\x8b\x08":                                    "unpack it first",
		"\x80\x04}.":                                      "is a pickle, but not of torch.save",
		"PK\x03\x04":                                      "the zip archive is damaged or cut off",
	} {
		src := filepath.Join(dir, "model.pth") // the name means nothing
		require.NoError(t, os.WriteFile(src, []byte(content), 0o666))
		_, err := Convert(t.Context(), src, filepath.Join(dir, "dst"), Options{})
		require.ErrorContains(t, err, want)
		require.True(t, strings.HasPrefix(err.Error(), src+": "), err)
	}
	_, err := Convert(t.Context(), filepath.Join(dir, "nothing.pth"), filepath.Join(dir, "dst"), Options{})
	require.ErrorContains(t, err, "nothing.pth: no such file")
	_, err = Convert(t.Context(), dir, filepath.Join(dir, "dst"), Options{})
	require.ErrorContains(t, err, "is a directory")
	_, err = Convert(t.Context(), checkpoints+"hostile.zip.pth", filepath.Join(dir, "dst"), Options{})
	require.ErrorContains(t, err, `hostile.zip.pth: pickle, byte 169: the file asks to run "posix.system"`)
	_, err = Convert(t.Context(), checkpoints+"training.zip.pth", filepath.Join(dir, "dst"), Options{})
	require.ErrorContains(t, err, "are those of no known network")
}

// A damaged model file is not taken for plain tensors.
func TestDamagedModelFile(t *testing.T) {
	src := resnet20(t, nil)
	good := filepath.Join(t.TempDir(), "good")
	_, err := Convert(t.Context(), src, good, Options{})
	require.NoError(t, err)
	data, err := os.ReadFile(good)
	require.NoError(t, err)
	bad := filepath.Join(t.TempDir(), "bad")
	require.NoError(t, os.WriteFile(bad, bytes.Replace(data, []byte(`\"Conv2D\"`), []byte(`\"Cond2D\"`), 1), 0o666))
	_, err = Convert(t.Context(), bad, filepath.Join(t.TempDir(), "m"), Options{})
	require.ErrorContains(t, err, `Cond2D`)
}

// The shared checkpoint: legacy format, DataParallel's prefix. The digest is PyTorch's, of what testdata/checkpoints/digest.py reads.
func TestPublishedResnet20(t *testing.T) {
	data := os.Getenv("FEATX_DATA")
	if data == "" {
		data = "../../../shared/data"
	}
	src := filepath.Join(data, "weights", "cifar10-resnet20.th")
	if _, err := os.Stat(src); err != nil {
		t.Skip("needs the published checkpoint:", err)
	}
	digest, err := os.ReadFile(checkpoints + "cifar10-resnet20.sha256")
	require.NoError(t, err)
	dst := filepath.Join(t.TempDir(), "m.safetensors")
	r, err := Convert(t.Context(), src, dst, Options{})
	require.NoError(t, err)
	require.Equal(t, "cifar_resnet20", r.Graph.Arch)
	require.Equal(t, "torch", r.Source.Format)
	require.Empty(t, r.Dropped)
	m := open(t, dst)
	params, err := m.Graph.Params()
	require.NoError(t, err)
	sort.Slice(params, func(i, j int) bool { return params[i].Tensor < params[j].Tensor })
	h := sha256.New()
	for _, p := range params {
		w, _ := m.Weight(p.Tensor)
		io.WriteString(h, p.Tensor+"\n")
		h.Write(w.Data)
	}
	require.Equal(t, strings.TrimSpace(string(digest)), hex.EncodeToString(h.Sum(nil)))
}
