package engine

// algorithm is how a convolution or dense layer is computed.
type algorithm uint8

const (
	direct    algorithm = iota // indirect GEMM (step_gemm.go)
	winograd                   // F(4x4, 3x3) (step_winograd.go)
	depthwise                  // (step_depthwise.go)
)

// chooseAlgorithm decides by the network and the size of the picture alone, never by the machine, the batch or the threads: Winograd's algorithm rounds differently
// from the others.
func chooseAlgorithm(op Op, in, out Shape) algorithm {
	conv, ok := op.(*Conv2D)
	switch {
	case !ok:
		return direct
	case conv.Groups > 1 && conv.Groups == in.C && conv.OutC == in.C:
		return depthwise
	case conv.Kernel == [2]int{3, 3} && conv.Stride == [2]int{1, 1} && conv.Dilation == [2]int{1, 1} && conv.Groups == 1 &&
		in.C >= 32 && conv.OutC >= 32 && out.H >= 8 && out.W >= 8:
		return winograd
	}
	return direct
}
