//go:build !purego

// Layer normalisation on AVX2; the contract is at LayerNorm in layernorm.go. Of 16 accumulators one register has the first eight, another the rest.
//
//	DI SI         rows of Dst, Src
//	R10 R11       Gamma, Beta
//	R8            byte of the channel
//	CX            channels left of the row
//	BX            rows left
//	Y14 Y15       lanes of the last, incomplete 16
//	Y2 mean       Y3 rest       Y4 scale
//	X11 one       X12 N         X13 Eps       X10 zero

#include "go_asm.h"
#include "textflag.h"
#include "lanes_amd64.h"

#define BEGIN \
	MOVQ LayerNorm_Channels(AX), CX \
	XORL R8, R8

// WHOLE goes to tail unless 16 channels are left.
#define WHOLE(tail) \
	SUBQ $16, CX \
	JLT  tail

// TAIL is done if no channel is left.
#define TAIL(done) \
	ADDQ $16, CX \
	JEQ  done

// TOTAL adds up the lanes of y by halves to x, the low part of y.
#define TOTAL(y, x) \
	VEXTRACTF128 $1, y, X9  \
	VADDPS X9, x, x         \
	VSHUFPS $0xEE, x, x, X9 \
	VADDPS X9, x, x         \
	VSHUFPS $0x55, x, x, X9 \
	VADDSS X9, x, x

#define SQUARE(lo, hi) \
	VADDPS lo, Y3, Y3      \
	VADDPS hi, Y5, Y5      \
	VFMADD231PS lo, lo, Y4 \
	VFMADD231PS hi, hi, Y6

#define SCALE(v, gamma, beta) \
	VSUBPS Y2, v, v            \
	VSUBPS Y3, v, v            \
	VMULPS Y4, v, v            \
	VFMADD213PS beta, gamma, v

// func layerNormAVX2(l *LayerNorm)
TEXT ·layerNormAVX2(SB), NOSPLIT, $0-8
	MOVQ l+0(FP), AX
	MOVQ LayerNorm_Dst(AX), DI
	MOVQ LayerNorm_Src(AX), SI
	MOVQ LayerNorm_Gamma(AX), R10
	MOVQ LayerNorm_Beta(AX), R11
	MOVQ LayerNorm_Rows(AX), BX
	VMOVSS LayerNorm_N(AX), X12
	VMOVSS LayerNorm_Eps(AX), X13
	MOVL $0x3f800000, DX
	VMOVD DX, X11
	VXORPS X10, X10, X10
	MOVQ LayerNorm_Channels(AX), CX
	ANDQ $15, CX
	LEAQ laneMask<>+64(SB), DX
	MOVQ CX, R8
	NEGQ R8
	VMOVUPS (DX)(R8*4), Y14
	XORL R9, R9
	ADDQ $8, R8
	CMOVQGT R9, R8
	VMOVUPS (DX)(R8*4), Y15

row:
	BEGIN
	VXORPS Y2, Y2, Y2
	VXORPS Y5, Y5, Y5

sum:
	WHOLE(sumTail)
	VADDPS (SI)(R8*1), Y2, Y2
	VADDPS 32(SI)(R8*1), Y5, Y5
	ADDQ $64, R8
	JMP  sum

sumTail:
	TAIL(summed)
	VMASKMOVPS (SI)(R8*1), Y14, Y0
	VMASKMOVPS 32(SI)(R8*1), Y15, Y1
	VADDPS Y0, Y2, Y2
	VADDPS Y1, Y5, Y5

summed:
	VADDPS Y5, Y2, Y2
	TOTAL(Y2, X2)
	VDIVSS X12, X2, X2
	VBROADCASTSS X2, Y2

	BEGIN
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6

square:
	WHOLE(squareTail)
	VMOVUPS (SI)(R8*1), Y0
	VMOVUPS 32(SI)(R8*1), Y1
	VSUBPS Y2, Y0, Y0
	VSUBPS Y2, Y1, Y1
	SQUARE(Y0, Y1)
	ADDQ $64, R8
	JMP  square

squareTail:
	TAIL(squared)
	VMASKMOVPS (SI)(R8*1), Y14, Y0
	VMASKMOVPS 32(SI)(R8*1), Y15, Y1
	VSUBPS Y2, Y0, Y0
	VSUBPS Y2, Y1, Y1
	VANDPS Y14, Y0, Y0
	VANDPS Y15, Y1, Y1
	SQUARE(Y0, Y1)

squared:
	VADDPS Y5, Y3, Y3
	VADDPS Y6, Y4, Y4
	TOTAL(Y3, X3)
	TOTAL(Y4, X4)
	VDIVSS X12, X3, X3
	VDIVSS X12, X4, X4
	VFNMADD231SS X3, X3, X4
	VMAXSS X4, X10, X4
	VADDSS X13, X4, X4
	VSQRTSS X4, X4, X4
	VDIVSS X4, X11, X4
	VBROADCASTSS X3, Y3
	VBROADCASTSS X4, Y4

	BEGIN

scale:
	WHOLE(scaleTail)
	VMOVUPS (SI)(R8*1), Y0
	VMOVUPS 32(SI)(R8*1), Y1
	VMOVUPS (R10)(R8*1), Y5
	VMOVUPS 32(R10)(R8*1), Y6
	SCALE(Y0, Y5, (R11)(R8*1))
	SCALE(Y1, Y6, 32(R11)(R8*1))
	VMOVUPS Y0, (DI)(R8*1)
	VMOVUPS Y1, 32(DI)(R8*1)
	ADDQ $64, R8
	JMP  scale

scaleTail:
	TAIL(scaled)
	VMASKMOVPS (SI)(R8*1), Y14, Y0
	VMASKMOVPS 32(SI)(R8*1), Y15, Y1
	VMASKMOVPS (R10)(R8*1), Y14, Y5
	VMASKMOVPS 32(R10)(R8*1), Y15, Y6
	VMASKMOVPS (R11)(R8*1), Y14, Y7
	VMASKMOVPS 32(R11)(R8*1), Y15, Y8
	SCALE(Y0, Y5, Y7)
	SCALE(Y1, Y6, Y8)
	VMASKMOVPS Y0, Y14, (DI)(R8*1)
	VMASKMOVPS Y1, Y15, 32(DI)(R8*1)

scaled:
	ADDQ LayerNorm_DstStride(AX), DI
	ADDQ LayerNorm_SrcStride(AX), SI
	DECQ BX
	JNE  row
	VZEROUPPER
	RET
