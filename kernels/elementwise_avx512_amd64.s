//go:build !purego

// The epilogue as a pass of its own on AVX-512; the contract is at Elementwise in elementwise.go.
//
//	DI SI R9      rows of Dst, Src, Res (0: none)
//	R10 R11       Scale (0: none), Shift
//	R8            byte of the channel
//	CX            channels left of the row
//	BX            rows left
//	K1            lanes in use      Z28 Lo      Z29 Hi

#include "go_asm.h"
#include "textflag.h"

// func epilogueAVX512(e *Elementwise)
TEXT ·epilogueAVX512(SB), NOSPLIT, $0-8
	MOVQ e+0(FP), AX
	MOVQ Elementwise_Dst(AX), DI
	MOVQ Elementwise_Src(AX), SI
	MOVQ Elementwise_Res(AX), R9
	MOVQ Elementwise_Scale(AX), R10
	MOVQ Elementwise_Shift(AX), R11
	MOVQ Elementwise_Rows(AX), BX
	VBROADCASTSS Elementwise_Lo(AX), Z28
	VBROADCASTSS Elementwise_Hi(AX), Z29

row:
	MOVQ Elementwise_Channels(AX), CX
	XORL R8, R8
	KXNORW K1, K1, K1

vector:
	CMPQ CX, $16
	JGE  full
	MOVL $1, DX
	SHLL CX, DX
	DECL DX
	KMOVW DX, K1

full:
	VMOVUPS.Z (SI)(R8*1), K1, Z0
	TESTQ R10, R10
	JEQ  added
	VMOVUPS.Z (R10)(R8*1), K1, Z1
	VMOVUPS.Z (R11)(R8*1), K1, Z2
	VFMADD213PS Z2, Z1, Z0

added:
	TESTQ R9, R9
	JEQ  clamped
	VMOVUPS.Z (R9)(R8*1), K1, Z1
	VADDPS Z1, Z0, Z0

clamped:
	VMAXPS Z0, Z28, Z0
	VMINPS Z0, Z29, Z0
	VMOVUPS Z0, K1, (DI)(R8*1)
	ADDQ $64, R8
	SUBQ $16, CX
	JGT  vector

	ADDQ Elementwise_DstStride(AX), DI
	ADDQ Elementwise_SrcStride(AX), SI
	TESTQ R9, R9
	JEQ  next
	ADDQ Elementwise_ResStride(AX), R9

next:
	DECQ BX
	JNE  row
	VZEROUPPER
	RET
