//go:build !purego

// GEMM tiles of up to 6 rows x 16 or 8 columns on NEON; the contract is at GemmTile in gemm.go.
//
//	R0-R5    the rows' segments
//	R6       weights: the end of the 4 k that are used
//	R7       what is left of the segment: blocks of 4 k, then k
//	R8       scratch
//	R9       bytes of the segment that are behind the rows' registers
//	R12      the segment's offsets
//	R13 R14  floats per segment, segments left
//	R15 R16  bytes of a block of 4 k: of a row, of the weights
//	R17      what to prefetch
//	R19      A
//	R22 R23  t, rows
//	V0-V23   accumulators: row r, column 4c is V(4r+c)
//	V24-V29  the rows: 4 k each
//	V30 V31  weights of 4 columns of one k, in turn; where fewer accumulators are needed their registers hold weights too
//
// Each number of rows has its own loop over 4 k. It is software-pipelined, so that cores that issue in order run at their rate too: a register of weights
// is loaded again right behind its last use, and the rows for the next 4 k during the last column of these. In the last block of a segment those loads
// read this block once more, so that nothing beyond the segment is touched. What comes before and after is shared and leaves behind the last row.

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

DATA minusZeros<>+0(SB)/8, $0x8000000080000000
DATA minusZeros<>+8(SB)/8, $0x8000000080000000
DATA minusZeros<>+16(SB)/8, $0x8000000080000000
DATA minusZeros<>+24(SB)/8, $0x8000000080000000
DATA minusZeros<>+32(SB)/8, $0x8000000080000000
DATA minusZeros<>+40(SB)/8, $0x8000000080000000
DATA minusZeros<>+48(SB)/8, $0x8000000080000000
DATA minusZeros<>+56(SB)/8, $0x8000000080000000
GLOBL minusZeros<>(SB), RODATA|NOPTR, $64

#define ZERO4(v0, v1, v2, v3) \
	VEOR v0.B16, v0.B16, v0.B16 \
	VEOR v1.B16, v1.B16, v1.B16 \
	VEOR v2.B16, v2.B16, v2.B16 \
	VEOR v3.B16, v3.B16, v3.B16

// PROLOGUE fetches t and clears the accumulators: R8 = Acc, R11 = rows. W is the field of the weights, bytes what a block has of them.
#define PROLOGUE(W, bytes) \
	MOVD rows+0(FP), R23            \
	MOVD t+8(FP), R22               \
	MOVD GemmTile_A(R22), R19       \
	MOVD GemmTile_Off(R22), R12     \
	MOVD W(R22), R6                 \
	MOVD GemmTile_SegLen(R22), R13  \
	MOVD GemmTile_Segments(R22), R14 \
	MOVD GemmTile_Next(R22), R17    \
	CMP  $0, R17                    \
	CSEL EQ, R6, R17, R17           \
	MOVD $16, R15                   \
	MOVD $bytes, R16                \
	ZERO4(V0, V1, V2, V3)           \
	ZERO4(V4, V5, V6, V7)           \
	ZERO4(V8, V9, V10, V11)         \
	ZERO4(V12, V13, V14, V15)       \
	ZERO4(V16, V17, V18, V19)       \
	ZERO4(V20, V21, V22, V23)       \
	MOVD GemmTile_Acc(R22), R8      \
	MOVD R23, R11                   \
	MOVBU GemmTile_First(R22), R7   \
	CBNZ R7, loaded

// DISPATCH jumps to the loop of R23 rows.
#define DISPATCH \
	CMP $3, R23; BHI over3; BEQ seg3; \
	CMP $2, R23; BEQ seg2; B seg1; \
over3: CMP $5, R23; BHI seg6; BEQ seg5; B seg4

// PTRS point the rows at their next segment.
#define PTRS1 MOVD (R12), R0; ADD R19, R0
#define PTRS2 LDP (R12), (R0, R1); ADD R19, R0; ADD R19, R1
#define PTRS3 PTRS2; MOVD 16(R12), R2; ADD R19, R2
#define PTRS4 PTRS2; LDP 16(R12), (R2, R3); ADD R19, R2; ADD R19, R3
#define PTRS5 PTRS4; MOVD 32(R12), R4; ADD R19, R4
#define PTRS6 PTRS4; LDP 32(R12), (R4, R5); ADD R19, R4; ADD R19, R5

// QUADS load 4 k of the rows, ONES one.
#define QUADS1 LDR_Q(0, 9, 24)
#define QUADS2 QUADS1; LDR_Q(1, 9, 25)
#define QUADS3 QUADS2; LDR_Q(2, 9, 26)
#define QUADS4 QUADS3; LDR_Q(3, 9, 27)
#define QUADS5 QUADS4; LDR_Q(4, 9, 28)
#define QUADS6 QUADS5; LDR_Q(5, 9, 29)
#define ONES1 FMOVS (R0)(R9), F24
#define ONES2 ONES1; FMOVS (R1)(R9), F25
#define ONES3 ONES2; FMOVS (R2)(R9), F26
#define ONES4 ONES3; FMOVS (R3)(R9), F27
#define ONES5 ONES4; FMOVS (R4)(R9), F28
#define ONES6 ONES5; FMOVS (R5)(R9), F29

#define NOTHING

// COL feeds column c of the rows with the weights w of lane i; LASTCOL loads the rows' next 4 k meanwhile. THEN prepares a register that comes next.
#define COL1(c, w, i, THEN) FMLA_LANE(24, i, w, c); THEN
#define COL2(c, w, i, THEN) FMLA_LANE(24, i, w, c); FMLA_LANE(25, i, w, 4+c); THEN
#define COL3(c, w, i, THEN) FMLA_LANE(24, i, w, c); FMLA_LANE(25, i, w, 4+c); THEN; FMLA_LANE(26, i, w, 8+c)
#define COL4(c, w, i, THEN) COL3(c, w, i, THEN); FMLA_LANE(27, i, w, 12+c)
#define COL5(c, w, i, THEN) COL4(c, w, i, THEN); FMLA_LANE(28, i, w, 16+c)
#define COL6(c, w, i, THEN) COL5(c, w, i, THEN); FMLA_LANE(29, i, w, 20+c)
#define LASTCOL1(c, w, THEN) FMLA_LANE(24, 3, w, c); LDR_Q(0, 9, 24); THEN
#define LASTCOL2(c, w, THEN) LASTCOL1(c, w, THEN); FMLA_LANE(25, 3, w, 4+c); LDR_Q(1, 9, 25)
#define LASTCOL3(c, w, THEN) LASTCOL2(c, w, THEN); FMLA_LANE(26, 3, w, 8+c); LDR_Q(2, 9, 26)
#define LASTCOL4(c, w, THEN) LASTCOL3(c, w, THEN); FMLA_LANE(27, 3, w, 12+c); LDR_Q(3, 9, 27)
#define LASTCOL5(c, w, THEN) LASTCOL4(c, w, THEN); FMLA_LANE(28, 3, w, 16+c); LDR_Q(4, 9, 28)
#define LASTCOL6(c, w, THEN) LASTCOL5(c, w, THEN); FMLA_LANE(29, 3, w, 20+c); LDR_Q(5, 9, 29)

// ADVANCE moves rows and weights to the next block, unless this is the last; its flags are for the branch at the end of the block.
#define ADVANCE \
	SUBS $1, R7             \
	CSEL NE, R15, ZR, R8    \
	ADD  R8, R9             \
	CSEL NE, R16, ZR, R8    \
	ADD  R8, R6

// NEXT prefetches a part of the next panel, a quarter of what a block has of this one.
#define NEXT \
	PRFM (R17), PLDL2KEEP \
	ADD  R16>>2, R17

// W16 and W8 load vector n of a block of 4 k, whose end is at R6.
#define W16(n, d) WEIGHTS(VECTOR*(n-16), d)
#define W8(n, d) WEIGHTS(VECTOR*(n-8), d)

// LOOP runs all segments for one number of rows; FILL loads the first weights of a block, TAIL is one k by itself.
#define LOOP(segment, block, tail, k, next, PTRS, QUADS, FILL, BLOCK, ONES, TAIL) \
segment:                 \
	PTRS                 \
	ADD  $(6*8), R12     \
	MOVD $0, R9          \
	LSR  $2, R13, R7     \
	CBZ  R7, tail        \
	QUADS                \
	ADD  R16, R6         \
	FILL                 \
	PCALIGN $32          \
block:                   \
	BLOCK                \
	BNE  block           \
	ADD  $16, R9         \
tail:                    \
	ANDS $3, R13, R7     \
	BEQ  next            \
k:                       \
	ONES                 \
	TAIL                 \
	ADD  $4, R9          \
	SUBS $1, R7          \
	BNE  k               \
next:                    \
	SUBS $1, R14         \
	BNE  segment         \
	B    done

// EPILOGUE: R8 = C, R24 = CStride, R9 = Res, R25 = ResStride, R7 = Cols, R11 = Scale, R10 = Shift, R20 and R21 where Lo and Hi are. Without an affine V24-V27, the
// scale, and what R10 points at are the 1 and the -0 that change nothing.
#define EPILOGUE(LOADSCALE) \
	MOVD GemmTile_C(R22), R8          \
	MOVD GemmTile_CStride(R22), R24   \
	MOVD GemmTile_Res(R22), R9        \
	MOVD GemmTile_ResStride(R22), R25 \
	MOVD GemmTile_Cols(R22), R7       \
	MOVD GemmTile_Scale(R22), R11     \
	MOVD GemmTile_Shift(R22), R10     \
	ADD  $GemmTile_Lo, R22, R20       \
	ADD  $GemmTile_Hi, R22, R21       \
	FMOVS $1.0, F24                   \
	VDUP V24.S[0], V24.S4             \
	VMOV V24.B16, V25.B16             \
	VMOV V24.B16, V26.B16             \
	VMOV V24.B16, V27.B16             \
	CBNZ R11, scaled                  \
	MOVD $minusZeros<>(SB), R10       \
	B    affine                       \
scaled:                               \
	LOADSCALE                         \
affine:

// ATLEAST and ATMOST limit V(d) to lo or hi, with a NaN and the sign of a zero as they are, which FMAX and FMIN would change. mask is scratch.
#define ATLEAST(lo, mask, d) FCMGT(d, lo, mask); BIT(mask, lo, d)
#define ATMOST(hi, mask, d) FCMGT(hi, d, mask); BIT(mask, hi, d)

// LIMITS clears R20 and R21, where lo and hi are, for those that are infinite and limit nothing.
#define LIMITS \
	MOVWU (R20), R11           \
	MOVW  $0xFF800000, R26     \
	CMPW  R26, R11             \
	CSEL  EQ, ZR, R20, R20     \
	MOVWU (R21), R11           \
	MOVW  $0x7F800000, R26     \
	CMPW  R26, R11             \
	CSEL  EQ, ZR, R21, R21

// PARTROWS takes the rows of an incomplete tile, which lie on the stack, through the epilogue, 8, 4, 2 and 1 columns at a time; LOADROW fetches one
// from R3 on, and the shifts. R0 and R1 walk along C and Res, R2 and R9 are their rows.
#define PARTROWS(LOADROW) \
	VLD1R (R20), [V4.S4]              \
	VLD1R (R21), [V5.S4]              \
	CBNZ R9, row                      \
	MOVD $minusZeros<>(SB), R9        \
	MOVD $0, R25                      \
row:                                  \
	MOVD R2, R0                       \
	MOVD R9, R1                       \
	LOADROW                           \
	VFMLA V24.S4, V0.S4, V28.S4       \
	VFMLA V25.S4, V1.S4, V29.S4       \
	VFMLA V26.S4, V2.S4, V30.S4       \
	VFMLA V27.S4, V3.S4, V31.S4       \
	TBZ  $3, R7, below8               \
	FLDPQ.P 32(R1), (F0, F1)          \
	FADD(0, 28, 28)                   \
	FADD(1, 29, 29)                   \
	ATLEAST(4, 6, 28)                 \
	ATMOST(5, 6, 28)                  \
	ATLEAST(4, 7, 29)                 \
	ATMOST(5, 7, 29)                  \
	FSTPQ.P (F28, F29), 32(R0)        \
	VMOV V30.B16, V28.B16             \
	VMOV V31.B16, V29.B16             \
below8:                               \
	TBZ  $2, R7, below4               \
	PIECE(FMOVQ, 16)                  \
	VMOV V29.B16, V28.B16             \
below4:                               \
	TBZ  $1, R7, below2               \
	PIECE(FMOVD, 8)                   \
	VEXT $8, V28.B16, V28.B16, V28.B16 \
below2:                               \
	TBZ  $0, R7, below1               \
	PIECE(FMOVS, 4)                   \
below1:                               \
	ADD  R24, R2                      \
	ADD  R25, R9                      \
	SUBS $1, R23                      \
	BNE  row

#define PIECE(MOVE, size) \
	MOVE.P size(R1), F0                 \
	FADD(0, 28, 1)                      \
	ATLEAST(4, 6, 1)                    \
	ATMOST(5, 6, 1)                     \
	MOVE.P F1, size(R0)

// ---- 16 columns

#define LOAD16(f0, f1, f2, f3) \
	FLDPQ.P 32(R8), (f0, f1) \
	FLDPQ.P 32(R8), (f2, f3) \
	SUBS $1, R11             \
	BEQ  loaded

#define SAVE16(f0, f1, f2, f3, end) \
	FSTPQ.P (f0, f1), 32(R8) \
	FSTPQ.P (f2, f3), 32(R8) \
	SUBS $1, R11             \
	BEQ  end

// STORE16 takes one row through the epilogue. n is the first of its accumulators, which are free as soon as they are used.
#define STORE16(n, plain, nolo, nohi) \
	LDUR_Q(10, 0, 28)    \
	LDUR_Q(10, 16, 29)   \
	LDUR_Q(10, 32, 30)   \
	LDUR_Q(10, 48, 31)   \
	FMLA(24, n, 28)      \
	FMLA(25, n+1, 29)    \
	FMLA(26, n+2, 30)    \
	FMLA(27, n+3, 31)    \
	CBZ  R9, plain       \
	LDUR_Q(9, 0, n)      \
	LDUR_Q(9, 16, n+1)   \
	LDUR_Q(9, 32, n+2)   \
	LDUR_Q(9, 48, n+3)   \
	ADD  R25, R9         \
	FADD(n, 28, 28)      \
	FADD(n+1, 29, 29)    \
	FADD(n+2, 30, 30)    \
	FADD(n+3, 31, 31)    \
plain:                \
	CBZ  R20, nolo       \
	LD1R(20, n)          \
	ATLEAST(n, n+2, 28)  \
	ATLEAST(n, n+3, 29)  \
	ATLEAST(n, n+2, 30)  \
	ATLEAST(n, n+3, 31)  \
nolo:                 \
	CBZ  R21, nohi       \
	LD1R(21, n+1)        \
	ATMOST(n+1, n+2, 28) \
	ATMOST(n+1, n+3, 29) \
	ATMOST(n+1, n+2, 30) \
	ATMOST(n+1, n+3, 31) \
nohi:                 \
	STP_Q(28, 29, 8, 0)  \
	STP_Q(30, 31, 8, 32) \
	ADD  R24, R8         \
	SUBS $1, R23         \
	BEQ  return

// K16 is lane i of the rows' 4 k: each column's weights are in a, b, c, d, which are then loaded from vector n of the block on, while those of the
// columns that come next, wa to wd, are prepared.
#define K16(COL, i, n, a, b, c, d, wa, wb, wc, wd) \
	COL(0, a, i, WIDEN(wa)) \
	W16(n, a)               \
	COL(1, b, i, WIDEN(wb)) \
	W16(n+1, b)             \
	COL(2, c, i, WIDEN(wc)) \
	W16(n+2, c)             \
	COL(3, d, i, WIDEN(wd)) \
	W16(n+3, d)             \
	PRFM (512+4*VECTOR*i)(R6), PLDL1KEEP

// BLOCK16 has a register of weights for each column, loaded one k ahead.
#define BLOCK16(COL, LASTCOL) \
	K16(COL, 0, 4, 30, 31, 22, 23, 22, 23, 30, 31)  \
	K16(COL, 1, 8, 30, 31, 22, 23, 22, 23, 30, 31)  \
	K16(COL, 2, 12, 30, 31, 22, 23, 22, 23, 30, 31) \
	PRFM (512+12*VECTOR)(R6), PLDL1KEEP             \
	NEXT                                            \
	ADVANCE                                         \
	COL(0, 30, 3, WIDEN(22))                        \
	W16(0, 30)                                      \
	COL(1, 31, 3, WIDEN(23))                        \
	W16(1, 31)                                      \
	COL(2, 22, 3, WIDEN(30))                        \
	W16(2, 22)                                      \
	LASTCOL(3, 23, WIDEN(31))                       \
	W16(3, 23)
#define FILL16 W16(0, 30); W16(1, 31); W16(2, 22); W16(3, 23); WIDEN(30); WIDEN(31)

// BLOCK16x6: six rows leave two registers.
#define BLOCK16x6 \
	K16(COL6, 0, 2, 30, 31, 30, 31, 31, 30, 31, 30)  \
	K16(COL6, 1, 6, 30, 31, 30, 31, 31, 30, 31, 30)  \
	K16(COL6, 2, 10, 30, 31, 30, 31, 31, 30, 31, 30) \
	PRFM (512+12*VECTOR)(R6), PLDL1KEEP              \
	NEXT                                             \
	COL6(0, 30, 3, WIDEN(31))                        \
	W16(14, 30)                                      \
	COL6(1, 31, 3, WIDEN(30))                        \
	W16(15, 31)                                      \
	ADVANCE                                          \
	COL6(2, 30, 3, WIDEN(31))                        \
	W16(0, 30)                                       \
	LASTCOL6(3, 31, WIDEN(30))                       \
	W16(1, 31)
#define FILL16x6 W16(0, 30); W16(1, 31); WIDEN(30)

// TAIL16 is one k. W16 counts from a block's begin, R6 is at a k's end.
#define TAIL16(COL) \
	ADD R16>>2, R6         \
	W16(12, 30)            \
	W16(13, 31)            \
	WIDEN(30)              \
	COL(0, 30, 0, WIDEN(31)) \
	W16(14, 30)            \
	COL(1, 31, 0, WIDEN(30)) \
	W16(15, 31)            \
	COL(2, 30, 0, WIDEN(31)) \
	COL(3, 31, 0, NOTHING)

#define SCALES16 VLD1 (R11), [V24.S4, V25.S4, V26.S4, V27.S4]
#define ROW16 VLD1.P 64(R3), [V0.S4, V1.S4, V2.S4, V3.S4]; VLD1 (R10), [V28.S4, V29.S4, V30.S4, V31.S4]

// BEGIN16 gets the accumulators and jumps to the loop of the number of rows, END16 is what follows the loops.
#define BEGIN16(W, bytes, MORE) \
	PROLOGUE(W, bytes)              \
	LOAD16(F0, F1, F2, F3)          \
	LOAD16(F4, F5, F6, F7)          \
	LOAD16(F8, F9, F10, F11)        \
	LOAD16(F12, F13, F14, F15)      \
	LOAD16(F16, F17, F18, F19)      \
	LOAD16(F20, F21, F22, F23)      \
loaded:                             \
	MORE                            \
	DISPATCH

#define END16 \
done:                               \
	MOVD R23, R11                   \
	MOVBU GemmTile_Last(R22), R7    \
	CBNZ R7, epilogue               \
	MOVD GemmTile_Acc(R22), R8      \
	SAVE16(F0, F1, F2, F3, return)  \
	SAVE16(F4, F5, F6, F7, return)  \
	SAVE16(F8, F9, F10, F11, return) \
	SAVE16(F12, F13, F14, F15, return) \
	SAVE16(F16, F17, F18, F19, return) \
	SAVE16(F20, F21, F22, F23, return) \
epilogue:                           \
	EPILOGUE(SCALES16) \
	CMP  $16, R7                    \
	BNE  part                       \
	LIMITS                          \
	STORE16(0, plain0, nolo0, nohi0) \
	STORE16(4, plain1, nolo1, nohi1) \
	STORE16(8, plain2, nolo2, nohi2) \
	STORE16(12, plain3, nolo3, nohi3) \
	STORE16(16, plain4, nolo4, nohi4) \
	STORE16(20, plain5, nolo5, nohi5) \
part:                               \
	MOVD R8, R2                     \
	MOVD R23, R11                   \
	MOVD $tile-384(SP), R3          \
	MOVD R3, R8                     \
	SAVE16(F0, F1, F2, F3, saved)   \
	SAVE16(F4, F5, F6, F7, saved)   \
	SAVE16(F8, F9, F10, F11, saved) \
	SAVE16(F12, F13, F14, F15, saved) \
	SAVE16(F16, F17, F18, F19, saved) \
	SAVE16(F20, F21, F22, F23, saved) \
saved:                              \
	PARTROWS(ROW16) \
return:                             \
	RET

#define GEMM16(W) \
	BEGIN16(W, (16*VECTOR), NOTHING)         \
	LOOP(seg1, block1, tail1, k1, next1, PTRS1, QUADS1, FILL16, BLOCK16(COL1, LASTCOL1), ONES1, TAIL16(COL1)) \
	LOOP(seg2, block2, tail2, k2, next2, PTRS2, QUADS2, FILL16, BLOCK16(COL2, LASTCOL2), ONES2, TAIL16(COL2)) \
	LOOP(seg3, block3, tail3, k3, next3, PTRS3, QUADS3, FILL16, BLOCK16(COL3, LASTCOL3), ONES3, TAIL16(COL3)) \
	LOOP(seg4, block4, tail4, k4, next4, PTRS4, QUADS4, FILL16, BLOCK16(COL4, LASTCOL4), ONES4, TAIL16(COL4)) \
	LOOP(seg5, block5, tail5, k5, next5, PTRS5, QUADS5, FILL16, BLOCK16(COL5, LASTCOL5), ONES5, TAIL16(COL5)) \
	LOOP(seg6, block6, tail6, k6, next6, PTRS6, QUADS6, FILL16x6, BLOCK16x6, ONES6, TAIL16(COL6)) \
	END16

// ---- 8 columns, each row in the first two of its four registers

#define LOAD8(f0, f1) \
	FLDPQ.P 32(R8), (f0, f1) \
	SUBS $1, R11             \
	BEQ  loaded

#define SAVE8(f0, f1, end) \
	FSTPQ.P (f0, f1), 32(R8) \
	SUBS $1, R11             \
	BEQ  end

#define STORE8(n, plain, nolo, nohi) \
	LDUR_Q(10, 0, 28)    \
	LDUR_Q(10, 16, 29)   \
	FMLA(24, n, 28)      \
	FMLA(25, n+1, 29)    \
	CBZ  R9, plain       \
	LDUR_Q(9, 0, n)      \
	LDUR_Q(9, 16, n+1)   \
	ADD  R25, R9         \
	FADD(n, 28, 28)      \
	FADD(n+1, 29, 29)    \
plain:                \
	CBZ  R20, nolo       \
	LD1R(20, n)          \
	ATLEAST(n, n+2, 28)  \
	ATLEAST(n, n+3, 29)  \
nolo:                 \
	CBZ  R21, nohi       \
	LD1R(21, n+1)        \
	ATMOST(n+1, n+2, 28) \
	ATMOST(n+1, n+3, 29) \
nohi:                 \
	STP_Q(28, 29, 8, 0)  \
	ADD  R24, R8         \
	SUBS $1, R23         \
	BEQ  return

// BLOCK8 has registers for the weights of two k.
#define BLOCK8(COL, LASTCOL) \
	COL(0, 30, 0, WIDEN(22)) \
	W8(4, 30)                \
	COL(1, 31, 0, WIDEN(23)) \
	W8(5, 31)                \
	PRFM 512(R6), PLDL1KEEP  \
	COL(0, 22, 1, WIDEN(30)) \
	W8(6, 22)                \
	COL(1, 23, 1, WIDEN(31)) \
	W8(7, 23)                \
	PRFM (512+4*VECTOR)(R6), PLDL1KEEP \
	ADVANCE                  \
	COL(0, 30, 2, WIDEN(22)) \
	W8(0, 30)                \
	COL(1, 31, 2, WIDEN(23)) \
	W8(1, 31)                \
	COL(0, 22, 3, WIDEN(30)) \
	W8(2, 22)                \
	LASTCOL(1, 23, WIDEN(31)) \
	W8(3, 23)
#define FILL8 W8(0, 30); W8(1, 31); W8(2, 22); W8(3, 23); WIDEN(30); WIDEN(31)

#define TAIL8(COL) \
	ADD R16>>2, R6          \
	W8(6, 30)               \
	W8(7, 31)               \
	WIDEN(30)               \
	COL(0, 30, 0, WIDEN(31)) \
	COL(1, 31, 0, NOTHING)

#define SCALES8 VLD1 (R11), [V24.S4, V25.S4]
#define ROW8 VLD1.P 32(R3), [V0.S4, V1.S4]; VLD1 (R10), [V28.S4, V29.S4]

#define GEMM8(W) \
	PROLOGUE(W, (8*VECTOR))         \
	LOAD8(F0, F1)                   \
	LOAD8(F4, F5)                   \
	LOAD8(F8, F9)                   \
	LOAD8(F12, F13)                 \
	LOAD8(F16, F17)                 \
	LOAD8(F20, F21)                 \
loaded:                             \
	DISPATCH                        \
	LOOP(seg1, block1, tail1, k1, next1, PTRS1, QUADS1, FILL8, BLOCK8(COL1, LASTCOL1), ONES1, TAIL8(COL1)) \
	LOOP(seg2, block2, tail2, k2, next2, PTRS2, QUADS2, FILL8, BLOCK8(COL2, LASTCOL2), ONES2, TAIL8(COL2)) \
	LOOP(seg3, block3, tail3, k3, next3, PTRS3, QUADS3, FILL8, BLOCK8(COL3, LASTCOL3), ONES3, TAIL8(COL3)) \
	LOOP(seg4, block4, tail4, k4, next4, PTRS4, QUADS4, FILL8, BLOCK8(COL4, LASTCOL4), ONES4, TAIL8(COL4)) \
	LOOP(seg5, block5, tail5, k5, next5, PTRS5, QUADS5, FILL8, BLOCK8(COL5, LASTCOL5), ONES5, TAIL8(COL5)) \
	LOOP(seg6, block6, tail6, k6, next6, PTRS6, QUADS6, FILL8, BLOCK8(COL6, LASTCOL6), ONES6, TAIL8(COL6)) \
done:                               \
	MOVD R23, R11                   \
	MOVBU GemmTile_Last(R22), R7    \
	CBNZ R7, epilogue               \
	MOVD GemmTile_Acc(R22), R8      \
	SAVE8(F0, F1, return)           \
	SAVE8(F4, F5, return)           \
	SAVE8(F8, F9, return)           \
	SAVE8(F12, F13, return)         \
	SAVE8(F16, F17, return)         \
	SAVE8(F20, F21, return)         \
epilogue:                           \
	EPILOGUE(SCALES8) \
	CMP  $8, R7                     \
	BNE  part                       \
	LIMITS                          \
	STORE8(0, plain0, nolo0, nohi0) \
	STORE8(4, plain1, nolo1, nohi1) \
	STORE8(8, plain2, nolo2, nohi2) \
	STORE8(12, plain3, nolo3, nohi3) \
	STORE8(16, plain4, nolo4, nohi4) \
	STORE8(20, plain5, nolo5, nohi5) \
part:                               \
	MOVD R8, R2                     \
	MOVD R23, R11                   \
	MOVD $tile-192(SP), R3          \
	MOVD R3, R8                     \
	SAVE8(F0, F1, saved)            \
	SAVE8(F4, F5, saved)            \
	SAVE8(F8, F9, saved)            \
	SAVE8(F12, F13, saved)          \
	SAVE8(F16, F17, saved)          \
	SAVE8(F20, F21, saved)          \
saved:                              \
	PARTROWS(ROW8) \
return:                             \
	RET

// ---- 16 columns of groups of 4 or 8 channels; the contract is at GemmGrouped in gemm_grouped.go
//
// A vector of columns belongs to one group, so the rows' registers hold that group's channels. R6 is 256 bytes into a segment's weights, R7 the columns.

// GW loads the weights at offset o of the segment.
#define GW(o, d) LDUR_Q(6, ((o)-256), d)

// HALF is 4 channels of the columns 4c: those whose weights, i first, lie at offset o. The rows then load what NEXTROWS makes R9, and the weights the next ones at n0 and n1.
#define HALF(COL, LASTCOL, c, o, NEXTROWS, n0, n1) \
	COL(c, 30, 0, NOTHING)   \
	GW(o+128, 30)            \
	COL(c, 31, 1, NOTHING)   \
	GW(o+192, 31)            \
	NEXTROWS                 \
	COL(c, 30, 2, NOTHING)   \
	GW(n0, 30)               \
	LASTCOL(c, 31, NOTHING)  \
	GW(n1, 31)

#define ADDRESS(o) MOVD $o, R9

// IFMORE is the address o of the next column's group, or, behind the last column, an old one and no more to do.
#define IFMORE(columns, o) \
	MOVD $o, R8        \
	CMP  $columns, R7  \
	CSEL GT, R8, R9, R9

#define GROUPS4(COL, LASTCOL, next) \
	HALF(COL, LASTCOL, 0, 0, IFMORE(4, 16), 16, 80)     \
	BLE  next                                           \
	HALF(COL, LASTCOL, 1, 16, IFMORE(8, 32), 32, 96)    \
	BLE  next                                           \
	HALF(COL, LASTCOL, 2, 32, IFMORE(12, 48), 48, 112)  \
	BLE  next                                           \
	HALF(COL, LASTCOL, 3, 48, NOTHING, 0, 64)

#define GROUPS8(COL, LASTCOL, next) \
	HALF(COL, LASTCOL, 0, 0, ADDRESS(16), 256, 320)           \
	HALF(COL, LASTCOL, 0, 256, ADDRESS(0), 16, 80)        \
	HALF(COL, LASTCOL, 1, 16, ADDRESS(16), 272, 336)      \
	HALF(COL, LASTCOL, 1, 272, IFMORE(8, 32), 32, 96)      \
	BLE  next                                              \
	HALF(COL, LASTCOL, 2, 32, ADDRESS(48), 288, 352)      \
	HALF(COL, LASTCOL, 2, 288, ADDRESS(32), 48, 112)      \
	HALF(COL, LASTCOL, 3, 48, ADDRESS(48), 304, 368)      \
	HALF(COL, LASTCOL, 3, 304, NOTHING, 0, 64)

#define GROUPSLOOP(segment, next, PTRS, QUADS, GROUPS) \
segment:             \
	PTRS             \
	ADD  $(6*8), R12 \
	MOVD $0, R9      \
	QUADS            \
	GW(0, 30)        \
	GW(64, 31)       \
	GROUPS           \
next:                \
	ADD  R16, R6     \
	SUBS $1, R14     \
	BNE  segment     \
	B    done

#define GROUPSBEGIN ADD $256, R6; MOVD GemmTile_Cols(R22), R7

// The branches of the dispatch are those of the other functions: seg1 to seg6.
#define GEMMGROUPS(GROUPS, bytes) \
	BEGIN16(GemmTile_W, bytes, GROUPSBEGIN) \
	GROUPSLOOP(seg1, next1, PTRS1, QUADS1, GROUPS(COL1, LASTCOL1, next1)) \
	GROUPSLOOP(seg2, next2, PTRS2, QUADS2, GROUPS(COL2, LASTCOL2, next2)) \
	GROUPSLOOP(seg3, next3, PTRS3, QUADS3, GROUPS(COL3, LASTCOL3, next3)) \
	GROUPSLOOP(seg4, next4, PTRS4, QUADS4, GROUPS(COL4, LASTCOL4, next4)) \
	GROUPSLOOP(seg5, next5, PTRS5, QUADS5, GROUPS(COL5, LASTCOL5, next5)) \
	GROUPSLOOP(seg6, next6, PTRS6, QUADS6, GROUPS(COL6, LASTCOL6, next6)) \
	END16

// ---- the functions: what is a vector of 4 weights in memory, how it is loaded from the offset o of R6, and what is done then

#define VECTOR 16
#define WEIGHTS(o, d) LDUR_Q(6, o, d)
#define WIDEN(d)

// func gemm16NEON(rows int, t *GemmTile)
TEXT ·gemm16NEON(SB), NOSPLIT, $384-16
	GEMM16(GemmTile_W)

// func gemm8NEON(rows int, t *GemmTile)
TEXT ·gemm8NEON(SB), NOSPLIT, $192-16
	GEMM8(GemmTile_W)

// func gemmGroups4NEON(rows int, t *GemmTile)
TEXT ·gemmGroups4NEON(SB), NOSPLIT, $384-16
	GEMMGROUPS(GROUPS4, 256)

// func gemmGroups8NEON(rows int, t *GemmTile)
TEXT ·gemmGroups8NEON(SB), NOSPLIT, $384-16
	GEMMGROUPS(GROUPS8, 512)

#undef VECTOR
#undef WEIGHTS
#undef WIDEN
#define VECTOR 8
#define WEIGHTS(o, d) LDUR_D(6, o, d)
#define WIDEN(d) FCVTL(d, d)

// func gemm16F16NEON(rows int, t *GemmTile)
TEXT ·gemm16F16NEON(SB), NOSPLIT, $384-16
	GEMM16(GemmTile_W16)

// func gemm8F16NEON(rows int, t *GemmTile)
TEXT ·gemm8F16NEON(SB), NOSPLIT, $192-16
	GEMM8(GemmTile_W16)
