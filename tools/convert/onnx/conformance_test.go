package onnx

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write docs/onnx.md and the archive of cases from the folders of FEATX_ONNX_TESTS")

const archive = "testdata/cases.zip"

// ONNX's own conformance cases of single operators (the package onnx, onnx/backend/test/data; Apache-2.0, https://github.com/onnx/onnx), for every operator that
// the importer knows. A case runs with its pictures as activations, and, if the importer can fold the operator, with all of its inputs as constants.
//
// FEATX_ONNX_TESTS names folders of cases (a list with colons, oldest release first); with them docs/onnx.md is compared, or written with -update, together with the
// archive testdata/cases.zip of all that are small. Without it the cases of the archive are run.
func TestConformance(t *testing.T) {
	cases := conformanceCases(t)
	require.Greater(t, len(cases), 300)
	table := map[string]*operatorRow{}
	keep := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		c := cases[name]
		op, ok := c.operator()
		if !ok {
			continue
		}
		row := table[op]
		if row == nil {
			row = &operatorRow{}
			table[op] = row
		}
		row.opsets = append(row.opsets, c.opset())
		keep[name] = true
		t.Run(name, func(t *testing.T) {
			if operators[op] != nil {
				row.count(t, &row.activations, name, runActivations(t, path.Base(name), c))
			}
			if c.foldable() {
				row.count(t, &row.constants, name, runConstants(t, c))
			}
		})
	}
	for op := range operators {
		if table[op] == nil {
			t.Logf("no case of %s", op)
		}
	}
	if os.Getenv("FEATX_ONNX_TESTS") == "" {
		return
	}
	if *update {
		require.NoError(t, os.MkdirAll("../../../docs", 0o777))
		require.NoError(t, os.WriteFile(document, []byte(markdown(table)), 0o666))
		writeArchive(t, cases, keep)
		return
	}
	want, err := os.ReadFile(document)
	require.NoError(t, err)
	require.Equal(t, string(want), markdown(table), "the document is not what the cases give: run it with -update")
}

const document = "../../../docs/onnx.md"

// outcome of a case: passed, or why it is no case for the importer.
type outcome struct{ reason string }

type tally struct {
	passed, cases int
	not           map[string][]string // reason -> cases
}

type operatorRow struct {
	opsets                 []int64
	activations, constants tally
}

func (r *operatorRow) count(t *testing.T, into *tally, name string, o outcome) {
	if t.Failed() {
		into.cases++
		return
	}
	if o.reason != "" {
		if into.not == nil {
			into.not = map[string][]string{}
		}
		into.not[o.reason] = append(into.not[o.reason], name)
		return
	}
	into.cases++
	into.passed++
}

// conformanceCase is a model with inputs and outputs.
type conformanceCase struct {
	model           []byte
	inputs, outputs [][]byte
	proto           *modelProto
}

func conformanceCases(t testing.TB) map[string]*conformanceCase {
	files := map[string][]byte{} // folder/file
	folders := os.Getenv("FEATX_ONNX_TESTS")
	if folders == "" {
		return archivedCases(t)
	}
	wanted := regexp.MustCompile(`(model\.onnx|test_data_set_0/(in|out)put_\d+\.pb)$`)
	for _, root := range filepath.SplitList(folders) {
		require.NoError(t, filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !wanted.MatchString(filepath.ToSlash(p)) {
				return err
			}
			files[filepath.ToSlash(p)], err = os.ReadFile(p)
			return err
		}))
	}
	cases := map[string]*conformanceCase{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Base(name) != "model.onnx" {
			continue
		}
		folder := path.Dir(name)
		c := &conformanceCase{model: files[name]}
		for i := 0; files[fmt.Sprintf("%s/test_data_set_0/input_%d.pb", folder, i)] != nil; i++ {
			c.inputs = append(c.inputs, files[fmt.Sprintf("%s/test_data_set_0/input_%d.pb", folder, i)])
		}
		for i := 0; files[fmt.Sprintf("%s/test_data_set_0/output_%d.pb", folder, i)] != nil; i++ {
			c.outputs = append(c.outputs, files[fmt.Sprintf("%s/test_data_set_0/output_%d.pb", folder, i)])
		}
		var err error
		if c.proto, err = parseModel(c.model); err == nil && len(c.outputs) > 0 {
			cases[fmt.Sprintf("opset%02d/%s", c.opset(), path.Base(folder))] = c
		}
	}
	return cases
}

// operator is the one that a case is about: its first that is not Constant. All must be known.
func (c *conformanceCase) operator() (string, bool) {
	op := ""
	for _, n := range c.proto.graph.nodes {
		if n.op == "Constant" {
			continue
		}
		if n.domain != "" || operators[n.op] == nil && folds[n.op] == nil || len(c.proto.functions) > 0 {
			return "", false
		}
		op = cmp.Or(op, n.op)
	}
	if v := c.opset(); v > maxOpset || v < minOpset {
		return "", false
	}
	return op, op != ""
}

// onlyFirstOutput leaves out the indices, masks and statistics of a case of one node.
func (c *conformanceCase) onlyFirstOutput() *conformanceCase {
	n := c.proto.graph.nodes
	if len(n) != 1 || n[0].op == "Split" || len(n[0].outputs) < 2 || n[0].outputs[0] != c.proto.graph.outputs[0].name {
		return c
	}
	node, graph, proto := *n[0], *c.proto.graph, *c.proto
	node.outputs, graph.outputs = node.outputs[:1], graph.outputs[:1]
	graph.nodes, proto.graph = []*nodeProto{&node}, &graph
	out := *c
	out.proto, out.outputs = &proto, c.outputs[:1]
	return &out
}

// foldable says whether all operators can be evaluated as constants.
func (c *conformanceCase) foldable() bool {
	for _, n := range c.proto.graph.nodes {
		if n.op != "Constant" && n.op != "Shape" && folds[n.op] == nil {
			return false
		}
	}
	return true
}

func (c *conformanceCase) opset() int64 { return c.proto.opsets[""] }

// tensors decodes the inputs or outputs; false if one is no tensor of numbers.
func tensors(list [][]byte) (out []*array, ok bool) {
	for _, data := range list {
		p, err := parseTensor(data)
		if err != nil {
			return nil, false
		}
		a, err := p.array()
		if err != nil {
			return nil, false
		}
		out = append(out, a)
	}
	return out, true
}

const (
	noNumbers  = "not a tensor of numbers"
	noFloat    = "not float32"
	noMap      = "no batch of maps or vectors"
	noBatch    = "across the batch"
	noPictures = "empty tensors"
)

// refused are cases of supported operators that the importer refuses, by a part of the error that it must give.
var refused = []struct{ reason, text string }{
	{"empty tensors", "nothing is left of axis"},
	{constantsOnly1, "a choice between activations"},
	{constantsOnly1, "a comparison"},
	{"a second output (indices, masks, statistics)", "is not supported"},
	{"training", "training_mode is set"},
	{"a product of two activations", "a product of two activations"},
	{"a product of two activations", "its weights have the axes"},
	{"three-dimensional maps", "three-dimensional maps"},
	{"rank 5 and more", "a tensor of rank 5"},
	{"rank 5 and more", "a tensor of rank 6"},
	{"casts to other types than floating point", "a cast of an activation to"},
	{"Resize of other axes than height and width, exclude_outside, antialias, tf_crop_and_resize", "a resize of axis"},
	{"Resize of other axes than height and width, exclude_outside, antialias, tf_crop_and_resize", "exclude_outside is set"},
	{"Resize of other axes than height and width, exclude_outside, antialias, tf_crop_and_resize", "antialias is set"},
	{"Resize of other axes than height and width, exclude_outside, antialias, tf_crop_and_resize", "keep_aspect_ratio_policy with sizes"},
	{"Resize of other axes than height and width, exclude_outside, antialias, tf_crop_and_resize", `unknown mode "tf_crop_and_resize"`},
}

var constantsOnly = []string{"Less", "GreaterOrEqual", "LessOrEqual", "Equal", "Tile", "Not", "And", "Or"}

const constantsOnly1 = "comparisons of activations, Tile"

// deviations are cases whose values featx does not give, with the reason.
var deviations = map[string]string{
	"test_resize_downsample_scales_linear_align_corners": "align_corners with a scale that leaves no whole number of pixels (ONNX Runtime and PyTorch give what featx gives)",
	"test_resize_downsample_scales_cubic_align_corners":  "align_corners with a scale that leaves no whole number of pixels (ONNX Runtime and PyTorch give what featx gives)",
}

// rounded are cases whose expected values are written with four digits.
var rounded = []string{"test_averagepool_2d_ceil_last_window_starts_on_pad"}

func runActivations(t *testing.T, name string, c *conformanceCase) outcome {
	inputs, ok := tensors(c.inputs)
	outputs, ok2 := tensors(c.outputs)
	if !ok || !ok2 {
		return outcome{noNumbers}
	}
	if len(inputs) == 0 || len(outputs) == 0 {
		return outcome{noMap}
	}
	for _, a := range slices.Concat(inputs[:1], outputs) {
		if a.len() == 0 {
			return outcome{noPictures}
		}
	}
	for _, o := range outputs[:1] {
		if o.dtype != tFloat {
			return outcome{noFloat}
		}
	}
	c = c.onlyFirstOutput()
	m, feed, reason := c.withOneInput(inputs)
	if reason != "" {
		return outcome{reason}
	}
	h, w := m.Size()
	n, err := m.Import(h, w)
	if errors.Is(err, errBatch) || err != nil && strings.Contains(err.Error(), errBatch.Error()) {
		return outcome{noBatch}
	}
	if u := (*UnsupportedError)(nil); errors.As(err, &u) && len(u.Ops) > 0 {
		for _, op := range u.Ops {
			require.Contains(t, constantsOnly, op)
		}
		return outcome{constantsOnly1}
	}
	if err != nil {
		for _, r := range refused {
			if strings.Contains(err.Error(), r.text) {
				return outcome{r.reason}
			}
		}
	}
	require.NoError(t, err)
	for i, o := range m.proto.graph.outputs {
		pictures := picturesOf(m, n, feed)
		batch := len(feed) / n.Graph.Input.Elements()
		r := newRunner(t, n, batch, o.name)
		require.NoError(t, r.Run(batch, pictures))
		tolerance := 1e-5
		if slices.Contains(rounded, name) {
			tolerance = 1e-3
		}
		if reason, ok := deviations[name]; ok {
			require.False(t, isClose(outputs[i].floats, r.Output(0), tolerance), "no longer a deviation")
			return outcome{reason}
		}
		closeTo(t, outputs[i].floats, r.Output(0), tolerance)
	}
	return outcome{}
}

// closeTo allows each value an error of tolerance times itself and 1e-6 of the largest.
func closeTo[T float32 | float64](t *testing.T, want []float64, got []T, tolerance float64) {
	t.Helper()
	require.Len(t, got, len(want))
	if !isClose(want, got, tolerance) {
		require.Equal(t, fmt.Sprint(want), fmt.Sprint(got))
	}
}

func isClose[T float32 | float64](want []float64, got []T, tolerance float64) bool {
	largest := 0.0
	for _, v := range want {
		if !math.IsInf(v, 0) && v == v {
			largest = max(largest, math.Abs(v))
		}
	}
	for i, v := range want {
		g := float64(got[i])
		if v != g && (v == v || g == g) && !(math.Abs(v-g) <= tolerance*math.Abs(v)+1e-6*largest) {
			return false
		}
	}
	return true
}

// withOneInput makes a model whose only input is one tensor: activations beside the first are cut out of it, parameters become initialisers.
func (c *conformanceCase) withOneInput(inputs []*array) (*Model, []float32, string) {
	var infos []valueInfo
	initial := map[string]bool{}
	for _, t := range c.proto.graph.tensors {
		initial[t.name] = true
	}
	for _, v := range c.proto.graph.inputs {
		if !initial[v.name] {
			infos = append(infos, v)
		}
	}
	if len(infos) != len(inputs) {
		return nil, nil, noNumbers
	}
	op, _ := c.operator()
	elementwise := strings.Contains(" Add Sub Mul Div Max Min Sum Mean Pow Concat ", " "+op+" ")
	// Where only single values count, a vector is a batch of one.
	if batchFree := elementwise && op != "Concat" || regexp.MustCompile(`^(Abs|Ceil|Celu|Clip|Elu|Erf|Exp|Floor|Gelu|Hard.*|LeakyRelu|Log|Mish|Neg|Reciprocal|Relu|Selu|Sigmoid|Soft(plus|sign)|Sqrt|Tanh|ThresholdedRelu)$`).MatchString(op); batchFree {
		vectors := true
		for i, a := range inputs {
			vectors = vectors && (len(a.shape) == 1 || i > 0 && len(a.shape) == 0)
		}
		if vectors {
			inputs = slices.Clone(inputs)
			for i, a := range inputs {
				if len(a.shape) == 1 && (i == 0 || elementwise) {
					inputs[i] = a.reshaped([]int{1, a.shape[0]})
				}
			}
		}
	}
	// The picture is the first tensor; in arithmetic all with as many axes and as large a batch as the largest.
	rank, batch := 0, 0
	for i, a := range inputs {
		if i == 0 || elementwise {
			if len(a.shape) > rank {
				rank, batch = len(a.shape), a.shape[0]
			} else if len(a.shape) == rank && rank > 0 {
				batch = max(batch, a.shape[0])
			}
		}
	}
	var pictures []int
	for i, a := range inputs {
		if (i == 0 || elementwise) && len(a.shape) == rank && rank > 0 && a.shape[0] == batch {
			pictures = append(pictures, i)
		}
	}
	if rank < 2 || len(pictures) == 0 {
		return nil, nil, noMap
	}
	for _, i := range pictures {
		if inputs[i].dtype != tFloat {
			return nil, nil, noFloat
		}
	}
	proto := *c.proto
	graph := *c.proto.graph
	proto.graph = &graph
	graph.tensors = slices.Clone(graph.tensors)
	for i, a := range inputs {
		if !slices.Contains(pictures, i) {
			p, _ := parseTensor(c.inputs[i])
			p.name, p.shape = infos[i].name, a.shape
			graph.tensors = append(graph.tensors, p)
		}
	}
	shapeOf := func(a *array) []int { return slices.Clone(a.shape) }
	m := &Model{proto: &proto, files: &files{}, size: 1 << 20}
	if len(pictures) == 1 {
		a := inputs[pictures[0]]
		m.input = valueInfo{name: infos[pictures[0]].name, dtype: tFloat, dims: shapeOf(a)}
		graph.inputs = []valueInfo{m.input}
		return m, float32sOf(a.floats), ""
	}
	// packed = [batch, all values]; each tensor is a slice of it.
	total := 0
	var nodes []*nodeProto
	ints := func(name string, values ...int64) string {
		nodes = append(nodes, &nodeProto{op: "Constant", outputs: []string{name}, attrs: map[string]*attrProto{"value_ints": {ints: values}}})
		return name
	}
	opset := c.opset()
	for _, i := range pictures {
		a, name := inputs[i], infos[i].name
		per := a.len() / batch
		slice := &nodeProto{op: "Slice", outputs: []string{name + ".slice"}, attrs: map[string]*attrProto{}}
		if opset < 10 {
			slice.inputs = []string{"packed"}
			slice.attrs["starts"], slice.attrs["ends"], slice.attrs["axes"] = &attrProto{ints: []int64{int64(total)}}, &attrProto{ints: []int64{int64(total + per)}}, &attrProto{ints: []int64{1}}
		} else {
			slice.inputs = []string{"packed", ints(name+".from", int64(total)), ints(name+".to", int64(total+per)), ints(name+".axis", 1)}
		}
		shape := []int64{}
		for _, d := range a.shape {
			shape = append(shape, int64(d))
		}
		nodes = append(nodes, slice, &nodeProto{op: "Reshape", inputs: []string{name + ".slice", ints(name+".shape", shape...)}, outputs: []string{name}})
		total += per
	}
	graph.nodes = append(nodes, graph.nodes...)
	m.input = valueInfo{name: "packed", dtype: tFloat, dims: []int{batch, total}}
	graph.inputs = []valueInfo{m.input}
	feed := make([]float32, 0, batch*total)
	for b := range batch {
		for _, i := range pictures {
			per := inputs[i].len() / batch
			feed = append(feed, float32sOf(inputs[i].floats[b*per:(b+1)*per])...)
		}
	}
	return m, feed, ""
}

func float32sOf(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}

// runConstants folds the case.
func runConstants(t *testing.T, c *conformanceCase) outcome {
	inputs, ok := tensors(c.inputs)
	outputs, ok2 := tensors(c.outputs)
	if !ok || !ok2 {
		return outcome{noNumbers}
	}
	var initial []*tensorProto
	for i, v := range c.proto.graph.inputs {
		if i < len(inputs) {
			p, _ := parseTensor(c.inputs[i])
			p.name = v.name
			initial = append(initial, p)
		}
	}
	if len(c.outputs) > 1 {
		return outcome{"a second output (indices, masks, statistics)"}
	}
	im := &importer{model: &Model{proto: c.proto, files: &files{}}, batch: 1, taken: map[*tensorProto]bool{}, alias: map[string]string{}, budget: 1 << 24}
	top := &scope{values: map[string]*value{}, opset: c.opset()}
	for _, p := range append(initial, c.proto.graph.tensors...) {
		top.values[p.name] = &value{name: p.name, stored: p}
	}
	out := c.proto.graph.outputs[0].name
	require.NoError(t, im.run(top, c.proto.graph, map[string]bool{out: true}))
	for _, r := range []string{"training_mode is set", "scales of blocks", "a cast", "to string", "to float8", "to type", "to uint4", "to int4"} {
		if err := im.problems.err(); err != nil && strings.Contains(err.Error(), r) {
			return outcome{"training, blocks, or types that featx has not"}
		}
	}
	require.NoError(t, im.problems.err())
	require.NotNil(t, top.values[out])
	got, err := top.values[out].decoded()
	require.NoError(t, err)
	want := outputs[0]
	if name := c.proto.graph.nodes[0].op; strings.HasPrefix(name, "Cast") && (want.dtype == tUint16 || inputs[0].dtype == tUint16) {
		return outcome{"bfloat16 that old releases store as uint16"}
	}
	require.Equal(t, fmt.Sprint(want.shape), fmt.Sprint(got.shape))
	require.Equal(t, want.ints, got.ints)
	if want.floats != nil {
		require.Equal(t, want.dtype, got.dtype)
		if want.dtype == tFloat16 || want.dtype == tBFloat16 {
			return outcome{"float16 arithmetic"}
		}
		closeTo(t, want.floats, got.floats, 1e-5)
	}
	return outcome{}
}

func markdown(table map[string]*operatorRow) string {
	var b strings.Builder
	b.WriteString(tableHead)
	ops := slices.SortedFunc(maps.Keys(table), func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(b)), cmp.Compare(a, b))
	})
	all := slices.Sorted(maps.Keys(operators))
	var rest []string
	not := map[string][]string{}
	cell := func(on bool, c tally) string {
		switch {
		case !on:
			return "-"
		case c.cases == 0:
			return "no case"
		}
		return fmt.Sprintf("%d of %d", c.passed, c.cases)
	}
	var total, passed [2]int
	for _, op := range ops {
		r := table[op]
		slices.Sort(r.opsets)
		var list []string
		for _, v := range slices.Compact(r.opsets) {
			list = append(list, fmt.Sprint(v))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", op, strings.Join(list, " "), cell(operators[op] != nil, r.activations), cell(folds[op] != nil, r.constants))
		for i, c := range []tally{r.activations, r.constants} {
			total[i] += c.cases
			passed[i] += c.passed
		}
		for reason, names := range r.activations.not {
			for _, n := range names {
				not[reason] = append(not[reason], strings.TrimPrefix(path.Base(n), "test_"))
			}
		}
	}
	for _, op := range all {
		if table[op] == nil {
			rest = append(rest, op)
		}
	}
	fmt.Fprintf(&b, "| all | | %d of %d | %d of %d |\n", passed[0], total[0], passed[1], total[1])
	if len(rest) > 0 {
		fmt.Fprintf(&b, "\nSupported, but without a case there: %s.\n", strings.Join(rest, ", "))
	}
	b.WriteString("\n## Cases that are no activations of a network for pictures\n\nThey are not counted in the third column. One name may stand for the cases of several operator sets.\n")
	for _, reason := range slices.Sorted(maps.Keys(not)) {
		names := not[reason]
		n := len(names)
		slices.Sort(names)
		fmt.Fprintf(&b, "\n**%s** (%d): %s\n", reason, n, strings.Join(slices.Compact(names), ", "))
	}
	return b.String()
}

const tableHead = `# ONNX

` + "`featx convert model.onnx model.safetensors`" + ` reads ONNX models of the operator sets 7 to 23.

- **One input**, float32: pictures as batch x channels x height x width, or batch x height x width x channels. A batch or a size that the file leaves open is any batch, and 224 x 224 or what
  ` + "`--size`" + ` says. featx shows all maps as channels, height, width; only the model's outputs have exactly the axes of the file.
- **Layers** are called as their output tensors, and answer to the names of the ONNX nodes too. What only reshapes or transposes is no layer of its own where nothing has to be moved: its name is
  another one of the layer before it.
- **The recipe** for pictures is not in an ONNX file. featx assumes torchvision's (the shorter edge to 256/224 of the size, the crop in the centre, ImageNet's mean and standard deviation); the flags of
  ` + "`featx convert`" + ` say otherwise: ` + "`--resize 224x224 --crop none --interpolation nearest --scale 1/127.5 --mean 1,1,1 --std 1,1,1`" + ` for many of Keras's.
- Weights may be float32, float16, bfloat16, float64 or, behind DequantizeLinear, integers, in the file or in files beside it (external data). Sparse initialisers are refused.
- What can be computed without the picture is: shapes, paddings, weights. If takes its branch if the condition is known; functions are put in place of their calls. ArgMax, ArgMin and TopK behind the
  network are left out.
- All that is not supported is listed at once, by operator and node.
- Computed in float32, whatever Cast says.

## Exporters

Files that the frameworks' exporters write, against ONNX Runtime 1.32 without its optimisations; 83 files; the largest difference of an output over its largest value is 2.4e-6 (` + "`make golden-check`" + `, files by ` + "`testdata/onnx/make.py`" + `):

| exporter | operator sets | networks |
|---|---|---|
| PyTorch 1.13, by tracing | 9 11 12 13 16 | ResNet-18, MobileNetV2 and V3, ShuffleNetV2, DenseNet-121, SqueezeNet, EfficientNet-B0, ConvNeXt, GoogLeNet, Inception v3; with open size; with batch norm left as it is |
| PyTorch 2.15, the newer one | 18 20 23 | the same, RegNet, MNASNet; with open size; with external data |
| tf2onnx 1.17 | 13 18 | Keras's MobileNet, V2 and V3, ResNet-50 and V2, Inception v3, Xception, DenseNet-121, NASNetMobile, VGG-16 |
| Keras 3.15 | 15 | the same but VGG-16, which it does not write |

Inside, too: ` + "`docs/dump_onnx.py`" + ` makes a dump of all tensors for ` + "`featx verify`" + `; all layers of MobileNetV3 (141), DenseNet-121 (368), ResNet-18 (49) and of Keras's ResNet-50 (231) and MobileNetV2 (140) agree, to 2.5e-6.

What TensorFlow 2.21's exporters make of Keras's EfficientNets (constants as inputs) and ConvNeXt (functions of TensorFlow) is no model that ONNX Runtime could run; featx names the reason.

## Operators

How many of [ONNX's own conformance cases](https://github.com/onnx/onnx/tree/main/onnx/backend/test/data) (the package's releases 1.2.2 to 1.19.1) for these operator sets pass: of those
with activations, and of those that featx evaluates as constants. Written by ` + "`go test ./tools/convert/onnx -run Conformance -update`" + `.

| operator | operator sets of the cases | activations | constants |
|---|---|---|---|
`

// Files larger than this are not in the archive, nor are the cases that need them.
const maxArchived = 3 << 10

// writeArchive keeps the cases that are not too large to be committed. Many share their tensors: the files are called by their hashes, and index.json lists those of each case.
func writeArchive(t *testing.T, cases map[string]*conformanceCase, keep map[string]bool) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	add := func(name string, data []byte) {
		w, err := z.Create(name)
		require.NoError(t, err)
		_, err = w.Write(data)
		require.NoError(t, err)
	}
	add("ORIGIN", []byte("Conformance cases of the packages onnx 1.2.2 to 1.19.1, folder onnx/backend/test/data (https://github.com/onnx/onnx), Copyright (c) ONNX Project Contributors, Apache-2.0.\n"))
	index := map[string]archived{}
	added := map[string]bool{}
	file := func(data []byte) string {
		sum := sha256.Sum256(data)
		name := hex.EncodeToString(sum[:6])
		if !added[name] {
			added[name] = true
			add(name, data)
		}
		return name
	}
next:
	for _, name := range slices.Sorted(maps.Keys(keep)) {
		c := cases[name]
		for _, data := range slices.Concat([][]byte{c.model}, c.inputs, c.outputs) {
			if len(data) > maxArchived {
				continue next
			}
		}
		one := archived{Model: file(c.model)}
		for _, data := range c.inputs {
			one.Inputs = append(one.Inputs, file(data))
		}
		for _, data := range c.outputs {
			one.Outputs = append(one.Outputs, file(data))
		}
		index[name] = one
	}
	text, err := json.Marshal(index)
	require.NoError(t, err)
	add("index.json", text)
	require.NoError(t, z.Close())
	require.NoError(t, os.MkdirAll("testdata", 0o777))
	require.NoError(t, os.WriteFile(archive, b.Bytes(), 0o666))
	t.Logf("%d of %d cases, %d bytes", len(index), len(keep), b.Len())
}

type archived struct {
	Model           string
	Inputs, Outputs []string
}

func archivedCases(t testing.TB) map[string]*conformanceCase {
	z, err := zip.OpenReader(archive)
	require.NoError(t, err)
	defer z.Close()
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		files[f.Name], err = io.ReadAll(r)
		require.NoError(t, err)
	}
	var index map[string]archived
	require.NoError(t, json.Unmarshal(files["index.json"], &index))
	cases := map[string]*conformanceCase{}
	for name, a := range index {
		c := &conformanceCase{model: files[a.Model]}
		for _, f := range a.Inputs {
			c.inputs = append(c.inputs, files[f])
		}
		for _, f := range a.Outputs {
			c.outputs = append(c.outputs, files[f])
		}
		c.proto, err = parseModel(c.model)
		require.NoError(t, err, name)
		cases[name] = c
	}
	return cases
}
