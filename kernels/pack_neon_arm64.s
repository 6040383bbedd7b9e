//go:build !purego

// Packing of weights on NEON: blocks of 8 columns are transposed in registers, 4 float32 or 8 float16 of each at a time; the contract is at PanelPart in pack.go.
//
//	R0-R7    rows of weights, at their next numbers
//	R8       bytes from row to row
//	R9       the block's columns of the panel
//	R10      offsets of the next numbers
//	R11      numbers left
//	R12      columns left
//	R13 R14  offsets of two numbers
//	R15      t
//	R16      the next block of columns

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

#define ROWS \
	FMOVQ.P 16(R0), F0 \
	FMOVQ.P 16(R1), F1 \
	FMOVQ.P 16(R2), F2 \
	FMOVQ.P 16(R3), F3 \
	FMOVQ.P 16(R4), F4 \
	FMOVQ.P 16(R5), F5 \
	FMOVQ.P 16(R6), F6 \
	FMOVQ.P 16(R7), F7

// PAIRS transposes pairs: even lanes of two rows a to one row b, odd ones to the next.
#define PAIRS(T, a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7) \
	VTRN1 a1.T, a0.T, b0.T \
	VTRN2 a1.T, a0.T, b1.T \
	VTRN1 a3.T, a2.T, b2.T \
	VTRN2 a3.T, a2.T, b3.T \
	VTRN1 a5.T, a4.T, b4.T \
	VTRN2 a5.T, a4.T, b5.T \
	VTRN1 a7.T, a6.T, b6.T \
	VTRN2 a7.T, a6.T, b7.T

// COLUMNSF32 stores 4 numbers of 8 columns: V16-V19 have those of the columns 0 to 3, V20-V23 of 4 to 7.
#define COLUMNSF32 \
	PAIRS(S4, V0, V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12, V13, V14, V15) \
	PAIRS(D2, V8, V10, V9, V11, V12, V14, V13, V15, V16, V18, V17, V19, V20, V22, V21, V23) \
	STORE2(F16, F20, F17, F21) \
	STORE2(F18, F22, F19, F23)

#define STORE2(a0, a1, b0, b1) \
	LDP.P 16(R10), (R13, R14) \
	ADD   R9, R13             \
	ADD   R9, R14             \
	FSTPQ (a0, a1), (R13)     \
	FSTPQ (b0, b1), (R14)

// TRANSPOSEF16 makes V0-V7, 8 numbers of each of 8 columns, 8 columns of each number, in V16-V23.
#define TRANSPOSEF16 \
	PAIRS(H8, V0, V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12, V13, V14, V15) \
	PAIRS(S4, V8, V10, V9, V11, V12, V14, V13, V15, V0, V2, V1, V3, V4, V6, V5, V7) \
	PAIRS(D2, V0, V4, V1, V5, V2, V6, V3, V7, V16, V20, V17, V21, V18, V22, V19, V23)

#define COLUMNSF16 \
	TRANSPOSEF16 \
	STOREF16(F16, F17) \
	STOREF16(F18, F19) \
	STOREF16(F20, F21) \
	STOREF16(F22, F23)

#define STOREF16(a, b) \
	LDP.P 16(R10), (R13, R14) \
	ADD   R9, R13             \
	ADD   R9, R14             \
	FMOVQ a, (R13)            \
	FMOVQ b, (R14)

#define COLUMNSWIDENED \
	TRANSPOSEF16 \
	STOREWIDENED(16, 17) \
	STOREWIDENED(18, 19) \
	STOREWIDENED(20, 21) \
	STOREWIDENED(22, 23)

#define STOREWIDENED(a, b) \
	FCVTL(a, 0)  \
	FCVTL2(a, 1) \
	FCVTL(b, 2)  \
	FCVTL2(b, 3) \
	STORE2(F0, F1, F2, F3)

// PACK is the whole function: the numbers of a block, and the bytes that 8 columns take in the panel.
#define PACK(COLUMNS, numbers, bytes) \
	MOVD t+0(FP), R15                \
	MOVD PanelPart_Src(R15), R16     \
	MOVD PanelPart_SrcStride(R15), R8 \
	MOVD PanelPart_Dst(R15), R9      \
	MOVD PanelPart_Cols(R15), R12    \
columns:                             \
	MOVD R16, R0                     \
	ADD  R8, R0, R1                  \
	ADD  R8, R1, R2                  \
	ADD  R8, R2, R3                  \
	ADD  R8, R3, R4                  \
	ADD  R8, R4, R5                  \
	ADD  R8, R5, R6                  \
	ADD  R8, R6, R7                  \
	ADD  R8, R7, R16                 \
	MOVD PanelPart_Off(R15), R10     \
	MOVD PanelPart_N(R15), R11       \
block:                               \
	ROWS                             \
	COLUMNS                          \
	SUBS $numbers, R11               \
	BNE  block                       \
	ADD  $bytes, R9                  \
	SUBS $8, R12                     \
	BNE  columns                     \
	RET

// func packF32(t *PanelPart)
TEXT ·packF32(SB), NOSPLIT, $0-8
	PACK(COLUMNSF32, 4, 32)

// func packWidening(t *PanelPart)
TEXT ·packWidening(SB), NOSPLIT, $0-8
	PACK(COLUMNSWIDENED, 8, 32)

// func packF16(t *PanelPart)
TEXT ·packF16(SB), NOSPLIT, $0-8
	PACK(COLUMNSF16, 8, 16)
