//go:build !purego

// Max and average pooling on AVX-512; the contract is at PoolRow in pool.go.
//
//	AX        p                    BX   outputs left
//	DI SI     output, its window   R8   byte of the channel        CX   channels left
//	R9 R10    window row, rows left         R13  RowStride
//	R11 R12   pixel, columns left           DX   ColStride
//	Z0-Z3     maximum or total              K1   lanes in use
//	Z4-Z7     pixel or sum of the row       K2-K5  lanes whose maximum is no NaN
//	Z30 Z31   divisor, neutral element

#include "go_asm.h"
#include "textflag.h"

DATA neutral<>+0(SB)/4, $0xff800000 // -Inf
DATA neutral<>+4(SB)/4, $0x80000000 // -0
GLOBL neutral<>(SB), RODATA|NOPTR, $8

// WINDOW visits the pixels of a window at the channels from R8 on.
#define WINDOW(row, col, ROWSTART, PIXEL, ROWEND) \
	LEAQ (SI)(R8*1), R9        \
	MOVQ PoolRow_Rows(AX), R10 \
row:                           \
	ROWSTART                   \
	MOVQ R9, R11               \
	MOVQ PoolRow_Cols(AX), R12 \
col:                           \
	PIXEL                      \
	ADDQ DX, R11               \
	DECQ R12                   \
	JNE  col                   \
	ROWEND                     \
	ADDQ R13, R9               \
	DECQ R10                   \
	JNE  row

// POOL is the whole kernel: 64 channels at a time, then 16 with a mask.
#define POOL(zero, start4, pixel4, end4, done4, start1, pixel1, end1, done1) \
	MOVQ p+0(FP), AX               \
	MOVQ PoolRow_Dst(AX), DI       \
	MOVQ PoolRow_Src(AX), SI       \
	MOVQ PoolRow_RowStride(AX), R13 \
	MOVQ PoolRow_ColStride(AX), DX \
	MOVQ PoolRow_Outputs(AX), BX   \
	VBROADCASTSS PoolRow_Divisor(AX), Z30 \
	VBROADCASTSS neutral<>+zero(SB), Z31 \
output:                            \
	MOVQ PoolRow_Channels(AX), CX  \
	XORL R8, R8                    \
	KXNORW K1, K1, K1              \
block:                             \
	CMPQ CX, $64                   \
	JLT  last                      \
	VMOVAPS Z31, Z0               \
	VMOVAPS Z31, Z1               \
	VMOVAPS Z31, Z2               \
	VMOVAPS Z31, Z3               \
	WINDOW(row4, col4, start4, pixel4, end4) \
	done4                          \
	VMOVUPS Z0, (DI)(R8*1)         \
	VMOVUPS Z1, 64(DI)(R8*1)       \
	VMOVUPS Z2, 128(DI)(R8*1)      \
	VMOVUPS Z3, 192(DI)(R8*1)      \
	ADDQ $256, R8                  \
	SUBQ $64, CX                   \
	JMP  block                     \
last:                              \
	TESTQ CX, CX                   \
	JLE  next                      \
	CMPQ CX, $16                   \
	JGE  window                    \
	MOVL $1, R9                    \
	SHLL CX, R9                    \
	DECL R9                        \
	KMOVW R9, K1                   \
window:                            \
	VMOVAPS Z31, Z0               \
	WINDOW(row1, col1, start1, pixel1, end1) \
	done1                          \
	VMOVUPS Z0, K1, (DI)(R8*1)     \
	ADDQ $64, R8                   \
	SUBQ $16, CX                    \
	JMP  last                      \
next:                              \
	ADDQ PoolRow_DstStride(AX), DI \
	ADDQ PoolRow_SrcStride(AX), SI \
	DECQ BX                        \
	JNE  output                    \
	VZEROUPPER                     \
	RET

#define NOTHING

// MAX is m = (m > x) ? m : x where m is no NaN.
#define MAX(m, x, k) VCMPPS $7, m, m, k; VMAXPS x, m, k, m
#define MAX1 VMOVUPS.Z (R11), K1, Z4; MAX(Z0, Z4, K2)
#define MAX4 \
	VMOVUPS (R11), Z4    \
	VMOVUPS 64(R11), Z5  \
	VMOVUPS 128(R11), Z6 \
	VMOVUPS 192(R11), Z7 \
	MAX(Z0, Z4, K2)      \
	MAX(Z1, Z5, K3)      \
	MAX(Z2, Z6, K4)      \
	MAX(Z3, Z7, K5)

#define START1 VMOVAPS Z31, Z4
#define START4 VMOVAPS Z31, Z4; VMOVAPS Z31, Z5; VMOVAPS Z31, Z6; VMOVAPS Z31, Z7
#define SUM1 VMOVUPS.Z (R11), K1, Z8; VADDPS Z8, Z4, Z4
#define SUM4 \
	VADDPS (R11), Z4, Z4    \
	VADDPS 64(R11), Z5, Z5  \
	VADDPS 128(R11), Z6, Z6 \
	VADDPS 192(R11), Z7, Z7
#define TOTAL1 VADDPS Z4, Z0, Z0
#define TOTAL4 VADDPS Z4, Z0, Z0; VADDPS Z5, Z1, Z1; VADDPS Z6, Z2, Z2; VADDPS Z7, Z3, Z3
#define DIVIDE1 VDIVPS Z30, Z0, Z0
#define DIVIDE4 VDIVPS Z30, Z0, Z0; VDIVPS Z30, Z1, Z1; VDIVPS Z30, Z2, Z2; VDIVPS Z30, Z3, Z3

// func maxPoolAVX512(p *PoolRow)
TEXT ·maxPoolAVX512(SB), NOSPLIT, $0-8
	POOL(0, NOTHING, MAX4, NOTHING, NOTHING, NOTHING, MAX1, NOTHING, NOTHING)

// func avgPoolAVX512(p *PoolRow)
TEXT ·avgPoolAVX512(SB), NOSPLIT, $0-8
	POOL(4, START4, SUM4, TOTAL4, DIVIDE4, START1, SUM1, TOTAL1, DIVIDE1)
