//go:build !purego

// One pass of a Winograd transform along one axis on NEON: four rows of the matrix at a time, then one, by 16 channels, then 4, then 1. The contract is in winograd_axis.go. The next column is loaded while
// one is multiplied.
//
//	R0       t                              R12      0
//	R24      A at this tile                 R1       and channel
//	R2       offsets of the tile            R14      byte of the channel
//	R3       matrix at the row              R13      channels left
//	R22 R23  C and Res (0: none) at this tile        R4 R5  and at the row and channel
//	R6 R7    CRow, ResRow                   R8       columns
//	R9-R11   1, 2, 3 rows of the matrix     R15      rows left
//	R16      tiles left                     R20      columns left
//	R17 R21  offset and matrix at the column         R19  pixel
//	V0-V15   sums                           V16-V19  pixel
//	V20-V23  matrix, in lane 0              V24-V31  scale, shift

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

// D16, D4 and D1 load a vector of the pixel, K a number of the matrix, COLUMN goes to the next column; NO and NONE do not.
#define D16(o, v) LDUR_Q(19, o, v)
#define D4(o, v) LDR_Q(19, 12, v)
#define D1(o, v) LDR_S(19, 12, v)
#define K(x, v) LDR_S(21, x, v)
#define NO(x, v)
#define COLUMN \
	MOVD.P 8(R17), R19 \
	ADD  R1, R19       \
	ADD  $4, R21
#define NONE

// ROWS4x16 multiplies one column for four rows and 16 channels, and the three others likewise; OP is FMUL_LANE for the first column, then FMLA_LANE.
#define ROWS4x16(OP, NEXT, D, K) \
	NEXT             \
	OP(20, 0, 16, 0) \
	OP(21, 0, 16, 4) \
	OP(22, 0, 16, 8) \
	OP(23, 0, 16, 12) \
	D(0, 16)         \
	OP(20, 0, 17, 1) \
	OP(21, 0, 17, 5) \
	OP(22, 0, 17, 9) \
	OP(23, 0, 17, 13) \
	D(16, 17)        \
	OP(20, 0, 18, 2) \
	OP(21, 0, 18, 6) \
	OP(22, 0, 18, 10) \
	OP(23, 0, 18, 14) \
	D(32, 18)        \
	OP(20, 0, 19, 3) \
	K(12, 20)        \
	OP(21, 0, 19, 7) \
	K(9, 21)         \
	OP(22, 0, 19, 11) \
	K(10, 22)        \
	OP(23, 0, 19, 15) \
	K(11, 23)        \
	D(48, 19)

#define ROW1x16(OP, NEXT, D, K) \
	NEXT             \
	OP(20, 0, 16, 0) \
	D(0, 16)         \
	OP(20, 0, 17, 1) \
	D(16, 17)        \
	OP(20, 0, 18, 2) \
	D(32, 18)        \
	OP(20, 0, 19, 3) \
	K(12, 20)        \
	D(48, 19)

#define ROWS4x4(OP, NEXT, D, K) \
	NEXT             \
	OP(20, 0, 16, 0) \
	K(12, 20)        \
	OP(21, 0, 16, 4) \
	K(9, 21)         \
	OP(22, 0, 16, 8) \
	K(10, 22)        \
	OP(23, 0, 16, 12) \
	K(11, 23)        \
	D(0, 16)

#define ROW1x4(OP, NEXT, D, K) \
	NEXT             \
	OP(20, 0, 16, 0) \
	K(12, 20)        \
	D(0, 16)

#define PIXEL16 D16(0, 16); D16(16, 17); D16(32, 18); D16(48, 19)
#define PIXEL4 D4(0, 16)
#define PIXEL1 D1(0, 16)
#define MATRIX4 K(12, 20); K(9, 21); K(10, 22); K(11, 23)
#define MATRIX1 K(12, 20)

// COLS is all columns.
#define COLS(PRODUCTS, PIXEL, MATRIX, D, col, last, only, done) \
	MOVD R2, R17                     \
	SUB  $4, R3, R21                 \
	COLUMN                           \
	PIXEL                            \
	MATRIX                           \
	SUBS $2, R8, R20                 \
	BLT  only                        \
	PRODUCTS(FMUL_LANE, COLUMN, D, K) \
	BEQ  last                        \
	PCALIGN $16                      \
col:                                 \
	SUBS $1, R20                     \
	PRODUCTS(FMLA_LANE, COLUMN, D, K) \
	BNE  col                         \
last:                                \
	PRODUCTS(FMLA_LANE, NONE, NO, NO) \
	B    done                        \
only:                                \
	PRODUCTS(FMUL_LANE, NONE, NO, NO) \
done:

// LIMITS loads the clamp to V20 and V21, whose numbers are used up.
#define LIMITS \
	ADD  $WinogradAxis_Lo, R0, R19 \
	VLD1R.P 4(R19), [V20.S4]       \
	VLD1R (R19), [V21.S4]

#define DOWN \
	ADD  R6, R4 \
	ADD  R7, R5

// OUT16, OUT4 and OUT1 store a row with the epilogue, or at plain without.
#define OUT16(v0, v1, v2, v3, F0, F1, F2, F3, clamp, plain) \
	CBZ  R26, plain    \
	MOV(28, 16)        \
	MOV(29, 17)        \
	MOV(30, 18)        \
	MOV(31, 19)        \
	FMLA(24, v0, 16)   \
	FMLA(25, v1, 17)   \
	FMLA(26, v2, 18)   \
	FMLA(27, v3, 19)   \
	CBZ  R23, clamp    \
	LDUR_Q(5, 0, v0)   \
	LDUR_Q(5, 16, v1)  \
	LDUR_Q(5, 32, v2)  \
	LDUR_Q(5, 48, v3)  \
	FADD(v0, 16, 16)   \
	FADD(v1, 17, 17)   \
	FADD(v2, 18, 18)   \
	FADD(v3, 19, 19)   \
clamp:                 \
	FCMGT(16, 20, v0)  \
	FCMGT(17, 20, v1)  \
	FCMGT(18, 20, v2)  \
	FCMGT(19, 20, v3)  \
	BIT(v0, 20, 16)    \
	BIT(v1, 20, 17)    \
	BIT(v2, 20, 18)    \
	BIT(v3, 20, 19)    \
	FMIN(21, 16, v0)   \
	FMIN(21, 17, v1)   \
	FMIN(21, 18, v2)   \
	FMIN(21, 19, v3)   \
plain:                 \
	FMOVQ F0, (R4)     \
	FMOVQ F1, 16(R4)   \
	FMOVQ F2, 32(R4)   \
	FMOVQ F3, 48(R4)   \
	DOWN

#define OUT(LD, ST, v, clamp, plain) \
	CBZ  R26, plain    \
	MOV(28, 16)        \
	FMLA(24, v, 16)    \
	CBZ  R23, clamp    \
	LD(5, 12, v)       \
	FADD(v, 16, 16)    \
clamp:                 \
	FCMGT(16, 20, v)   \
	BIT(v, 20, 16)     \
	FMIN(21, 16, v)    \
plain:                 \
	ST(v, 4, 12)       \
	DOWN

// AFFINE points R19 and R21 at the channel's scale and shift, or at what changes nothing.
#define AFFINE(affine) \
	MOVD WinogradAxis_Scale(R0), R19 \
	MOVD WinogradAxis_Shift(R0), R21 \
	ADD  R14, R19                    \
	ADD  R14, R21                    \
	MOVD WinogradAxis_Scale(R0), R25 \
	CBNZ R25, affine                 \
	MOVD $noAffine<>(SB), R19        \
	ADD  $64, R19, R21               \
affine:

// START begins a vector of channels.
#define START \
	ADD  R14, R24, R1                \
	ADD  R14, R22, R4                \
	ADD  R14, R23, R5                \
	MOVD WinogradAxis_Matrix(R0), R3 \
	MOVD WinogradAxis_Rows(R0), R15

// ROWS does all rows of one vector.
#define ROWS(ROWS4, ROW1, PIXEL, D, OUT4, OUT1, rows, one, rest, done, col4, last4, only4, done4, col1, last1, only1, done1) \
	SUBS $4, R15               \
	BLT  rest                  \
rows:                          \
	COLS(ROWS4, PIXEL, MATRIX4, D, col4, last4, only4, done4) \
	LIMITS                     \
	OUT4                       \
	ADD  R9<<2, R3             \
	SUBS $4, R15               \
	BGE  rows                  \
rest:                          \
	ADDS $4, R15               \
	BEQ  done                  \
one:                           \
	COLS(ROW1, PIXEL, MATRIX1, D, col1, last1, only1, done1) \
	LIMITS                     \
	OUT1                       \
	ADD  R9, R3                \
	SUBS $1, R15               \
	BNE  one                   \
done:

#define FOUR16 \
	OUT16(0, 1, 2, 3, F0, F1, F2, F3, clamp160, plain160)           \
	OUT16(4, 5, 6, 7, F4, F5, F6, F7, clamp161, plain161)           \
	OUT16(8, 9, 10, 11, F8, F9, F10, F11, clamp162, plain162)       \
	OUT16(12, 13, 14, 15, F12, F13, F14, F15, clamp163, plain163)
#define ONE16 OUT16(0, 1, 2, 3, F0, F1, F2, F3, clamp164, plain164)
#define FOUR4 \
	OUT(LDR_Q, STR_Q, 0, clamp40, plain40)  \
	OUT(LDR_Q, STR_Q, 4, clamp41, plain41)  \
	OUT(LDR_Q, STR_Q, 8, clamp42, plain42)  \
	OUT(LDR_Q, STR_Q, 12, clamp43, plain43)
#define ONE4 OUT(LDR_Q, STR_Q, 0, clamp44, plain44)
#define FOUR1 \
	OUT(LDR_S, STR_S, 0, clamp10, plain10)  \
	OUT(LDR_S, STR_S, 4, clamp11, plain11)  \
	OUT(LDR_S, STR_S, 8, clamp12, plain12)  \
	OUT(LDR_S, STR_S, 12, clamp13, plain13)
#define ONE1 OUT(LDR_S, STR_S, 0, clamp14, plain14)

// func winogradAxisNEON(t *WinogradAxis)
TEXT ·winogradAxisNEON(SB), NOSPLIT, $0-8
	MOVD t+0(FP), R0
	MOVD ZR, R12
	MOVD WinogradAxis_A(R0), R24
	MOVD WinogradAxis_Off(R0), R2
	MOVD WinogradAxis_C(R0), R22
	MOVD WinogradAxis_Res(R0), R23
	MOVD WinogradAxis_CRow(R0), R6
	MOVD WinogradAxis_ResRow(R0), R7
	MOVD WinogradAxis_Cols(R0), R8
	LSL  $2, R8, R9
	LSL  $3, R8, R10
	ADD  R9, R10, R11
	MOVBU WinogradAxis_Last(R0), R26
	MOVD WinogradAxis_Tiles(R0), R16

tile:
	MOVD WinogradAxis_Channels(R0), R13
	MOVD ZR, R14
	SUBS $16, R13
	BLT  vectors

block:
	AFFINE(affine16)
	LDUR_Q(19, 0, 24)
	LDUR_Q(19, 16, 25)
	LDUR_Q(19, 32, 26)
	LDUR_Q(19, 48, 27)
	LDUR_Q(21, 0, 28)
	LDUR_Q(21, 16, 29)
	LDUR_Q(21, 32, 30)
	LDUR_Q(21, 48, 31)
	START
	ROWS(ROWS4x16, ROW1x16, PIXEL16, D16, FOUR16, ONE16, rows16, one16, rest16, done16, col164, last164, only164, done164, col161, last161, only161, done161)
	ADD  $64, R14
	SUBS $16, R13
	BGE  block

vectors:
	ADDS $16, R13
	BEQ  next
	SUBS $4, R13
	BLT  channels

vector:
	AFFINE(affine4)
	LDR_Q(19, 12, 24)
	LDR_Q(21, 12, 28)
	START
	ROWS(ROWS4x4, ROW1x4, PIXEL4, D4, FOUR4, ONE4, rows4, one4, rest4, done4, col44, last44, only44, done44, col41, last41, only41, done41)
	ADD  $16, R14
	SUBS $4, R13
	BGE  vector

channels:
	ADDS $4, R13
	BEQ  next

channel:
	AFFINE(affine1)
	LDR_S(19, 12, 24)
	LDR_S(21, 12, 28)
	START
	ROWS(ROWS4x4, ROW1x4, PIXEL1, D1, FOUR1, ONE1, rows1, one1, rest1, done1, col14, last14, only14, done14, col11, last11, only11, done11)
	ADD  $4, R14
	SUBS $1, R13
	BNE  channel

next:
	MOVD WinogradAxis_ATile(R0), R25
	ADD  R25, R24
	MOVD WinogradAxis_OffTile(R0), R25
	ADD  R25, R2
	MOVD WinogradAxis_CTile(R0), R25
	ADD  R25, R22
	CBZ  R23, across
	MOVD WinogradAxis_ResTile(R0), R25
	ADD  R25, R23

across:
	SUBS $1, R16
	BNE  tile
	RET

// What an affine part must be to change nothing: scales of 1, then shifts of -0.
DATA noAffine<>+0(SB)/8, $0x3f8000003f800000
DATA noAffine<>+8(SB)/8, $0x3f8000003f800000
DATA noAffine<>+16(SB)/8, $0x3f8000003f800000
DATA noAffine<>+24(SB)/8, $0x3f8000003f800000
DATA noAffine<>+32(SB)/8, $0x3f8000003f800000
DATA noAffine<>+40(SB)/8, $0x3f8000003f800000
DATA noAffine<>+48(SB)/8, $0x3f8000003f800000
DATA noAffine<>+56(SB)/8, $0x3f8000003f800000
DATA noAffine<>+64(SB)/8, $0x8000000080000000
DATA noAffine<>+72(SB)/8, $0x8000000080000000
DATA noAffine<>+80(SB)/8, $0x8000000080000000
DATA noAffine<>+88(SB)/8, $0x8000000080000000
DATA noAffine<>+96(SB)/8, $0x8000000080000000
DATA noAffine<>+104(SB)/8, $0x8000000080000000
DATA noAffine<>+112(SB)/8, $0x8000000080000000
DATA noAffine<>+120(SB)/8, $0x8000000080000000
GLOBL noAffine<>(SB), RODATA|NOPTR, $128
