//go:build !purego

// Depthwise convolution on AVX2 and FMA3; the contract is at DepthwiseRow in depthwise.go.
//
//	AX       t                         BX   outputs left
//	SI       A at this channel         CX   channels left
//	DI       C at the output           R9   Res at the output, or nil
//	R13      weights                   DX   an offset, and scratch
//	Y12 Y13  clamp
//
// The 3x3 loop takes 8 channels at a time, all outputs of the row, and keeps the weights and the offsets of the window's pixels in registers:
//
//	R12      entry of the offset table R8       CStride
//	AX DX CX, R10 R11 R13, R14 R15 BP  offsets of the window, by columns
//	Y0-Y8    weights                   Y9       accumulator
//	Y10 Y11  scale and shift
//
// The other one takes 16 channels of 4 outputs at a time, and what is left of the channels, unless that is 8:
//
//	R8 R10-R12  table at the windows   R14  byte of the tap in it
//	BP       taps left of the row
//	Y0-Y7    accumulators: output o has Y(2o), Y(2o+1)
//	Y8 Y9    weights of one tap        Y10 Y11  pixel
//	Y14 Y15  lanes in use

#include "go_asm.h"
#include "textflag.h"
#include "lanes_amd64.h"

DATA one<>+0(SB)/4, $0x3f800000
GLOBL one<>(SB), RODATA|NOPTR, $4
DATA minusZero<>+0(SB)/4, $0x80000000
GLOBL minusZero<>(SB), RODATA|NOPTR, $4

// OUTPUTS points DI and R9 at the first output at this channel, and leaves the byte of the channel in DX.
#define OUTPUTS(none) \
	MOVQ SI, DX                       \
	SUBQ DepthwiseRow_A(AX), DX       \
	MOVQ DepthwiseRow_C(AX), DI       \
	ADDQ DX, DI                       \
	MOVQ DepthwiseRow_Res(AX), R9     \
	TESTQ R9, R9                      \
	JEQ  none                         \
	ADDQ DX, R9                       \
none:

#define CLAMP(v) VMAXPS v, Y12, v; VMINPS v, Y13, v

// ---- 3x3

// COLUMN finds the three pixels of the next column.
#define COLUMN(p0, p1, p2) \
	MOVQ (R12), p0           \
	MOVQ 8(R12), p1          \
	MOVQ 16(R12), p2         \
	ADDQ $24, R12

// WINDOW is one output from its columns a, b and c.
#define WINDOW(a0, a1, a2, b0, b1, b2, c0, c1, c2, plain) \
	VXORPS Y9, Y9, Y9                \
	VFMADD231PS (SI)(a0*1), Y0, Y9   \
	VFMADD231PS (SI)(b0*1), Y1, Y9   \
	VFMADD231PS (SI)(c0*1), Y2, Y9   \
	VFMADD231PS (SI)(a1*1), Y3, Y9   \
	VFMADD231PS (SI)(b1*1), Y4, Y9   \
	VFMADD231PS (SI)(c1*1), Y5, Y9   \
	VFMADD231PS (SI)(a2*1), Y6, Y9   \
	VFMADD231PS (SI)(b2*1), Y7, Y9   \
	VFMADD231PS (SI)(c2*1), Y8, Y9   \
	VFMADD213PS Y11, Y10, Y9         \
	TESTQ R9, R9                     \
	JEQ  plain                       \
	VADDPS (R9), Y9, Y9              \
	ADDQ resStride-56(SP), R9        \
plain:                               \
	CLAMP(Y9)                        \
	VMOVUPS Y9, (DI)                 \
	ADDQ R8, DI                      \
	DECQ BX                          \
	JEQ  next

#define COLUMNA COLUMN(AX, DX, CX)
#define COLUMNB COLUMN(R10, R11, R13)
#define COLUMNC COLUMN(R14, R15, BP)
#define ABC(plain) WINDOW(AX, DX, CX, R10, R11, R13, R14, R15, BP, plain)
#define BCA(plain) WINDOW(R10, R11, R13, R14, R15, BP, AX, DX, CX, plain)
#define CAB(plain) WINDOW(R14, R15, BP, AX, DX, CX, R10, R11, R13, plain)

// func depthwiseAVX2(t *DepthwiseRow)
TEXT ·depthwiseAVX2(SB), NOSPLIT, $56-8
	MOVQ t+0(FP), AX
	MOVQ DepthwiseRow_A(AX), SI
	MOVQ DepthwiseRow_W(AX), R13
	MOVQ DepthwiseRow_Channels(AX), CX
	VBROADCASTSS DepthwiseRow_Lo(AX), Y12
	VBROADCASTSS DepthwiseRow_Hi(AX), Y13
	CMPQ DepthwiseRow_Rows(AX), $3
	JNE  any
	CMPQ DepthwiseRow_Cols(AX), $3
	JNE  any
	CMPQ DepthwiseRow_Dilation(AX), $1
	JNE  any
	CMPQ DepthwiseRow_Stride(AX), $2
	JGT  any
	MOVQ DepthwiseRow_CStride(AX), R8
	MOVQ DepthwiseRow_ResStride(AX), R10
	MOVQ R10, resStride-56(SP)
	MOVL $32, R14

block:
	CMPQ CX, $16
	JGE  half
	CMPQ CX, $8
	JNE  any

half:
	OUTPUTS(noRes)
	VBROADCASTSS one<>(SB), Y10
	VBROADCASTSS minusZero<>(SB), Y11
	MOVQ DepthwiseRow_Scale(AX), R12
	TESTQ R12, R12
	JEQ  noAffine
	VMOVUPS (R12)(DX*1), Y10
	MOVQ DepthwiseRow_Shift(AX), R12
	VMOVUPS (R12)(DX*1), Y11
noAffine:
	VMOVUPS (R13), Y0
	VMOVUPS 64(R13), Y1
	VMOVUPS 128(R13), Y2
	VMOVUPS 192(R13), Y3
	VMOVUPS 256(R13), Y4
	VMOVUPS 320(R13), Y5
	VMOVUPS 384(R13), Y6
	VMOVUPS 448(R13), Y7
	VMOVUPS 512(R13), Y8
	ADDQ R14, R13
	MOVQ R13, w-32(SP)
	MOVQ R14, step-40(SP)
	MOVQ CX, channels-48(SP)
	MOVQ DepthwiseRow_Off(AX), R12
	MOVQ DepthwiseRow_Outputs(AX), BX
	CMPQ DepthwiseRow_Stride(AX), $2
	JEQ  by2
	COLUMNA
	COLUMNB

by1:
	COLUMNC
	ABC(p0)
	COLUMNA
	BCA(p1)
	COLUMNB
	CAB(p2)
	JMP  by1

by2:
	COLUMNA
by2more:
	COLUMNB
	COLUMNC
	ABC(q0)
	COLUMNA
	COLUMNB
	CAB(q1)
	COLUMNC
	COLUMNA
	BCA(q2)
	JMP  by2more

next:
	MOVQ t+0(FP), AX
	MOVQ channels-48(SP), CX
	MOVQ w-32(SP), R13
	MOVQ step-40(SP), R14 // from these weights to the next
	ADDQ $32, SI
	XORQ $(32^544), R14 // to the other half of the block, to the next block
	SUBQ $8, CX
	JEQ  return
	CMPQ R14, $32
	JNE  half
	JMP  block

// ---- any window

// TAP feeds the accumulators of the output whose window begins at P in the table; PART is for less than 16 channels.
#define TAP(P, v0, v1) \
	MOVQ (P)(R14*1), DX                \
	VFMADD231PS (SI)(DX*1), Y8, v0     \
	VFMADD231PS 32(SI)(DX*1), Y9, v1

#define TAPPART(P, v0, v1) \
	MOVQ (P)(R14*1), DX                \
	VMASKMOVPS (SI)(DX*1), Y14, Y10    \
	VMASKMOVPS 32(SI)(DX*1), Y15, Y11  \
	VFMADD231PS Y10, Y8, v0            \
	VFMADD231PS Y11, Y9, v1

// TAPS feeds the accumulators of 4 outputs with all taps, and leaves R13 behind their weights.
#define TAPS(row, tap, TAP) \
	XORL R14, R14                        \
row:                                     \
	MOVQ DepthwiseRow_Cols(AX), BP       \
tap:                                     \
	VMOVUPS (R13), Y8                    \
	VMOVUPS 32(R13), Y9                  \
	TAP(R8, Y0, Y1)                      \
	TAP(R10, Y2, Y3)                     \
	TAP(R11, Y4, Y5)                     \
	TAP(R12, Y6, Y7)                     \
	ADDQ $64, R13                        \
	ADDQ column-8(SP), R14               \
	DECQ BP                              \
	JNE  tap                             \
	MOVQ column-8(SP), DX                \
	IMULQ DepthwiseRow_Cols(AX), DX      \
	SUBQ DX, R14                         \
	ADDQ $8, R14                         \
	MOVQ DepthwiseRow_Rows(AX), DX       \
	SHLQ $3, DX                          \
	CMPQ R14, DX                         \
	JNE  row

#define AFFINE(v0, v1) \
	VFMADD213PS Y10, Y8, v0  \
	VFMADD213PS Y11, Y9, v1

#define STORE(v0, v1, plain) \
	TESTQ R9, R9                         \
	JEQ  plain                           \
	VADDPS (R9), v0, v0                  \
	VADDPS 32(R9), v1, v1                \
	ADDQ DepthwiseRow_ResStride(AX), R9  \
plain:                                   \
	CLAMP(v0)                            \
	CLAMP(v1)                            \
	VMOVUPS v0, (DI)                     \
	VMOVUPS v1, 32(DI)                   \
	ADDQ DepthwiseRow_CStride(AX), DI    \
	DECQ BX                              \
	JEQ  nextAny

#define STOREPART(v0, v1, plain) \
	TESTQ R9, R9                         \
	JEQ  plain                           \
	VMASKMOVPS (R9), Y14, Y8             \
	VMASKMOVPS 32(R9), Y15, Y9           \
	VADDPS Y8, v0, v0                    \
	VADDPS Y9, v1, v1                    \
	ADDQ DepthwiseRow_ResStride(AX), R9  \
plain:                                   \
	CLAMP(v0)                            \
	CLAMP(v1)                            \
	VMASKMOVPS v0, Y14, (DI)             \
	VMASKMOVPS v1, Y15, 32(DI)           \
	ADDQ DepthwiseRow_CStride(AX), DI    \
	DECQ BX                              \
	JEQ  return

any:
	// From column to column of a window, and from window to window in the table.
	MOVQ DepthwiseRow_Rows(AX), DX
	SHLQ $3, DX
	MOVQ DX, BX
	IMULQ DepthwiseRow_Dilation(AX), BX
	MOVQ BX, column-8(SP)
	IMULQ DepthwiseRow_Stride(AX), DX
	MOVQ DX, window-16(SP)

vectorAny:
	TESTQ CX, CX
	JEQ  return
	MOVL $16, DX
	CMPQ CX, DX
	CMOVQLT CX, DX
	NEGQ DX
	LEAQ laneMask<>+64(SB), BX
	VMOVUPS (BX)(DX*4), Y14
	VMOVUPS 32(BX)(DX*4), Y15
	OUTPUTS(noResAny)
	MOVQ DX, channel-32(SP)
	MOVQ DepthwiseRow_Off(AX), R8
	MOVQ DepthwiseRow_Outputs(AX), BX

outputs:
	// Outputs that are missing see the window of the one before.
	MOVQ window-16(SP), DX
	LEAQ (R8)(DX*1), R10
	CMPQ BX, $2
	CMOVQLT R8, R10
	LEAQ (R10)(DX*1), R11
	CMPQ BX, $3
	CMOVQLT R10, R11
	LEAQ (R11)(DX*1), R12
	CMPQ BX, $4
	CMOVQLT R11, R12
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	MOVQ R13, weights-24(SP)
	CMPQ CX, $16
	JLT  part
	TAPS(row, tap, TAP)
	JMP  affine

part:
	TAPS(rowPart, tapPart, TAPPART)

affine:
	MOVQ DepthwiseRow_Scale(AX), R14
	TESTQ R14, R14
	JEQ  store
	MOVQ channel-32(SP), DX
	VMASKMOVPS (R14)(DX*1), Y14, Y8
	VMASKMOVPS 32(R14)(DX*1), Y15, Y9
	MOVQ DepthwiseRow_Shift(AX), R14
	VMASKMOVPS (R14)(DX*1), Y14, Y10
	VMASKMOVPS 32(R14)(DX*1), Y15, Y11
	AFFINE(Y0, Y1)
	AFFINE(Y2, Y3)
	AFFINE(Y4, Y5)
	AFFINE(Y6, Y7)

store:
	MOVQ window-16(SP), DX
	LEAQ (R12)(DX*1), R8
	CMPQ CX, $16
	JLT  storePart
	STORE(Y0, Y1, s0)
	STORE(Y2, Y3, s1)
	STORE(Y4, Y5, s2)
	STORE(Y6, Y7, s3)
	MOVQ weights-24(SP), R13
	JMP  outputs

storePart:
	STOREPART(Y0, Y1, t0)
	STOREPART(Y2, Y3, t1)
	STOREPART(Y4, Y5, t2)
	STOREPART(Y6, Y7, t3)
	MOVQ weights-24(SP), R13
	JMP  outputs

nextAny: // R13 has come to the next block
	ADDQ $64, SI
	SUBQ $16, CX
	JMP  vectorAny

return:
	VZEROUPPER
	RET
