package engine

import "github.com/featx-go/featx/kernels"

// algorithm is how a convolution or dense layer is computed.
type algorithm struct {
	method
	y, x *kernels.Winograd // along the two axes, if the method is winograd
}

type method uint8

const (
	direct    method = iota // indirect GEMM (step_gemm.go)
	winograd                // (step_winograd.go)
	depthwise               // (step_depthwise.go)
)

// chooseAlgorithm decides by the network and the size of the picture alone, never by the machine, the batch or the threads: Winograd's algorithms round differently
// from the others.
func chooseAlgorithm(op Op, in, out Shape) algorithm {
	conv, ok := op.(*Conv2D)
	switch {
	case !ok:
		return algorithm{}
	case conv.Groups > 1 && conv.Groups == in.C && conv.OutC == in.C:
		return algorithm{method: depthwise}
	case conv.Stride != [2]int{1, 1} || conv.Dilation != [2]int{1, 1} || conv.Groups > 1 || in.C < 32 || conv.OutC < 32:
		return algorithm{}
	}
	with := func(y, x *kernels.Winograd) algorithm { return algorithm{winograd, y, x} }
	switch conv.Kernel {
	case [2]int{3, 3}:
		if out.H >= 8 && out.W >= 8 {
			return with(kernels.Winograd4x3, kernels.Winograd4x3)
		}
	case [2]int{1, 7}:
		if out.W >= 12 {
			return with(kernels.WinogradNone, kernels.Winograd6x7)
		}
	case [2]int{7, 1}:
		if out.H >= 12 {
			return with(kernels.Winograd6x7, kernels.WinogradNone)
		}
	case [2]int{5, 5}:
		if out.H >= 12 && out.W >= 12 {
			return with(kernels.Winograd4x5, kernels.Winograd4x5)
		}
	}
	return algorithm{}
}
