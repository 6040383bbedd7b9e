//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// Factors of 16 bits for cb and cr doubled: -22554 / 2, -46802 / 2, and about 91881 / 4 and 116130 / 4, as the instruction doubles, too. Of the values that
// would do for each of the 256 values of cr and cb, red has four and blue this one.
DATA yccFactors<>+0(SB)/2, $-11277
DATA yccFactors<>+2(SB)/2, $-23401
DATA yccFactors<>+4(SB)/2, $22971
DATA yccFactors<>+6(SB)/2, $29033
GLOBL yccFactors<>(SB), RODATA|NOPTR, $8

// func yccToRGBNEON(dst, y, cb, cr *uint8, n int): n is at least 16.
//
//	R0-R3    dst, y, cb, cr
//	R5 R6    the block's first pixel, the next block's; the last block overlaps the one before
//	R7       the last place to begin at
//	R8       where the block goes
//	V0-V2    y, cb, cr of the next block    V15 V30  factors, 128
//
// Green's share (x + 1<<15) >> 16 is ((2x >> 16) + 1) >> 1, where x is the sum of two products, which the instructions double.
TEXT ·yccToRGBNEON(SB), NOSPLIT, $0-40
	MOVD  dst+0(FP), R0
	MOVD  y+8(FP), R1
	MOVD  cb+16(FP), R2
	MOVD  cr+24(FP), R3
	MOVD  n+32(FP), R7
	SUB   $16, R7
	MOVD  ZR, R5
	MOVD  $yccFactors<>(SB), R8
	FMOVD (R8), F15
	VMOVI $128, V30.B16
	LDR_Q(1, 5, 0)
	LDR_Q(2, 5, 1)
	LDR_Q(3, 5, 2)

block:
	ADD    $16, R5, R6
	VEOR   V30.B16, V1.B16, V1.B16
	CMP    R7, R6
	VEOR   V30.B16, V2.B16, V2.B16
	CSEL   LT, R6, R7, R6
	VUXTL  V0.B8, V3.H8
	VUXTL2 V0.B16, V4.H8
	SSHLL_B16(1, 1, 5)
	LDR_Q(1, 6, 0)
	SSHLL2_B16(1, 1, 6)
	LDR_Q(2, 6, 1)
	SSHLL_B16(1, 2, 7)
	ADD    R5<<1, R5, R8
	SSHLL2_B16(1, 2, 16)
	LDR_Q(3, 6, 2)
	ADD    R0, R8
	CMP    R7, R5
	SQRDMULH_LANE_H8(15, 3, 5, 21)
	SQRDMULH_LANE_H8(15, 3, 6, 22)
	SQRDMULH_LANE_H8(15, 2, 7, 23)
	SQRDMULH_LANE_H8(15, 2, 16, 24)
	SQDMULL_LANE(15, 0, 5, 17)
	SQDMULL2_LANE(15, 0, 5, 18)
	SQDMULL_LANE(15, 0, 6, 19)
	SQDMULL2_LANE(15, 0, 6, 20)
	SQDMLAL_LANE(15, 1, 7, 17)
	SQDMLAL2_LANE(15, 1, 7, 18)
	SQDMLAL_LANE(15, 1, 16, 19)
	SQDMLAL2_LANE(15, 1, 16, 20)
	VADD   V3.H8, V21.H8, V21.H8
	VADD   V4.H8, V22.H8, V22.H8
	VADD   V3.H8, V23.H8, V23.H8
	VADD   V4.H8, V24.H8, V24.H8
	VUZP2  V18.H8, V17.H8, V17.H8
	VUZP2  V20.H8, V19.H8, V19.H8
	SRSRA_H8(1, 17, 3)
	SRSRA_H8(1, 19, 4)
	SQXTUN_B16(21, 27)
	SQXTUN_B16(23, 25)
	SQXTUN_B16(3, 26)
	SQXTUN2_B16(22, 27)
	SQXTUN2_B16(24, 25)
	SQXTUN2_B16(4, 26)
	MOVD   R6, R5
	VST3   [V25.B16, V26.B16, V27.B16], (R8)
	BNE    block
	RET
