//go:build !purego

// Winograd's input and output transforms on NEON, 4 channels at a time and the last 1 to 3 one by one; the contracts are in winograd.go. Each transform takes two columns or
// two rows at once, in turns, so that no instruction waits for the one before; what it computes next is loaded meanwhile, and what it has computed stored. ROW's results lie where INPUT2 and OUTPUT2 say.

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

// NOTHING is for a place where nothing is to be loaded or stored.
#define NOTHING

// INPUT2 is B^T d of two vectors of six. The results lie in a0 a2 a3 a1 a4 a5, and those of b likewise. V24-V27 are lost; V31 has the factors 1.5, 2, -0.5. s0 to s5 are loads and stores.
#define INPUT2(a0, a1, a2, a3, a4, a5, b0, b1, b2, b3, b4, b5, s0, s1, s2, s3, s4, s5) \
	FSUB(a1, a3, 25)          \ // q
	FSUB(b1, b3, 27)          \
	FSUB(a2, a4, 24)          \ // p
	FSUB(b2, b4, 26)          \
	s0                        \
	FSUB(a2, a0, a0)          \
	FSUB(b2, b0, b0)          \
	FSUB(a3, a5, a5)          \
	FSUB(b3, b5, b5)          \
	MOV(24, a1)               \ // p
	MOV(26, b1)               \
	s1                        \
	MOV(24, a4)               \ // p
	MOV(26, b4)               \
	FMLA_LANE(31, 0, 25, a0)  \
	FMLA_LANE(31, 0, 27, b0)  \
	s2                        \
	FMLA_LANE(31, 0, 24, a5)  \
	FMLA_LANE(31, 0, 26, b5)  \
	FMLA_LANE(31, 1, 25, a1)  \ // v3
	FMLA_LANE(31, 1, 27, b1)  \
	s3                        \
	FADD(24, a0, a0)          \ // v0
	FADD(26, b0, b0)          \
	FMLA_LANE(31, 2, 25, a4)  \ // v4
	FMLA_LANE(31, 2, 27, b4)  \
	FSUB(25, a5, a5)          \ // v5
	FSUB(27, b5, b5)          \
	s4                        \
	FMLA_LANE(31, 0, a3, 24)  \ // m
	FMLA_LANE(31, 0, b3, 26)  \
	FMLA_LANE(31, 0, a2, 25)  \ // n
	FMLA_LANE(31, 0, b2, 27)  \
	s5                        \
	FADD(25, 24, a2)          \ // v1
	FADD(27, 26, b2)          \
	FSUB(25, 24, a3)          \ // v2
	FSUB(27, 26, b3)

// EVEN and ODD load two pixels whose offsets they find in their registers, and the offsets of the two after the next, in row y and the columns x and x+1.
#define EVEN(LD, a, b, y, x) \
	LD(1, 19, a)  \
	LD(1, 20, b)  \
	LDP (8*(6*y+x))(R2), (R19, R20)

#define ODD(LD, a, b, y, x) \
	LD(1, 21, a)  \
	LD(1, 22, b)  \
	LDP (8*(6*y+x))(R2), (R21, R22)

// TABLE stores a and b to row y of the table, of which it has four columns: x and x+1.
#define TABLE(y, x, a, b) STP_Q(a, b, 12, (64*y+16*x-192))

// FROMTABLE loads them.
#define FROMTABLE(y, x, a, b) \
	LDUR_Q(12, (64*y+16*x-192), a) \
	LDUR_Q(12, (64*y+16*x-176), b)

// KEEP stores the products i and j of the row of V at register row, to the offsets in registers i and j.
#define KEEP(ST, row, i, a, j, b) \
	ST(a, row, i)  \
	ST(b, row, j)

// NEXTROWS goes to the next two rows of V.
#define NEXTROWS \
	ADD  R11, R3    \
	ADD  R11, R4

// WINDOW transforms one vector of channels of one window: its columns 0 and 1, 2 and 3, 4 and 5, then its rows. The last two columns stay in V0-V11 but for their row 5, which is the seventh of the table.
#define WINDOW(LD, ST) \
	MOVD R15, R3 \
	ADD  R10, R15, R4 \
	EVEN(LD, 0, 6, 2, 0) \
	ODD(LD, 1, 7, 3, 0) \
	EVEN(LD, 2, 8, 4, 0) \
	ODD(LD, 3, 9, 5, 0) \
	EVEN(LD, 4, 10, 0, 2) \
	ODD(LD, 5, 11, 1, 2) \
	INPUT2(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, EVEN(LD, 12, 18, 2, 2), ODD(LD, 13, 19, 3, 2), EVEN(LD, 14, 20, 4, 2), ODD(LD, 15, 21, 5, 2), EVEN(LD, 16, 22, 0, 4), ODD(LD, 17, 23, 2, 4)) \
	INPUT2(12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, TABLE(0, 0, 0, 6); EVEN(LD, 0, 6, 3, 4), TABLE(1, 0, 2, 8); ODD(LD, 2, 8, 1, 4), TABLE(2, 0, 3, 9); EVEN(LD, 3, 9, 4, 4), TABLE(3, 0, 1, 7); ODD(LD, 1, 7, 5, 4), TABLE(4, 0, 4, 10); EVEN(LD, 4, 10, 0, 0), TABLE(5, 0, 5, 11); ODD(LD, 5, 11, 1, 0)) \
	INPUT2(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, TABLE(0, 2, 12, 18); TABLE(3, 2, 13, 19), TABLE(1, 2, 14, 20); FROMTABLE(0, 0, 12, 13), TABLE(2, 2, 15, 21); FROMTABLE(1, 2, 18, 19), TABLE(4, 2, 16, 22); FROMTABLE(0, 2, 14, 15), TABLE(5, 2, 17, 23); FROMTABLE(1, 0, 16, 17), NOTHING) \
	INPUT2(12, 13, 14, 15, 0, 6, 16, 17, 18, 19, 2, 8, TABLE(6, 0, 5, 11), FROMTABLE(2, 0, 20, 21), FROMTABLE(2, 2, 22, 23), FROMTABLE(3, 0, 28, 29), FROMTABLE(3, 2, 30, 5), NOTHING) \
	INPUT2(20, 21, 22, 23, 3, 9, 28, 29, 30, 5, 1, 7, KEEP(ST, 3, 17, 12, 7, 13); FROMTABLE(4, 0, 12, 13), KEEP(ST, 3, 5, 14, 6, 15); FROMTABLE(4, 2, 14, 15), KEEP(ST, 3, 8, 0, 9, 6); FROMTABLE(6, 0, 0, 6), KEEP(ST, 4, 17, 16, 7, 17); FROMTABLE(5, 0, 16, 17), KEEP(ST, 4, 5, 18, 6, 19); FROMTABLE(5, 2, 18, 19), KEEP(ST, 4, 8, 2, 9, 8); NEXTROWS) \
	INPUT2(12, 13, 14, 15, 4, 10, 16, 17, 18, 19, 0, 6, KEEP(ST, 3, 17, 20, 7, 21), KEEP(ST, 3, 5, 22, 6, 23), KEEP(ST, 3, 8, 3, 9, 9), KEEP(ST, 4, 17, 28, 7, 29), KEEP(ST, 4, 5, 30, 6, 5), KEEP(ST, 4, 8, 1, 9, 7); NEXTROWS) \
	KEEP(ST, 3, 17, 12, 7, 13) \
	KEEP(ST, 3, 5, 14, 6, 15) \
	KEEP(ST, 3, 8, 4, 9, 10) \
	KEEP(ST, 4, 17, 16, 7, 17) \
	KEEP(ST, 4, 5, 18, 6, 19) \
	KEEP(ST, 4, 8, 0, 9, 6)

// func winogradInputNEON(t *WinogradInputTiles)
//
//	R0       t                              R1       A at this channel
//	R2       offsets of the tile            R12      table
//	R14      V at this tile                 R15      and channel
//	R17      0
//	R3 R4    V at two rows                  R5-R9    1, 2, 3, 4, 5 times VStride
//	R10 R11  6 and 12 times VStride         R19-R22  offsets
//	R13      channels left                  R16      tiles left
//	V0-V11   columns 0 and 1, 4 and 5       V12-V23  columns 2 and 3, rows
//	V24-V27  scratch of INPUT2              V31      1.5, 2, -0.5
TEXT ·winogradInputNEON(SB), 0, $432-8
	MOVD t+0(FP), R0
	MOVD $0x400000003fc00000, R1
	VMOV R1, V31.D[0]
	MOVD $0xbf000000, R1
	VMOV R1, V31.D[1]
	MOVD $table-432(SP), R12
	ADD  $(15+192), R12
	AND  $~15, R12
	MOVD WinogradInputTiles_Off(R0), R2
	MOVD WinogradInputTiles_V(R0), R14
	MOVD WinogradInputTiles_Tiles(R0), R16
	MOVD ZR, R17
	MOVD WinogradInputTiles_VStride(R0), R5
	LSL  $1, R5, R6
	ADD  R5, R6, R7
	LSL  $2, R5, R8
	ADD  R5, R8, R9
	LSL  $1, R7, R10
	LSL  $2, R7, R11

tile:
	LDP  (R2), (R19, R20)
	LDP  48(R2), (R21, R22)
	MOVD WinogradInputTiles_A(R0), R1
	MOVD WinogradInputTiles_Channels(R0), R13
	MOVD R14, R15
	SUBS $4, R13
	BLT  tail

vector:
	WINDOW(LDR_Q, STR_Q)
	ADD  $16, R1
	ADD  $16, R15
	SUBS $4, R13
	BGE  vector

tail:
	ADDS $4, R13
	BEQ  next

channel:
	WINDOW(LDR_S, STR_S)
	ADD  $4, R1
	ADD  $4, R15
	SUBS $1, R13
	BNE  channel

next:
	ADD  $288, R2
	MOVD WinogradInputTiles_VTile(R0), R1
	ADD  R1, R14
	SUBS $1, R16
	BNE  tile
	RET

// OUTPUT2 is A^T m of two vectors of six. The results lie in a0 a2 at a5, and those of b likewise. V30 has the factors 1/2, 1/4, 1/8, -2, V31 has 4, -8. s0 to s5 are loads.
#define OUTPUT2(a0, a1, a2, a3, a4, a5, at, b0, b1, b2, b3, b4, b5, bt, s0, s1, s2, s3, s4, s5) \
	FADD(a2, a1, at)          \ // s
	FADD(b2, b1, bt)          \
	FSUB(a2, a1, a2)          \ // r
	FSUB(b2, b1, b2)          \
	s0                        \
	FADD(a4, a3, a1)          \
	FADD(b4, b3, b1)          \
	FADD(at, a0, a0)          \
	FADD(bt, b0, b0)          \
	s1                        \
	FADD(a5, a2, a5)          \
	FADD(b5, b2, b5)          \
	FMLA_LANE(30, 0, a3, a2)  \
	FMLA_LANE(30, 0, b3, b2)  \
	s2                        \
	FMLA_LANE(30, 1, a3, at)  \
	FMLA_LANE(30, 1, b3, bt)  \
	FADD(a1, a0, a0)          \ // y0
	FADD(b1, b0, b0)          \
	s3                        \
	FMLA_LANE(30, 2, a3, a5)  \
	FMLA_LANE(30, 2, b3, b5)  \
	FMLA_LANE(30, 3, a4, a2)  \ // y1
	FMLA_LANE(30, 3, b4, b2)  \
	s4                        \
	FMLA_LANE(31, 0, a4, at)  \ // y2
	FMLA_LANE(31, 0, b4, bt)  \
	s5                        \
	FMLA_LANE(31, 1, a4, a5)  \ // y3
	FMLA_LANE(31, 1, b4, b5)

// SUMS2 loads row y of two neighbouring columns; register i has its offset.
#define SUMS2(LD, i, a, b) \
	LD(1, i, a)  \
	LD(2, i, b)

// RIGHT goes two columns on.
#define RIGHT \
	ADD R26<<1, R1 \
	ADD R26<<1, R2

// PIXELS4 transforms one row, a0 to a5, to four pixels, applies the epilogue and goes to done behind the last row. a1, a3 and a4, whose own values are used up by then, and V29 become the pixels. The pixels
// that a cut tile has not lie at the place of the first, which is stored last.
#define PIXELS4(LD, ST, a0, a1, a2, a3, a4, a5, plain, done) \
	FADD(a2, a1, 22)          \ // s
	FSUB(a2, a1, a2)          \ // r
	FADD(a4, a3, a1)          \
	MOV(8, 29)                \
	FADD(22, a0, a0)          \
	FADD(a5, a2, a5)          \
	FMLA_LANE(30, 0, a3, a2)  \
	FMLA_LANE(30, 1, a3, 22)  \
	FADD(a1, a0, a0)          \ // y0
	FMLA_LANE(30, 2, a3, a5)  \
	FMLA_LANE(30, 3, a4, a2)  \ // y1
	FMLA_LANE(31, 0, a4, 22)  \ // y2
	MOV(8, a1)                \
	FMLA_LANE(31, 1, a4, a5)  \ // y3
	MOV(8, a3)                \
	MOV(8, a4)                \
	FMLA(3, a0, a1)           \
	FMLA(3, a2, a3)           \
	FMLA(3, 22, a4)           \
	FMLA(3, a5, 29)           \
	CBZ  R13, plain           \
	LD(13, 17, a0)            \
	ADD  R17, R13, R26        \
	LD(26, 14, a2)            \
	LD(26, 15, 22)            \
	LD(26, 16, a5)            \
	FADD(a0, a1, a1)          \
	FADD(a2, a3, a3)          \
	FADD(22, a4, a4)          \
	FADD(a5, 29, 29)          \
	MOVD WinogradOutputTiles_ResRow(R0), R26 \
	ADD  R26, R13             \
plain:                        \
	FCMGT(a1, 10, a0)         \
	FCMGT(a3, 10, a2)         \
	FCMGT(a4, 10, 22)         \
	FCMGT(29, 10, a5)         \
	BIT(a0, 10, a1)           \
	BIT(a2, 10, a3)           \
	BIT(22, 10, a4)           \
	BIT(a5, 10, 29)           \
	FMIN(18, a1, a1)          \
	FMIN(18, a3, a3)          \
	FMIN(18, a4, a4)          \
	FMIN(18, 29, 29)          \
	ST(29, 9, 12)             \
	ST(a4, 9, 11)             \
	ST(a3, 9, 10)             \
	ST(a1, 9, 8)             \
	SUBS $1, R20              \
	BEQ  done                 \
	ADD  R25, R9

// SUMS transforms one vector of channels of one tile: its columns 0 and 1, 2 and 3, 4 and 5, then its rows.
#define SUMS(LD, ST, affine, p0, p1, p2, p3, done) \
	MOVD WinogradOutputTiles_MStride(R0), R26 \
	ADD  R17, R24, R1            \
	ADD  R1, R26, R2             \
	ADD  R17, R22, R9            \
	MOVD R23, R13                \
	MOVD WinogradOutputTiles_Rows(R0), R20 \
	SUMS2(LD, 8, 0, 7)          \
	SUMS2(LD, 3, 1, 8)           \
	SUMS2(LD, 4, 2, 9)           \
	SUMS2(LD, 5, 3, 10)          \
	SUMS2(LD, 6, 4, 11)          \
	SUMS2(LD, 7, 5, 12)          \
	RIGHT                        \
	OUTPUT2(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, SUMS2(LD, 8, 14, 21), SUMS2(LD, 3, 15, 22), SUMS2(LD, 4, 16, 23), SUMS2(LD, 5, 17, 24), SUMS2(LD, 6, 18, 25), SUMS2(LD, 7, 19, 26)) \
	RIGHT                        \
	OUTPUT2(14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, LD(1, 3, 3), LD(1, 4, 4), LD(1, 5, 8), LD(1, 6, 10), LD(1, 7, 11), SUMS2(LD, 8, 1, 28); LD(2, 3, 29)) \
	LD(2, 4, 17)                 \
	LD(2, 5, 18)                 \
	LD(2, 6, 22)                 \
	LD(2, 7, 24)                 \
	OUTPUT2(1, 3, 4, 8, 10, 11, 15, 28, 29, 17, 18, 22, 24, 25, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING) \
	MOVD WinogradOutputTiles_Scale(R0), R1 \
	MOVD WinogradOutputTiles_Shift(R0), R2 \
	MOVD R17, R26                \
	CBNZ R1, affine              \
	MOVD $noAffine<>(SB), R1     \
	ADD  $16, R1, R2             \
	MOVD $0, R26                 \
affine:                          \
	LD(1, 26, 3)                 \
	LD(2, 26, 8)                 \
	ADD  $WinogradOutputTiles_Lo, R0, R1 \
	VLD1R.P 4(R1), [V10.S4]      \
	VLD1R (R1), [V18.S4]         \
	PIXELS4(LD, ST, 0, 7, 14, 21, 1, 28, p0, done) \
	PIXELS4(LD, ST, 2, 9, 16, 23, 4, 17, p1, done) \
	PIXELS4(LD, ST, 6, 13, 20, 27, 15, 25, p2, done) \
	PIXELS4(LD, ST, 5, 12, 19, 26, 11, 24, p3, done) \
done:

// func winogradOutputNEON(t *WinogradOutputTiles)
//
//	R0       t                              R17      byte of the channel
//	R24      M at this tile                 R1 R2    and channel, at two columns
//	R3-R7    6, 12, 18, 24, 30 times MStride         R8   0
//	R22 R23  C and Res (0: none) at this tile        R9 R13  and at the row
//	R10-R12  CCol times 1, 2, 3, but 0 for pixels that a cut tile has not; R14-R16 likewise ResCol
//	R19      channels left                  R20      rows left
//	R21      output columns of this tile and those to its right
//	R25      CRow                           R26      MStride, scratch in a row
//	V0-V29   columns, then rows             V30 V31  1/2, 1/4, 1/8, -2, 4, -8
//	in a row V3 V8 scale and shift, V10 V18 Lo and Hi, V22 V29 scratch
TEXT ·winogradOutputNEON(SB), NOSPLIT, $0-8
	MOVD t+0(FP), R0
	MOVD $0x3e8000003f000000, R1
	VMOV R1, V30.D[0]
	MOVD $0xc00000003e000000, R1
	VMOV R1, V30.D[1]
	MOVD $0xc100000040800000, R1
	VMOV R1, V31.D[0]
	MOVD ZR, R8
	MOVD WinogradOutputTiles_MStride(R0), R1
	ADD  R1<<1, R1, R3
	LSL  $1, R3
	LSL  $1, R3, R4
	ADD  R3, R4, R5
	LSL  $2, R3, R6
	ADD  R3, R6, R7
	MOVD WinogradOutputTiles_M(R0), R24
	MOVD WinogradOutputTiles_C(R0), R22
	MOVD WinogradOutputTiles_Res(R0), R23
	MOVD WinogradOutputTiles_CRow(R0), R25
	MOVD WinogradOutputTiles_Width(R0), R21

tile:
	MOVD WinogradOutputTiles_CCol(R0), R10
	MOVD WinogradOutputTiles_ResCol(R0), R14
	CMP  $2, R21
	CSEL GE, R10, ZR, R10
	CSEL GE, R14, ZR, R14
	LSL  $1, R10, R11
	LSL  $1, R14, R15
	ADD  R10, R11, R12
	ADD  R14, R15, R16
	CMP  $3, R21
	CSEL GE, R11, ZR, R11
	CSEL GE, R15, ZR, R15
	CMP  $4, R21
	CSEL GE, R12, ZR, R12
	CSEL GE, R16, ZR, R16
	MOVD WinogradOutputTiles_Channels(R0), R19
	MOVD ZR, R17
	SUBS $4, R19
	BLT  tail

vector:
	SUMS(LDR_Q, STR_Q, affine, p0, p1, p2, p3, done)
	ADD  $16, R17
	SUBS $4, R19
	BGE  vector

tail:
	ADDS $4, R19
	BEQ  across

channel:
	SUMS(LDR_S, STR_S, affineTail, p0Tail, p1Tail, p2Tail, p3Tail, doneTail)
	ADD  $4, R17
	SUBS $1, R19
	BNE  channel

across:
	MOVD WinogradOutputTiles_MTile(R0), R1
	ADD  R1, R24
	MOVD WinogradOutputTiles_CCol(R0), R1
	ADD  R1<<2, R22
	CBZ  R23, right
	MOVD WinogradOutputTiles_ResCol(R0), R1
	ADD  R1<<2, R23

right:
	SUBS $4, R21
	BGT  tile
	RET

// What an affine part must be to change nothing: a scale of 1 and a shift of -0.
DATA noAffine<>+0(SB)/8, $0x3f8000003f800000
DATA noAffine<>+8(SB)/8, $0x3f8000003f800000
DATA noAffine<>+16(SB)/8, $0x8000000080000000
DATA noAffine<>+24(SB)/8, $0x8000000080000000
GLOBL noAffine<>(SB), RODATA|NOPTR, $32
