//go:build !purego

// The epilogue as a pass of its own on NEON, 16 channels at a time, then 4, then 1; the contract is at Elementwise in elementwise.go.
//
//	R1 R2 R3      rows of Dst, Src, Res (0: none)
//	R4 R5         Scale (0: none), Shift
//	R6            byte of the channel
//	R7            channels left of the row
//	R8            rows left
//	R9            address of 16 channels
//	V14 Lo        V15 Hi

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

// LOAD16 loads the 16 channels at B to four vectors.
#define LOAD16(B, v0, v1, v2, v3) \
	ADD  R6, B, R9     \
	LDUR_Q(9, 0, v0)   \
	LDUR_Q(9, 16, v1)  \
	LDUR_Q(9, 32, v2)  \
	LDUR_Q(9, 48, v3)

// ONE is the epilogue of one vector.
#define ONE(LD, ST, affine, added, clamped) \
	CBNZ R4, affine      \
	LD(2, 6, 8)          \
	B    added           \
affine:                  \
	LD(2, 6, 0)          \
	LD(4, 6, 4)          \
	LD(5, 6, 8)          \
	FMLA(4, 0, 8)        \
added:                   \
	CBZ  R3, clamped     \
	LD(3, 6, 0)          \
	FADD(0, 8, 8)        \
clamped:                 \
	FCMGT(8, 14, 0)      \
	BIT(0, 14, 8)        \
	FMIN(15, 8, 8)       \
	ST(8, 1, 6)

// func epilogueNEON(e *Elementwise)
TEXT ·epilogueNEON(SB), NOSPLIT, $0-8
	MOVD e+0(FP), R0
	ADD  $Elementwise_Lo, R0, R1
	VLD1R.P 4(R1), [V14.S4]
	VLD1R (R1), [V15.S4]
	MOVD Elementwise_Dst(R0), R1
	MOVD Elementwise_Src(R0), R2
	MOVD Elementwise_Res(R0), R3
	MOVD Elementwise_Scale(R0), R4
	MOVD Elementwise_Shift(R0), R5
	MOVD Elementwise_Rows(R0), R8

row:
	MOVD Elementwise_Channels(R0), R7
	MOVD ZR, R6
	SUBS $16, R7
	BLT  vectors
	PCALIGN $16

block:
	CBNZ R4, affine
	LOAD16(R2, 8, 9, 10, 11)
	B    added

affine:
	LOAD16(R2, 0, 1, 2, 3)
	LOAD16(R4, 4, 5, 6, 7)
	LOAD16(R5, 8, 9, 10, 11)
	FMLA(4, 0, 8)
	FMLA(5, 1, 9)
	FMLA(6, 2, 10)
	FMLA(7, 3, 11)

added:
	CBZ  R3, clamped
	LOAD16(R3, 0, 1, 2, 3)
	FADD(0, 8, 8)
	FADD(1, 9, 9)
	FADD(2, 10, 10)
	FADD(3, 11, 11)

clamped:
	ADD  R6, R1, R9
	FCMGT(8, 14, 0)
	FCMGT(9, 14, 1)
	FCMGT(10, 14, 2)
	FCMGT(11, 14, 3)
	BIT(0, 14, 8)
	BIT(1, 14, 9)
	BIT(2, 14, 10)
	BIT(3, 14, 11)
	FMIN(15, 8, 8)
	FMIN(15, 9, 9)
	FMIN(15, 10, 10)
	FMIN(15, 11, 11)
	FSTPQ (F8, F9), (R9)
	FSTPQ (F10, F11), 32(R9)
	ADD  $64, R6
	SUBS $16, R7
	BGE  block

vectors:
	ADDS $16, R7
	BEQ  next
	SUBS $4, R7
	BLT  channels

vector:
	ONE(LDR_Q, STR_Q, affine4, added4, clamped4)
	ADD  $16, R6
	SUBS $4, R7
	BGE  vector

channels:
	ADDS $4, R7
	BEQ  next

channel:
	ONE(LDR_S, STR_S, affine1, added1, clamped1)
	ADD  $4, R6
	SUBS $1, R7
	BNE  channel

next:
	MOVD Elementwise_DstStride(R0), R9
	ADD  R9, R1
	MOVD Elementwise_SrcStride(R0), R9
	ADD  R9, R2
	CBZ  R3, more
	MOVD Elementwise_ResStride(R0), R9
	ADD  R9, R3

more:
	SUBS $1, R8
	BNE  row
	RET
