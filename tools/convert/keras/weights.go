package keras

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/weights"
)

// array is a stored weight. Its name is the file's.
type array struct {
	name  string
	dtype weights.DType
	shape []int
	data  func() ([]byte, error) // row-major, little-endian
}

// variable is a weight that a layer needs.
type variable struct {
	name    string // within the layer: kernel
	tensor  string // in the graph; "" if it has no use for it
	learned bool
	reshape func(shape []int) []int // from the file's axes to the engine's, in the same order in memory; nil: the same
	stored  *array
}

// weightTree is the layers of a model with the weights that they need, in Keras's order.
type weightTree struct {
	name, class string
	path        string // "outer/inner"
	trainable   bool
	operator    bool
	variables   []*variable   // of a layer
	children    []*weightTree // of a model
}

// add notes a layer of a model, once.
func (w *weightTree) add(l *layer) {
	if w.child(l) == nil {
		path := strings.TrimPrefix(w.path+"/"+l.name, "/")
		w.children = append(w.children, &weightTree{name: l.name, class: l.class, path: path, trainable: l.trainable, operator: l.operator})
	}
}

func (w *weightTree) child(l *layer) *weightTree {
	for _, c := range w.children {
		if c.name == l.name {
			return c
		}
	}
	return nil
}

// variable declares a weight of a layer, once, and gives its tensor's name.
func (w *weightTree) variable(name string, learned bool, reshape func([]int) []int) string {
	for _, v := range w.variables {
		if v.name == name {
			return v.tensor
		}
	}
	w.variables = append(w.variables, &variable{name: name, tensor: w.path + "/" + name, learned: learned, reshape: reshape})
	return w.path + "/" + name
}

// unused declares a weight that files have and graphs do not need.
func (w *weightTree) unused(name string) {
	w.variable(name, false, nil)
	for _, v := range w.variables {
		if v.name == name {
			v.tensor = ""
		}
	}
}

// all gives the variables of a layer or of all layers of a model: the learned ones, then the others, as HDF5 files of Keras list them. What
// a layer that is not trained has counts as not learned.
func (w *weightTree) all() []*variable {
	var learned, rest []*variable
	var walk func(w *weightTree)
	walk = func(w *weightTree) {
		for _, v := range w.variables {
			if v.learned && w.trainable {
				learned = append(learned, v)
			} else {
				rest = append(rest, v)
			}
		}
		for _, c := range w.children {
			walk(c)
		}
	}
	walk(w)
	return append(learned, rest...)
}

// leaves gives all layers that have weights.
func (w *weightTree) leaves() []*weightTree {
	var list []*weightTree
	if len(w.variables) > 0 {
		list = append(list, w)
	}
	for _, c := range w.children {
		list = append(list, c.leaves()...)
	}
	return list
}

// tensors gives the weights under the graph's names, and the names of those that it does not need.
func (w *weightTree) tensors() (list []Tensor, other []string, err error) {
	for _, l := range w.leaves() {
		for _, v := range l.variables {
			switch {
			case v.stored == nil && v.tensor == "":
			case v.stored == nil:
				return nil, nil, fmt.Errorf("layer %q (%s): the file has no weights for it", l.path, l.class)
			case v.tensor == "":
				other = append(other, v.stored.name)
			default:
				t := Tensor{Name: v.tensor, DType: v.stored.dtype, Shape: v.stored.shape, data: v.stored.data}
				if v.reshape != nil {
					t.Shape = v.reshape(t.Shape)
				}
				list = append(list, t)
			}
		}
	}
	return list, other, nil
}

// baseName is what a weight is called within its layer: "kernel" for "conv1/conv1/kernel:0".
func baseName(name string) string {
	name, _, _ = strings.Cut(name, ":")
	return name[strings.LastIndexByte(name, '/')+1:]
}

// sameRole says whether a stored weight may be the variable: both names say what they are, or the file's says nothing ("uniform3", "conv1_W").
func sameRole(stored, wanted string) bool {
	known := []string{"kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "mean", "variance", "count", "alpha"}
	b := baseName(stored)
	if b == "depthwise_kernel" && wanted == "depthwise_kernel" || b == "pointwise_kernel" && wanted == "pointwise_kernel" {
		return true
	}
	if strings.HasSuffix(b, "kernel") {
		return strings.HasSuffix(wanted, "kernel") && !(b == "depthwise_kernel" || b == "pointwise_kernel")
	}
	return b == wanted || !slices.Contains(known, b)
}

// assign gives stored weights to variables: in order if the order can be right, else by name.
func assign(where string, variables []*variable, layers []*weightTree, stored []*array) error {
	inOrder := len(variables) == len(stored)
	for i := 0; inOrder && i < len(stored); i++ {
		inOrder = sameRole(stored[i].name, variables[i].name)
	}
	if inOrder {
		for i, v := range variables {
			v.stored = stored[i]
		}
		return nil
	}
	var missing []string
	for _, l := range layers {
		for _, v := range l.variables {
			if v.stored = find(stored, l, v.name); v.stored == nil && v.tensor != "" {
				missing = append(missing, l.name+"/"+v.name)
			}
		}
	}
	if len(missing) > 0 {
		names := make([]string, len(stored))
		for i, s := range stored {
			names[i] = s.name
		}
		return fmt.Errorf("%s: it needs %d weights, the file has %d (%s); missing: %s", where, len(variables), len(stored), brief.List(names, 6), brief.List(missing, 6))
	}
	return nil
}

// find looks for a layer's weight by its path, or else its name, if there is one such.
func find(stored []*array, l *weightTree, name string) *array {
	for _, layer := range []string{l.path, l.name, ""} { // Keras 2's Normalization does not name its layer
		var found *array
		for _, s := range stored {
			path, _, _ := strings.Cut(s.name, ":")
			dir, base := path[:max(0, strings.LastIndexByte(path, '/'))], baseName(s.name)
			if base != name && !(base == "kernel" && name == "depthwise_kernel") || dir != layer && !strings.HasSuffix(dir, "/"+layer) {
				continue
			}
			if found != nil {
				found = nil
				break
			}
			found = s
		}
		if found != nil {
			return found
		}
	}
	return nil
}

// storedLayer is the weights that a file lists under one layer's name.
type storedLayer struct {
	name   string
	arrays []*array
}

// assignLayers gives the layers of a file with layer names to those of a model: by name, or in order if the names are others.
func (w *weightTree) assignLayers(stored []storedLayer) error {
	byName := map[string][]*array{}
	for _, s := range stored {
		byName[s.name] = s.arrays
	}
	var need []*weightTree
	named := true
	for _, c := range w.children {
		if len(c.leaves()) > 0 {
			need = append(need, c)
			named = named && byName[c.name] != nil
		}
	}
	var full []storedLayer
	for _, s := range stored {
		if len(s.arrays) > 0 {
			full = append(full, s)
		}
	}
	if !named && len(full) != len(need) {
		for _, c := range need {
			if byName[c.name] == nil {
				return fmt.Errorf("the file has no weights for layer %q (%s)", c.name, c.class)
			}
		}
	}
	for i, c := range need {
		arrays := byName[c.name]
		if !named {
			arrays = full[i].arrays
		}
		if err := assign(fmt.Sprintf("layer %q (%s)", c.name, c.class), c.all(), c.leaves(), arrays); err != nil {
			return err
		}
	}
	return nil
}

// assignNames gives weights that are listed without layers, under names such as "outer/inner/kernel" or "inner/kernel".
func (w *weightTree) assignNames(stored []*array) error {
	for _, l := range w.leaves() {
		var own []*array
		for _, prefix := range []string{l.path + "/", l.name + "/"} {
			for _, s := range stored {
				if rest, ok := strings.CutPrefix(s.name, prefix); ok && (!strings.Contains(rest, "/") || strings.HasPrefix(rest, l.name+"/")) {
					own = append(own, s)
				}
			}
			if own != nil {
				break
			}
		}
		if own == nil {
			own = stored
		}
		if err := assign(fmt.Sprintf("layer %q (%s)", l.path, l.class), l.variables, []*weightTree{l}, own); err != nil {
			return err
		}
	}
	return nil
}

// storeGroup is a group of Keras 3's weight store: a layer's variables in order, and the layers within it.
type storeGroup struct {
	key    string // "conv2d_1"
	name   string // the layer's own name, where the file tells it
	arrays []*array
	layers []*storeGroup
}

func (g *storeGroup) empty() bool {
	for _, l := range g.layers {
		if !l.empty() {
			return false
		}
	}
	return len(g.arrays) == 0
}

var camel = [2]*regexp.Regexp{regexp.MustCompile(`(.)([A-Z][a-z]+)`), regexp.MustCompile(`([a-z])([A-Z])`)}

// snakeCase is the name that Keras makes of a class: Conv2D is conv2d, BatchNormalization batch_normalization.
func snakeCase(class string) string {
	return strings.ToLower(camel[1].ReplaceAllString(camel[0].ReplaceAllString(class, "${1}_${2}"), "${1}_${2}"))
}

// assignStore gives a store's groups to the layers of a model. The keys number the layers of each class in the model's order; newer files also
// tell the layers' names.
func (w *weightTree) assignStore(g *storeGroup) error {
	byName := map[string]*storeGroup{}
	byClass := map[string][]*storeGroup{}
	for _, s := range g.layers {
		if s.name != "" {
			byName[s.name] = s
		}
		class, _ := splitKey(s.key)
		if !s.empty() {
			byClass[class] = append(byClass[class], s)
		}
	}
	for _, list := range byClass {
		sort.SliceStable(list, func(i, j int) bool {
			_, a := splitKey(list[i].key)
			_, b := splitKey(list[j].key)
			return a < b
		})
	}
	need := map[string][]*weightTree{}
	var order []string
	for _, c := range w.children {
		if c.operator || len(c.leaves()) == 0 {
			continue
		}
		class := snakeCase(c.class)
		if class == "model" {
			class = "functional"
		}
		class, _ = splitKey(class)
		if need[class] == nil {
			order = append(order, class)
		}
		need[class] = append(need[class], c)
	}
	for _, class := range order {
		named := true
		for _, c := range need[class] {
			named = named && byName[c.name] != nil
		}
		if !named && len(byClass[class]) != len(need[class]) {
			return fmt.Errorf("the model has %d layers of the class %s with weights, the file %d", len(need[class]), need[class][0].class, len(byClass[class]))
		}
		for i, c := range need[class] {
			s := byName[c.name]
			if !named {
				s = byClass[class][i]
			}
			var err error
			if len(c.children) > 0 {
				err = c.assignStore(s)
			} else {
				// The file lists what is learned first, whether or not it is trained.
				variables := slices.Clone(c.variables)
				sort.SliceStable(variables, func(i, j int) bool { return variables[i].learned && !variables[j].learned })
				err = assign(fmt.Sprintf("layer %q (%s)", c.path, c.class), variables, []*weightTree{c}, s.arrays)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// splitKey takes the number off a key: "conv2d_12" is the 12th of "conv2d", "conv2d" its 0th.
func splitKey(key string) (class string, number int) {
	if at := strings.LastIndexByte(key, '_'); at > 0 {
		if n, err := strconv.Atoi(key[at+1:]); err == nil {
			return key[:at], n
		}
	}
	return key, 0
}

var errNoWeights = errors.New("the file holds no weights: save it after the model was built, or with save_weights")
