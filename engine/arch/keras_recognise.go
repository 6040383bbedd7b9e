package arch

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/featx-go/featx/engine"
)

// KerasLayer is a layer of a file that has weights: its name, and their shapes in the file's order.
type KerasLayer struct {
	Name   string
	Shapes [][]int
}

// KerasStored is what a file has instead of a network.
type KerasStored struct {
	Layers  []KerasLayer // in the file's order
	ByClass bool         // names are classes with the layer's number among those of its class, in Keras's order of layers (conv2d_17, sequential_1/conv2d), as in .weights.h5 files that do not tell names
	Scratch bool         // see KerasOptions
}

// RecogniseKeras finds the network with such layers, all of them or all but the classifier, and gives for each layer the parameters that its weights are; "" for weights without use. Layers are
// compared by name; where Keras made the names up, by their number. Files with the names of another version of Keras are compared by the order of the layers, as Keras itself does. name
// limits the search to one network.
func RecogniseKeras(name string, stored KerasStored) (*engine.Graph, [][]engine.Param, error) {
	names := KerasNames()
	if name != "" {
		if _, err := BuildKeras(name, KerasOptions{}); err != nil {
			return nil, nil, err
		}
		names = []string{name}
	}
	classes := stored.classes()
	ways := []func([]kerasLayer, []KerasLayer) []kerasLayer{byName, byLeaf, byModel, byOrder}
	if stored.ByClass {
		ways = []func([]kerasLayer, []KerasLayer) []kerasLayer{byClass}
	}
	var graphs []*engine.Graph
	var layers [][]kerasLayer
	for _, n := range names {
		for _, o := range []KerasOptions{{Classes: classes, Scratch: stored.Scratch}, {NoTop: true, Scratch: stored.Scratch}} {
			variant := kerasVariant{n, o.NoTop, o.Scratch}
			if counts, known := kerasCounts.Load(variant); known && !slices.Contains(counts.([]int), len(stored.Layers)) {
				continue
			}
			g, err := BuildKeras(n, o)
			if err != nil {
				continue
			}
			list, err := kerasLayers(g)
			if err != nil {
				return nil, nil, err
			}
			list = slices.DeleteFunc(list, func(l kerasLayer) bool { return len(l.params) == 0 })
			kerasCounts.Store(variant, []int{len(list), len(modelsAsLayers(list))})
			graphs, layers = append(graphs, g), append(layers, list)
		}
	}
	for _, way := range ways {
		for i, g := range graphs {
			if params := matchKeras(way(layers[i], stored.Layers), stored.Layers); params != nil {
				return g, params, nil
			}
		}
	}
	if name != "" {
		return nil, nil, fmt.Errorf("they are not those of %s", name)
	}
	return nil, nil, fmt.Errorf("they are those of no network that featx can build (%s)", strings.Join(names, ", "))
}

// kerasVariant is a network of keras.applications but for the number of its classes.
type kerasVariant struct {
	name           string
	noTop, scratch bool
}

// kerasCounts are the numbers of layers with weights that a file of a variant may have, once it was built: building all of them takes 0.2 s.
var kerasCounts sync.Map // kerasVariant -> []int

// classifierName is what Keras calls the layer that gives the classes, today or before.
var classifierName = regexp.MustCompile(`(?i)^(predictions|logits|conv_preds|probs|fc1000|.*_head_dense)$`)

// classes is the number of outputs of the classifier, if the file has one: of the layer with such a name, of the last dense layer or else convolution by number, or of the last layer.
func (s KerasStored) classes() int {
	at, number := len(s.Layers)-1, -1
	for i, l := range s.Layers {
		class, n, _ := strings.Cut(l.Name, "_")
		k, err := strconv.Atoi(n)
		if n != "" && err != nil {
			k = -1
		}
		if class == "dense" {
			k += 1 << 24
		}
		switch {
		case classifierName.MatchString(l.Name):
			at, number = i, 1<<30
		case s.ByClass && (class == "dense" || class == "conv2d") && k > number:
			at, number = i, k
		}
	}
	if shapes := s.Layers[at].Shapes; len(shapes) > 0 && len(shapes[0]) > 0 {
		return shapes[0][len(shapes[0])-1]
	}
	return 0
}

// matchKeras gives each stored layer the parameters of its layer; nil if they do not fit.
func matchKeras(layers []kerasLayer, stored []KerasLayer) [][]engine.Param {
	if len(layers) != len(stored) {
		return nil
	}
	matched := make([][]engine.Param, len(stored))
	for i, l := range layers {
		shapes := stored[i].Shapes
		if l.class == "normalization" && len(shapes) == 3 && len(shapes[2]) == 0 {
			shapes = shapes[:2] // the third is how many pictures it saw
		}
		if !slices.EqualFunc(l.params, shapes, func(p engine.Param, shape []int) bool { return slices.Equal(p.Shape, kerasShape(p, shape)) }) {
			return nil
		}
		matched[i] = slices.Clone(l.params)
		for len(matched[i]) < len(stored[i].Shapes) {
			matched[i] = append(matched[i], engine.Param{})
		}
	}
	return matched
}

// byKey gives the stored layers' layers, found by a key that both have; nil if one is not there, or keys are not unique.
func byKey(layers []kerasLayer, keys []string, key func(kerasLayer) string) []kerasLayer {
	at := map[string]kerasLayer{}
	for _, l := range layers {
		at[key(l)] = l
	}
	if len(at) != len(keys) || len(at) != len(layers) {
		return nil
	}
	list := make([]kerasLayer, len(keys))
	for i, k := range keys {
		l, ok := at[k]
		if !ok {
			return nil
		}
		list[i] = l
		delete(at, k)
	}
	return list
}

func byName(layers []kerasLayer, stored []KerasLayer) []kerasLayer {
	return byKey(layers, renumbered(stored), func(l kerasLayer) string { return kerasName(l.name) })
}

// byLeaf compares with the names of layers in nested models.
func byLeaf(layers []kerasLayer, stored []KerasLayer) []kerasLayer {
	return byKey(layers, renumbered(stored), func(l kerasLayer) string { return kerasName(l.name[strings.LastIndexByte(l.name, '/')+1:]) })
}

// byModel takes models for layers.
func byModel(layers []kerasLayer, stored []KerasLayer) []kerasLayer {
	whole := modelsAsLayers(layers)
	if list := byName(whole, stored); list != nil {
		return list
	}
	return whole
}

// modelsAsLayers puts the layers of nested models together.
func modelsAsLayers(layers []kerasLayer) (whole []kerasLayer) {
	for _, l := range layers {
		if model, _, nested := strings.Cut(l.name, "/"); nested {
			l.name = model
		}
		if n := len(whole) - 1; n >= 0 && whole[n].name == l.name {
			whole[n].params = append(slices.Clip(whole[n].params), l.params...)
			continue
		}
		whole = append(whole, l)
	}
	return whole
}

func byOrder(layers []kerasLayer, _ []KerasLayer) []kerasLayer { return layers }

func byClass(layers []kerasLayer, stored []KerasLayer) []kerasLayer {
	keys := make([]string, len(stored))
	for i, s := range stored {
		keys[i] = s.Name
	}
	numbers, models := fxNames{}, map[string]kerasModel{}
	return byKey(layers, keys, func(l kerasLayer) string {
		name, _, nested := strings.Cut(l.name, "/")
		if !nested {
			return numbers.next(l.class)
		}
		model, ok := models[name]
		if !ok {
			model = kerasModel{numbers.next("sequential"), fxNames{}}
			models[name] = model
		}
		return model.key + "/" + model.numbers.next(l.class)
	})
}

// kerasModel is a model that is a layer, all of which are Sequential in keras.applications; its layers are numbered by themselves.
type kerasModel struct {
	key     string // sequential_1
	numbers fxNames
}

// kerasName is a layer's name as all versions of Keras have it: expanded_conv_1/expand/BatchNorm became expanded_conv_1_expand_bn, conv1/bn conv1_bn.
func kerasName(name string) string {
	return strings.ToLower(strings.NewReplacer("/BatchNorm", "_bn", "/AvgPool", "_avg_pool", "/", "_").Replace(name))
}

var numbered = regexp.MustCompile(`^(conv2d|batch_normalization|dense|normalization|layer_normalization)(?:_(\d+))?$`)

// renumbered gives the layers' names, with those that Keras made up counted from 0: they depend on what else the session had built, their order does not.
func renumbered(stored []KerasLayer) []string {
	used := map[string][]int{}
	split := func(name string) (class string, n int) {
		m := numbered.FindStringSubmatch(name)
		if m == nil {
			return "", 0
		}
		n, _ = strconv.Atoi(m[2])
		return m[1], n
	}
	for _, s := range stored {
		if class, n := split(s.Name); class != "" {
			used[class] = append(used[class], n)
		}
	}
	for _, list := range used {
		slices.Sort(list)
	}
	names := make([]string, len(stored))
	for i, s := range stored {
		names[i] = kerasName(s.Name)
		if class, n := split(s.Name); class != "" {
			names[i] = class
			if rank, _ := slices.BinarySearch(used[class], n); rank > 0 {
				names[i] = fmt.Sprintf("%s_%d", class, rank)
			}
		}
	}
	return names
}

// kerasShape is a stored shape in the engine's axes: depthwise kernels are stored as [kh][kw][in][multiplier].
func kerasShape(p engine.Param, shape []int) []int {
	if len(shape) == 4 && len(p.Shape) == 4 && p.Shape[2] == 1 && shape[2]*shape[3] == p.Shape[3] {
		return []int{shape[0], shape[1], 1, p.Shape[3]}
	}
	return shape
}

// kerasLayer is a layer of a builder's graph: a node, or several.
type kerasLayer struct {
	name, class string // the class in Keras's spelling for names, of those with weights
	inputs      []string
	params      []engine.Param
}

// kerasLayers gives a graph's layers in the order in which Keras keeps them: by the largest number of layers between them and the output, those with as many in the order in which
// one comes to them from the output (keras/src/ops/function.py, map_graph).
func kerasLayers(g *engine.Graph) ([]kerasLayer, error) {
	params, err := g.Params()
	if err != nil {
		return nil, err
	}
	layers := map[string]*kerasLayer{}
	for _, n := range g.Nodes {
		layers[n.Name] = &kerasLayer{name: n.Name, inputs: n.Inputs}
	}
	for _, n := range g.Nodes { // NAME/linear and the like belong to NAME
		l := layers[n.Name]
		for i, x := range l.inputs {
			if owner, part, _ := cutLast(x); owner == n.Name && slices.Contains([]string{"linear", "depthwise", "scaled"}, part) {
				l.inputs = slices.Replace(slices.Clone(l.inputs), i, i+1, layers[x].inputs...)
			}
		}
	}
	for _, p := range params {
		owner, weight, _ := cutLast(p.Tensor)
		l := layers[owner]
		l.params = append(l.params, p)
		switch weight {
		case "kernel":
			l.class = "conv2d"
			if len(p.Shape) == 2 {
				l.class = "dense"
			}
		case "depthwise_kernel":
			l.class = "depthwise_conv2d"
		case "pointwise_kernel":
			l.class = "separable_conv2d"
		case "gamma":
			l.class = "layer_scale"
		case "beta":
			l.class = "layer_normalization"
		case "moving_mean":
			l.class = "batch_normalization"
		case "mean":
			l.class = "normalization"
		}
	}
	var order []*kerasLayer
	first, depth := map[string]int{}, map[string]int{}
	var visit func(name string)
	visit = func(name string) {
		l := layers[name]
		if _, seen := first[name]; seen || l == nil {
			return
		}
		first[name] = len(first)
		for _, x := range l.inputs {
			visit(x)
		}
		order = append(order, l)
	}
	visit(g.Nodes[len(g.Nodes)-1].Name)
	for _, l := range slices.Backward(order) {
		for _, x := range l.inputs {
			depth[x] = max(depth[x], depth[l.name]+1)
		}
	}
	slices.SortFunc(order, func(a, b *kerasLayer) int {
		return cmp.Or(depth[b.name]-depth[a.name], first[a.name]-first[b.name])
	})
	list := make([]kerasLayer, len(order))
	for i, l := range order {
		list[i] = *l
	}
	return list, nil
}

// cutLast cuts a name at its last slash.
func cutLast(name string) (before, after string, found bool) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}
