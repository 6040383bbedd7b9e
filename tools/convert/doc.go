// Package convert makes model files of other frameworks' weights.
//
//	report, err := convert.Convert(ctx, "resnet50.pth", "resnet50.safetensors", convert.Options{})
//
// The source's format is recognised by its content, the network by its tensors' names and shapes. Each format has a reader in a package of its own:
//
//	torch/        PyTorch checkpoints, zip and legacy
//	safetensors/  plain safetensors
//	onnx/         ONNX models, with the network that they hold
//
// To add a format: write a reader that gives names, types, shapes and bytes without copying what it need not, and list it in formats.go.
package convert
