//go:build !purego

// Winograd's input and output transforms on AVX-512, 16 channels at a time; the contracts are in winograd.go. The columns
// go through a table on the stack, [6][6] or [4][6] vectors, and the rows from there to memory.

#include "go_asm.h"
#include "textflag.h"

// CONSTANT broadcasts the float32 with these bits.
#define CONSTANT(bits, v) \
	MOVL bits, DX \
	VPBROADCASTD DX, v

// LANES sets K1 to the channels of this vector, of CX that are left.
#define LANES(full) \
	KXNORW K1, K1, K1 \
	CMPQ CX, $16      \
	JGE  full         \
	MOVL $1, DX       \
	SHLL CX, DX       \
	DECL DX           \
	KMOVW DX, K1      \
full:

// INPUT is B^T d of Z0-Z5; the result lies in Z0 Z1 Z2 Z6 Z4 Z5.
#define INPUT \
	VSUBPS Z2, Z4, Z6          \ // p
	VSUBPS Z1, Z3, Z7          \ // q
	VSUBPS Z2, Z0, Z0          \
	VSUBPS Z3, Z5, Z5          \
	VFMADD213PS Z6, Z29, Z3    \ // m
	VFMADD213PS Z7, Z29, Z2    \ // n
	VFMADD231PS Z29, Z7, Z0    \
	VFMADD231PS Z29, Z6, Z5    \
	VADDPS Z2, Z3, Z1          \ // v1
	VSUBPS Z2, Z3, Z2          \ // v2
	VADDPS Z6, Z0, Z0          \ // v0
	VSUBPS Z7, Z5, Z5          \ // v5
	VMOVAPS Z6, Z4             \
	VFMADD231PS Z30, Z7, Z6    \ // v3
	VFMADD231PS Z31, Z7, Z4      // v4

// PIXEL loads pixel y of the column whose first offset R12 points at.
#define PIXEL(y, v) \
	MOVQ (48*y)(R12), DX        \
	VMOVUPS.Z (SI)(DX*1), K1, v

// AHEAD asks for that of the next tile: a vector before would be too late for what lies beyond L2. Half of them go with the rows, as there is only so much that can be under way.
#define AHEAD(y, P) \
	MOVQ (48*y)(R12)(AX*1), P \
	PREFETCHT0 (SI)(P*1)

// FETCH asks for the lines of six frequencies that the rows of the next vector will write: 36 streams are too many for the CPU to foresee.
#define FETCH \
	PREFETCHT0 (BP)        \
	PREFETCHT0 (BP)(R9*1)  \
	PREFETCHT0 (BP)(R9*2)  \
	PREFETCHT0 (BP)(R10*1) \
	PREFETCHT0 (BP)(R9*4)  \
	PREFETCHT0 (BP)(R11*1) \
	ADDQ R15, BP

// func winogradInputAVX512(t *WinogradInputTiles)
//
//	SI       A at this channel         R12  offsets of the column
//	R13      table                     R14  its column or row
//	DI       V at this tile            R8   V at this tile and channel
//	BP       V at the next FETCH, scratch   DX   V at the row, and scratch
//	AX       t, or bytes from the tile's offsets to the next one's
//	R9-R11   1, 3, 5 times VStride     R15  6 times VStride
//	CX       channels left             BX   columns or rows left
//	Z29-Z31  1.5, 2, -0.5              K1   lanes in use
TEXT ·winogradInputAVX512(SB), 0, $2376-8
	MOVQ t+0(FP), AX
	CONSTANT($0x3fc00000, Z29)
	CONSTANT($0x40000000, Z30)
	CONSTANT($0xbf000000, Z31)
	LEAQ table-2368(SP), R13
	ADDQ $63, R13
	ANDQ $~63, R13
	MOVQ WinogradInputTiles_Off(AX), R12
	MOVQ WinogradInputTiles_V(AX), DI
	MOVQ WinogradInputTiles_VStride(AX), R9
	LEAQ (R9)(R9*2), R10
	LEAQ (R9)(R9*4), R11
	LEAQ (R10)(R10*1), R15
	MOVQ WinogradInputTiles_Tiles(AX), DX
	MOVQ DX, tiles-2376(SP)

tile:
	MOVQ t+0(FP), AX
	MOVQ WinogradInputTiles_A(AX), SI
	MOVQ WinogradInputTiles_Channels(AX), CX
	MOVQ DI, R8
	MOVQ WinogradInputTiles_ahead(AX), AX
	CMPQ tiles-2376(SP), $1
	JEQ  vector
	MOVL $288, AX

vector:
	LANES(full)
	MOVQ R13, R14
	LEAQ 64(R8), BP
	MOVL $6, BX

column:
	FETCH
	PIXEL(0, Z0)
	AHEAD(0, DX)
	PIXEL(1, Z1)
	PIXEL(2, Z2)
	AHEAD(1, DX)
	PIXEL(3, Z3)
	PIXEL(4, Z4)
	AHEAD(2, DX)
	PIXEL(5, Z5)
	INPUT
	VMOVAPS Z0, (R14)
	VMOVAPS Z1, 384(R14)
	VMOVAPS Z2, 768(R14)
	VMOVAPS Z6, 1152(R14)
	VMOVAPS Z4, 1536(R14)
	VMOVAPS Z5, 1920(R14)
	ADDQ $8, R12
	ADDQ $64, R14
	DECQ BX
	JNE  column

	SUBQ $48, R12
	MOVQ R13, R14
	MOVQ R8, DX
	MOVL $6, BX

row:
	AHEAD(3, BP)
	AHEAD(4, BP)
	AHEAD(5, BP)
	ADDQ $8, R12
	VMOVAPS (R14), Z0
	VMOVAPS 64(R14), Z1
	VMOVAPS 128(R14), Z2
	VMOVAPS 192(R14), Z3
	VMOVAPS 256(R14), Z4
	VMOVAPS 320(R14), Z5
	INPUT
	VMOVUPS Z0, K1, (DX)
	VMOVUPS Z1, K1, (DX)(R9*1)
	VMOVUPS Z2, K1, (DX)(R9*2)
	VMOVUPS Z6, K1, (DX)(R10*1)
	VMOVUPS Z4, K1, (DX)(R9*4)
	VMOVUPS Z5, K1, (DX)(R11*1)
	ADDQ R15, DX
	ADDQ $384, R14
	DECQ BX
	JNE  row

	SUBQ $48, R12
	ADDQ $64, SI
	ADDQ $64, R8
	SUBQ $16, CX
	JGT  vector

	ADDQ $288, R12
	MOVQ t+0(FP), AX
	ADDQ WinogradInputTiles_VTile(AX), DI
	DECQ tiles-2376(SP)
	JNE  tile
	VZEROUPPER
	RET

// OUTPUT is A^T m of Z0-Z5; the result lies in Z0 Z2 Z6 Z1.
#define OUTPUT \
	VADDPS Z2, Z1, Z6          \ // s
	VSUBPS Z2, Z1, Z2          \ // r
	VADDPS Z4, Z3, Z7          \
	VADDPS Z6, Z0, Z0          \
	VADDPS Z5, Z2, Z1          \
	VFMADD231PS Z24, Z3, Z2    \
	VFMADD231PS Z25, Z3, Z6    \
	VFMADD231PS Z26, Z3, Z1    \
	VADDPS Z7, Z0, Z0          \ // y0
	VFMADD231PS Z27, Z4, Z2    \ // y1
	VFMADD231PS Z28, Z4, Z6    \ // y2
	VFMADD231PS Z29, Z4, Z1      // y3

// SUM loads one frequency and asks for its next channels or, behind the last, for the next tile.
#define SUM(mem, v) \
	PREFETCHT0 64 mem       \
	VMOVUPS.Z mem, K1, v

// FETCHROW asks, with each of the first four columns, for the lines of a row of C that the next tile will write. R9 is 3*CCol.
#define FETCHROW(fetched) \
	CMPQ BX, $3             \
	JLT  fetched            \
	PREFETCHT0 (DI)         \
	PREFETCHT0 (DI)(R10*1)  \
	PREFETCHT0 (DI)(R10*2)  \
	PREFETCHT0 (DI)(R9*1)   \
	ADDQ WinogradOutputTiles_CRow(AX), DI \
fetched:

// STORE applies the epilogue to v, pixel x of a row, and leaves behind the last pixel of the tile.
#define STORE(v, plain) \
	VFMADD213PS Z17, Z16, v  \
	TESTQ R9, R9             \
	JEQ   plain              \
	VMOVUPS.Z (R9), K1, Z7   \
	VADDPS Z7, v, v          \
	ADDQ  WinogradOutputTiles_ResCol(AX), R9 \
plain:                       \
	VMAXPS v, Z30, v         \
	VMINPS v, Z31, v         \
	VMOVUPS v, K1, (DI)      \
	ADDQ  R10, DI

// func winogradOutputAVX512(t *WinogradOutputTiles)
//
//	SI       M at this tile and channel, then C at the row
//	R11-R13  6, 18, 30 times MStride        R8       byte of the channel
//	DI R9    C and Res (0: none) at the pixel
//	R10      CCol                           DX       Res at the row
//	R14      table, its column or row       R15      output columns of this tile and those to its right
//	CX       channels left                  BX       columns or rows left
//	Z16 Z17  Scale, Shift                   Z30 Z31  Lo, Hi
//	Z24-Z29  1/2, 1/4, 1/8, -2, 4, -8       K1       lanes in use
TEXT ·winogradOutputAVX512(SB), 0, $1640-8
	MOVQ t+0(FP), AX
	CONSTANT($0x3f000000, Z24)
	CONSTANT($0x3e800000, Z25)
	CONSTANT($0x3e000000, Z26)
	CONSTANT($0xc0000000, Z27)
	CONSTANT($0x40800000, Z28)
	CONSTANT($0xc1000000, Z29)
	VBROADCASTSS WinogradOutputTiles_Lo(AX), Z30
	VBROADCASTSS WinogradOutputTiles_Hi(AX), Z31
	CONSTANT($0x3f800000, Z16)
	CONSTANT($0x80000000, Z17)
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

vector:
	LANES(full)
	LEAQ table-1640(SP), R14
	ADDQ $63, R14
	ANDQ $~63, R14
	MOVQ m-24(SP), SI
	ADDQ R8, SI
	MOVQ c-8(SP), DI
	ADDQ R8, DI
	LEAQ (R10)(R10*2), R9
	LEAQ (DI)(R10*4), DI
	MOVL $6, BX

column:
	FETCHROW(fetched)
	SUM((SI), Z0)
	SUM((SI)(R11*1), Z1)
	SUM((SI)(R11*2), Z2)
	SUM((SI)(R12*1), Z3)
	SUM((SI)(R11*4), Z4)
	SUM((SI)(R13*1), Z5)
	OUTPUT
	VMOVAPS Z0, (R14)
	VMOVAPS Z2, 384(R14)
	VMOVAPS Z6, 768(R14)
	VMOVAPS Z1, 1152(R14)
	ADDQ WinogradOutputTiles_MStride(AX), SI
	ADDQ $64, R14
	DECQ BX
	JNE  column

	SUBQ $384, R14
	MOVQ WinogradOutputTiles_Scale(AX), DX
	TESTQ DX, DX
	JEQ  rows
	VMOVUPS.Z (DX)(R8*1), K1, Z16
	MOVQ WinogradOutputTiles_Shift(AX), DX
	VMOVUPS.Z (DX)(R8*1), K1, Z17

rows:
	MOVQ c-8(SP), SI
	MOVQ res-16(SP), DX
	MOVQ WinogradOutputTiles_Rows(AX), BX

row:
	VMOVAPS (R14), Z0
	VMOVAPS 64(R14), Z1
	VMOVAPS 128(R14), Z2
	VMOVAPS 192(R14), Z3
	VMOVAPS 256(R14), Z4
	VMOVAPS 320(R14), Z5
	OUTPUT
	LEAQ (SI)(R8*1), DI
	MOVQ DX, R9
	TESTQ DX, DX
	JEQ  store
	ADDQ R8, R9

store:
	STORE(Z0, p0)
	CMPQ R15, $2
	JLT  next
	STORE(Z2, p1)
	CMPQ R15, $3
	JLT  next
	STORE(Z6, p2)
	CMPQ R15, $4
	JLT  next
	STORE(Z1, p3)

next:
	ADDQ WinogradOutputTiles_CRow(AX), SI
	TESTQ DX, DX
	JEQ  more
	ADDQ WinogradOutputTiles_ResRow(AX), DX

more:
	ADDQ $384, R14
	DECQ BX
	JNE  row

	ADDQ $64, R8
	SUBQ $16, CX
	JGT  vector

	MOVQ WinogradOutputTiles_MTile(AX), DX
	ADDQ DX, m-24(SP)
	LEAQ (R10*4), DX
	ADDQ DX, c-8(SP)
	CMPQ res-16(SP), $0
	JEQ  across
	MOVQ WinogradOutputTiles_ResCol(AX), DX
	SHLQ $2, DX
	ADDQ DX, res-16(SP)

across:
	SUBQ $4, R15
	JGT  tile
	VZEROUPPER
	RET
