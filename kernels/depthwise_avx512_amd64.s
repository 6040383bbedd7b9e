//go:build !purego

// Depthwise convolution on AVX-512; the contract is at DepthwiseRow in depthwise.go.
//
//	AX       t                         BX   outputs left
//	SI       A at this channel         CX   channels left
//	DI       C at the output           R9   Res at the output, or nil
//	R13      weights                   DX   an offset, and scratch
//	K1 K2    lanes in use
//	Z28 Z29  scale and shift           Z30 Z31  clamp
//
// The 3x3 loop takes 16 channels at a time, all outputs of the row, and keeps the window and the weights in registers:
//
//	R12      entry of the offset table R8 R10   CStride, ResStride
//	Z0-Z8    window, by columns        Z16-Z24  weights, by rows
//	Z9       accumulator
//
// The others take 32 channels of 4 outputs at a time:
//
//	R8 R10-R12  table at the windows   R14  byte of the tap in it
//	R15      from the weights of the first 16 channels to those of the others
//	BP       taps left of the row
//	Z0-Z7    accumulators: output o has Z(2o), Z(2o+1)
//	Z8 Z9    weights of one tap        Z26 Z27  scale and shift of the second 16 channels
//	Z10-Z19  with 5 columns: weights of a row; Z8 Z9 are the pixel then

#include "go_asm.h"
#include "textflag.h"

DATA one<>+0(SB)/4, $0x3f800000
GLOBL one<>(SB), RODATA|NOPTR, $4
DATA minusZero<>+0(SB)/4, $0x80000000
GLOBL minusZero<>(SB), RODATA|NOPTR, $4

// LANES sets k to as many of 16 lanes as the channels left in n, from 1 on.
#define LANES(n, k, full) \
	KXNORW k, k, k \
	CMPQ n, $16    \
	JGE  full      \
	MOVL $1, DX    \
	SHLL n, DX     \
	DECL DX        \
	KMOVW DX, k    \
full:

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

// AFFINE loads scale and shift, disp bytes behind the channel in DX; R12 is lost.
#define AFFINE(disp, k, scale, shift, none) \
	VBROADCASTSS one<>(SB), scale           \
	VBROADCASTSS minusZero<>(SB), shift     \
	MOVQ DepthwiseRow_Scale(AX), R12        \
	TESTQ R12, R12                          \
	JEQ  none                               \
	VMOVUPS.Z disp(R12)(DX*1), k, scale     \
	MOVQ DepthwiseRow_Shift(AX), R12        \
	VMOVUPS.Z disp(R12)(DX*1), k, shift     \
none:

#define CLAMP(v) VMAXPS v, Z30, v; VMINPS v, Z31, v

// ---- 3x3

// COLUMN loads the three pixels of the next column. Of the last row, which no row of outputs before has read, it asks for
// the next channels, as WINDOW does of C: a stride of a pixel is too long for the CPU to foresee.
#define COLUMN(v0, v1, v2) \
	MOVQ (R12), DX               \
	VMOVUPS.Z (SI)(DX*1), K1, v0 \
	MOVQ 8(R12), DX              \
	VMOVUPS.Z (SI)(DX*1), K1, v1 \
	MOVQ 16(R12), DX             \
	VMOVUPS.Z (SI)(DX*1), K1, v2 \
	PREFETCHT0 64(SI)(DX*1)      \
	ADDQ $24, R12

// WINDOW is one output from its columns a, b and c.
#define WINDOW(a0, a1, a2, b0, b1, b2, c0, c1, c2, plain) \
	VPXORD Z9, Z9, Z9        \
	VFMADD231PS Z16, a0, Z9  \
	VFMADD231PS Z17, b0, Z9  \
	VFMADD231PS Z18, c0, Z9  \
	VFMADD231PS Z19, a1, Z9  \
	VFMADD231PS Z20, b1, Z9  \
	VFMADD231PS Z21, c1, Z9  \
	VFMADD231PS Z22, a2, Z9  \
	VFMADD231PS Z23, b2, Z9  \
	VFMADD231PS Z24, c2, Z9  \
	VFMADD213PS Z29, Z28, Z9 \
	TESTQ R9, R9             \
	JEQ  plain               \
	VADDPS (R9), Z9, K1, Z9  \
	ADDQ R10, R9             \
plain:                       \
	CLAMP(Z9)                \
	VMOVUPS Z9, K1, (DI)     \
	PREFETCHT0 64(DI)        \
	ADDQ R8, DI              \
	DECQ BX                  \
	JEQ  next

#define COLUMNA COLUMN(Z0, Z1, Z2)
#define COLUMNB COLUMN(Z3, Z4, Z5)
#define COLUMNC COLUMN(Z6, Z7, Z8)
#define ABC(plain) WINDOW(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, plain)
#define BCA(plain) WINDOW(Z3, Z4, Z5, Z6, Z7, Z8, Z0, Z1, Z2, plain)
#define CAB(plain) WINDOW(Z6, Z7, Z8, Z0, Z1, Z2, Z3, Z4, Z5, plain)

// func depthwiseAVX512(t *DepthwiseRow)
TEXT ·depthwiseAVX512(SB), NOSPLIT, $32-8
	MOVQ t+0(FP), AX
	MOVQ DepthwiseRow_A(AX), SI
	MOVQ DepthwiseRow_W(AX), R13
	MOVQ DepthwiseRow_Channels(AX), CX
	VBROADCASTSS DepthwiseRow_Lo(AX), Z30
	VBROADCASTSS DepthwiseRow_Hi(AX), Z31
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

vector:
	LANES(CX, K1, full)
	OUTPUTS(noRes)
	AFFINE(0, K1, Z28, Z29, noAffine)
	VMOVUPS (R13), Z16
	VMOVUPS 64(R13), Z17
	VMOVUPS 128(R13), Z18
	VMOVUPS 192(R13), Z19
	VMOVUPS 256(R13), Z20
	VMOVUPS 320(R13), Z21
	VMOVUPS 384(R13), Z22
	VMOVUPS 448(R13), Z23
	VMOVUPS 512(R13), Z24
	ADDQ $576, R13
	MOVQ DepthwiseRow_Off(AX), R12
	MOVQ DepthwiseRow_Outputs(AX), BX
	COLUMNA
	CMPQ DepthwiseRow_Stride(AX), $2
	JEQ  by2
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
	COLUMNB
	COLUMNC
	ABC(q0)
	COLUMNA
	COLUMNB
	CAB(q1)
	COLUMNC
	COLUMNA
	BCA(q2)
	JMP  by2

next:
	ADDQ $64, SI
	SUBQ $16, CX
	JGT  vector
	VZEROUPPER
	RET

	// ---- any window

// TAP feeds the accumulators of the output whose window begins at P in the table.
#define TAP(P, v0, v1) \
	MOVQ (P)(R14*1), DX                  \
	VFMADD231PS (SI)(DX*1), Z8, K1, v0   \
	VFMADD231PS 64(SI)(DX*1), Z9, K2, v1

// FEED multiplies the pixel in Z8 and Z9.
#define FEED(w0, w1, v0, v1) VFMADD231PS w0, Z8, v0; VFMADD231PS w1, Z9, v1
#define FEED0(v0, v1) FEED(Z10, Z11, v0, v1)
#define FEED1(v0, v1) FEED(Z12, Z13, v0, v1)
#define FEED2(v0, v1) FEED(Z14, Z15, v0, v1)
#define FEED3(v0, v1) FEED(Z16, Z17, v0, v1)
#define FEED4(v0, v1) FEED(Z18, Z19, v0, v1)

// PIXEL loads the pixel whose offset lies at entry.
#define PIXEL(entry) \
	MOVQ entry, DX                 \
	VMOVUPS.Z (SI)(DX*1), K1, Z8   \
	VMOVUPS.Z 64(SI)(DX*1), K2, Z9

#define STORE(v0, v1, plain) \
	VFMADD213PS Z29, Z28, v0             \
	VFMADD213PS Z27, Z26, v1             \
	TESTQ R9, R9                         \
	JEQ  plain                           \
	VADDPS (R9), v0, K1, v0              \
	VADDPS 64(R9), v1, K2, v1            \
	ADDQ DepthwiseRow_ResStride(AX), R9  \
plain:                                   \
	CLAMP(v0)                            \
	CLAMP(v1)                            \
	VMOVUPS v0, K1, (DI)                 \
	VMOVUPS v1, K2, 64(DI)               \
	ADDQ DepthwiseRow_CStride(AX), DI    \
	DECQ BX                              \
	JEQ  nextAny

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
	LANES(CX, K1, fullAny)
	KXORW K2, K2, K2
	XORL R15, R15
	CMPQ CX, $16
	JLE  lanes
	SUBQ $16, CX
	LANES(CX, K2, full2)
	ADDQ $16, CX
	MOVQ DepthwiseRow_Rows(AX), R15
	IMULQ DepthwiseRow_Cols(AX), R15
	SHLQ $6, R15
lanes:
	OUTPUTS(noResAny)
	AFFINE(0, K1, Z28, Z29, noAffineAny)
	AFFINE(64, K2, Z26, Z27, noAffine2)
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
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1
	VPXORD Z2, Z2, Z2
	VPXORD Z3, Z3, Z3
	VPXORD Z4, Z4, Z4
	VPXORD Z5, Z5, Z5
	VPXORD Z6, Z6, Z6
	VPXORD Z7, Z7, Z7
	MOVQ R13, weights-24(SP)
	XORL R14, R14
	CMPQ DepthwiseRow_Cols(AX), $5
	JNE  row
	CMPQ DepthwiseRow_Stride(AX), $1
	JNE  row
	CMPQ DepthwiseRow_Dilation(AX), $1
	JNE  row
	CMPQ BX, $4
	JGE  row5

row:
	MOVQ DepthwiseRow_Cols(AX), BP

tap:
	VMOVUPS (R13), Z8
	VMOVUPS (R13)(R15*1), Z9
	TAP(R8, Z0, Z1)
	TAP(R10, Z2, Z3)
	TAP(R11, Z4, Z5)
	TAP(R12, Z6, Z7)
	ADDQ $64, R13
	ADDQ column-8(SP), R14
	DECQ BP
	JNE  tap

	MOVQ column-8(SP), DX
	IMULQ DepthwiseRow_Cols(AX), DX
	SUBQ DX, R14
	ADDQ $8, R14
	MOVQ DepthwiseRow_Rows(AX), DX
	SHLQ $3, DX
	CMPQ R14, DX
	JNE  row

store:
	MOVQ weights-24(SP), R13
	STORE(Z0, Z1, s0)
	STORE(Z2, Z3, s1)
	STORE(Z4, Z5, s2)
	STORE(Z6, Z7, s3)
	MOVQ window-16(SP), DX
	LEAQ (R12)(DX*1), R8
	JMP  outputs

row5:
	// A window of 5 columns, stride 1: the 4 outputs share 8 pixels of a row. R10 and R11 are one and three columns, R14 and
	// BP the table at the first and the fifth of the row.
	MOVQ R8, R14
	MOVQ DX, R10
	LEAQ (DX)(DX*2), R11
	MOVQ DepthwiseRow_Rows(AX), DX
	MOVQ DX, rows-32(SP)

pixels:
	VMOVUPS (R13), Z10
	VMOVUPS (R13)(R15*1), Z11
	VMOVUPS 64(R13), Z12
	VMOVUPS 64(R13)(R15*1), Z13
	VMOVUPS 128(R13), Z14
	VMOVUPS 128(R13)(R15*1), Z15
	VMOVUPS 192(R13), Z16
	VMOVUPS 192(R13)(R15*1), Z17
	VMOVUPS 256(R13), Z18
	VMOVUPS 256(R13)(R15*1), Z19
	LEAQ (R14)(R10*4), BP
	PIXEL((R14))
	FEED0(Z0, Z1)
	PIXEL((R14)(R10*1))
	FEED1(Z0, Z1)
	FEED0(Z2, Z3)
	PIXEL((R14)(R10*2))
	FEED2(Z0, Z1)
	FEED1(Z2, Z3)
	FEED0(Z4, Z5)
	PIXEL((R14)(R11*1))
	FEED3(Z0, Z1)
	FEED2(Z2, Z3)
	FEED1(Z4, Z5)
	FEED0(Z6, Z7)
	PIXEL((BP))
	FEED4(Z0, Z1)
	FEED3(Z2, Z3)
	FEED2(Z4, Z5)
	FEED1(Z6, Z7)
	PIXEL((BP)(R10*1))
	FEED4(Z2, Z3)
	FEED3(Z4, Z5)
	FEED2(Z6, Z7)
	PIXEL((BP)(R10*2))
	FEED4(Z4, Z5)
	FEED3(Z6, Z7)
	PIXEL((BP)(R11*1))
	FEED4(Z6, Z7)
	ADDQ $320, R13
	ADDQ $8, R14
	DECQ rows-32(SP)
	JNE  pixels
	JMP  store

nextAny:
	MOVQ DepthwiseRow_Rows(AX), DX
	IMULQ DepthwiseRow_Cols(AX), DX
	SHLQ $6, DX
	ADDQ DX, R13
	ADDQ R15, R13
	ADDQ $128, SI
	SUBQ $32, CX
	JGT  vectorAny
	VZEROUPPER
	RET
