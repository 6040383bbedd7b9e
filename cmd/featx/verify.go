package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/sink/npy"
)

// inputNames are what the network's input may be called in a dump. Keras models may have a layer "input".
var inputNames = []string{"__input__", "input"}

func newVerify() *cobra.Command {
	var v verification
	var isa string
	var threads int
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify [flags] MODEL DUMP.npz",
		Short: "Compare every layer with a dump from another framework; name the first that differs",
		Long: `Runs the network on the input of a dump and compares all layers of the dump, in the
order of the network.

DUMP.npz holds the preprocessed input as "__input__" or "input", and an array per layer by
the layer's name or alias, each with one row per picture and in the axes of the model's
framework: float32, float64 or float16. docs/dump_torch.py and docs/dump_keras.py make one.

The error of a layer is its largest difference over its largest value in the dump. Two
correct float32 programs differ by up to about 1e-5, because they round in other orders; a
wrong weight, padding or epsilon shows as 1e-3 and more. A dump in float16 may differ by
its own rounding, 4.9e-4, besides.

Exit status: 0 all layers agree; 2 one differs, or has another shape.`,
		Example: `  python3 docs/dump_torch.py resnet18 resnet18.pth dump.npz
  featx convert resnet18.pth resnet18.safetensors
  featx verify resnet18.safetensors dump.npz`,
		Args: arguments(2, 2, "MODEL and DUMP.npz"),
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.Float64Var(&v.tolerance, "tolerance", 2e-5, "the largest `error` that is agreement")
	flags.StringVar(&isa, "isa", "", "as of extract")
	flags.IntVar(&threads, "threads", 0, "as of extract")
	flags.BoolVar(&asJSON, "json", false, "as one JSON object")
	c.RunE = func(c *cobra.Command, args []string) error {
		if !(v.tolerance >= 0) {
			return fmt.Errorf("--tolerance %g: must be 0 or more", v.tolerance)
		}
		m, err := openModel(c, args[0])
		if err != nil {
			return err
		}
		defer m.Close()
		dump, err := npy.OpenArchive(args[1])
		if err != nil {
			return err
		}
		defer dump.Close()
		if err := v.run(m, dump, featx.Options{ISA: isa, Threads: threads}); err != nil {
			return fmt.Errorf("%s: %w", args[1], err)
		}
		if asJSON {
			e := json.NewEncoder(c.OutOrStdout())
			e.SetIndent("", " ")
			err = e.Encode(v.report())
		} else {
			err = v.write(c.OutOrStdout())
		}
		if err == nil && v.first() >= 0 {
			return errPartly
		}
		return err
	}
	return c
}

// verification compares layers.
type verification struct {
	tolerance float64
	layers    []comparedLayer // in the order of the network
	unknown   []string        // arrays of the dump that are no layers
	total     int             // layers of the network
}

// comparedLayer is a layer of the dump. Its error is the largest difference over the largest value, infinite if a value is missing.
type comparedLayer struct {
	Name    string  `json:"name"`
	Dims    []int   `json:"shape"`
	Largest float64 `json:"-"`
	Error   float64 `json:"-"`
	At      []int   `json:"at,omitempty"` // of the largest difference: row, and the place in the layer
	Ours    float64 `json:"-"`            // there
	Theirs  float64 `json:"-"`
	Problem string  `json:"problem,omitempty"` // instead of numbers
	Agrees  bool    `json:"agrees"`
	array   *npy.Array
	node    int
}

func (v *verification) run(m *featx.Model, dump *npy.Archive, o featx.Options) error {
	g := m.Graph()
	index := map[string]int{}
	for i, n := range g.Nodes {
		index[n.Name] = i
	}
	v.total = len(g.Nodes)
	var input *npy.Array
	for _, name := range inputNames {
		if input == nil {
			input = dump.Find(name)
		}
	}
	if input == nil {
		return fmt.Errorf("holds no input: an array called %s", strings.Join(inputNames, " or "))
	}
	for i := range dump.Arrays {
		x := &dump.Arrays[i]
		if x.Name == input.Name {
			continue
		}
		name := x.Name
		if alias, ok := g.Aliases[name]; ok {
			name = alias
		}
		node, ok := index[name]
		if !ok {
			v.unknown = append(v.unknown, x.Name)
			continue
		}
		v.layers = append(v.layers, comparedLayer{Name: x.Name, array: x, node: node})
	}
	if len(v.layers) == 0 {
		return fmt.Errorf("none of its arrays is a layer of %s: %s; `featx layers` lists them", g.Arch, brief.List(v.unknown, 5))
	}
	slices.SortStableFunc(v.layers, func(a, b comparedLayer) int { return a.node - b.node })
	for _, l := range v.layers {
		o.Layers = append(o.Layers, l.Name)
	}

	// The dump's size, and a recipe that would give it.
	dims := input.Dims
	if len(dims) == 3 {
		dims = append([]int{1}, dims...)
	}
	r := m.Recipe()
	if len(dims) != 4 {
		return fmt.Errorf("array %q is %v: want one row per picture, each with three axes", input.Name, input.Dims)
	}
	r.Size = [2]int{dims[2], dims[3]}
	if g.Layout == "NHWC" {
		r.Size = [2]int{dims[1], dims[2]}
	}
	r.Resize, r.Crop, r.Flip = image.Resize{H: r.Size[0], W: r.Size[1]}, "none", false
	if dims[0] < 1 || dims[0] > 1<<12 {
		return fmt.Errorf("array %q is %v: want 1 to 4096 pictures", input.Name, input.Dims)
	}
	o.Recipe, o.Batch = &r, min(dims[0], 8)
	x, err := m.Extractor(o)
	if err != nil {
		return fmt.Errorf("array %q is %v: %w", input.Name, input.Dims, err)
	}
	defer x.Close()
	if !slices.Equal(dims[1:], x.InputDims()) {
		return fmt.Errorf("array %q is %v: the network takes %v, or any number of those, in the axes of its framework", input.Name, input.Dims, x.InputDims())
	}
	pixels, err := input.Values()
	if err != nil {
		return err
	}
	out, err := x.Tensor(featx.Tensor{Dims: dims, Data: pixels})
	if err != nil {
		return err
	}
	for i := range v.layers {
		if err := v.compare(&v.layers[i], out[i]); err != nil {
			return err
		}
	}
	return nil
}

// compare fills the layer's numbers. An error is the file's.
func (v *verification) compare(l *comparedLayer, ours featx.Tensor) error {
	l.Dims = ours.Dims[1:]
	last := channelsLast(l.array.Dims, ours.Dims)
	if !last && !slices.Equal(squeezed(l.array.Dims), squeezed(ours.Dims)) {
		l.Problem = fmt.Sprintf("the dump has the shape %v, featx %v", l.array.Dims, ours.Dims)
		return nil
	}
	theirs, err := l.array.Values()
	if err != nil {
		return err
	}
	if last {
		theirs = channelsFirst(theirs, ours.Dims)
	}
	most, worst := 0.0, 0
	for i, t := range theirs {
		a, b := float64(ours.Data[i]), float64(t)
		if !math.IsInf(b, 0) && !math.IsNaN(b) {
			l.Largest = max(l.Largest, math.Abs(b))
		}
		d := math.Abs(a - b)
		switch {
		case a == b || math.IsNaN(a) && math.IsNaN(b):
			d = 0
		case math.IsNaN(d):
			d = math.Inf(1)
		}
		if d > most {
			most, worst = d, i
		}
	}
	tolerance := v.tolerance
	if strings.HasSuffix(l.array.Type, "f2") {
		tolerance += 0x1p-11
	}
	if most > 0 {
		l.Error = most / l.Largest
		l.Ours, l.Theirs = float64(ours.Data[worst]), float64(theirs[worst])
		for d := len(ours.Dims) - 1; d >= 0; d-- {
			l.At = slices.Insert(l.At, 0, worst%ours.Dims[d])
			worst /= ours.Dims[d]
		}
	}
	l.Agrees = l.Error <= tolerance
	return nil
}

// squeezed leaves out axes of length 1: frameworks keep or drop those of a pooled map.
func squeezed(dims []int) []int {
	return slices.DeleteFunc(slices.Clone(dims), func(d int) bool { return d == 1 })
}

// channelsLast says whether a dump has n x H x W x C where featx has n x C x H x W, as between the permutations of PyTorch's ConvNeXt.
func channelsLast(theirs, ours []int) bool {
	return len(theirs) == 4 && len(ours) == 4 && !slices.Equal(theirs, ours) && slices.Equal(theirs, []int{ours[0], ours[2], ours[3], ours[1]})
}

// channelsFirst brings values of n x H x W x C to the order of dims, n x C x H x W.
func channelsFirst(values []float32, dims []int) []float32 {
	out := make([]float32, len(values))
	channels, pixels := dims[1], dims[2]*dims[3]
	for i, v := range values {
		n, rest := i/(channels*pixels), i%(channels*pixels)
		out[n*channels*pixels+rest%channels*pixels+rest/channels] = v
	}
	return out
}

// first is the position of the first layer that differs, or -1.
func (v *verification) first() int {
	return slices.IndexFunc(v.layers, func(l comparedLayer) bool { return !l.Agrees })
}

func (v *verification) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "layer\tshape\tlargest value\terror\t")
	for _, l := range v.layers {
		verdict := ""
		if !l.Agrees {
			verdict = "differs"
		}
		if l.Problem != "" {
			fmt.Fprintf(t, "%s\t%s\t\t\t%s\n", brief.Plain(l.Name), times(l.Dims), l.Problem)
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%.4g\t%.1e\t%s\n", brief.Plain(l.Name), times(l.Dims), l.Largest, l.Error, verdict)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(v.unknown) > 0 {
		fmt.Fprintf(w, "\n%d arrays of the dump are no layers here: %s\n", len(v.unknown), brief.List(v.unknown, 8))
	}
	_, err := fmt.Fprintf(w, "\n%s\n", brief.Plain(v.verdict()))
	return err
}

// verdict is the result in words.
func (v *verification) verdict() string {
	worst := 0
	differ := 0
	nodes := map[int]bool{} // a layer may be there under several names
	for i, l := range v.layers {
		nodes[l.node] = true
		if l.Error > v.layers[worst].Error {
			worst = i
		}
		if !l.Agrees {
			differ++
		}
	}
	if differ == 0 {
		return fmt.Sprintf("all %d arrays agree, which are %d of the network's %d layers; the largest error is %.1e, of %s; the tolerance is %.1e",
			len(v.layers), len(nodes), v.total, v.layers[worst].Error, v.layers[worst].Name, v.tolerance)
	}
	i := v.first()
	l := v.layers[i]
	how := l.Problem
	if how == "" {
		how = fmt.Sprintf("error %.1e; picture %d, %v: featx %.6g, the dump %.6g", l.Error, l.At[0], l.At[1:], l.Ours, l.Theirs)
	}
	before := "no layer of the dump is before it"
	if i > 0 {
		before = fmt.Sprintf("the last before it, %s, agrees", v.layers[i-1].Name)
	}
	return fmt.Sprintf("%d of %d layers differ; the first is %s (%s); %s", differ, len(v.layers), l.Name, how, before)
}

// report is the JSON object; infinities become null.
func (v *verification) report() any {
	number := func(x float64) any {
		if math.IsInf(x, 0) || math.IsNaN(x) {
			return nil
		}
		return x
	}
	type layer struct {
		comparedLayer
		Largest any `json:"largest"`
		Error   any `json:"error"`
		Ours    any `json:"featx"`
		Theirs  any `json:"dump"`
	}
	layers := []layer{}
	for _, l := range v.layers {
		layers = append(layers, layer{l, number(l.Largest), number(l.Error), number(l.Ours), number(l.Theirs)})
	}
	first := ""
	if i := v.first(); i >= 0 {
		first = v.layers[i].Name
	}
	return map[string]any{"tolerance": v.tolerance, "layers": layers, "first_difference": first, "unknown_arrays": append([]string{}, v.unknown...)}
}
