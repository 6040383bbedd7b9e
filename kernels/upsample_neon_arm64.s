//go:build !purego

// Upsampling of chroma on NEON, 16 samples at a time; the contract is at UpsampleH2V1 and UpsampleH2V2 in upsample.go.
//
//	R0       output of the samples at R4
//	R1 R2    samples, those of the far row; with the one before R5 R6, with the one behind R7 R8
//	R3 R4    where the last 16 begin, and these
//	R9       dst

#include "textflag.h"
#include "neon_arm64.h"

// UPSAMPLE begins at the second sample and ends before the last one. The last 16 may be some that were done already.
#define UPSAMPLE(BEFORE, SAMPLES) \
	SUB  $17, R3          \
	MOVD $1, R4           \
rest:                     \
	ADD  R4<<1, R9, R0    \
	BEFORE                \
block:                    \
	SAMPLES               \
	FSTPQ.P (F0, F1), 32(R0) \
	BLE  block            \
	SUB  $16, R4          \
	CMP  R3, R4           \
	MOVD R3, R4           \
	BNE  rest             \
	RET

// NEXT is for SAMPLES to say when theirs are loaded.
#define NEXT \
	ADD $16, R4 \
	CMP R3, R4

#define NOTHING

// H2V1 halves twice: (3a + b + 1) >> 2 is (a + (a + b + 1 >> 1)) >> 1, and (3a + b + 2) >> 2 is (a + (a + b >> 1) + 1) >> 1.
#define H2V1 \
	LDR_Q(5, 4, 2)              \
	LDR_Q(1, 4, 3)              \
	LDR_Q(7, 4, 4)              \
	NEXT                        \
	URHADD_B16(2, 3, 2)         \
	UHADD_B16(4, 3, 4)          \
	UHADD_B16(2, 3, 2)          \
	URHADD_B16(4, 3, 4)         \
	VZIP1 V4.B16, V2.B16, V0.B16 \
	VZIP2 V4.B16, V2.B16, V1.B16

// func upsampleH2V1NEON(dst, in *uint8, n int): samples 1 to n-2, at least 16.
TEXT ·upsampleH2V1NEON(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R9
	MOVD in+8(FP), R1
	MOVD n+16(FP), R3
	SUB  $1, R1, R5
	ADD  $1, R1, R7
	UPSAMPLE(NOTHING, H2V1)

// H2V2 has 16 s of the samples in V2 V3, of those before them in V4 V5, behind them in V6 V7, so that the high half of a sum is the result. V3 is that of the
// samples before, of which the last counts, until they are loaded.
#define H2V2 \
	LDR_Q(2, 4, 17)              \
	LDR_Q(8, 4, 19)              \
	LDR_Q(1, 4, 16)              \
	LDR_Q(7, 4, 18)              \
	VUSHLL  $4, V17.B8, V2.H8    \
	VUSHLL2 $4, V19.B16, V7.H8   \
	UMLAL_B16(30, 16, 2)         \
	UMLAL2_B16(30, 18, 7)        \
	NEXT                         \
	VEXT $14, V2.B16, V3.B16, V4.B16 \
	VUSHLL2 $4, V17.B16, V3.H8   \
	MUL_H8(29, 2, 20)            \
	UMLAL2_B16(30, 16, 3)        \
	VADD V31.H8, V20.H8, V22.H8  \
	RADDHN_B16(4, 20, 24)        \
	MUL_H8(29, 3, 21)            \
	VEXT $2, V3.B16, V2.B16, V6.B16 \
	VEXT $14, V3.B16, V2.B16, V5.B16 \
	VADD V31.H8, V21.H8, V23.H8  \
	ADDHN_B16(6, 22, 25)         \
	RADDHN2_B16(5, 21, 24)       \
	ADDHN2_B16(7, 23, 25)        \
	VZIP1 V25.B16, V24.B16, V0.B16 \
	VZIP2 V25.B16, V24.B16, V1.B16

#define BEFOREH2V2 \
	LDR_Q(5, 4, 16)          \
	LDR_Q(6, 4, 17)          \
	VUSHLL $4, V17.B8, V3.H8 \
	UMLAL_B16(30, 16, 3)     \
	VDUP V3.H[0], V3.H8

// func upsampleH2V2NEON(dst, near, far *uint8, n int): samples 1 to n-2, at least 16.
TEXT ·upsampleH2V2NEON(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R9
	MOVD near+8(FP), R1
	MOVD far+16(FP), R2
	MOVD n+24(FP), R3
	SUB  $1, R1, R5
	SUB  $1, R2, R6
	ADD  $1, R1, R7
	ADD  $1, R2, R8
	VMOVI $48, V30.B16
	MOVD $(7*16), R4
	VDUP R4, V31.H8
	MOVD $3, R4
	VDUP R4, V29.H8
	UPSAMPLE(BEFOREH2V2, H2V2)
