package kernels

// Family is a group of kernels with one contract.
type Family struct {
	Name string
	Does string // one line for people
	ISAs []ISA  // the instruction sets with code of their own; the others run the portable Go
}

// Catalogue lists every family once. Tests, benchmarks and "featx info" read it: what is not here does not exist.
var Catalogue = []Family{
	{"gemm", "convolution and dense layers: indirect GEMM tile with epilogue", []ISA{Generic, AVX2, AVX512, NEON}},
	{"gemmf16", "the same from weights in float16", []ISA{Generic, AVX2, AVX512, NEON}},
	{"gemmgrouped", "convolution in groups of 4 or 8 channels: several groups a tile", []ISA{Generic, AVX2, AVX512, NEON}},
	{"winogradfilter", "Winograd: the filters", []ISA{Generic, AVX2, AVX512, NEON}},
	{"winogradaxis", "Winograd: inputs, or products with epilogue, along one axis", []ISA{Generic, AVX2, AVX512, NEON}},
	{"winogradinput", "Winograd F(4x4, 3x3): the windows of the input", []ISA{Generic, AVX2, AVX512, NEON}},
	{"winogradproduct", "Winograd: the products of one frequency", []ISA{Generic, AVX2, AVX512, NEON}},
	{"winogradoutput", "Winograd F(4x4, 3x3): the products, with epilogue", []ISA{Generic, AVX2, AVX512, NEON}},
	{"depthwise", "depthwise convolution: a row of pixels with epilogue", []ISA{Generic, AVX2, AVX512, NEON}},
	{"epilogue", "batch norm, activation and addition as a pass of their own", []ISA{Generic, AVX2, AVX512, NEON}},
	{"maxpool", "max pooling", []ISA{Generic, AVX2, AVX512, NEON}},
	{"avgpool", "average pooling", []ISA{Generic, AVX2, AVX512, NEON}},
	{"activation", "sigmoid, SiLU, hard sigmoid, hard swish, tanh, GELU, leaky ReLU", []ISA{Generic, AVX2, AVX512, NEON}},
	{"layernorm", "layer normalisation over the channels", []ISA{Generic, AVX2, AVX512, NEON}},
	{"softmax", "softmax", []ISA{Generic}},
	{"pack", "weights, float32 or float16, to panels", []ISA{Generic, AVX2, AVX512, NEON}},
	{"widen", "float16 to float32", []ISA{Generic, AVX2, AVX512, NEON}},
	{"idct", "JPEG: coefficients to samples", []ISA{Generic, AVX2, AVX512, NEON}},
	{"upsample", "JPEG: chroma at twice the resolution", []ISA{Generic, AVX2, AVX512, NEON}},
	{"ycc", "JPEG: YCbCr to RGB", []ISA{Generic, AVX2, AVX512, NEON}},
	{"resample", "resizing of pictures: pixels along rows, rows along columns", []ISA{Generic, AVX2, AVX512, NEON}},
}

// Runs tells which code the family runs when isa is asked for: isa itself, or Generic.
func (f Family) Runs(isa ISA) ISA {
	for _, have := range f.ISAs {
		if have == isa && isa.Supported() {
			return isa
		}
	}
	return Generic
}
