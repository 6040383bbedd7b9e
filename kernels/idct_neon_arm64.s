//go:build !purego

// The inverse DCT on NEON, a block at a time; the contract is at IDCTRow in idct.go.
//
//	R1       coefficients       V0-V7    x0 to x7, then the even half
//	R2       factors            V8-V11   sums of x, then results
//	R5       blocks left        V12 V13  roundings of the columns, of the rows
//	R7       columns 4 to 7     V14 V15  factors of idct8
//	R8-R15   rows of samples    V16-V31  products and sums: what is 32 bits wide has a register for each half

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

// V14: 4433, -10704, 10703, -6436, 9633, 6437, -4927, -7373. V15: -4176, -20995, 4177, 4926, and what is left of the odd half if x4 to x7 are 0:
// 9633 - 7373 of x1 in o0, 9633 - 20995 of x3 in o1, 4177 - 6436 of x3 in o2, 4926 + 6437 of x1 in o3.
DATA idctFactors<>+0(SB)/8, $0xe6dc29cfd6301151
DATA idctFactors<>+8(SB)/8, $0xe333ecc1192525a1
DATA idctFactors<>+16(SB)/8, $0x133e1051adfdefb0
DATA idctFactors<>+24(SB)/8, $0x2c63f72dd39e08d4
GLOBL idctFactors<>(SB), RODATA|NOPTR, $32

// Of a vector of 16-bit lanes both halves, or the low one.
#define SMULL_BOTH(c, k, n, lo, hi) SMULL_LANE(c, k, n, lo); SMULL2_LANE(c, k, n, hi)
#define SMULL_LOW(c, k, n, lo, hi) SMULL_LANE(c, k, n, lo)
#define SMLAL_BOTH(c, k, n, lo, hi) SMLAL_LANE(c, k, n, lo); SMLAL2_LANE(c, k, n, hi)
#define SMLAL_LOW(c, k, n, lo, hi) SMLAL_LANE(c, k, n, lo)
#define SSHLL_BOTH(z, n, lo, hi) SSHLL(z, n, lo); SSHLL2(z, n, hi)
#define SSHLL_LOW(z, n, lo, hi) SSHLL(z, n, lo)
#define VADD_BOTH(mlo, mhi, nlo, nhi, dlo, dhi) VADD mlo.S4, nlo.S4, dlo.S4; VADD mhi.S4, nhi.S4, dhi.S4
#define VADD_LOW(mlo, mhi, nlo, nhi, dlo, dhi) VADD mlo.S4, nlo.S4, dlo.S4
#define VSUB_BOTH(mlo, mhi, nlo, nhi, dlo, dhi) VSUB mlo.S4, nlo.S4, dlo.S4; VSUB mhi.S4, nhi.S4, dhi.S4
#define VSUB_LOW(mlo, mhi, nlo, nhi, dlo, dhi) VSUB mlo.S4, nlo.S4, dlo.S4

// EVENODD is idct8 of V0 to V7 without its last sums: a0 in V0 V4, a1 in V2 V6, a2 in V18 V19, a3 in V16 V17; o0 in V24 V25, o1 in V26 V27, o2 in V28 V29, o3 in V30 V31.
#define EVENODD(round, MUL, MLA, SHL, ADD, SUB) \
	VADD V4.H8, V0.H8, V8.H8              \
	VSUB V4.H8, V0.H8, V9.H8              \
	VADD V3.H8, V7.H8, V10.H8             \
	VADD V1.H8, V5.H8, V11.H8             \
	MUL(14, 0, 2, 20, 21)                 \
	MUL(14, 2, 2, 22, 23)                 \
	SHL(13, 8, 16, 17)                    \
	SHL(13, 9, 18, 19)                    \
	MUL(14, 3, 10, 28, 29)                \
	MUL(14, 4, 10, 30, 31)                \
	MLA(14, 1, 6, 20, 21)                 \
	MLA(14, 0, 6, 22, 23)                 \
	ADD(round, round, V16, V17, V16, V17) \
	ADD(round, round, V18, V19, V18, V19) \
	MLA(14, 4, 11, 28, 29)                \
	MLA(14, 5, 11, 30, 31)                \
	MUL(14, 6, 7, 24, 25)                 \
	MUL(15, 0, 5, 26, 27)                 \
	MLA(14, 7, 1, 24, 25)                 \
	MLA(15, 1, 3, 26, 27)                 \
	ADD(V22, V23, V16, V17, V0, V4)       \
	ADD(V20, V21, V18, V19, V2, V6)       \
	SUB(V22, V23, V16, V17, V16, V17)     \
	SUB(V20, V21, V18, V19, V18, V19)     \
	ADD(V28, V29, V24, V25, V24, V25)     \
	ADD(V30, V31, V26, V27, V26, V27)     \
	MLA(15, 2, 3, 28, 29)                 \
	MLA(15, 3, 1, 30, 31)                 \
	MLA(15, 1, 5, 28, 29)                 \
	MLA(14, 7, 7, 30, 31)

// EVENODD4 is the same if x4 to x7 are 0.
#define EVENODD4(round) \
	SSHLL_BOTH(13, 0, 16, 17)                   \
	SMULL_BOTH(14, 0, 2, 20, 21)                \
	SMULL_BOTH(14, 2, 2, 22, 23)                \
	SMULL_BOTH(15, 4, 1, 24, 25)                \
	SMULL_BOTH(14, 5, 1, 26, 27)                \
	VADD_BOTH(round, round, V16, V17, V16, V17) \
	SMULL_BOTH(14, 4, 1, 28, 29)                \
	SMULL_BOTH(15, 7, 1, 30, 31)                \
	VADD_BOTH(V22, V23, V16, V17, V0, V4)       \
	SMLAL_BOTH(14, 3, 3, 24, 25)                \
	VADD_BOTH(V20, V21, V16, V17, V2, V6)       \
	SMLAL_BOTH(15, 5, 3, 26, 27)                \
	VSUB_BOTH(V20, V21, V16, V17, V18, V19)     \
	SMLAL_BOTH(15, 6, 3, 28, 29)                \
	VSUB_BOTH(V22, V23, V16, V17, V16, V17)     \
	SMLAL_BOTH(14, 4, 3, 30, 31)

// SUMS makes the sum and the difference of an even and an odd part.
#define SUMS(alo, ahi, olo, ohi, sumlo, sumhi, difflo, diffhi) \
	VADD olo.S4, alo.S4, sumlo.S4  \
	VADD ohi.S4, ahi.S4, sumhi.S4  \
	VSUB olo.S4, alo.S4, difflo.S4 \
	VSUB ohi.S4, ahi.S4, diffhi.S4

// func idctNEON(t *IDCTRow)
TEXT ·idctNEON(SB), NOSPLIT, $0-8
	MOVD t+0(FP), R0
	MOVD IDCTRow_Coef(R0), R1
	MOVD IDCTRow_Quant(R0), R2
	MOVD IDCTRow_Out(R0), R8
	MOVD IDCTRow_Stride(R0), R4
	MOVD IDCTRow_N(R0), R5
	ADD  R4, R8, R9
	ADD  R4, R9, R10
	ADD  R4, R10, R11
	ADD  R4, R11, R12
	ADD  R4, R12, R13
	ADD  R4, R13, R14
	ADD  R4, R14, R15
	MOVD $idctFactors<>(SB), R6
	FLDPQ (R6), (F14, F15)
	MOVD $0x0000040000000400, R6
	VDUP R6, V12.D2
	MOVD $0x0002000000020000, R6
	VDUP R6, V13.D2

block:
	LDUR_Q(1, 0, 0)
	LDUR_Q(1, 16, 1)
	LDUR_Q(1, 32, 2)
	LDUR_Q(1, 48, 3)
	LDUR_Q(1, 64, 4)
	LDUR_Q(1, 80, 5)
	LDUR_Q(1, 96, 6)
	LDUR_Q(1, 112, 7)
	VORR V1.B16, V0.B16, V8.B16
	VORR V3.B16, V2.B16, V9.B16
	LDUR_Q(2, 0, 16)
	LDUR_Q(2, 16, 17)
	VORR V5.B16, V4.B16, V10.B16
	VORR V7.B16, V6.B16, V11.B16
	LDUR_Q(2, 32, 18)
	LDUR_Q(2, 48, 19)
	VORR V9.B16, V8.B16, V8.B16
	VORR V11.B16, V10.B16, V10.B16
	LDUR_Q(2, 64, 20)
	LDUR_Q(2, 80, 21)
	VORR V10.B16, V8.B16, V8.B16
	LDUR_Q(2, 96, 22)
	LDUR_Q(2, 112, 23)
	VMOV V8.D[1], R7 // 0 if columns 4 to 7 are
	ADD  $128, R1
	MUL_H8(16, 0, 0)
	MUL_H8(17, 1, 1)
	MUL_H8(18, 2, 2)
	MUL_H8(19, 3, 3)
	MUL_H8(20, 4, 4)
	MUL_H8(21, 5, 5)
	MUL_H8(22, 6, 6)
	MUL_H8(23, 7, 7)
	CBZ  R7, left

	EVENODD(V12, SMULL_BOTH, SMLAL_BOTH, SSHLL_BOTH, VADD_BOTH, VSUB_BOTH)
	SUMS(V0, V4, V30, V31, V20, V21, V22, V23)
	SUMS(V2, V6, V28, V29, V0, V4, V30, V31)
	SQSHRN(11, 20, 8)
	SQSHRN(11, 22, 7)
	SQSHRN(11, 0, 9)
	SQSHRN(11, 30, 5)
	SQSHRN2(11, 21, 8)
	SQSHRN2(11, 23, 7)
	SQSHRN2(11, 4, 9)
	SQSHRN2(11, 31, 5)
	SUMS(V18, V19, V26, V27, V20, V21, V22, V23)
	SUMS(V16, V17, V24, V25, V0, V4, V30, V31)
	SQSHRN(11, 20, 10)
	SQSHRN(11, 22, 3)
	SQSHRN(11, 0, 11)
	SQSHRN(11, 30, 1)
	SQSHRN2(11, 21, 10)
	SQSHRN2(11, 23, 3)
	SQSHRN2(11, 4, 11)
	SQSHRN2(11, 31, 1)

	// A vector of a row becomes one of a column.
	VTRN1 V9.H8, V8.H8, V16.H8
	VTRN2 V9.H8, V8.H8, V17.H8
	VTRN1 V11.H8, V10.H8, V18.H8
	VTRN2 V11.H8, V10.H8, V19.H8
	VTRN1 V3.H8, V1.H8, V20.H8
	VTRN2 V3.H8, V1.H8, V21.H8
	VTRN1 V7.H8, V5.H8, V22.H8
	VTRN2 V7.H8, V5.H8, V23.H8
	VTRN1 V18.S4, V16.S4, V24.S4
	VTRN2 V18.S4, V16.S4, V25.S4
	VTRN1 V19.S4, V17.S4, V26.S4
	VTRN2 V19.S4, V17.S4, V27.S4
	VTRN1 V22.S4, V20.S4, V28.S4
	VTRN2 V22.S4, V20.S4, V29.S4
	VTRN1 V23.S4, V21.S4, V30.S4
	VTRN2 V23.S4, V21.S4, V31.S4
	VTRN1 V28.D2, V24.D2, V0.D2
	VTRN2 V28.D2, V24.D2, V4.D2
	VTRN1 V30.D2, V26.D2, V1.D2
	VTRN2 V30.D2, V26.D2, V5.D2
	VTRN1 V29.D2, V25.D2, V2.D2
	VTRN2 V29.D2, V25.D2, V6.D2
	VTRN1 V31.D2, V27.D2, V3.D2
	VTRN2 V31.D2, V27.D2, V7.D2
	EVENODD(V13, SMULL_BOTH, SMLAL_BOTH, SSHLL_BOTH, VADD_BOTH, VSUB_BOTH)
	B    rows

left: // Half of a photograph's blocks come here.
	EVENODD(V12, SMULL_LOW, SMLAL_LOW, SSHLL_LOW, VADD_LOW, VSUB_LOW)
	VADD V30.S4, V0.S4, V20.S4
	VADD V28.S4, V2.S4, V21.S4
	VADD V26.S4, V18.S4, V22.S4
	VADD V24.S4, V16.S4, V23.S4
	VSUB V24.S4, V16.S4, V24.S4
	VSUB V26.S4, V18.S4, V26.S4
	VSUB V28.S4, V2.S4, V28.S4
	VSUB V30.S4, V0.S4, V30.S4
	SQSHRN(11, 20, 8)
	SQSHRN(11, 21, 9)
	SQSHRN(11, 22, 10)
	SQSHRN(11, 23, 11)
	SQSHRN2(11, 24, 8)
	SQSHRN2(11, 26, 9)
	SQSHRN2(11, 28, 10)
	SQSHRN2(11, 30, 11)
	VTRN1 V9.H8, V8.H8, V16.H8
	VTRN2 V9.H8, V8.H8, V17.H8
	VTRN1 V11.H8, V10.H8, V18.H8
	VTRN2 V11.H8, V10.H8, V19.H8
	VTRN1 V18.S4, V16.S4, V0.S4
	VTRN1 V19.S4, V17.S4, V1.S4
	VTRN2 V18.S4, V16.S4, V2.S4
	VTRN2 V19.S4, V17.S4, V3.S4
	EVENODD4(V13)

rows: // The 16 high bits of a sum are saturated by nature; two more are shifted out on the way to bytes.
	ADDHN(30, 0, 8)
	SUBHN(30, 0, 7)
	ADDHN(28, 2, 9)
	SUBHN(28, 2, 5)
	ADDHN(26, 18, 10)
	SUBHN(26, 18, 3)
	ADDHN(24, 16, 11)
	SUBHN(24, 16, 1)
	ADDHN2(31, 4, 8)
	SUBHN2(31, 4, 7)
	ADDHN2(29, 6, 9)
	SUBHN2(29, 6, 5)
	ADDHN2(27, 19, 10)
	SUBHN2(27, 19, 3)
	ADDHN2(25, 17, 11)
	SUBHN2(25, 17, 1)
	SQSHRN_B16(2, 8, 16)
	SQSHRN_B16(2, 9, 17)
	SQSHRN_B16(2, 10, 18)
	SQSHRN_B16(2, 11, 19)
	SQSHRN2_B16(2, 1, 16)
	SQSHRN2_B16(2, 3, 17)
	SQSHRN2_B16(2, 5, 18)
	SQSHRN2_B16(2, 7, 19)
	VMOVI $128, V28.B16

	// A vector of two columns becomes one of two rows, and 128 is added.
	VTRN1 V17.B16, V16.B16, V20.B16
	VTRN2 V17.B16, V16.B16, V21.B16
	VTRN1 V19.B16, V18.B16, V22.B16
	VTRN2 V19.B16, V18.B16, V23.B16
	VTRN1 V22.H8, V20.H8, V24.H8
	VTRN1 V23.H8, V21.H8, V25.H8
	VTRN2 V22.H8, V20.H8, V26.H8
	VTRN2 V23.H8, V21.H8, V27.H8
	VUZP1 V25.S4, V24.S4, V16.S4
	VUZP1 V27.S4, V26.S4, V17.S4
	VUZP2 V25.S4, V24.S4, V18.S4
	VUZP2 V27.S4, V26.S4, V19.S4
	VEOR V28.B16, V16.B16, V16.B16
	VEOR V28.B16, V17.B16, V17.B16
	VEOR V28.B16, V18.B16, V18.B16
	VEOR V28.B16, V19.B16, V19.B16
	FMOVD.P F16, 8(R8)
	VST1.P V16.D[1], 8(R9)
	FMOVD.P F17, 8(R10)
	VST1.P V17.D[1], 8(R11)
	FMOVD.P F18, 8(R12)
	VST1.P V18.D[1], 8(R13)
	FMOVD.P F19, 8(R14)
	VST1.P V19.D[1], 8(R15)
	SUBS $1, R5
	BNE  block
	RET
