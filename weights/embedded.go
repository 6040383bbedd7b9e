package weights

import (
	_ "embed"
	"fmt"
)

// EmbeddedName is the registry's name of the model inside the program: a CIFAR-10 ResNet-20 in float16 that this project trained (tools/train).
const EmbeddedName = "cifar10-resnet20"

//go:embed embedded.safetensors
var embedded []byte

// Embedded gives the model inside the program. Close does nothing to it.
func Embedded() (*Model, error) {
	m, err := Parse(embedded)
	if err != nil {
		return nil, fmt.Errorf("embedded model %s: %w", EmbeddedName, err)
	}
	return m, nil
}
