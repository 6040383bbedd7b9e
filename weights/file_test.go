package weights

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/engine/image"
)

// tiny is a network with every kind of tensor, small enough to damage it a thousand times.
func tiny(t testing.TB) (Info, engine.WeightMap) {
	t.Helper()
	g := &engine.Graph{Arch: "tiny", Layout: engine.NCHW, Input: engine.Shape{H: 8, W: 8, C: 3}}
	x := g.Add("conv", &engine.Conv2D{Window: engine.Square(3, 1, 1), OutC: 5, Groups: 1, Weight: "conv.weight", Bias: "conv.bias"}, engine.InputName)
	x = g.Add("bn", &engine.BatchNorm{Eps: 1e-5, Gamma: "bn.weight", Beta: "bn.bias", Mean: "bn.running_mean", Var: "bn.running_var"}, x)
	x = g.Add("pool", &engine.AdaptivePool{OutH: 1, OutW: 1}, x)
	x = g.Add("flatten", &engine.Flatten{}, x)
	g.Add("fc", &engine.Dense{Out: 3, Weight: "fc.weight", Bias: "fc.bias"}, x)
	g.Alias("features", "flatten")
	g.Features = "flatten"
	recipe := image.CIFAR()
	recipe.Size, recipe.Resize = [2]int{8, 8}, image.Resize{H: 8, W: 8}
	source, err := arch.Seeded(g, 7)
	require.NoError(t, err)
	params, err := g.Params()
	require.NoError(t, err)
	values := engine.WeightMap{}
	for _, p := range params {
		values[p.Tensor], _ = source.Weight(p.Tensor)
	}
	return Info{Graph: g, Recipe: recipe, Source: Source{File: "tiny.pth", Arch: "tiny", Format: "torch"}, Classes: []string{"a", "b", "ü\n"}}, values
}

func written(t testing.TB, info Info, source engine.WeightSource, dtype engine.DType) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.safetensors")
	require.NoError(t, Write(t.Context(), path, info, source, dtype))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

func TestRoundTrip(t *testing.T) {
	info, source := tiny(t)
	path := filepath.Join(t.TempDir(), "m.safetensors")
	require.NoError(t, Write(t.Context(), path, info, source, engine.F32))
	m, err := Open(path)
	require.NoError(t, err)
	require.Equal(t, info, m.Info)
	var bytes int64
	for name, w := range source {
		got, ok := m.Weight(name)
		require.True(t, ok, name)
		require.Equal(t, w, got, name)
		bytes += int64(len(w.Data))
	}
	require.Equal(t, bytes, m.Bytes())
	_, ok := m.Weight("nothing")
	require.False(t, ok)
	require.NoError(t, m.Close())
	require.NoError(t, m.Close())

	first := written(t, info, source, engine.F32)
	require.Equal(t, first, written(t, info, source, engine.F32), "same input, same bytes")
	require.Zero(t, (8+binary.LittleEndian.Uint64(first))%64, "the data are aligned")
}

func TestFloat16(t *testing.T) {
	info, source := tiny(t)
	m, err := Parse(written(t, info, source, engine.F16))
	require.NoError(t, err)
	for name, want := range source {
		got, _ := m.Weight(name)
		require.Equal(t, want.Shape, got.Shape)
		if len(want.Shape) < 2 {
			require.Equal(t, want, got, "vectors stay F32")
			continue
		}
		require.Equal(t, engine.F16, got.DType)
		for i, v := range got.Float32s() {
			// A float16 has 11 significant bits; the seeded values are far above its subnormals or below 2^-14.
			x := want.Float32s()[i]
			require.LessOrEqual(t, math.Abs(float64(v-x)), math.Max(math.Abs(float64(x))*0x1p-11, 0x1p-25), "%s[%d]: %g became %g", name, i, x, v)
		}
	}

	t.Run("rounding", func(t *testing.T) {
		for x, want := range map[float32]float32{
			1 + 0x1p-11: 1, 1 + 0x3p-11: 1 + 0x1p-9, 1 + 0x1p-11 + 0x1p-20: 1 + 0x1p-10, // ties to even, and just above
			65519: 65504, -0x1p-24: -0x1p-24, 0x1p-25: 0, 0x3p-25: 0x1p-23, // the largest, the smallest
			float32(math.Inf(1)): float32(math.Inf(1)),
		} {
			w := source["fc.weight"]
			w.Data = append([]byte(nil), w.Data...)
			binary.LittleEndian.PutUint32(w.Data[8:], math.Float32bits(x))
			changed := engine.WeightMap{}
			for k, v := range source {
				changed[k] = v
			}
			changed["fc.weight"] = w
			m, err := Parse(written(t, info, changed, engine.F16))
			require.NoError(t, err)
			got, _ := m.Weight("fc.weight")
			require.Equal(t, want, got.Float32s()[2], "%g", x)
		}
	})
	t.Run("widening", func(t *testing.T) {
		wide, err := Parse(written(t, info, m, engine.F32))
		require.NoError(t, err)
		for name := range source {
			half, _ := m.Weight(name)
			full, _ := wide.Weight(name)
			require.Equal(t, engine.F32, full.DType)
			require.Equal(t, half.Float32s(), full.Float32s())
		}
	})
	t.Run("overflow", func(t *testing.T) {
		w := source["conv.weight"]
		w.Data = append([]byte(nil), w.Data...)
		binary.LittleEndian.PutUint32(w.Data[4:], math.Float32bits(65520))
		source["conv.weight"] = w
		path := filepath.Join(t.TempDir(), "m.safetensors")
		err := Write(t.Context(), path, info, source, engine.F16)
		require.ErrorContains(t, err, `tensor "conv.weight": value 1 is 65520, which float16 cannot hold`)
		requireNothing(t, filepath.Dir(path))
	})
}

func requireNothing(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "nothing half-written")
}

func TestWriteRefuses(t *testing.T) {
	for want, spoil := range map[string]func(i *Info, w engine.WeightMap){
		"1 missing: fc.bias":          func(_ *Info, w engine.WeightMap) { delete(w, "fc.bias") },
		"2 class names for 3 outputs": func(i *Info, _ engine.WeightMap) { i.Classes = i.Classes[:2] },
		"the recipe makes pictures of 9x9": func(i *Info, _ engine.WeightMap) {
			i.Recipe.Size, i.Recipe.Resize = [2]int{9, 9}, image.Resize{H: 9, W: 9}
		},
		"60 bytes of data for F32 [5], which":    func(_ *Info, w engine.WeightMap) { w["conv.bias"] = w["fc.weight"] },
		"no graph":                               func(i *Info, _ engine.WeightMap) { i.Graph = nil },
		`nodes are called "conv"`:                func(i *Info, _ engine.WeightMap) { i.Graph.Nodes[1].Name = "conv" },
		"recipe: mean [NaN 0 0]: must be finite": func(i *Info, _ engine.WeightMap) { i.Recipe.Mean = [3]float32{float32(math.NaN())} },
	} {
		t.Run(want, func(t *testing.T) {
			info, source := tiny(t)
			spoil(&info, source)
			path := filepath.Join(t.TempDir(), "m.safetensors")
			err := Write(t.Context(), path, info, source, engine.F32)
			require.ErrorContains(t, err, want)
			require.ErrorContains(t, err, path)
			requireNothing(t, filepath.Dir(path))
		})
	}
	info, source := tiny(t)
	require.ErrorContains(t, Write(t.Context(), filepath.Join(t.TempDir(), "m"), info, source, "I8"), `dtype "i8" is neither f32 nor f16`)
}

// damaged changes the header of a model file.
func damaged(t *testing.T, data []byte, change func(header map[string]any)) []byte {
	t.Helper()
	size := binary.LittleEndian.Uint64(data)
	var header map[string]any
	require.NoError(t, json.Unmarshal(data[8:8+size], &header))
	change(header)
	text, err := json.Marshal(header)
	require.NoError(t, err)
	return join(string(text), data[8+size:])
}

func join(header string, body []byte) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), body...)
}

func TestParseRefuses(t *testing.T) {
	info, source := tiny(t)
	good := written(t, info, source, engine.F32)
	entry := func(h map[string]any, name string) map[string]any { return h[name].(map[string]any) }
	meta := func(h map[string]any) map[string]any { return entry(h, "__metadata__") }
	huge := []int{math.MaxInt, math.MaxInt, 9}
	for want, change := range map[string]func(h map[string]any){
		fmt.Sprintf("shape %v is impossible", huge): func(h map[string]any) { entry(h, "fc.weight")["shape"] = huge },
		`shape [-5 -3] is impossible`:               func(h map[string]any) { entry(h, "fc.weight")["shape"] = []int{-5, -3} },
		`unknown dtype "F31"`:                       func(h map[string]any) { entry(h, "fc.weight")["dtype"] = "F31" },
		`"fc.weight" is I32: a model file holds`:    func(h map[string]any) { entry(h, "fc.weight")["dtype"] = "I32" },
		`has [5 3], needs [3 5]`:                    func(h map[string]any) { entry(h, "fc.weight")["shape"] = []int{5, 3} },
		`overlaps the one before it`:                func(h map[string]any) { entry(h, "bn.bias")["data_offsets"] = entry(h, "bn.weight")["data_offsets"] },
		`belong to no`:                              func(h map[string]any) { delete(h, "bn.bias") },
		`out of order`:                              func(h map[string]any) { entry(h, "fc.bias")["data_offsets"] = []int{12, 0} },
		`but data_offsets [0 64] hold 64`:           func(h map[string]any) { entry(h, "fc.bias")["data_offsets"] = []int{0, 64} },
		`cannot unmarshal number 1e+40`:             func(h map[string]any) { entry(h, "fc.bias")["data_offsets"] = []float64{0, 1e40} },
		`needs dtype, shape and two`:                func(h map[string]any) { delete(entry(h, "fc.bias"), "data_offsets") },
		`missing: fc.bias; 1 surplus: fc.bios`:      func(h map[string]any) { h["fc.bios"] = h["fc.bias"]; delete(h, "fc.bias") },
		`1 surplus: empty`: func(h map[string]any) {
			h["empty"] = map[string]any{"dtype": "F32", "shape": []int{0}, "data_offsets": []int{0, 0}}
		},
		"convert SRC DST":                      func(h map[string]any) { delete(h, "__metadata__") },
		`of version "2", this program reads`:   func(h map[string]any) { meta(h)["featx.version"] = "2" },
		`lack featx.graph`:                     func(h map[string]any) { delete(meta(h), "featx.graph") },
		`featx.graph: json`:                    func(h map[string]any) { meta(h)["featx.graph"] = "[]" },
		`layout "" is neither`:                 func(h map[string]any) { meta(h)["featx.graph"] = "null" },
		`"Cond2D"`:                             func(h map[string]any) { replace(meta(h), "Conv2D", "Cond2D") },
		`recipe: interpolation`:                func(h map[string]any) { replace(meta(h), "bilinear", "bilinoar") },
		`lack featx.recipe`:                    func(h map[string]any) { delete(meta(h), "featx.recipe") },
		`1 class names for 3 outputs of layer`: func(h map[string]any) { meta(h)["featx.classes"] = `["x"]` },
		`__metadata__: json: cannot unmarshal`: func(h map[string]any) { meta(h)["n"] = 1 },
		`alias "features" means "flutten"`:     func(h map[string]any) { replace(meta(h), `"features":"flatten"`, `"features":"flutten"`) },
	} {
		t.Run(want, func(t *testing.T) {
			_, err := Parse(damaged(t, good, change))
			require.ErrorContains(t, err, want)
			require.NotContains(t, err.Error(), "\n")
		})
	}

	size := binary.LittleEndian.Uint64(good)
	header, body := string(good[8:8+size]), good[8+size:]
	for want, data := range map[string][]byte{
		"not a featx model file; if these":     []byte("PK\x03\x04 and so on"),
		"bytes long, the file has 9":           []byte("\x09\x00\x00\x00\x00\x00\x00\x00{"),
		"not a featx model file; if these are": []byte("\xff\xff\xff\xff\xff\xff\xff\xff{"),
		"not UTF-8":                            join(strings.Replace(header, "conv", "con\xff", 1), body),
		`two tensors are called "fc.bias"`:     join(strings.Replace(header, `"conv.bias"`, `"fc.bias"`, 1), body),
		"there is something behind":            join(strings.TrimRight(header, " ")+"{}", body),
		`header: the JSON ends too soon`:       join(`{"a":`, nil),
		"bytes behind the last tensor":         append(append([]byte(nil), good...), 0),
		"needs dtype":                          join(`{"a":null}`, nil),
	} {
		t.Run(want, func(t *testing.T) {
			_, err := Parse(data)
			require.ErrorContains(t, err, want)
		})
	}
}

func replace(m map[string]any, from, to string) {
	for k, v := range m {
		m[k] = strings.Replace(v.(string), from, to, 1)
	}
}

// Cut anywhere, a file is refused.
func TestTruncated(t *testing.T) {
	info, source := tiny(t)
	good := written(t, info, source, engine.F16)
	for i := range 100 {
		_, err := Parse(good[:i*len(good)/100])
		require.Error(t, err, "cut at %d %%", i)
	}
	_, err := Parse(good[:len(good)-1])
	require.ErrorContains(t, err, "truncated")
}

// With a byte changed, a file is refused, or gives a model whose every tensor can be read.
func TestDamaged(t *testing.T) {
	info, source := tiny(t)
	good := written(t, info, source, engine.F32)
	random := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for range 1000 {
		data := append([]byte(nil), good...)
		data[random.IntN(len(data))] ^= byte(1 + random.IntN(255))
		if m, err := Parse(data); err == nil {
			readAll(t, m)
		} else {
			refused++
		}
	}
	require.Greater(t, refused, 100)
}

func readAll(t testing.TB, m *Model) {
	params, err := m.Graph.Params()
	require.NoError(t, err)
	for _, p := range params {
		w, ok := m.Weight(p.Tensor)
		require.True(t, ok)
		require.Len(t, w.Float32s(), w.Elements())
		require.Equal(t, p.Shape, w.Shape)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o666))
		return path
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "nothing"): "no such file",
		dir:                           "is a directory",
		file("empty", ""):             "is empty (0 bytes)",
		file("text", "hello"):         "not a featx model file",
		file("plain.safetensors", string(join(`{}`, nil))): "featx convert",
		os.DevNull: "not a regular file",
	} {
		_, err := Open(path)
		require.ErrorContains(t, err, want)
		require.True(t, strings.HasPrefix(err.Error(), path+": "), err)
	}
}

// The reader takes time in proportion to a hostile header's length.
func TestManyTensors(t *testing.T) {
	var b strings.Builder
	const n = 200_000
	for i := range n {
		fmt.Fprintf(&b, `,"%d":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}`, i, n-1-i, n-i)
	}
	c, err := ParseSafetensors(join("{"+b.String()[1:]+"}", make([]byte, n)))
	require.NoError(t, err)
	require.Len(t, c.Tensors, n)
	require.Equal(t, fmt.Sprint(n-1), c.Tensors[0].Name, "in the order of the data")
}
