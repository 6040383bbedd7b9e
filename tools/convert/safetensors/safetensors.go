package safetensors

import "github.com/featx-go/featx/weights"

// Is says whether data begins as such a file; the rest may still be damaged.
func Is(data []byte) bool { return weights.IsSafetensors(data) }

// Read gives the tensors in the order of their data, whose memory they share. The container's metadata (usually {"format": "pt"}) say nothing of use.
func Read(data []byte) ([]weights.Tensor, error) {
	c, err := weights.ParseSafetensors(data)
	if err != nil {
		return nil, err
	}
	return c.Tensors, nil
}
