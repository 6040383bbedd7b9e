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
	none := kernels.WinogradNone
	switch conv.Kernel {
	case [2]int{3, 3}:
		if out.H >= 7 && out.W >= 7 {
			return with(winograd3x3(in, out))
		}
	case [2]int{1, 3}:
		if out.W >= 8 {
			return with(none, kernels.Winograd2x3)
		}
	case [2]int{3, 1}:
		if out.H >= 8 {
			return with(kernels.Winograd2x3, none)
		}
	case [2]int{5, 5}:
		if out.H >= 12 && out.W >= 12 {
			return with(kernels.Winograd4x5, kernels.Winograd4x5)
		}
	case [2]int{1, 7}:
		if out.W >= 12 {
			return with(none, kernels.Winograd6x7)
		}
	case [2]int{7, 1}:
		if out.H >= 12 {
			return with(kernels.Winograd6x7, none)
		}
	}
	return algorithm{}
}

// winograd3x3 weighs the multiplications, of which large tiles save most, against the transformed weights: 36 values for each pair of channels
// with F(4x4), 24 with F(2x4), 16 with F(2x2). They are read for every picture or batch, and on small maps that takes longer than the multiplications.
func winograd3x3(in, out Shape) (y, x *kernels.Winograd) {
	tiles := (out.H + 3) / 4 * ((out.W + 3) / 4)
	switch cached := 4*36*in.C*out.C <= 2*cacheBytes; {
	case cached || tiles > 16:
		return kernels.Winograd4x3, kernels.Winograd4x3
	case tiles > 4:
		return kernels.Winograd2x3, kernels.Winograd4x3
	}
	return kernels.Winograd2x3, kernels.Winograd2x3
}
