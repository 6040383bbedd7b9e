//go:build !purego

// Layer normalisation on AVX-512; the contract is at LayerNorm in layernorm.go.
//
//	DI SI         rows of Dst, Src
//	R10 R11       Gamma, Beta
//	R8            byte of the channel
//	CX            channels left of the row
//	BX            rows left
//	K1            lanes in use
//	Z2 mean       Z3 rest       Z4 scale
//	X13 one       X14 N         X15 Eps       X12 zero

#include "go_asm.h"
#include "textflag.h"

#define BEGIN \
	MOVQ LayerNorm_Channels(AX), CX \
	XORL R8, R8                     \
	KXNORW K1, K1, K1

// LANES sets K1 to the lanes of the next vector.
#define LANES(full) \
	CMPQ CX, $16 \
	JGE  full    \
	MOVL $1, DX  \
	SHLL CX, DX  \
	DECL DX      \
	KMOVW DX, K1 \
full:

#define NEXT(loop) \
	ADDQ $64, R8 \
	SUBQ $16, CX \
	JGT  loop

// TOTAL adds up the lanes of z to x, the low part of z, by halves.
#define TOTAL(z, y, x) \
	VEXTRACTF64X4 $1, z, Y16 \
	VADDPS Y16, y, y         \
	VEXTRACTF128 $1, y, X5   \
	VADDPS X5, x, x          \
	VSHUFPS $0xEE, x, x, X5  \
	VADDPS X5, x, x          \
	VSHUFPS $0x55, x, x, X5  \
	VADDSS X5, x, x

// func layerNormAVX512(l *LayerNorm)
TEXT ·layerNormAVX512(SB), NOSPLIT, $0-8
	MOVQ l+0(FP), AX
	MOVQ LayerNorm_Dst(AX), DI
	MOVQ LayerNorm_Src(AX), SI
	MOVQ LayerNorm_Gamma(AX), R10
	MOVQ LayerNorm_Beta(AX), R11
	MOVQ LayerNorm_Rows(AX), BX
	VMOVSS LayerNorm_N(AX), X14
	VMOVSS LayerNorm_Eps(AX), X15
	MOVL $0x3f800000, DX
	VMOVD DX, X13
	VXORPS X12, X12, X12

row:
	BEGIN
	VXORPS X2, X2, X2

sum:
	LANES(sumFull)
	VMOVUPS.Z (SI)(R8*1), K1, Z1
	VADDPS Z1, Z2, Z2
	NEXT(sum)
	TOTAL(Z2, Y2, X2)
	VDIVSS X14, X2, X2
	VBROADCASTSS X2, Z2

	BEGIN
	VXORPS X3, X3, X3
	VXORPS X4, X4, X4

square:
	LANES(squareFull)
	VMOVUPS.Z (SI)(R8*1), K1, Z1
	VSUBPS.Z Z2, Z1, K1, Z1
	VADDPS Z1, Z3, Z3
	VFMADD231PS Z1, Z1, Z4
	NEXT(square)
	TOTAL(Z3, Y3, X3)
	TOTAL(Z4, Y4, X4)
	VDIVSS X14, X3, X3
	VDIVSS X14, X4, X4
	VFNMADD231SS X3, X3, X4
	VMAXSS X4, X12, X4
	VADDSS X15, X4, X4
	VSQRTSS X4, X4, X4
	VDIVSS X4, X13, X4
	VBROADCASTSS X3, Z3
	VBROADCASTSS X4, Z4

	BEGIN

scale:
	LANES(scaleFull)
	VMOVUPS.Z (SI)(R8*1), K1, Z1
	VMOVUPS.Z (R10)(R8*1), K1, Z6
	VMOVUPS.Z (R11)(R8*1), K1, Z7
	VSUBPS Z2, Z1, Z1
	VSUBPS Z3, Z1, Z1
	VMULPS Z4, Z1, Z1
	VFMADD213PS Z7, Z6, Z1
	VMOVUPS Z1, K1, (DI)(R8*1)
	NEXT(scale)

	ADDQ LayerNorm_DstStride(AX), DI
	ADDQ LayerNorm_SrcStride(AX), SI
	DECQ BX
	JNE  row
	VZEROUPPER
	RET
