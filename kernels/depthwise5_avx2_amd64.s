//go:build !purego

// Depthwise convolution with windows of 5x5, strides 1 and 2, on AVX2 and FMA3: seven outputs of 8 channels share the pixels that their windows have in common. The contract is at
// DepthwiseRow in depthwise.go; Outputs is a multiple of 7 (as the maps of 224 pixels and their halves have), Channels one of 8.
//
//	AX       t                  BX   outputs left
//	SI       A at this channel  CX   channels left
//	DI       C at the output    R9   Res at the output, or nil
//	R8       entry of the offset table at the first column and this row
//	R10      bytes from the table at these outputs to that at the next
//	R13      weights            BP   rows left
//	R14      from these weights to those of the next 8 channels
//	R11 R12  CStride, ResStride DX   an offset, and scratch
//	Y0-Y6    accumulators       Y7-Y11  weights of a row
//	Y12 Y13  clamp              Y14 Y15 pixels in turn

#include "go_asm.h"
#include "textflag.h"

DATA one<>+0(SB)/4, $0x3f800000
GLOBL one<>(SB), RODATA|NOPTR, $4
DATA minusZero<>+0(SB)/4, $0x80000000
GLOBL minusZero<>(SB), RODATA|NOPTR, $4

#define PIXEL(x, p) MOVQ (40*x)(R8), DX; VMOVUPS (SI)(DX*1), p
#define FMA(w, p, v) VFMADD231PS p, w, v

// ROW1 and ROW2 are a row of the seven windows, by stride: each pixel meets the taps that see it.
#define ROW1 \
	PIXEL(0, Y14); FMA(Y7, Y14, Y0)                                                                           \
	PIXEL(1, Y15); FMA(Y8, Y15, Y0); FMA(Y7, Y15, Y1)                                                         \
	PIXEL(2, Y14); FMA(Y9, Y14, Y0); FMA(Y8, Y14, Y1); FMA(Y7, Y14, Y2)                                       \
	PIXEL(3, Y15); FMA(Y10, Y15, Y0); FMA(Y9, Y15, Y1); FMA(Y8, Y15, Y2); FMA(Y7, Y15, Y3)                    \
	PIXEL(4, Y14); FMA(Y11, Y14, Y0); FMA(Y10, Y14, Y1); FMA(Y9, Y14, Y2); FMA(Y8, Y14, Y3); FMA(Y7, Y14, Y4) \
	PIXEL(5, Y15); FMA(Y11, Y15, Y1); FMA(Y10, Y15, Y2); FMA(Y9, Y15, Y3); FMA(Y8, Y15, Y4); FMA(Y7, Y15, Y5) \
	PIXEL(6, Y14); FMA(Y11, Y14, Y2); FMA(Y10, Y14, Y3); FMA(Y9, Y14, Y4); FMA(Y8, Y14, Y5); FMA(Y7, Y14, Y6) \
	PIXEL(7, Y15); FMA(Y11, Y15, Y3); FMA(Y10, Y15, Y4); FMA(Y9, Y15, Y5); FMA(Y8, Y15, Y6)                   \
	PIXEL(8, Y14); FMA(Y11, Y14, Y4); FMA(Y10, Y14, Y5); FMA(Y9, Y14, Y6)                                     \
	PIXEL(9, Y15); FMA(Y11, Y15, Y5); FMA(Y10, Y15, Y6)                                                       \
	PIXEL(10, Y14); FMA(Y11, Y14, Y6)

#define ROW2 \
	PIXEL(0, Y14); FMA(Y7, Y14, Y0)                                       \
	PIXEL(1, Y15); FMA(Y8, Y15, Y0)                                       \
	PIXEL(2, Y14); FMA(Y9, Y14, Y0); FMA(Y7, Y14, Y1)                     \
	PIXEL(3, Y15); FMA(Y10, Y15, Y0); FMA(Y8, Y15, Y1)                    \
	PIXEL(4, Y14); FMA(Y11, Y14, Y0); FMA(Y9, Y14, Y1); FMA(Y7, Y14, Y2)  \
	PIXEL(5, Y15); FMA(Y10, Y15, Y1); FMA(Y8, Y15, Y2)                    \
	PIXEL(6, Y14); FMA(Y11, Y14, Y1); FMA(Y9, Y14, Y2); FMA(Y7, Y14, Y3)  \
	PIXEL(7, Y15); FMA(Y10, Y15, Y2); FMA(Y8, Y15, Y3)                    \
	PIXEL(8, Y14); FMA(Y11, Y14, Y2); FMA(Y9, Y14, Y3); FMA(Y7, Y14, Y4)  \
	PIXEL(9, Y15); FMA(Y10, Y15, Y3); FMA(Y8, Y15, Y4)                    \
	PIXEL(10, Y14); FMA(Y11, Y14, Y3); FMA(Y9, Y14, Y4); FMA(Y7, Y14, Y5) \
	PIXEL(11, Y15); FMA(Y10, Y15, Y4); FMA(Y8, Y15, Y5)                   \
	PIXEL(12, Y14); FMA(Y11, Y14, Y4); FMA(Y9, Y14, Y5); FMA(Y7, Y14, Y6) \
	PIXEL(13, Y15); FMA(Y10, Y15, Y5); FMA(Y8, Y15, Y6)                   \
	PIXEL(14, Y14); FMA(Y11, Y14, Y5); FMA(Y9, Y14, Y6)                   \
	PIXEL(15, Y15); FMA(Y10, Y15, Y6)                                     \
	PIXEL(16, Y14); FMA(Y11, Y14, Y6)

// WINDOWS feeds the accumulators with all rows.
#define WINDOWS(row, ROW) \
	MOVL $5, BP            \
row:                     \
	VMOVUPS (R13), Y7      \
	VMOVUPS 64(R13), Y8    \
	VMOVUPS 128(R13), Y9   \
	VMOVUPS 192(R13), Y10  \
	VMOVUPS 256(R13), Y11  \
	ROW                    \
	ADDQ $320, R13         \
	ADDQ $8, R8            \
	DECQ BP                \
	JNE  row

#define STORE(v, plain) \
	VFMADD213PS Y8, Y7, v \
	TESTQ R9, R9          \
	JEQ  plain            \
	VADDPS (R9), v, v     \
	ADDQ R12, R9          \
plain:                  \
	VMAXPS v, Y12, v      \
	VMINPS v, Y13, v      \
	VMOVUPS v, (DI)       \
	ADDQ R11, DI

// func depthwise5AVX2(t *DepthwiseRow)
TEXT ·depthwise5AVX2(SB), NOSPLIT, $8-8
	MOVQ t+0(FP), AX
	MOVQ DepthwiseRow_A(AX), SI
	MOVQ DepthwiseRow_W(AX), R13
	MOVQ DepthwiseRow_Channels(AX), CX
	MOVQ DepthwiseRow_CStride(AX), R11
	MOVQ DepthwiseRow_ResStride(AX), R12
	VBROADCASTSS DepthwiseRow_Lo(AX), Y12
	VBROADCASTSS DepthwiseRow_Hi(AX), Y13
	IMUL3Q $(7*40), DepthwiseRow_Stride(AX), R10
	SUBQ $40, R10 // that the rows have gone on
	MOVL $32, R14

channels:
	MOVQ SI, DX
	SUBQ DepthwiseRow_A(AX), DX // the byte of the channel
	MOVQ DX, channel-8(SP)
	MOVQ DepthwiseRow_C(AX), DI
	ADDQ DX, DI
	MOVQ DepthwiseRow_Res(AX), R9
	TESTQ R9, R9
	JEQ  noRes
	ADDQ DX, R9
noRes:
	MOVQ DepthwiseRow_Off(AX), R8
	MOVQ DepthwiseRow_Outputs(AX), BX

outputs:
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	CMPQ DepthwiseRow_Stride(AX), $2
	JEQ  by2
	WINDOWS(row1, ROW1)
	JMP  affine
by2:
	WINDOWS(row2, ROW2)

affine:
	SUBQ $1600, R13
	ADDQ R10, R8
	VBROADCASTSS one<>(SB), Y7
	VBROADCASTSS minusZero<>(SB), Y8
	MOVQ DepthwiseRow_Scale(AX), BP
	TESTQ BP, BP
	JEQ  store
	MOVQ channel-8(SP), DX
	VMOVUPS (BP)(DX*1), Y7
	MOVQ DepthwiseRow_Shift(AX), BP
	VMOVUPS (BP)(DX*1), Y8
store:
	STORE(Y0, s0)
	STORE(Y1, s1)
	STORE(Y2, s2)
	STORE(Y3, s3)
	STORE(Y4, s4)
	STORE(Y5, s5)
	STORE(Y6, s6)
	SUBQ $7, BX
	JNE  outputs

	ADDQ $32, SI
	ADDQ R14, R13
	XORQ $(32^1568), R14 // to the other half of the block, to the next block
	SUBQ $8, CX
	JNE  channels
	VZEROUPPER
	RET
