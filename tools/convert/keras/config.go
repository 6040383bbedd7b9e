package keras

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
)

// config is an object of a model's JSON. Its readers take any of several keys, for the spellings of Keras 1, 2 and 3; what is missing is the default, what is there and
// makes no sense is an error, which is kept for the caller in the reader.
type config map[string]any

func asConfig(v any) config {
	m, _ := v.(map[string]any)
	return m
}

// reader reads a layer's config and keeps the first error.
type reader struct {
	config
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// get gives the value of the first key that is there and not null.
func (r *reader) get(keys ...string) (any, string) {
	for _, k := range keys {
		if v := r.config[k]; v != nil {
			return v, k
		}
	}
	return nil, keys[0]
}

func (r *reader) text(otherwise string, keys ...string) string {
	v, key := r.get(keys...)
	if v == nil {
		return otherwise
	}
	s, ok := v.(string)
	if !ok {
		r.fail("%s is %v, not a text", key, v)
	}
	return s
}

func (r *reader) flag(otherwise bool, keys ...string) bool {
	v, key := r.get(keys...)
	if v == nil {
		return otherwise
	}
	b, ok := v.(bool)
	if !ok {
		r.fail("%s is %v, neither true nor false", key, v)
	}
	return b
}

func (r *reader) number(otherwise float64, keys ...string) float64 {
	v, key := r.get(keys...)
	if v == nil {
		return otherwise
	}
	list, ok := numbers(v)
	if !ok || len(list) != 1 {
		r.fail("%s is %v, not a number", key, v)
		return otherwise
	}
	return list[0]
}

func (r *reader) integer(otherwise int, keys ...string) int {
	return r.whole(r.number(float64(otherwise), keys...), keys[0])
}

func (r *reader) whole(v float64, key string) int {
	if v != math.Trunc(v) || math.Abs(v) > 1<<30 {
		r.fail("%s is %v, not a whole number", key, v)
		return 0
	}
	return int(v)
}

// integers reads a list of whole numbers, or a single one.
func (r *reader) integers(keys ...string) []int {
	v, key := r.get(keys...)
	if v == nil {
		return nil
	}
	list, ok := numbers(v)
	if !ok {
		r.fail("%s is %v, no list of numbers", key, v)
	}
	out := make([]int, len(list))
	for i, n := range list {
		out[i] = r.whole(n, key)
	}
	return out
}

// pair reads (rows, columns), or one number for both.
func (r *reader) pair(otherwise int, keys ...string) [2]int {
	switch list := r.integers(keys...); len(list) {
	case 0:
		return [2]int{otherwise, otherwise}
	case 1:
		return [2]int{list[0], list[0]}
	case 2:
		return [2]int{list[0], list[1]}
	default:
		r.fail("%s is %v: want one or two numbers", keys[0], list)
		return [2]int{}
	}
}

// numbers gives a number, or a list of them that may be nested ([[[1, 2, 3]]]), or Keras's {"value": ...}.
func numbers(v any) ([]float64, bool) {
	switch v := v.(type) {
	case float64:
		return []float64{v}, true
	case bool:
		return nil, false
	case []any:
		var list []float64
		for _, e := range v {
			more, ok := numbers(e)
			if !ok {
				return nil, false
			}
			list = append(list, more...)
		}
		return list, true
	case map[string]any:
		if inner, ok := v["value"]; ok {
			return numbers(inner)
		}
		if c := asConfig(v["config"]); c != nil {
			return numbers(map[string]any(c))
		}
	}
	return nil, false
}

// topology is a model's layers and how they are called.
type topology struct {
	name       string
	layers     []*layer
	inputs     []reference
	outputs    []reference
	sequential bool
}

// layer is a layer of a model.
type layer struct {
	name, class string
	config      config
	trainable   bool
	inner       *topology // of a layer that is itself a model
	firstCall   int       // of a model: the number under which its first call is known
	operator    bool      // one of Keras 3's operations, which is no layer: it has no place among the layers' weights
	calls       []call    // one for each time that the layer is used
}

// call is one use of a layer: what it is called with. Operands are references, numbers, texts, or lists of such.
type call struct {
	args   []any
	kwargs map[string]any
}

// reference is an output of a layer's call.
type reference struct {
	layer        string
	call, output int
}

const maxDepth = 16 // of models in models

// parseTopology reads a model: an object with class_name and config.
func parseTopology(model config, depth int) (*topology, error) {
	class := className(model["class_name"])
	t := &topology{sequential: class == "Sequential"}
	switch class {
	case "Sequential", "Functional", "Model":
	case "":
		return nil, errors.New("the config holds no model: no class_name")
	default:
		return nil, fmt.Errorf("the model is of the class %q: only Sequential and Functional models say how their layers are connected; save a Functional model that calls it", class)
	}
	if depth > maxDepth {
		return nil, errors.New("models are nested too deeply")
	}
	inner := asConfig(model["config"])
	list, ok := inner["layers"].([]any)
	if !ok && t.sequential { // Keras 1 and early 2
		list, ok = model["config"].([]any)
	}
	if !ok {
		return nil, fmt.Errorf("the %s model's config lists no layers", class)
	}
	t.name, _ = inner["name"].(string)
	names := map[string]bool{}
	for i, v := range list {
		l, err := parseLayer(asConfig(v), depth)
		if err != nil {
			return nil, err
		}
		if l.name == "" && t.sequential {
			l.name = fmt.Sprintf("%s_%d", strings.ToLower(l.class), i+1)
		}
		if l.name == "" || names[l.name] {
			return nil, fmt.Errorf("layer %d (%s) has no name of its own: %q", i, l.class, l.name)
		}
		names[l.name] = true
		t.layers = append(t.layers, l)
	}
	if t.sequential {
		t.chain(inner)
		return t, nil
	}
	var err error
	if t.inputs, err = references(inner["input_layers"]); err == nil {
		t.outputs, err = references(inner["output_layers"])
	}
	if err == nil && (len(t.inputs) == 0 || len(t.outputs) == 0) {
		err = errors.New("no inputs or outputs")
	}
	if err != nil {
		return nil, fmt.Errorf("model %q: %w", t.name, err)
	}
	t.countCalls()
	return t, nil
}

// countCalls finds out whether the first call of a nested model is number 1, as in Keras 2, which counts the model's own making as number 0, or
// number 0, as in Keras 3.
func (t *topology) countCalls() {
	used := map[string]map[int]bool{}
	var note func(v any)
	note = func(v any) {
		switch v := v.(type) {
		case reference:
			if used[v.layer] == nil {
				used[v.layer] = map[int]bool{}
			}
			used[v.layer][v.call] = true
		case []any:
			for _, e := range v {
				note(e)
			}
		}
	}
	for _, r := range t.outputs {
		note(r)
	}
	for _, l := range t.layers {
		for _, c := range l.calls {
			note(c.args)
			for _, v := range c.kwargs {
				note(v)
			}
		}
	}
	for _, l := range t.layers {
		if l.inner != nil && !used[l.name][0] && (used[l.name][len(l.calls)] || len(l.calls) == 1) {
			l.firstCall = 1
		}
	}
}

// chain connects the layers of a sequential model, which may begin with an InputLayer or give its input's shape elsewhere.
func (t *topology) chain(inner config) {
	if len(t.layers) == 0 || t.layers[0].class != "InputLayer" {
		input := &layer{name: t.name + "_input", class: "InputLayer", config: config{}}
		if len(t.layers) > 0 {
			input.config["batch_input_shape"] = t.layers[0].config["batch_input_shape"]
			if v := t.layers[0].inner; v != nil && len(v.layers) > 0 {
				input.config["batch_input_shape"], _ = (&reader{config: v.layers[0].config}).get("batch_shape", "batch_input_shape")
			}
		}
		if input.config["batch_input_shape"] == nil {
			input.config["batch_input_shape"] = inner["build_input_shape"]
		}
		t.layers = append([]*layer{input}, t.layers...)
	}
	last := t.layers[0].name
	t.inputs = []reference{{layer: last}}
	for _, l := range t.layers[1:] {
		l.calls = []call{{args: []any{reference{layer: last}}}}
		last = l.name
	}
	t.outputs = []reference{{layer: last}}
}

// className takes the package off a class's name: "Custom>LayerScale".
func className(v any) string {
	s, _ := v.(string)
	return s[strings.LastIndex(s, ">")+1:]
}

func parseLayer(c config, depth int) (*layer, error) {
	l := &layer{class: className(c["class_name"]), config: asConfig(c["config"]), trainable: true}
	if l.class == "" {
		return nil, errors.New("a layer without class_name")
	}
	l.name, _ = c["name"].(string)
	if own, ok := l.config["name"].(string); ok && own != "" {
		l.name = own
	}
	if v, ok := l.config["trainable"].(bool); ok {
		l.trainable = v
	}
	switch l.class {
	case "Sequential", "Functional", "Model":
		var err error
		if l.inner, err = parseTopology(c, depth+1); err != nil {
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
		if l.name == "" {
			l.name = l.inner.name
		}
	}
	nodes, _ := c["inbound_nodes"].([]any)
	for _, n := range nodes {
		l.calls = append(l.calls, parseCall(n))
	}
	if len(nodes) > 0 && asConfig(nodes[0]) != nil {
		_, layer := l.config["dtype"] // which operations do not have
		l.operator = !layer && l.inner == nil
	}
	return l, nil
}

// parseCall reads a node: Keras 3's {"args": [...], "kwargs": {...}}, Keras 2's [[layer, call, output, kwargs], ...], or the flat form of one
// such that TFOpLambda has.
func parseCall(v any) call {
	if c := asConfig(v); c != nil {
		out := call{kwargs: map[string]any{}}
		list, _ := c["args"].([]any)
		for _, a := range list {
			out.args = append(out.args, operand3(a))
		}
		for k, a := range asConfig(c["kwargs"]) {
			out.kwargs[k] = operand3(a)
		}
		return out
	}
	list, _ := v.([]any)
	if len(list) > 0 {
		if _, flat := list[0].(string); flat {
			list = []any{list}
		}
	}
	var out call
	var tensors []any
	for i, e := range list {
		parts, _ := e.([]any)
		if len(parts) == 0 {
			continue
		}
		tensors = append(tensors, operand2(e))
		if len(parts) > 3 && i == 0 {
			out.kwargs = map[string]any{}
			for k, a := range asConfig(parts[3]) {
				out.kwargs[k] = operand2(a)
			}
		}
	}
	switch len(tensors) {
	case 0:
	case 1:
		out.args = tensors
	default:
		out.args = []any{tensors}
	}
	return out
}

// operand3 finds Keras 3's references in an argument.
func operand3(v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = operand3(e)
		}
		return list
	case map[string]any:
		if className(v["class_name"]) == "__keras_tensor__" {
			if r, ok := parseReference(asConfig(v["config"])["keras_history"]); ok {
				return r
			}
		}
		if className(v["class_name"]) == "__tuple__" {
			return operand3(v["items"])
		}
	}
	return v
}

// operand2 finds Keras 2's references, [layer, call, output, ...], and constants among them, ["_CONSTANT_VALUE", -1, value, ...].
func operand2(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	if r, ok := parseReference(v); ok {
		return r
	}
	if len(list) >= 3 && list[0] == "_CONSTANT_VALUE" {
		return list[2]
	}
	out := make([]any, len(list))
	for i, e := range list {
		out[i] = operand2(e)
	}
	return out
}

func parseReference(v any) (reference, bool) {
	list, _ := v.([]any)
	if len(list) < 3 {
		return reference{}, false
	}
	name, ok := list[0].(string)
	at, ok2 := list[1].(float64)
	output, ok3 := list[2].(float64)
	if !ok || !ok2 || !ok3 || name == "_CONSTANT_VALUE" || at < 0 || at > 1<<20 || output < 0 || output > 1<<20 {
		return reference{}, false
	}
	return reference{name, int(at), int(output)}, true
}

// references reads a model's inputs or outputs: one reference, or a list or an object of them.
func references(v any) ([]reference, error) {
	if r, ok := parseReference(v); ok {
		return []reference{r}, nil
	}
	var out []reference
	list, ok := v.([]any)
	if c := asConfig(v); c != nil {
		return nil, errors.New("inputs or outputs by name (a dictionary) are not supported")
	}
	if !ok {
		return nil, errors.New("it does not say what its inputs or outputs are")
	}
	for _, e := range list {
		more, err := references(e)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// parseModel reads a model's JSON.
func parseModel(text []byte) (*topology, error) {
	var c config
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("the model's config is no JSON: %w", err)
	}
	return parseTopology(c, 0)
}
