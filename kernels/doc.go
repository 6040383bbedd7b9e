// Package kernels holds the arithmetic of featx: each kernel once in portable Go and, where it pays, in hand-written
// vector assembly, all of which compute the same bits. It knows no graph, allocates nothing, starts no goroutine.
//
// # The numeric contract
//
// The bytes of a result depend on the arguments alone, never on the instruction set. A NaN stands for every NaN: its
// payload is not part of the contract. "fma" is the fused multiply-add of IEEE 754, rounded once to float32.
//
//   - GEMM: every output has one float32 accumulator. It starts at +0 and takes acc = fma(a, w, acc) for k = 0, 1, ... K-1:
//     segments in order, ascending inside a segment. Vector lanes hold output channels, never partial sums; K is never split
//     between accumulators, but an accumulator may rest in memory between two calls.
//   - Epilogue, in this order, each part optional: affine v = fma(v, scale[c], shift[c]); residual v = v + r; clamp
//     v = (lo > v) ? lo : v, then v = (hi < v) ? hi : v. So a NaN stays NaN, and with lo = 0 a -0 stays -0. No activation is
//     lo = -Inf, hi = +Inf.
//   - Depthwise: a GEMM with one input channel, acc = fma(x, w, acc) for kernel row, kernel column; then the epilogue.
//   - Winograd: the filters are transformed in float64 and rounded once; input and output transform are the sequences given at
//     WinogradAxis, for two axes inputs by rows first and products by columns first, or for F(4x4, 3x3) those at
//     WinogradInputTiles and WinogradOutputTiles; between them lies the GEMM above without an epilogue, after them the
//     epilogue. A NaN or Inf in a window spreads over its tile.
//   - Max pooling: m = the first element, then in order (row, column) m = (m > x) ? m : x, except that a NaN in m stays.
//     So of two zeros the later one wins, and a NaN propagates as it does in PyTorch.
//   - Average pooling: each window row's columns are summed in order, starting from the first element; then the rows' sums
//     in order; then one division by the divisor. Every step is rounded to float32.
//   - Activations: the sequences of fma, products, sums and quotients at sigmoid32, tanh32, gelu32 and Func.apply, with one exponential for all; those without
//     vector code in float64, rounded once.
//   - Layer normalisation: 16 accumulators a sum, added up by halves, whatever the width of the vectors; the sequence is given at LayerNorm.
//   - Pictures (inverse DCT, chroma upsampling, colours, resampling): integers, and what wraps around or saturates is given at IDCTRow, UpsampleH2V1,
//     UpsampleH2V2, YCbCrToRGB, ResampleColumns and ResamplePixels.
//   - Softmax: in float64 with a fixed sequence of roundings and this package's own exp; one rounding to float32 at the end.
//
// Two identities keep the vector code free of branches without changing a bit: fma(v, 1, -0) = v and -0 + v = v for every
// v, and -Inf is the neutral element of the maximum above.
//
// # Files
//
// One family of kernels takes gemm.go (contract and arguments), gemm_generic.go (portable Go), gemm_avx2_amd64.s,
// gemm_avx512_amd64.s and gemm_neon_arm64.s; dispatch_amd64.go, dispatch_arm64.go and dispatch_noasm.go choose; catalogue.go lists each family once. The float64
// oracle that a family is measured against is in its test.
//
// The kernels take pointers and trust their arguments, as their callers are a plan that was checked when it was made. What
// a plan can get wrong cheaply (a row count, a panel width) panics; memory is not checked.
package kernels
