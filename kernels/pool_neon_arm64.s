//go:build !purego

// Max and average pooling on NEON, 16 channels at a time, then 4, then 1; the contract is at PoolRow in pool.go.
//
//	R0        p                    R8   outputs left
//	R1 R2     output, its window   R6   byte of the channel        R7   channels left
//	R9 R10    window row, rows left         R3   RowStride
//	R11 R12   pixel, columns left           R4   ColStride         R5   0
//	V0-V3     maximum or total              V14 V15  divisor, neutral element
//	V4-V7     pixel, or sum of the row      V16-V19  scratch

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

DATA neutral<>+0(SB)/4, $0xff800000 // -Inf
DATA neutral<>+4(SB)/4, $0x80000000 // -0
GLOBL neutral<>(SB), RODATA|NOPTR, $8

// WINDOW visits the pixels of a window at the channels from R6 on.
#define WINDOW(row, col, ROWSTART, PIXEL, ROWEND) \
	ADD  R6, R2, R9            \
	MOVD PoolRow_Rows(R0), R10 \
row:                           \
	ROWSTART                   \
	MOVD R9, R11               \
	MOVD PoolRow_Cols(R0), R12 \
col:                           \
	PIXEL                      \
	ADD  R4, R11               \
	SUBS $1, R12               \
	BNE  col                   \
	ROWEND                     \
	ADD  R3, R9                \
	SUBS $1, R10               \
	BNE  row

// POOL is the whole kernel.
#define POOL(zero, start4, pixel4, end4, done4, start1, pixel1, end1, done1, pixelTail) \
	MOVD p+0(FP), R0                \
	MOVD $neutral<>+zero(SB), R1    \
	VLD1R (R1), [V15.S4]            \
	ADD  $PoolRow_Divisor, R0, R1   \
	VLD1R (R1), [V14.S4]            \
	MOVD PoolRow_Dst(R0), R1        \
	MOVD PoolRow_Src(R0), R2        \
	MOVD PoolRow_RowStride(R0), R3  \
	MOVD PoolRow_ColStride(R0), R4  \
	MOVD PoolRow_Outputs(R0), R8    \
	MOVD ZR, R5                     \
output:                             \
	MOVD PoolRow_Channels(R0), R7   \
	MOVD ZR, R6                     \
	SUBS $16, R7                    \
	BLT  vectors                    \
block:                              \
	MOV(15, 0)                      \
	MOV(15, 1)                      \
	MOV(15, 2)                      \
	MOV(15, 3)                      \
	WINDOW(row4, col4, start4, pixel4, end4) \
	done4                           \
	ADD  R6, R1, R9                 \
	FSTPQ (F0, F1), (R9)            \
	FSTPQ (F2, F3), 32(R9)          \
	ADD  $64, R6                    \
	SUBS $16, R7                    \
	BGE  block                      \
vectors:                            \
	ADDS $16, R7                    \
	BEQ  next                       \
	SUBS $4, R7                     \
	BLT  channels                   \
vector:                             \
	MOV(15, 0)                      \
	WINDOW(row1, col1, start1, pixel1, end1) \
	done1                           \
	STR_Q(0, 1, 6)                  \
	ADD  $16, R6                    \
	SUBS $4, R7                     \
	BGE  vector                     \
channels:                           \
	ADDS $4, R7                     \
	BEQ  next                       \
channel:                            \
	MOV(15, 0)                      \
	WINDOW(rowTail, colTail, start1, pixelTail, end1) \
	done1                           \
	STR_S(0, 1, 6)                  \
	ADD  $4, R6                     \
	SUBS $1, R7                     \
	BNE  channel                    \
next:                               \
	MOVD PoolRow_DstStride(R0), R9  \
	ADD  R9, R1                     \
	MOVD PoolRow_SrcStride(R0), R9  \
	ADD  R9, R2                     \
	SUBS $1, R8                     \
	BNE  output                     \
	RET

#define NOTHING

// MAX is m = (m > x) ? m : x where m is no NaN: FMAX keeps a NaN of either, but of two zeros takes +0.
#define MAX(x, m, mask) \
	FCMGE(m, x, mask) \
	FMAX(x, m, m)     \
	BIT(mask, x, m)
#define MAX1 LDR_Q(11, 5, 4); MAX(4, 0, 16)
#define MAXTAIL LDR_S(11, 5, 4); MAX(4, 0, 16)
#define MAX4 \
	LDUR_Q(11, 0, 4)   \
	LDUR_Q(11, 16, 5)  \
	LDUR_Q(11, 32, 6)  \
	LDUR_Q(11, 48, 7)  \
	FCMGE(0, 4, 16)    \
	FCMGE(1, 5, 17)    \
	FCMGE(2, 6, 18)    \
	FCMGE(3, 7, 19)    \
	FMAX(4, 0, 0)      \
	FMAX(5, 1, 1)      \
	FMAX(6, 2, 2)      \
	FMAX(7, 3, 3)      \
	BIT(16, 4, 0)      \
	BIT(17, 5, 1)      \
	BIT(18, 6, 2)      \
	BIT(19, 7, 3)

#define START1 MOV(15, 4)
#define START4 MOV(15, 4); MOV(15, 5); MOV(15, 6); MOV(15, 7)
#define SUM1 LDR_Q(11, 5, 16); FADD(16, 4, 4)
#define SUMTAIL LDR_S(11, 5, 16); FADD(16, 4, 4)
#define SUM4 \
	LDUR_Q(11, 0, 16)   \
	LDUR_Q(11, 16, 17)  \
	LDUR_Q(11, 32, 18)  \
	LDUR_Q(11, 48, 19)  \
	FADD(16, 4, 4)      \
	FADD(17, 5, 5)      \
	FADD(18, 6, 6)      \
	FADD(19, 7, 7)
#define TOTAL1 FADD(4, 0, 0)
#define TOTAL4 FADD(4, 0, 0); FADD(5, 1, 1); FADD(6, 2, 2); FADD(7, 3, 3)
#define DIVIDE1 FDIV(14, 0, 0)
#define DIVIDE4 FDIV(14, 0, 0); FDIV(14, 1, 1); FDIV(14, 2, 2); FDIV(14, 3, 3)

// func maxPoolNEON(p *PoolRow)
TEXT ·maxPoolNEON(SB), NOSPLIT, $0-8
	POOL(0, NOTHING, MAX4, NOTHING, NOTHING, NOTHING, MAX1, NOTHING, NOTHING, MAXTAIL)

// func avgPoolNEON(p *PoolRow)
TEXT ·avgPoolNEON(SB), NOSPLIT, $0-8
	POOL(4, START4, SUM4, TOTAL4, DIVIDE4, START1, SUM1, TOTAL1, DIVIDE1, SUMTAIL)
