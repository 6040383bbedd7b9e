package onnx

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
)

func imported(t *testing.T, data []byte, h, w int) (*Model, *Network) {
	t.Helper()
	require.True(t, Is(data))
	m, err := Parse(data, nil)
	require.NoError(t, err)
	n, err := m.Import(h, w)
	require.NoError(t, err)
	return m, n
}

// computed runs a model and gives its last layer, or the ones named.
func computed(t *testing.T, data []byte, h, w int, input []float32, layers ...string) []float32 {
	t.Helper()
	m, n := imported(t, data, h, w)
	batch := len(input) / n.Graph.Input.Elements()
	if len(layers) == 0 {
		layers = []string{"-1"}
	}
	r := newRunner(t, n, batch, layers...)
	require.NoError(t, r.Run(batch, picturesOf(m, n, input)))
	return r.Output(0)
}

func counting(n int) (out []float32) {
	for i := range n {
		out = append(out, float32(i))
	}
	return out
}

var image4 = []int64{0, 2, 2, 3} // batch x 2 x 2 x 3

// Every field that data can be in, and every type, as the second operand of an Add.
func TestTensorData(t *testing.T) {
	half := []int64{0x3c00, 0xbe00} // 1, -1.5 as float16
	brain := []int64{0x3f80, 0xbfc0}
	doubles := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, math.Float64bits(1)), math.Float64bits(-1.5))
	little := func(size int, list ...int64) (b []byte) {
		for _, v := range list {
			b = append(b, binary.LittleEndian.AppendUint64(nil, uint64(v))[:size]...)
		}
		return b
	}
	for name, tensor := range map[string][]byte{
		"raw float":             floats("k", []int64{2, 1, 1}, 1, -1.5),
		"float_data":            tensorOf("k", tFloat, []int64{2, 1, 1}, text(4, floatBytes(1, -1.5))),
		"float_data, unpacked":  tensorOf("k", tFloat, []int64{2, 1, 1}, []byte{4<<3 | 5, 0, 0, 0x80, 0x3f}, []byte{4<<3 | 5, 0, 0, 0xc0, 0xbf}),
		"raw double":            tensorOf("k", tDouble, []int64{2, 1, 1}, text(9, doubles)),
		"double_data":           tensorOf("k", tDouble, []int64{2, 1, 1}, text(10, doubles)),
		"raw float16":           tensorOf("k", tFloat16, []int64{2, 1, 1}, text(9, little(2, half...))),
		"float16 in int32_data": tensorOf("k", tFloat16, []int64{2, 1, 1}, packed(5, half...)),
		"raw bfloat16":          tensorOf("k", tBFloat16, []int64{2, 1, 1}, text(9, little(2, brain...))),
		"bfloat16 in int32":     tensorOf("k", tBFloat16, []int64{2, 1, 1}, packed(5, brain...)),
	} {
		t.Run(name, func(t *testing.T) {
			data := modelOf(13, graphOf(image4, "y", [][]byte{node("Add", "", []string{"image", "k"}, []string{"y"})}, tensor))
			got := computed(t, data, 2, 3, make([]float32, 12))
			require.Equal(t, []float32{1, 1, 1, 1, 1, 1, -1.5, -1.5, -1.5, -1.5, -1.5, -1.5}, got)
		})
	}
	// Integers: what a Cast makes of them.
	for name, c := range map[string]struct {
		tensor []byte
		want   []float32
	}{
		"int8":       {tensorOf("k", tInt8, []int64{2}, text(9, []byte{3, 0xfe})), []float32{3, -2}},
		"int8 data":  {tensorOf("k", tInt8, []int64{2}, packed(5, 3, -2)), []float32{3, -2}},
		"uint8":      {tensorOf("k", tUint8, []int64{2}, text(9, []byte{3, 0xfe})), []float32{3, 254}},
		"int16":      {tensorOf("k", tInt16, []int64{2}, text(9, little(2, 3, -2))), []float32{3, -2}},
		"uint16":     {tensorOf("k", tUint16, []int64{2}, text(9, little(2, 3, 65534))), []float32{3, 65534}},
		"int32":      {tensorOf("k", tInt32, []int64{2}, packed(5, 3, -2)), []float32{3, -2}},
		"uint32":     {tensorOf("k", tUint32, []int64{2}, packed(11, 3, 1<<31)), []float32{3, 1 << 31}},
		"int64":      {tensorOf("k", tInt64, []int64{2}, packed(7, 3, -2)), []float32{3, -2}},
		"uint64":     {tensorOf("k", tUint64, []int64{2}, packed(11, 3, 5)), []float32{3, 5}},
		"bool":       {tensorOf("k", tBool, []int64{2}, text(9, []byte{1, 0})), []float32{1, 0}},
		"dequantize": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			nodes := [][]byte{node("Cast", "", []string{"k"}, []string{"c"}, attrInt("to", tFloat)), node("Unsqueeze", "", []string{"c", "a"}, []string{"u"}),
				node("Mul", "", []string{"image", "u"}, []string{"y"})}
			tensors := [][]byte{c.tensor, ints("a", 1, 2)}
			if c.tensor == nil { // (x - zero) * scale per channel
				nodes[0] = node("DequantizeLinear", "", []string{"k", "s", "z"}, []string{"c"}, attrInt("axis", 0))
				tensors = [][]byte{tensorOf("k", tInt8, []int64{2}, text(9, []byte{3, 0xfe})), floats("s", []int64{2}, 0.5, 2), tensorOf("z", tInt8, []int64{2}, text(9, []byte{1, 1})), tensors[1]}
				c.want = []float32{1, -6}
			}
			got := computed(t, modelOf(13, graphOf(image4, "y", nodes, tensors...)), 2, 3, []float32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1})
			require.Equal(t, []float32{c.want[0], c.want[1]}, []float32{got[0], got[6]})
		})
	}
}

// external is a tensor in another file.
func external(name string, dims []int64, pairs ...string) []byte {
	out := message(packed(1, dims...), number(2, tFloat), text(8, name), number(14, 1))
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, text(13, message(text(1, pairs[i]), text(2, pairs[i+1])))...)
	}
	return out
}

func TestExternalData(t *testing.T) {
	file := append(make([]byte, 16), floatBytes(5, 7)...)
	opened := 0
	open := func(name string) ([]byte, error) {
		opened++
		if name != "sub/w.bin" {
			return nil, errors.New("no such file")
		}
		return file, nil
	}
	model := func(pairs ...string) []byte {
		return modelOf(13, graphOf(image4, "y", [][]byte{node("BatchNormalization", "bn", []string{"image", "k", "k", "z", "k"}, []string{"y"})},
			external("k", []int64{2}, pairs...), floats("z", []int64{2}, 0, 0)))
	}
	m, err := Parse(model("location", "./sub/w.bin", "offset", "16", "length", "8", "checksum", "x"), open)
	require.NoError(t, err)
	n, err := m.Import(2, 3)
	require.NoError(t, err)
	w, err := n.Weights[0].Fetch()
	require.NoError(t, err)
	require.Equal(t, &file[16], &w.Data[0], "the file's own memory")
	_, err = n.Weights[0].Fetch()
	require.NoError(t, err)
	require.Equal(t, 1, opened)
	names, err := External(model("location", "./sub/w.bin", "offset", "16"))
	require.NoError(t, err)
	require.Equal(t, []string{"sub/w.bin"}, names)

	for want, pairs := range map[string][]string{
		"outside of the model's folder":                    {"location", "../w.bin"},
		`"/etc/passwd", outside of the model's folder`:     {"location", "/etc/passwd"},
		`"sub/../../w.bin", outside of the model's folder`: {"location", "sub/../../w.bin"},
		`bytes 20 to 28 of "sub/w.bin", which has 24`:      {"location", "sub/w.bin", "offset", "20"},
		`"k" has 4 bytes for [2] of float, which need 8`:   {"location", "sub/w.bin", "length", "4"},
		`offset "-1" of its data`:                          {"location", "sub/w.bin", "offset", "-1"},
		`offset "9223372036854775808" of its data`:         {"location", "sub/w.bin", "offset", "9223372036854775808"},
		"no such file": {"location", "w.bin"},
		"its data are in another file, which is not named": {"offset", "0"},
	} {
		m, err := Parse(model(pairs...), open)
		require.NoError(t, err)
		n, err := m.Import(2, 3)
		require.NoError(t, err)
		_, err = n.Weights[0].Fetch()
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, `tensor "k"`)
	}
}

// The errors that people meet, and what a hostile file may try.
func TestRefuses(t *testing.T) {
	relu := [][]byte{node("Relu", "r", []string{"image"}, []string{"y"})}
	add := func(tensor []byte) []byte {
		return modelOf(13, graphOf(image4, "y", [][]byte{node("Add", "sum", []string{"image", "k"}, []string{"y"})}, tensor))
	}
	deep := graphOf(image4, "y", relu)
	for range maxDepth + 2 {
		deep = graphOf(image4, "y", [][]byte{node("If", "", []string{"c"}, []string{"y"}, attrGraph("then_branch", deep))})
	}
	recursive := message(text(1, "f"), texts(4, "x"), texts(5, "y"), each(7, foreign("local", "f", "again", []string{"x"}, []string{"y"})), text(10, "local"))
	// Each function calls the next one twice: 2^40 nodes if they were unfolded.
	var bomb []byte
	for i := range 14 {
		name, next := string(rune('a'+i)), string(rune('b'+i))
		bomb = append(bomb, text(25, message(text(1, name), texts(4, "x"), texts(5, "y"), each(7, foreign("local", next, "", []string{"x"}, []string{"m"}),
			foreign("local", next, "", []string{"m"}, []string{"n"}), foreign("local", next, "", []string{"n"}, []string{"p"}), foreign("local", next, "", []string{"p"}, []string{"y"})), text(10, "local")))...)
	}
	bomb = append(bomb, text(25, message(text(1, "o"), texts(4, "x"), texts(5, "y"), each(7, node("Relu", "", []string{"x"}, []string{"y"})), text(10, "local")))...)
	for want, data := range map[string][]byte{
		"operator set 6: 7 to 23 are supported":                  modelOf(6, graphOf(image4, "y", relu)),
		"operator set 24: 7 to 23 are supported":                 modelOf(24, graphOf(image4, "y", relu)),
		"names no operator set":                                  message(number(1, 8), text(7, graphOf(image4, "y", relu))),
		"the model has 2 inputs (image, mask): one is supported": modelOf(13, message(graphOf(image4, "y", relu), each(11, info("mask", tFloat, 1)))),
		`the input "image" is of uint8: only floating point`:     modelOf(13, message(each(1, relu...), each(11, info("image", tUint8, image4...)), each(12, text(1, "y")))),
		"has 1 axes":                modelOf(13, graphOf([]int64{3}, "y", relu)),
		"is not known: [-1 -1 8 8]": modelOf(13, graphOf([]int64{0, 0, 8, 8}, "y", relu)),
		`"z" reads "k", which no node before it gives`:                                           modelOf(13, graphOf(image4, "y", [][]byte{node("Add", "z", []string{"image", "k"}, []string{"y"})})),
		`"r" reads "y", which no node before it gives`:                                           modelOf(13, graphOf(image4, "y", [][]byte{node("Relu", "r", []string{"y"}, []string{"y"})})),
		`"r" gives "image", which is there already`:                                              modelOf(13, graphOf(image4, "image", [][]byte{node("Relu", "r", []string{"image"}, []string{"image"})})),
		`the output "nothing" is given by no node`:                                               modelOf(13, graphOf(image4, "nothing", relu)),
		"no output that depends on the picture":                                                  modelOf(13, graphOf(image4, "k", relu, floats("k", []int64{1}, 1))),
		`the initialisers k are sparse`:                                                          modelOf(13, message(graphOf(image4, "y", relu), text(15, text(1, floats("k", []int64{1}, 1))))),
		`tensor "k" is stored in segments`:                                                       add(tensorOf("k", tFloat, []int64{1}, text(3, number(1, 0)))),
		`tensor "k" holds string, which featx does not read`:                                     add(tensorOf("k", 8, []int64{1}, text(6, "x"))),
		`tensor "k" holds int4`:                                                                  add(tensorOf("k", 22, []int64{1}, text(9, []byte{1}))),
		`tensor "k" has 3 bytes for [1] of float, which need 4`:                                  add(tensorOf("k", tFloat, []int64{1}, text(9, []byte{1, 2, 3}))),
		`tensor "k" has 0 bytes for [3] of float`:                                                add(tensorOf("k", tFloat, []int64{3})),
		`tensor "k" has an axis of`:                                                              add(tensorOf("k", tFloat, []int64{1 << 20, 1 << 20})),
		`tensor "k" has an axis of -1`:                                                           add(tensorOf("k", tFloat, []int64{-1})),
		`Add "sum": it mixes the pictures of a batch`:                                            add(floats("k", []int64{2, 1, 1, 1, 1}, 1, 2)),
		`Add "sum": the shapes do not broadcast`:                                                 add(floats("k", []int64{4}, 1, 2, 3, 4)),
		"graphs are nested more than 16 deep":                                                    modelOf(13, deep),
		"functions call each other more than 16 deep":                                            modelOf(13, graphOf(image4, "y", [][]byte{foreign("local", "f", "", []string{"image"}, []string{"y"})}), text(25, recursive)),
		"the functions unfold to more than 131072 nodes":                                         modelOf(13, graphOf(image4, "y", [][]byte{foreign("local", "a", "", []string{"image"}, []string{"y"})}), bomb),
		"computing the model's constants needs far more memory":                                  modelOf(13, graphOf(image4, "y", [][]byte{node("ConstantOfShape", "big", []string{"s"}, []string{"k"}), node("Add", "", []string{"image", "k"}, []string{"y"})}, ints("s", 1<<15, 1<<15))),
		"the shapes of its inputs make no sense":                                                 modelOf(13, graphOf(image4, "y", [][]byte{node("ConstantOfShape", "big", []string{"s"}, []string{"k"}), node("Add", "", []string{"image", "k"}, []string{"y"})}, ints("s", 1<<40, 1<<40))),
		`If "choice": its condition is not constant`:                                             modelOf(13, graphOf(image4, "y", [][]byte{node("If", "choice", []string{"image"}, []string{"y"})})),
		`Conv "c": its input has the axes [1 2 2 3 4]: three-dimensional maps are not supported`: modelOf(13, graphOf([]int64{0, 2, 2, 3, 4}, "y", [][]byte{node("Conv", "c", []string{"image", "k"}, []string{"y"})}, floats("k", []int64{1, 2, 1, 1, 1}, 1, 2))),
		`Conv "c": its weights depend on the picture`:                                            modelOf(13, graphOf(image4, "y", [][]byte{node("Conv", "c", []string{"image", "image"}, []string{"y"})})),
		`MaxPool "p": its output "where" is not supported`:                                       modelOf(13, graphOf(image4, "y", [][]byte{node("MaxPool", "p", []string{"image"}, []string{"y", "where"}, attrInts("kernel_shape", 2, 2))})),
		`Softmax "s": it mixes the pictures`:                                                     modelOf(13, graphOf(image4, "y", [][]byte{node("Softmax", "s", []string{"image"}, []string{"y"}, attrInt("axis", 0))})),
		`Transpose "t": perm [0 0 1 2]`:                                                          modelOf(13, graphOf(image4, "y", [][]byte{node("Transpose", "t", []string{"image"}, []string{"y"}, attrInts("perm", 0, 0, 1, 2))})),
	} {
		_, err := readAll(data)
		require.ErrorContains(t, err, want, want)
		require.Less(t, len(err.Error()), 2000)
	}
}

// All that is missing is said at once, by operator and node; what depends on it is not repeated, but its own operators are.
func TestUnsupported(t *testing.T) {
	data := modelOf(17, graphOf(image4, "y", [][]byte{
		node("NonMaxSuppression", "nms", []string{"image"}, []string{"a"}),
		node("Relu", "fine", []string{"a"}, []string{"b"}),
		node("GRU", "", []string{"b"}, []string{"c"}),
		node("GRU", "second", []string{"c"}, []string{"d"}),
		foreign("com.microsoft", "FusedConv", "fused", []string{"d"}, []string{"e"}),
		node("Softmax", "across", []string{"image"}, []string{"f"}, attrInt("axis", 0)),
		node("Einsum", "unused", []string{"image"}, []string{"g"}),
		node("Add", "", []string{"e", "f"}, []string{"y"}),
	}))
	_, err := readAll(data)
	var unsupported *UnsupportedError
	require.ErrorAs(t, err, &unsupported)
	require.Equal(t, []string{"NonMaxSuppression", "GRU", "com.microsoft.FusedConv"}, unsupported.Ops)
	require.EqualError(t, err, `ONNX: 3 operators of opset 17 are not supported: NonMaxSuppression ("nms"), GRU (of "c", "second"), com.microsoft.FusedConv ("fused"); `+
		`Softmax "across": it mixes the pictures of a batch, or moves the batch from the first axis`)
}

func TestNames(t *testing.T) {
	data := modelOf(13, graphOf([]int64{0, 2, 4, 4}, "probabilities", [][]byte{
		node("Conv", "/conv/Conv", []string{"image", "w"}, []string{"input"}), // a tensor may be called so
		node("Relu", "act", []string{"input"}, []string{"/act/Relu_output_0"}),
		node("GlobalAveragePool", "pool", []string{"/act/Relu_output_0"}, []string{"p"}),
		node("Flatten", "flat", []string{"p"}, []string{"f"}),
		node("Dropout", "drop", []string{"f"}, []string{"dropped"}),
		node("Gemm", "fc", []string{"dropped", "m", "b"}, []string{"logits"}),
		node("Softmax", "soft", []string{"logits"}, []string{"probabilities"}),
		node("ArgMax", "best", []string{"probabilities"}, []string{"class"}),
	}, floats("w", []int64{3, 2, 1, 1}, 1, 2, 3, 4, 5, 6), floats("m", []int64{3, 2}, 1, 2, 3, 4, 5, 6), floats("b", []int64{2}, 1, 2), floats("unused", []int64{1}, 0)))
	_, n := imported(t, data, 4, 4)
	g := n.Graph
	for name, want := range map[string]string{"/conv/Conv": "input.1", "act": "/act/Relu_output_0", "pool": "p", "flat": "f", "drop": "f", "dropped": "f", "fc": "logits", "soft": "probabilities",
		"p": "p", "probabilities": "probabilities"} {
		layers, err := g.Resolve([]string{name})
		require.NoError(t, err)
		require.Equal(t, want, g.Nodes[layers[0].Node].Name, name)
	}
	require.Equal(t, "f", g.Features)
	require.Equal(t, []string{"unused"}, n.Dropped)

	// The class as an output is left out.
	both := modelOf(13, message(graphOf([]int64{0, 2, 1, 1}, "y", [][]byte{node("Flatten", "", []string{"image"}, []string{"y"}), node("ArgMax", "best", []string{"y"}, []string{"class"}),
		node("Cast", "as", []string{"class"}, []string{"wide"}, attrInt("to", tInt64))}), each(12, message(text(1, "wide")))))
	_, n = imported(t, both, 1, 1)
	require.Equal(t, []string{"best (ArgMax)", "as (Cast)"}, n.Dropped)
	require.Len(t, n.Graph.Nodes, 1)
}

func TestInitialisersAsInputs(t *testing.T) {
	data := modelOf(8, message(graphOf(image4, "y", [][]byte{node("Mul", "", []string{"image", "k"}, []string{"y"})}, floats("k", []int64{1}, 3)), each(11, info("k", tFloat, 1))))
	require.Equal(t, []float32{0, 3, 6}, computed(t, data, 2, 3, counting(12))[:3])
}

func TestControl(t *testing.T) {
	branch := func(op string) []byte {
		return message(each(1, node(op, "inner", []string{"image"}, []string{"r"})), each(12, message(text(1, "r"))))
	}
	choose := func(condition int64) []byte {
		return modelOf(13, graphOf(image4, "y", [][]byte{
			node("Constant", "", nil, []string{"n"}, attrInt("value_int", condition)),
			node("Cast", "", []string{"n"}, []string{"c"}, attrInt("to", tBool)),
			node("If", "", []string{"c"}, []string{"b"}, attrGraph("then_branch", branch("Neg")), attrGraph("else_branch", branch("Abs"))),
			node("Identity", "", []string{"b"}, []string{"y"}),
		}))
	}
	require.Equal(t, float32(-1), computed(t, choose(1), 2, 3, counting(12))[1])
	require.Equal(t, float32(1), computed(t, choose(0), 2, 3, counting(12))[1])

	// A function with an attribute of its call, a default, and an inner name.
	leaky := message(text(1, "leaky"), texts(4, "x"), texts(5, "out"), texts(6, "slope"), each(7,
		node("Constant", "", nil, []string{"k"}, text(5, message(text(1, "value_float"), text(21, "slope")))),
		node("Mul", "low", []string{"x", "k"}, []string{"scaled"}), node("Max", "max", []string{"x", "scaled"}, []string{"out"})),
		text(11, message(text(1, "slope"), []byte{2<<3 | 5, 0, 0, 0, 0x3f})), text(10, "local"), text(9, number(2, 13)))
	data := modelOf(13, graphOf(image4, "y", [][]byte{
		foreign("local", "leaky", "call", []string{"image"}, []string{"a"}, text(5, message(text(1, "slope"), []byte{2<<3 | 5, 0, 0, 0x80, 0x3e}))),
		foreign("local", "leaky", "", []string{"a"}, []string{"y"}),
	}), text(25, leaky))
	in := []float32{-4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	require.Equal(t, []float32{-0.5, 4}, computed(t, data, 2, 3, in)[:2])
	require.Equal(t, []float32{-1, 4}, computed(t, data, 2, 3, in, "a")[:2])
	require.Equal(t, []float32{-1, 1}, computed(t, data, 2, 3, in, "call/scaled")[:2])
}

// Shapes computed from the input's follow the size that is asked for.
func TestDynamicSize(t *testing.T) {
	data := modelOf(13, graphOf([]int64{0, 3, 0, 0}, "y", [][]byte{
		node("Shape", "", []string{"image"}, []string{"s"}),
		node("Gather", "", []string{"s", "zero"}, []string{"n"}),
		node("Gather", "", []string{"s", "two"}, []string{"h"}),
		node("Unsqueeze", "", []string{"n", "zero1"}, []string{"n1"}),
		node("Unsqueeze", "", []string{"h", "zero1"}, []string{"h1"}),
		node("Concat", "", []string{"n1", "three", "h1", "minus"}, []string{"shape"}, attrInt("axis", 0)),
		node("Transpose", "", []string{"image"}, []string{"t"}, attrInts("perm", 0, 1, 3, 2)),
		node("Reshape", "", []string{"t", "shape"}, []string{"y"}),
	}, tensorOf("zero", tInt64, nil, text(9, intBytes(0))), tensorOf("two", tInt64, nil, text(9, intBytes(2))), ints("zero1", 0), ints("three", 3), ints("minus", -1)))
	_, n := imported(t, data, 4, 6)
	require.Equal(t, engine.Shape{H: 4, W: 6, C: 3}, n.Graph.Input)
	// 6 x 4 in the order of its columns, seen as 4 x 6.
	got := computed(t, data, 4, 6, counting(72))
	require.Equal(t, []float32{0, 6, 12, 18, 1, 7, 13, 19, 2}, got[:9])
}

// A file with a fixed batch, and one whose pictures are height x width x channels.
func TestBatchAndLayout(t *testing.T) {
	data := modelOf(13, graphOf([]int64{10, 2, 1, 2}, "y", [][]byte{node("Reshape", "", []string{"image", "s"}, []string{"r"}), node("Gemm", "", []string{"r", "m"}, []string{"y"}, attrInt("transB", 1))},
		ints("s", 10, 4), floats("m", []int64{1, 4}, 1, 10, 100, 1000)))
	require.Equal(t, []float32{3210, 7654}, computed(t, data, 1, 2, counting(8)))

	nhwc := modelOf(13, graphOf([]int64{0, 2, 5, 3}, "y", [][]byte{
		node("Transpose", "", []string{"image"}, []string{"t"}, attrInts("perm", 0, 3, 1, 2)),
		node("Conv", "c", []string{"t", "w"}, []string{"m"}),
		node("Transpose", "", []string{"m"}, []string{"y"}, attrInts("perm", 0, 2, 3, 1)),
	}, floats("w", []int64{2, 3, 1, 1}, 1, 0, 0, 0, 0, 1)))
	m, n := imported(t, nhwc, 2, 5)
	h, w := m.Size()
	require.Equal(t, [2]int{2, 5}, [2]int{h, w})
	require.Equal(t, engine.Shape{H: 2, W: 5, C: 3}, n.Graph.Input)
	require.Equal(t, []float32{0, 2, 3, 5, 6, 8}, computed(t, nhwc, 2, 5, counting(30), "y")[:6], "the output has the file's axes")
	require.Equal(t, []float32{0, 3, 6, 9, 12}, computed(t, nhwc, 2, 5, counting(30), "m")[:5])
	// Nothing but the convolution and the output's order.
	var kinds []string
	for _, node := range n.Graph.Nodes {
		kinds = append(kinds, node.Op.Kind())
	}
	require.Equal(t, "Conv2D Permute", strings.Join(kinds, " "))
}

// What PyTorch makes of a channel shuffle and of PixelShuffle becomes the engine's operations.
func TestShuffles(t *testing.T) {
	chain := func(channels int64, shape, perm, back []int64) []byte {
		return modelOf(13, graphOf([]int64{0, channels, 2, 5}, "y", [][]byte{node("Reshape", "", []string{"image", "a"}, []string{"r"}),
			node("Transpose", "", []string{"r"}, []string{"t"}, attrInts("perm", perm...)), node("Reshape", "", []string{"t", "b"}, []string{"y"})}, ints("a", shape...), ints("b", back...)))
	}
	_, n := imported(t, chain(6, []int64{-1, 2, 3, 2, 5}, []int64{0, 2, 1, 3, 4}, []int64{-1, 6, 2, 5}), 2, 5)
	require.Equal(t, &engine.ChannelShuffle{Groups: 2}, n.Graph.Nodes[0].Op)
	_, n = imported(t, chain(8, []int64{-1, 2, 2, 2, 2, 5}, []int64{0, 1, 4, 2, 5, 3}, []int64{-1, 2, 4, 10}), 2, 5)
	require.Equal(t, &engine.DepthToSpace{Block: 2, Mode: engine.ColumnRowDepth}, n.Graph.Nodes[0].Op)
	require.Len(t, n.Graph.Nodes, 1)
}

// ONNX's cases have none of it.
func TestGlobalLpPool(t *testing.T) {
	data := modelOf(13, graphOf([]int64{0, 2, 1, 2}, "y", [][]byte{node("GlobalLpPool", "", []string{"image"}, []string{"y"}, attrInt("p", 2))}))
	require.Equal(t, []float32{5, 13}, computed(t, data, 1, 2, []float32{3, -4, 5, 12}))
}

// Intermediate tensors have the file's values under the file's names, also where the engine keeps the axes in another order.
func TestLayers(t *testing.T) {
	data := modelOf(17, graphOf([]int64{0, 2, 1, 3}, "y", [][]byte{
		node("Transpose", "to", []string{"image"}, []string{"t"}, attrInts("perm", 0, 2, 3, 1)),
		node("MatMul", "mm", []string{"t", "w"}, []string{"m"}),
		node("Add", "bias", []string{"b", "m"}, []string{"n"}),
		node("Transpose", "back", []string{"n"}, []string{"c"}, attrInts("perm", 0, 3, 1, 2)),
		node("Relu", "", []string{"c"}, []string{"y"}),
	}, floats("w", []int64{2, 2}, 1, 0, 0, -1), floats("b", []int64{2}, 10, 20)))
	in := []float32{0, 1, 2, 3, 4, 5}
	require.Equal(t, []float32{0, 1, 2, -3, -4, -5}, computed(t, data, 1, 3, in, "m"), "as channels, height, width")
	require.Equal(t, []float32{10, 11, 12, 17, 16, 15}, computed(t, data, 1, 3, in, "n"))
	require.Equal(t, []float32{10, 11, 12, 17, 16, 15}, computed(t, data, 1, 3, in, "back"))
	_, n := imported(t, data, 1, 3)
	require.Len(t, n.Graph.Nodes, 3, "nothing is moved")
}
