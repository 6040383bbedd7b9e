//go:build !purego

// Winograd's input and output transforms on AVX2, 8 channels at a time; the contracts are in winograd.go. The columns go
// through a table on the stack, [6][6] or [4][6] vectors, and the rows from there to memory.

#include "go_asm.h"
#include "textflag.h"
#include "lanes_amd64.h"

#define LOAD(mem, v) VMOVUPS mem, v
#define STORE(v, mem) VMOVUPS v, mem
#define LOADTAIL(mem, v) VMASKMOVPS mem, Y15, v
#define STORETAIL(v, mem) VMASKMOVPS v, Y15, mem

// CONSTANT broadcasts the float32 with these bits.
#define CONSTANT(bits, x, v) \
	MOVL bits, DX  \
	VMOVD DX, x    \
	VBROADCASTSS x, v

// INPUT is B^T d of Y0-Y5; the result lies in Y0 Y1 Y2 Y6 Y4 Y5.
#define INPUT \
	VSUBPS Y2, Y4, Y6          \ // p
	VSUBPS Y1, Y3, Y7          \ // q
	VSUBPS Y2, Y0, Y0          \
	VSUBPS Y3, Y5, Y5          \
	VFMADD213PS Y6, Y8, Y3     \ // m
	VFMADD213PS Y7, Y8, Y2     \ // n
	VFMADD231PS Y8, Y7, Y0     \
	VFMADD231PS Y8, Y6, Y5     \
	VADDPS Y2, Y3, Y1          \ // v1
	VSUBPS Y2, Y3, Y2          \ // v2
	VADDPS Y6, Y0, Y0          \ // v0
	VSUBPS Y7, Y5, Y5          \ // v5
	VMOVAPS Y6, Y4             \
	VFMADD231PS Y9, Y7, Y6     \ // v3
	VFMADD231PS Y10, Y7, Y4      // v4

// PIXEL loads pixel y of the column whose first offset R12 points at, and asks for its next channels.
#define PIXEL(LD, y, v) \
	MOVQ (48*y)(R12), DX    \
	PREFETCHT0 64(SI)(DX*1) \
	LD((SI)(DX*1), v)

// WINDOW transforms one vector of channels of one window.
#define WINDOW(LD, ST, column, row) \
	MOVQ R13, R14          \
	MOVL $6, BX            \
column:                    \
	PIXEL(LD, 0, Y0)       \
	PIXEL(LD, 1, Y1)       \
	PIXEL(LD, 2, Y2)       \
	PIXEL(LD, 3, Y3)       \
	PIXEL(LD, 4, Y4)       \
	PIXEL(LD, 5, Y5)       \
	INPUT                  \
	VMOVAPS Y0, (R14)      \
	VMOVAPS Y1, 192(R14)   \
	VMOVAPS Y2, 384(R14)   \
	VMOVAPS Y6, 576(R14)   \
	VMOVAPS Y4, 768(R14)   \
	VMOVAPS Y5, 960(R14)   \
	ADDQ $8, R12           \
	ADDQ $32, R14          \
	DECQ BX                \
	JNE  column            \
	SUBQ $48, R12          \
	MOVQ R13, R14          \
	MOVQ R8, DX            \
	MOVL $6, BX            \
row:                       \
	VMOVAPS (R14), Y0      \
	VMOVAPS 32(R14), Y1    \
	VMOVAPS 64(R14), Y2    \
	VMOVAPS 96(R14), Y3    \
	VMOVAPS 128(R14), Y4   \
	VMOVAPS 160(R14), Y5   \
	INPUT                  \
	ST(Y0, (DX))           \
	ST(Y1, (DX)(R9*1))     \
	ST(Y2, (DX)(R9*2))     \
	ST(Y6, (DX)(R10*1))    \
	ST(Y4, (DX)(R9*4))     \
	ST(Y5, (DX)(R11*1))    \
	ADDQ R15, DX           \
	ADDQ $192, R14         \
	DECQ BX                \
	JNE  row

// func winogradInputAVX2(t *WinogradInputTiles)
//
//	SI       A at this channel         R12  offsets of the column
//	R13      table                     R14  its column or row
//	DI       V at this tile            R8   V at this tile and channel
//	DX       V at the row, and scratch
//	R9-R11   1, 3, 5 times VStride     R15  6 times VStride
//	CX       channels left             BX   columns or rows left
//	Y8-Y10   1.5, 2, -0.5              Y15  lanes of the tail
TEXT ·winogradInputAVX2(SB), 0, $1192-8
	MOVQ t+0(FP), AX
	CONSTANT($0x3fc00000, X8, Y8)
	CONSTANT($0x40000000, X9, Y9)
	CONSTANT($0xbf000000, X10, Y10)
	MOVQ WinogradInputTiles_Channels(AX), CX
	TAILMASK(CX, DX, R12, Y15)
	LEAQ table-1184(SP), R13
	ADDQ $31, R13
	ANDQ $~31, R13
	MOVQ WinogradInputTiles_Off(AX), R12
	MOVQ WinogradInputTiles_V(AX), DI
	MOVQ WinogradInputTiles_VStride(AX), R9
	LEAQ (R9)(R9*2), R10
	LEAQ (R9)(R9*4), R11
	LEAQ (R10)(R10*1), R15
	MOVQ WinogradInputTiles_Tiles(AX), DX
	MOVQ DX, tiles-1192(SP)

tile:
	MOVQ WinogradInputTiles_A(AX), SI
	MOVQ WinogradInputTiles_Channels(AX), CX
	MOVQ DI, R8
	SUBQ $8, CX
	JLT  tail

vector:
	WINDOW(LOAD, STORE, column, row)
	ADDQ $32, SI
	ADDQ $32, R8
	SUBQ $8, CX
	JGE  vector

tail:
	ADDQ $8, CX
	JEQ  next
	WINDOW(LOADTAIL, STORETAIL, columnTail, rowTail)

next:
	ADDQ $288, R12
	ADDQ WinogradInputTiles_VTile(AX), DI
	DECQ tiles-1192(SP)
	JNE  tile
	VZEROUPPER
	RET

// OUTPUT is A^T m of Y0-Y5; the result lies in Y0 Y2 Y6 Y1.
#define OUTPUT \
	VADDPS Y2, Y1, Y6          \ // s
	VSUBPS Y2, Y1, Y2          \ // r
	VADDPS Y4, Y3, Y7          \
	VADDPS Y6, Y0, Y0          \
	VADDPS Y5, Y2, Y1          \
	VFMADD231PS Y8, Y3, Y2     \
	VFMADD231PS Y9, Y3, Y6     \
	VFMADD231PS Y10, Y3, Y1    \
	VADDPS Y7, Y0, Y0          \ // y0
	VFMADD231PS Y11, Y4, Y2    \ // y1
	VFMADD231PS Y12, Y4, Y6    \ // y2
	VFMADD231PS Y13, Y4, Y1      // y3

// SUM loads one frequency and asks for its next channels or, behind the last, for the next tile.
#define SUM(LD, mem, v) \
	PREFETCHT0 64 mem       \
	LD(mem, v)

// FETCHROW asks, with each of the first four columns, for the lines of a row of C that the next tile will write. R9 is 3*CCol, DX is
// 3, or 35 for the second half of a line.
#define FETCHROW(fetched) \
	CMPQ BX, DX             \
	JLT  fetched            \
	PREFETCHT0 (DI)         \
	PREFETCHT0 (DI)(R10*1)  \
	PREFETCHT0 (DI)(R10*2)  \
	PREFETCHT0 (DI)(R9*1)   \
	ADDQ WinogradOutputTiles_CRow(AX), DI \
fetched:

// PUT applies the epilogue to v, one pixel of a row.
#define PUT(LD, ST, v, plain) \
	VFMADD213PS Y4, Y3, v       \
	TESTQ R9, R9                \
	JEQ   plain                 \
	LD((R9), Y7)                \
	VADDPS Y7, v, v             \
	ADDQ  WinogradOutputTiles_ResCol(AX), R9 \
plain:                          \
	VMAXPS v, Y14, v            \
	VMINPS v, Y5, v             \
	ST(v, (DI))                 \
	ADDQ  R10, DI

// SUMS transforms one vector of channels of one tile.
#define SUMS(LD, ST, fetched, column, row, affine, store, p0, p1, p2, p3, next, more) \
	LEAQ table-824(SP), R14     \
	ADDQ $31, R14               \
	ANDQ $~31, R14              \
	MOVQ m-24(SP), SI           \
	ADDQ R8, SI                 \
	MOVQ c-8(SP), DI            \
	ADDQ R8, DI                 \
	LEAQ (DI)(R10*4), DI        \
	LEAQ (R10)(R10*2), R9       \
	MOVL R8, DX                 \
	ANDL $32, DX                \
	ORL  $3, DX                 \
	MOVL $6, BX                 \
column:                         \
	FETCHROW(fetched)           \
	SUM(LD, (SI), Y0)           \
	SUM(LD, (SI)(R11*1), Y1)    \
	SUM(LD, (SI)(R11*2), Y2)    \
	SUM(LD, (SI)(R12*1), Y3)    \
	SUM(LD, (SI)(R11*4), Y4)    \
	SUM(LD, (SI)(R13*1), Y5)    \
	OUTPUT                      \
	VMOVAPS Y0, (R14)           \
	VMOVAPS Y2, 192(R14)        \
	VMOVAPS Y6, 384(R14)        \
	VMOVAPS Y1, 576(R14)        \
	ADDQ WinogradOutputTiles_MStride(AX), SI \
	ADDQ $32, R14               \
	DECQ BX                     \
	JNE  column                 \
	SUBQ $192, R14              \
	MOVQ c-8(SP), SI            \
	MOVQ res-16(SP), DX         \
	MOVQ WinogradOutputTiles_Rows(AX), BX \
row:                            \
	VMOVAPS (R14), Y0           \
	VMOVAPS 32(R14), Y1         \
	VMOVAPS 64(R14), Y2         \
	VMOVAPS 96(R14), Y3         \
	VMOVAPS 128(R14), Y4        \
	VMOVAPS 160(R14), Y5        \
	OUTPUT                      \
	VBROADCASTSS one<>(SB), Y3  \
	VBROADCASTSS minusZero<>(SB), Y4 \
	MOVQ WinogradOutputTiles_Scale(AX), DI \
	TESTQ DI, DI                \
	JEQ  affine                 \
	LD((DI)(R8*1), Y3)          \
	MOVQ WinogradOutputTiles_Shift(AX), DI \
	LD((DI)(R8*1), Y4)          \
affine:                         \
	VBROADCASTSS WinogradOutputTiles_Hi(AX), Y5 \
	LEAQ (SI)(R8*1), DI         \
	MOVQ DX, R9                 \
	TESTQ DX, DX                \
	JEQ  store                  \
	ADDQ R8, R9                 \
store:                          \
	PUT(LD, ST, Y0, p0)         \
	CMPQ R15, $2                \
	JLT  next                   \
	PUT(LD, ST, Y2, p1)         \
	CMPQ R15, $3                \
	JLT  next                   \
	PUT(LD, ST, Y6, p2)         \
	CMPQ R15, $4                \
	JLT  next                   \
	PUT(LD, ST, Y1, p3)         \
next:                           \
	ADDQ WinogradOutputTiles_CRow(AX), SI \
	TESTQ DX, DX                \
	JEQ  more                   \
	ADDQ WinogradOutputTiles_ResRow(AX), DX \
more:                           \
	ADDQ $192, R14              \
	DECQ BX                     \
	JNE  row

// func winogradOutputAVX2(t *WinogradOutputTiles)
//
//	SI       M at this tile and channel, then C at the row
//	R11-R13  6, 18, 30 times MStride        R8   byte of the channel
//	DI R9    C and Res (0: none) at the pixel
//	R10      CCol                           DX   Res at the row
//	R14      table, its column or row       R15  output columns of this tile and those to its right
//	CX       channels left                  BX   columns or rows left
//	Y8-Y13   1/2, 1/4, 1/8, -2, 4, -8       Y14  Lo
//	Y3-Y5    Scale, Shift, Hi, in a row     Y15  lanes of the tail
TEXT ·winogradOutputAVX2(SB), 0, $824-8
	MOVQ t+0(FP), AX
	CONSTANT($0x3f000000, X8, Y8)
	CONSTANT($0x3e800000, X9, Y9)
	CONSTANT($0x3e000000, X10, Y10)
	CONSTANT($0xc0000000, X11, Y11)
	CONSTANT($0x40800000, X12, Y12)
	CONSTANT($0xc1000000, X13, Y13)
	VBROADCASTSS WinogradOutputTiles_Lo(AX), Y14
	MOVQ WinogradOutputTiles_Channels(AX), CX
	TAILMASK(CX, DX, R12, Y15)
	MOVQ WinogradOutputTiles_MStride(AX), R11
	LEAQ (R11)(R11*2), R11
	ADDQ R11, R11
	LEAQ (R11)(R11*2), R12
	LEAQ (R11)(R11*4), R13
	MOVQ WinogradOutputTiles_CCol(AX), R10
	MOVQ WinogradOutputTiles_Width(AX), R15
	MOVQ WinogradOutputTiles_C(AX), DX
	MOVQ DX, c-8(SP)
	MOVQ WinogradOutputTiles_Res(AX), DX
	MOVQ DX, res-16(SP)
	MOVQ WinogradOutputTiles_M(AX), DX
	MOVQ DX, m-24(SP)

tile:
	MOVQ WinogradOutputTiles_Channels(AX), CX
	XORL R8, R8
	SUBQ $8, CX
	JLT  tail

vector:
	SUMS(LOAD, STORE, fetched, column, row, affine, store, p0, p1, p2, p3, next, more)
	ADDQ $32, R8
	SUBQ $8, CX
	JGE  vector

tail:
	ADDQ $8, CX
	JEQ  across
	SUMS(LOADTAIL, STORETAIL, fetchedTail, columnTail, rowTail, affineTail, storeTail, p0Tail, p1Tail, p2Tail, p3Tail, nextTail, moreTail)

across:
	MOVQ WinogradOutputTiles_MTile(AX), DX
	ADDQ DX, m-24(SP)
	LEAQ (R10*4), DX
	ADDQ DX, c-8(SP)
	CMPQ res-16(SP), $0
	JEQ  right
	MOVQ WinogradOutputTiles_ResCol(AX), DX
	SHLQ $2, DX
	ADDQ DX, res-16(SP)

right:
	SUBQ $4, R15
	JGT  tile
	VZEROUPPER
	RET

DATA one<>+0(SB)/4, $0x3f800000
GLOBL one<>(SB), RODATA|NOPTR, $4
DATA minusZero<>+0(SB)/4, $0x80000000
GLOBL minusZero<>(SB), RODATA|NOPTR, $4
