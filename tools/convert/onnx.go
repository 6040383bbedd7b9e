package convert

import (
	"fmt"

	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/tools/convert/onnx"
	"github.com/featx-go/featx/weights"
)

// readONNX reads the network that an ONNX file holds. Where the file leaves the pictures' size open, it is 224 x 224, or what the options say.
// Files of external data are looked for beside it.
func readONNX(data []byte, path string, o Options) (*source, error) {
	if o.Arch != "" {
		return nil, fmt.Errorf("an ONNX model holds its network itself: it cannot be taken as %s", o.Arch)
	}
	m, err := onnx.Parse(data, func(name string) ([]byte, error) { return beside(path, name) })
	if err != nil {
		return nil, err
	}
	recipe := onnxRecipe(m.Size())
	if o.Recipe != nil { // shapes are computed for the size of the pictures
		if err := o.Recipe(&recipe); err != nil {
			return nil, err
		}
	}
	if err := recipe.Validate(); err != nil {
		return nil, err
	}
	n, err := m.Import(recipe.Size[0], recipe.Size[1])
	if err != nil {
		return nil, err
	}
	s := &source{graph: n.Graph, unnamed: true, recipe: &recipe, dropped: n.Dropped}
	for _, w := range n.Weights {
		s.tensors = append(s.tensors, stored{w.Name, w.DType, w.Shape, w.Fetch})
	}
	return s, nil
}

// onnxRecipe is the recipe for a file that says nothing of it but the size: torchvision's usual one, with the shorter edge 256/224 of the crop.
func onnxRecipe(h, w int) image.Recipe {
	if h == 0 || w == 0 {
		h, w = 224, 224
	}
	r := image.Torchvision((min(h, w)*256+112)/224, 224)
	r.Size = [2]int{h, w}
	return r
}

// Beside names the files of external data that the ONNX file at path refers to, as paths in its folder; none for other formats.
func Beside(path string) ([]string, error) {
	data, release, err := weights.MapFile(path)
	if err != nil {
		return nil, err
	}
	defer release()
	if f, err := recognise(data); err != nil || f.name != "onnx" {
		return nil, nil // converting tells what is wrong
	}
	return onnx.External(data)
}
