//go:build !purego

// Depthwise convolution on NEON, 4 channels at a time and the last 1 to 3 one by one; the contract is at DepthwiseRow in depthwise.go.
//
//	R0       t                         R8   outputs left
//	R1       A at this channel         R9   channels left            R10  byte of the channel
//	R2       table at the output       R3   weights
//	R4       C at the output           R5   Res at the output, or 0
//	V9-V12   accumulators              V13  scale
//	V14 V15  clamp                     V28-V31  results, scratch
//
// Windows of 3x3, and of 5 or 7 columns, of strides 1 and 2 (7: only 1) have loops that load a pixel once for four outputs, a row of theirs after the other, each while the one before is
// multiplied. The last four outputs may be some that the four before have had too, unless they have residuals, which may lie in C.
//
//	R6       outputs to the next four, 0 if these are the last    R7   table at the next four
//	R13-R17 R19-R24  offsets of a row's pixels
//	R11 R12  3x3: V16-V27 are pixels, V0-V8 weights. Others: table at the row after next, bytes from column to column; V16-V26 are pixels, V0-V7 weights, R26 rows left
//
// The other loop takes four outputs of any window, whose places in the table are R7 and R11-R13; R14 is the byte of the tap, R15 and R16 the bytes from tap to tap and from window to window.

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

#define NOTHING

// TAP4 is one tap of four outputs; s0 and s1 are loads.
#define TAP4(w, x0, x1, x2, x3, s0, s1) \
	FMLA(w, x0, 9)   \
	FMLA(w, x1, 10)  \
	s0               \
	FMLA(w, x2, 11)  \
	FMLA(w, x3, 12)  \
	s1

// ZERO4 begins four sums, by an instruction that waits for nothing.
#define ZERO4 \
	VMOVI $0, V9.B16     \
	VMOVI $0, V10.B16    \
	VMOVI $0, V11.B16    \
	VMOVI $0, V12.B16

#define CLAMP(v, mask) \
	FCMGT(v, 14, mask)  \
	BIT(mask, 14, v)    \
	FMIN(15, v, v)

// SHIFT and SHIFT4 begin four results.
#define SHIFT MOVD shift-16(SP), R25

#define SHIFT4 \
	LDUR_Q(25, 0, 28)      \
	LDUR_Q(25, 0, 29)      \
	LDUR_Q(25, 0, 30)      \
	LDUR_Q(25, 0, 31)

// FINISH4 is the epilogue of four outputs after SHIFT4, and goes to the next four. s0 to s5 are loads.
#define FINISH4(plain, s0, s1, s2, s3, s4, s5) \
	FMLA(13, 9, 28)                  \
	FMLA(13, 10, 29)                 \
	FMLA(13, 11, 30)                 \
	FMLA(13, 12, 31)                 \
	s0                               \
	s1                               \
	CBZ  R5, plain                   \
	MOVD DepthwiseRow_ResStride(R0), R25 \
	LDUR_Q(5, 0, 9)                  \
	LDR_Q(5, 25, 10)                 \
	ADD  R25<<1, R5, R26             \
	LDUR_Q(26, 0, 11)                \
	LDR_Q(26, 25, 12)                \
	ADD  R25<<2, R5                  \
	FADD(9, 28, 28)                  \
	FADD(10, 29, 29)                 \
	FADD(11, 30, 30)                 \
	FADD(12, 31, 31)                 \
plain:                               \
	MOVD DepthwiseRow_CStride(R0), R25 \
	FCMGT(28, 14, 9)                 \
	FCMGT(29, 14, 10)                \
	s2                               \
	FCMGT(30, 14, 11)                \
	FCMGT(31, 14, 12)                \
	s3                               \
	BIT(9, 14, 28)                   \
	BIT(10, 14, 29)                  \
	s4                               \
	ADD  R25<<1, R4, R26             \
	BIT(11, 14, 30)                  \
	BIT(12, 14, 31)                  \
	s5                               \
	FMIN(15, 28, 28)                 \
	FMIN(15, 29, 29)                 \
	FMIN(15, 30, 30)                 \
	FMIN(15, 31, 31)                 \
	FMOVQ F28, (R4)                  \
	STR_Q(29, 4, 25)                 \
	FMOVQ F30, (R26)                 \
	STR_Q(31, 26, 25)                \
	MADD R6, R4, R25, R4             \
	MOVD R7, R2

// NEXT4 tells with R6 and R7 where the next four outputs begin. If there are none, what is loaded for them are once more the pixels of these.
#define NEXT4A \
	MOVD last-48(SP), R6        \
	MOVD $4, R25                \
	CMP  $8, R8                 \
	CSEL GE, R25, R6, R6

#define NEXT4B \
	MOVD window-8(SP), R25      \
	CMP  $4, R8                 \
	CSEL GT, R6, ZR, R6

#define NEXT4C \
	MADD R6, R2, R25, R7

#define NEXT4 NEXT4A; NEXT4B; NEXT4C

// LEFT4 goes on with the next four outputs.
#define LEFT4(loop) \
	SUB  $4, R8      \
	CBNZ R6, loop    \
	B    rest

// ---- 3x3

// PIXEL loads the pixel whose offset is in register r, R, and then the offset that stands at in the table of four outputs.
#define PIXEL(r, R, v, at, table) \
	LDR_Q(1, r, v)    \
	MOVD at(table), R

#define WEIGHTS9 \
	FMOVQ (R3), F0     \
	FMOVQ 64(R3), F1   \
	FMOVQ 128(R3), F2  \
	FMOVQ 192(R3), F3  \
	FMOVQ 256(R3), F4  \
	FMOVQ 320(R3), F5  \
	FMOVQ 384(R3), F6  \
	FMOVQ 448(R3), F7  \
	FMOVQ 512(R3), F8

// FIRST6 loads the first row's offsets, then its pixels.
#define FIRST6 \
	MOVD (R2), R13    \
	MOVD 24(R2), R14  \
	MOVD 48(R2), R15  \
	MOVD 72(R2), R16  \
	MOVD 96(R2), R17  \
	MOVD 120(R2), R19 \
	PIXEL(13, R13, 16, 8, R2)    \
	PIXEL(14, R14, 17, 32, R2)   \
	PIXEL(15, R15, 18, 56, R2)   \
	PIXEL(16, R16, 19, 80, R2)   \
	PIXEL(17, R17, 20, 104, R2)  \
	PIXEL(19, R19, 21, 128, R2)

// FIRST9 does so for stride 2.
#define FIRST9 \
	FIRST6             \
	MOVD 144(R2), R20  \
	MOVD 168(R2), R21  \
	MOVD 192(R2), R22  \
	PIXEL(20, R20, 22, 152, R2) \
	PIXEL(21, R21, 23, 176, R2) \
	PIXEL(22, R22, 24, 200, R2)

// ---- 5 and 7 columns

// PLACE loads the pixel whose offset is in register r, R, and then the offset of the same column in the row after.
#define PLACE(r, R, v) \
	LDR_Q(1, r, v)  \
	MOVD (R11), R   \
	ADD  R12, R11

// NEXTROW takes the weights of the next row, and points R11 at the table of the row after it: R26 rows are left of this window, and behind them come those of the next four outputs.
#define NEXTROW(cols) \
	MOVD DepthwiseRow_Rows(R0), R11 \
	SUB  R26, R11, R25       \
	ADD  $2, R25             \
	SUBS R11, R25, R11       \
	CSEL LT, R25, R11, R25   \
	CSEL LT, R2, R7, R11     \
	ADD  R25<<3, R11         \
	MOVD weights-40(SP), R25 \
	ADD  $(64*cols), R3      \
	CMP  $1, R26             \
	CSEL EQ, R25, R3, R3

// OFFSET loads the offset of the next column of the row that R11 points at.
#define OFFSET(R) \
	MOVD (R11), R \
	ADD  R12, R11

// WEIGHT loads a tap's weights.
#define WEIGHT(at, F) FMOVQ at(R3), F

// FIRST8 loads the first row's offsets in eight columns, FIRST4 its first four pixels and two weights.
#define FIRST8 \
	OFFSET(R13) \
	OFFSET(R14) \
	OFFSET(R15) \
	OFFSET(R16) \
	OFFSET(R17) \
	OFFSET(R19) \
	OFFSET(R20) \
	OFFSET(R21)

#define FIRST4 \
	ADD  $8, R2, R11   \
	PLACE(13, R13, 16) \
	PLACE(14, R14, 17) \
	PLACE(15, R15, 18) \
	PLACE(16, R16, 19) \
	FMOVQ (R3), F0     \
	FMOVQ 64(R3), F1

// ---- any window

// FETCH loads the pixel of the output whose window begins at P in the table.
#define FETCH(LD, P, v) \
	MOVD (P)(R14), R17 \
	LD(1, 17, v)

// PUT applies the epilogue to one output.
#define PUT(LD, ST, v, plain) \
	CBZ  R5, plain       \
	LD(5, 26, 9)         \
	FADD(9, v, v)        \
	MOVD DepthwiseRow_ResStride(R0), R17 \
	ADD  R17, R5         \
plain:                   \
	CLAMP(v, 9)          \
	ST(v, 4, 26)         \
	MOVD DepthwiseRow_CStride(R0), R17 \
	ADD  R17, R4         \
	SUBS $1, R8          \
	BEQ  next

// ANY computes four outputs.
#define ANY(LD, ST, row, tap, p0, p1, p2, p3) \
	ZERO4                     \
	MOVD R3, R19              \
	MOVD ZR, R20              \
row:                          \
	MOVD DepthwiseRow_Cols(R0), R21 \
	MOVD R20, R14             \
tap:                          \
	FETCH(LD, R7, 16)         \
	FETCH(LD, R11, 17)        \
	FETCH(LD, R12, 18)        \
	FETCH(LD, R13, 19)        \
	LD(19, 26, 0)             \
	ADD  $64, R19             \
	ADD  R15, R14             \
	SUBS $1, R21              \
	TAP4(0, 16, 17, 18, 19, NOTHING, NOTHING) \
	BNE  tap                  \
	ADD  $8, R20              \
	MOVD DepthwiseRow_Rows(R0), R17 \
	CMP  R17<<3, R20          \
	BNE  row                  \
	MOVD shift-16(SP), R17    \
	LD(17, 26, 28)            \
	LD(17, 26, 29)            \
	LD(17, 26, 30)            \
	LD(17, 26, 31)            \
	FMLA(13, 9, 28)           \
	FMLA(13, 10, 29)          \
	FMLA(13, 11, 30)          \
	FMLA(13, 12, 31)          \
	PUT(LD, ST, 28, p0)       \
	PUT(LD, ST, 29, p1)       \
	PUT(LD, ST, 30, p2)       \
	PUT(LD, ST, 31, p3)

// func depthwiseNEON(t *DepthwiseRow)
TEXT ·depthwiseNEON(SB), NOSPLIT, $48-8
	MOVD t+0(FP), R0
	ADD  $DepthwiseRow_Lo, R0, R1
	VLD1R.P 4(R1), [V14.S4]
	VLD1R (R1), [V15.S4]
	MOVD DepthwiseRow_Channels(R0), R9
	MOVD ZR, R10
	MOVD DepthwiseRow_Rows(R0), R6
	MOVD DepthwiseRow_Stride(R0), R7
	LSL  $3, R6, R12
	MUL  R12, R7, R8
	MOVD R8, window-8(SP)

	// The loop: 0 any, 1 and 2 for 3x3, 3 and 4 for 5 columns, 5 for 7, by stride.
	MOVD ZR, R2
	MOVD DepthwiseRow_Cols(R0), R3
	MOVD DepthwiseRow_Dilation(R0), R4
	MOVD DepthwiseRow_Outputs(R0), R5
	CMP  $1, R4
	BNE  chosen
	CMP  $4, R5
	BLT  chosen
	CMP  $2, R7
	BGT  chosen
	CMP  $2, R6
	BLT  chosen
	CMP  $5, R3
	BEQ  five
	CMP  $7, R3
	BEQ  seven
	CMP  $3, R3
	BNE  chosen
	CMP  $3, R6
	BNE  chosen
	MOVD R7, R2
	B    chosen
five:
	ADD  $2, R7, R2
	B    chosen
seven:
	CMP  $1, R7
	BNE  chosen
	MOVD $5, R2
chosen:
	MOVD R2, loop-24(SP)
	MUL  R6, R3
	MOVD R3, taps-32(SP)

vector:
	MOVD DepthwiseRow_A(R0), R1
	ADD  R10, R1
	MOVD DepthwiseRow_W(R0), R3
	AND  $63, R10, R4
	ADD  R4, R3
	SUB  R4, R10, R4
	MOVD taps-32(SP), R5
	MADD R4, R3, R5, R3
	MOVD DepthwiseRow_C(R0), R4
	ADD  R10, R4
	MOVD DepthwiseRow_Res(R0), R5
	MOVD DepthwiseRow_Off(R0), R2
	MOVD DepthwiseRow_Outputs(R0), R8
	AND  $3, R8, R6
	CBZ  R5, noRes
	ADD  R10, R5
	MOVD ZR, R6
noRes:
	MOVD R6, last-48(SP)
	MOVD DepthwiseRow_Scale(R0), R6
	MOVD DepthwiseRow_Shift(R0), R7
	MOVD R10, R11
	CBNZ R6, affine
	MOVD $noAffine<>(SB), R6
	ADD  $16, R6, R7
	MOVD ZR, R11
affine:
	ADD  R11, R7
	MOVD R7, shift-16(SP)
	CMP  $4, R9
	BLT  tail
	LDR_Q(6, 11, 13)
	MOVD loop-24(SP), R6
	CBZ  R6, any
	CMP  $2, R6
	BLT  by1
	BEQ  by2
	MOVD DepthwiseRow_Rows(R0), R26
	LSL  $3, R26, R12
	MOVD R3, weights-40(SP)
	MOVD R2, R11
	CMP  $4, R6
	BLT  fiveBy1
	BEQ  fiveBy2
	B    sevenBy1

by1:
	WEIGHTS9
	FIRST6
loop1:
	ZERO4
	TAP4(0, 16, 17, 18, 19, NEXT4A; PIXEL(13, R13, 22, 16, R2), PIXEL(14, R14, 23, 40, R2))
	TAP4(1, 17, 18, 19, 20, NEXT4B; PIXEL(15, R15, 24, 64, R2), PIXEL(16, R16, 25, 88, R2))
	TAP4(2, 18, 19, 20, 21, NEXT4C; PIXEL(17, R17, 26, 112, R2), PIXEL(19, R19, 27, 136, R2))
	TAP4(3, 22, 23, 24, 25, PIXEL(13, R13, 16, 0, R7), PIXEL(14, R14, 17, 24, R7))
	TAP4(4, 23, 24, 25, 26, PIXEL(15, R15, 18, 48, R7), PIXEL(16, R16, 19, 72, R7))
	TAP4(5, 24, 25, 26, 27, PIXEL(17, R17, 20, 96, R7), PIXEL(19, R19, 21, 120, R7))
	TAP4(6, 16, 17, 18, 19, NOTHING, NOTHING)
	TAP4(7, 17, 18, 19, 20, SHIFT, PIXEL(13, R13, 16, 8, R7); PIXEL(14, R14, 17, 32, R7))
	TAP4(8, 18, 19, 20, 21, SHIFT4, NOTHING)
	FINISH4(plain1, PIXEL(15, R15, 18, 56, R7), PIXEL(16, R16, 19, 80, R7), PIXEL(17, R17, 20, 104, R7), PIXEL(19, R19, 21, 128, R7), NOTHING, NOTHING)
	LEFT4(loop1)

by2:
	WEIGHTS9
	FIRST9
loop2:
	ZERO4
	TAP4(0, 16, 18, 20, 22, NEXT4A; PIXEL(13, R13, 25, 16, R2); PIXEL(14, R14, 26, 40, R2), PIXEL(15, R15, 27, 64, R2); PIXEL(16, R16, 16, 88, R2))
	TAP4(1, 17, 19, 21, 23, NEXT4B, PIXEL(17, R17, 17, 112, R2); PIXEL(19, R19, 19, 136, R2))
	TAP4(2, 18, 20, 22, 24, NEXT4C; PIXEL(20, R20, 21, 160, R2), PIXEL(21, R21, 23, 184, R2))
	PIXEL(22, R22, 18, 208, R2)
	TAP4(3, 25, 27, 17, 21, PIXEL(13, R13, 20, 0, R7); PIXEL(14, R14, 22, 24, R7), PIXEL(15, R15, 24, 48, R7); PIXEL(16, R16, 25, 72, R7))
	TAP4(4, 26, 16, 19, 23, NOTHING, PIXEL(17, R17, 26, 96, R7); PIXEL(19, R19, 16, 120, R7))
	TAP4(5, 27, 17, 21, 18, PIXEL(20, R20, 19, 144, R7), PIXEL(21, R21, 23, 168, R7))
	PIXEL(22, R22, 27, 192, R7)
	TAP4(6, 20, 24, 26, 19, NOTHING, NOTHING)
	TAP4(7, 22, 25, 16, 23, SHIFT, PIXEL(14, R14, 17, 32, R7); PIXEL(15, R15, 18, 56, R7))
	TAP4(8, 24, 26, 19, 27, SHIFT4, PIXEL(13, R13, 16, 8, R7))
	FINISH4(plain2, PIXEL(16, R16, 19, 80, R7), PIXEL(17, R17, 20, 104, R7), PIXEL(19, R19, 21, 128, R7), PIXEL(20, R20, 22, 152, R7), PIXEL(21, R21, 23, 176, R7), PIXEL(22, R22, 24, 200, R7))
	LEFT4(loop2)

fiveBy1:
	FIRST8
	FIRST4
group51:
	NEXT4
	ZERO4
	MOVD DepthwiseRow_Rows(R0), R26
row51:
	TAP4(0, 16, 17, 18, 19, PLACE(17, R17, 20), WEIGHT(128, F2))
	TAP4(1, 17, 18, 19, 20, PLACE(19, R19, 21), WEIGHT(192, F3))
	TAP4(2, 18, 19, 20, 21, PLACE(20, R20, 22), WEIGHT(256, F4))
	TAP4(3, 19, 20, 21, 22, PLACE(21, R21, 23), NEXTROW(5))
	PLACE(13, R13, 16)
	PLACE(14, R14, 17)
	TAP4(4, 20, 21, 22, 23, PLACE(15, R15, 18); WEIGHT(0, F0), PLACE(16, R16, 19); WEIGHT(64, F1))
	SUBS $1, R26
	BNE  row51
	SHIFT
	SHIFT4
	FINISH4(plain51, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING)
	LEFT4(group51)

fiveBy2:
	FIRST8
	OFFSET(R22)
	OFFSET(R23)
	OFFSET(R24)
	FIRST4
group52:
	NEXT4
	ZERO4
	MOVD DepthwiseRow_Rows(R0), R26
row52:
	PLACE(17, R17, 20)
	PLACE(19, R19, 21)
	PLACE(20, R20, 22)
	TAP4(0, 16, 18, 20, 22, PLACE(21, R21, 23), WEIGHT(128, F2))
	TAP4(1, 17, 19, 21, 23, PLACE(22, R22, 24), WEIGHT(192, F3))
	TAP4(2, 18, 20, 22, 24, PLACE(23, R23, 25), WEIGHT(256, F4))
	TAP4(3, 19, 21, 23, 25, PLACE(24, R24, 26), NEXTROW(5))
	PLACE(13, R13, 16)
	PLACE(14, R14, 17)
	TAP4(4, 20, 22, 24, 26, PLACE(15, R15, 18); WEIGHT(0, F0), PLACE(16, R16, 19); WEIGHT(64, F1))
	SUBS $1, R26
	BNE  row52
	SHIFT
	SHIFT4
	FINISH4(plain52, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING)
	LEFT4(group52)

sevenBy1:
	FIRST8
	OFFSET(R22)
	OFFSET(R23)
	FIRST4
group71:
	NEXT4
	ZERO4
	MOVD DepthwiseRow_Rows(R0), R26
row71:
	TAP4(0, 16, 17, 18, 19, PLACE(17, R17, 20), WEIGHT(128, F2))
	TAP4(1, 17, 18, 19, 20, PLACE(19, R19, 21), WEIGHT(192, F3))
	TAP4(2, 18, 19, 20, 21, PLACE(20, R20, 22), WEIGHT(256, F4))
	TAP4(3, 19, 20, 21, 22, PLACE(21, R21, 23), WEIGHT(320, F5))
	TAP4(4, 20, 21, 22, 23, PLACE(22, R22, 24), WEIGHT(384, F6))
	TAP4(5, 21, 22, 23, 24, PLACE(23, R23, 25), NEXTROW(7))
	PLACE(13, R13, 16)
	PLACE(14, R14, 17)
	TAP4(6, 22, 23, 24, 25, PLACE(15, R15, 18); WEIGHT(0, F0), PLACE(16, R16, 19); WEIGHT(64, F1))
	SUBS $1, R26
	BNE  row71
	SHIFT
	SHIFT4
	FINISH4(plain71, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING)
	LEFT4(group71)

rest: // of the outputs, which have residuals
	CMP  ZR, R8
	BLE  next
	MOVD window-8(SP), R25
	ADD  R25<<2, R2
	MOVD DepthwiseRow_CStride(R0), R25
	ADD  R25<<2, R4
	B    any

tail:
	LDR_S(6, 11, 13)

any:
	MOVD ZR, R26
	MOVD DepthwiseRow_Rows(R0), R15
	LSL  $3, R15
	MOVD DepthwiseRow_Dilation(R0), R16
	MUL  R16, R15
	MOVD window-8(SP), R16

outputs:
	// Outputs that are missing see the window of the one before.
	MOVD R2, R7
	ADD  R16, R7, R11
	CMP  $2, R8
	CSEL LT, R7, R11, R11
	ADD  R16, R11, R12
	CMP  $3, R8
	CSEL LT, R11, R12, R12
	ADD  R16, R12, R13
	CMP  $4, R8
	CSEL LT, R12, R13, R13
	ADD  R16, R13, R2
	CMP  $4, R9
	BLT  outputsTail
	ANY(LDR_Q, STR_Q, row, tap, p0, p1, p2, p3)
	B    outputs

outputsTail:
	ANY(LDR_S, STR_S, rowTail, tapTail, p0Tail, p1Tail, p2Tail, p3Tail)
	B    outputs

next:
	CMP  $4, R9
	BLT  one
	ADD  $16, R10
	SUBS $4, R9
	BNE  vector
	RET

one:
	ADD  $4, R10
	SUBS $1, R9
	BNE  vector
	RET

// What an affine part must be to change nothing: a scale of 1 and a shift of -0.
DATA noAffine<>+0(SB)/8, $0x3f8000003f800000
DATA noAffine<>+8(SB)/8, $0x3f8000003f800000
DATA noAffine<>+16(SB)/8, $0x8000000080000000
DATA noAffine<>+24(SB)/8, $0x8000000080000000
GLOBL noAffine<>(SB), RODATA|NOPTR, $32
