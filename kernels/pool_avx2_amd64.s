//go:build !purego

// Max and average pooling on AVX2; the contract is at PoolRow in pool.go.
//
//	AX        p                    BX   outputs left
//	DI SI     output, its window   R8   byte of the channel        CX   channels left
//	R9 R10    window row, rows left         R13  RowStride
//	R11 R12   pixel, columns left           DX   ColStride
//	Y0-Y3     maximum or total              Y13  lanes of a row's tail
//	Y4-Y7     pixel or sum of the row       Y8-Y11  lanes whose maximum is a NaN
//	Y14 Y15   divisor, neutral element

#include "go_asm.h"
#include "textflag.h"
#include "lanes_amd64.h"

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

// POOL is the whole kernel: 32 channels at a time, then 8 with a mask.
#define POOL(zero, start4, pixel4, end4, done4, start1, pixel1, end1, done1) \
	MOVQ p+0(FP), AX               \
	MOVQ PoolRow_Dst(AX), DI       \
	MOVQ PoolRow_Src(AX), SI       \
	MOVQ PoolRow_RowStride(AX), R13 \
	MOVQ PoolRow_ColStride(AX), DX \
	MOVQ PoolRow_Outputs(AX), BX   \
	VBROADCASTSS PoolRow_Divisor(AX), Y14 \
	VBROADCASTSS neutral<>+zero(SB), Y15 \
output:                            \
	MOVQ PoolRow_Channels(AX), CX  \
	XORL R8, R8                    \
	VPCMPEQD Y13, Y13, Y13         \
block:                             \
	CMPQ CX, $32                   \
	JLT  last                      \
	VMOVAPS Y15, Y0               \
	VMOVAPS Y15, Y1               \
	VMOVAPS Y15, Y2               \
	VMOVAPS Y15, Y3               \
	WINDOW(row4, col4, start4, pixel4, end4) \
	done4                          \
	VMOVUPS Y0, (DI)(R8*1)         \
	VMOVUPS Y1, 32(DI)(R8*1)       \
	VMOVUPS Y2, 64(DI)(R8*1)      \
	VMOVUPS Y3, 96(DI)(R8*1)      \
	ADDQ $128, R8                  \
	SUBQ $32, CX                   \
	JMP  block                     \
last:                              \
	TESTQ CX, CX                   \
	JLE  next                      \
	CMPQ CX, $8                    \
	JGE  window                    \
	TAILMASK(CX, R9, R10, Y13)     \
window:                            \
	VMOVAPS Y15, Y0               \
	WINDOW(row1, col1, start1, pixel1, end1) \
	done1                          \
	VMASKMOVPS Y0, Y13, (DI)(R8*1) \
	ADDQ $32, R8                   \
	SUBQ $8, CX                    \
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
#define MAX(m, x, nan) VCMPPS $3, m, m, nan; VMAXPS x, m, x; VBLENDVPS nan, m, x, m
#define MAX1 VMASKMOVPS (R11), Y13, Y4; MAX(Y0, Y4, Y8)
#define MAX4 \
	VMOVUPS (R11), Y4   \
	VMOVUPS 32(R11), Y5 \
	VMOVUPS 64(R11), Y6 \
	VMOVUPS 96(R11), Y7 \
	MAX(Y0, Y4, Y8)     \
	MAX(Y1, Y5, Y9)     \
	MAX(Y2, Y6, Y10)    \
	MAX(Y3, Y7, Y11)

#define START1 VMOVAPS Y15, Y4
#define START4 VMOVAPS Y15, Y4; VMOVAPS Y15, Y5; VMOVAPS Y15, Y6; VMOVAPS Y15, Y7
#define SUM1 VMASKMOVPS (R11), Y13, Y8; VADDPS Y8, Y4, Y4
#define SUM4 \
	VADDPS (R11), Y4, Y4    \
	VADDPS 32(R11), Y5, Y5  \
	VADDPS 64(R11), Y6, Y6 \
	VADDPS 96(R11), Y7, Y7
#define TOTAL1 VADDPS Y4, Y0, Y0
#define TOTAL4 VADDPS Y4, Y0, Y0; VADDPS Y5, Y1, Y1; VADDPS Y6, Y2, Y2; VADDPS Y7, Y3, Y3
#define DIVIDE1 VDIVPS Y14, Y0, Y0
#define DIVIDE4 VDIVPS Y14, Y0, Y0; VDIVPS Y14, Y1, Y1; VDIVPS Y14, Y2, Y2; VDIVPS Y14, Y3, Y3

// func maxPoolAVX2(p *PoolRow)
TEXT ·maxPoolAVX2(SB), NOSPLIT, $0-8
	POOL(0, NOTHING, MAX4, NOTHING, NOTHING, NOTHING, MAX1, NOTHING, NOTHING)

// func avgPoolAVX2(p *PoolRow)
TEXT ·avgPoolAVX2(SB), NOSPLIT, $0-8
	POOL(4, START4, SUM4, TOTAL4, DIVIDE4, START1, SUM1, TOTAL1, DIVIDE1)
