package torch

import (
	"errors"
	"fmt"
	"math"

	"github.com/featx-go/featx/weights"
)

const saveHint = "save the weights alone: torch.save(model.state_dict(), FILE)"

// RefusedError says that a pickle asks for a name that is not one of those that plain weights need. Python would run it.
type RefusedError struct{ Global string }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the file asks to run %.100q, which is refused: only tensors and plain containers are read; if you trust the file, load it in PyTorch and %s", e.Global, saveHint)
}

// element is the element type of a storage.
type element struct {
	dtype weights.DType
	size  int // bytes
}

var storages = map[global]element{
	"torch.FloatStorage":    {weights.F32, 4},
	"torch.HalfStorage":     {weights.F16, 2},
	"torch.BFloat16Storage": {weights.BF16, 2},
	"torch.DoubleStorage":   {weights.F64, 8},
	"torch.LongStorage":     {"I64", 8},
	"torch.IntStorage":      {"I32", 4},
	"torch.ShortStorage":    {"I16", 2},
	"torch.CharStorage":     {"I8", 1},
	"torch.ByteStorage":     {"U8", 1},
	"torch.BoolStorage":     {"BOOL", 1},
}

// rebuilders are the functions that torch.save writes calls of, as they are here.
var rebuilders = map[global]func(m *machine, args tuple) (any, error){
	"torch._utils._rebuild_tensor_v2":            rebuildTensor,
	"torch._utils._rebuild_tensor":               rebuildTensor, // before 0.4
	"torch._utils._rebuild_parameter":            rebuildParameter,
	"torch._utils._rebuild_parameter_with_state": rebuildParameter,
	"torch._tensor._rebuild_from_type_v2":        rebuildFromType,
	"collections.OrderedDict":                    orderedDict,
	"collections.defaultdict":                    func(*machine, tuple) (any, error) { return &dict{}, nil },
}

// inert are names that come with training checkpoints (options, best accuracy, devices) and never with weights: what they make is forgotten.
var inert = map[global]bool{
	"argparse.Namespace":  true,
	"collections.Counter": true,
	"_codecs.encode":      true,
	"builtins.set":        true, "__builtin__.set": true,
	"numpy.dtype": true, "numpy.ndarray": true,
	"numpy.core.multiarray.scalar": true, "numpy.core.multiarray._reconstruct": true,
	"numpy._core.multiarray.scalar": true, "numpy._core.multiarray._reconstruct": true,
	"torch.device": true, "torch.Size": true, "torch.Tensor": true, "torch.nn.parameter.Parameter": true,
	"torch.float32": true, "torch.float64": true, "torch.float16": true, "torch.bfloat16": true, "torch.int64": true, "torch.int32": true, "torch.uint8": true, "torch.bool": true,
}

func (g global) allowed() bool {
	_, isStorage := storages[g]
	_, isRebuilder := rebuilders[g]
	return isStorage || isRebuilder || inert[g]
}

// call is REDUCE and NEWOBJ.
func (m *machine) call(f, args any) (any, error) {
	t, ok := args.(tuple)
	if !ok {
		return nil, fmt.Errorf("arguments that are a %s; the file is damaged", kind(args))
	}
	switch f := f.(type) {
	case opaque:
		return opaque{}, nil
	case global:
		if rebuild, ok := rebuilders[f]; ok {
			v, err := rebuild(m, t)
			if err != nil {
				err = fmt.Errorf("%s: %w", f, err)
			}
			return v, err
		}
		if inert[f] {
			return opaque{}, nil
		}
	}
	return nil, fmt.Errorf("a %s cannot be called; the file is damaged", kind(f))
}

var errArguments = errors.New("its arguments are not those that torch.save writes; the file is damaged")

// rebuildTensor takes (storage, offset, size, stride, ...); what follows concerns gradients. The view is checked later, by Tensor.check.
func rebuildTensor(m *machine, args tuple) (any, error) {
	if len(args) < 4 {
		return nil, errArguments
	}
	s, ok := args[0].(*storage)
	if !ok {
		return nil, errArguments
	}
	offset, ok := args[1].(int64)
	if !ok {
		return nil, errArguments
	}
	shape, err := m.ints(args[2])
	if err != nil {
		return nil, err
	}
	stride, err := m.ints(args[3])
	if err != nil {
		return nil, err
	}
	return &Tensor{DType: s.dtype, Shape: shape, storage: s, offset: offset, stride: stride}, nil
}

// maxRank is PyTorch's own limit.
const maxRank = 64

func (m *machine) ints(v any) ([]int, error) {
	t, ok := v.(tuple)
	if !ok || len(t) > maxRank {
		return nil, errArguments
	}
	m.steps += len(t)
	out := make([]int, len(t))
	for i, v := range t {
		n, ok := v.(int64)
		if !ok || n < 0 || n > maxExtent || n > math.MaxInt {
			return nil, errArguments
		}
		out[i] = int(n)
	}
	return out, nil
}

// rebuildParameter takes (tensor, requires_grad, hooks).
func rebuildParameter(_ *machine, args tuple) (any, error) {
	if len(args) > 0 {
		if t, ok := args[0].(*Tensor); ok {
			return t, nil
		}
	}
	return nil, errArguments
}

// rebuildFromType takes (function, class, its arguments, state): a tensor that has attributes.
func rebuildFromType(m *machine, args tuple) (any, error) {
	if len(args) >= 3 {
		inner, _ := args[2].(tuple)
		switch args[0] {
		case any(global("torch._utils._rebuild_tensor_v2")):
			return rebuildTensor(m, inner)
		case any(global("torch._utils._rebuild_parameter")):
			return rebuildParameter(m, inner)
		}
	}
	return nil, errArguments
}

// orderedDict takes nothing, or (Python 2) a list of pairs.
func orderedDict(m *machine, args tuple) (any, error) {
	d := &dict{}
	if len(args) == 0 {
		return d, nil
	}
	pairs, ok := args[0].(*list)
	if !ok {
		return nil, errArguments
	}
	m.steps += len(pairs.items) // the same list may be there many times
	for _, p := range pairs.items {
		switch p := p.(type) {
		case tuple:
			if len(p) == 2 {
				d.items = append(d.items, item{p[0], p[1]})
				continue
			}
		case *list:
			if len(p.items) == 2 {
				d.items = append(d.items, item{p.items[0], p.items[1]})
				continue
			}
		}
		return nil, errArguments
	}
	return d, nil
}
