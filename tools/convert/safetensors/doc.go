// Package safetensors reads the tensors of plain .safetensors files, such as the published ones of timm.
package safetensors
