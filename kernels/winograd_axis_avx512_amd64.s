//go:build !purego

// One pass of a Winograd transform along one axis on AVX-512, 16 channels at a time; the contract is in winograd_axis.go.
// All columns are held in registers, and each row of the matrix is one chain of FMAs: the CPU overlaps the rows.

#include "go_asm.h"
#include "textflag.h"

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

// LOAD fetches column j, and asks for its next channels.
#define LOAD(j, v) \
	MOVQ (8*j)(R12), DX     \
	PREFETCHT0 64(SI)(DX*1) \
	VMOVUPS.Z (SI)(DX*1), K1, v

#define LOAD1 LOAD(0, Z0)
#define LOAD2 LOAD1; LOAD(1, Z1)
#define LOAD3 LOAD2; LOAD(2, Z2)
#define LOAD4 LOAD3; LOAD(3, Z3)
#define LOAD5 LOAD4; LOAD(4, Z4)
#define LOAD6 LOAD5; LOAD(5, Z5)
#define LOAD7 LOAD6; LOAD(6, Z6)
#define LOAD8 LOAD7; LOAD(7, Z7)
#define LOAD9 LOAD8; LOAD(8, Z8)
#define LOAD10 LOAD9; LOAD(9, Z9)
#define LOAD11 LOAD10; LOAD(10, Z10)
#define LOAD12 LOAD11; LOAD(11, Z11)
#define LOAD13 LOAD12; LOAD(12, Z12)
#define LOAD14 LOAD13; LOAD(13, Z13)

// SUM adds column j of the matrix's row to Z31.
#define SUM(j, v) VFMADD231PS.BCST (4*j)(BX), v, Z31

#define SUM1 VMULPS.BCST (BX), Z0, Z31
#define SUM2 SUM1; SUM(1, Z1)
#define SUM3 SUM2; SUM(2, Z2)
#define SUM4 SUM3; SUM(3, Z3)
#define SUM5 SUM4; SUM(4, Z4)
#define SUM6 SUM5; SUM(5, Z5)
#define SUM7 SUM6; SUM(6, Z6)
#define SUM8 SUM7; SUM(7, Z7)
#define SUM9 SUM8; SUM(8, Z8)
#define SUM10 SUM9; SUM(9, Z9)
#define SUM11 SUM10; SUM(10, Z10)
#define SUM12 SUM11; SUM(11, Z11)
#define SUM13 SUM12; SUM(12, Z12)
#define SUM14 SUM13; SUM(13, Z13)

// COLS does all rows of one vector of channels with a matrix of n columns. The line of the next channels is fetched with each store.
#define COLS(n, cols, row, clamp, store, LOADS, SUMS) \
cols:                       \
	LOADS                   \
row:                        \
	SUMS                    \
	ADDQ $(4*n), BX         \
	TESTQ R15, R15          \
	JEQ  store              \
	VFMADD213PS Z27, Z28, Z31 \
	TESTQ R9, R9            \
	JEQ  clamp              \
	VMOVUPS.Z (R9), K1, Z26 \
	VADDPS Z26, Z31, Z31    \
	ADDQ R11, R9            \
clamp:                      \
	VMAXPS Z31, Z29, Z31    \
	VMINPS Z31, Z30, Z31    \
store:                      \
	PREFETCHT0 64(DI)       \
	VMOVUPS Z31, K1, (DI)   \
	ADDQ R10, DI            \
	DECQ R13                \
	JNE  row                \
	JMP  next

// func winogradAxisAVX512(t *WinogradAxis)
//
//	R14      A at this tile                 SI       and channel
//	R12      offsets of the tile            R8       byte of the channel
//	BX       matrix at the row              CX       channels left
//	DI R9    C and Res (0: none) at the row R10 R11  CRow, ResRow
//	R13      rows left                      R15      0: no epilogue
//	Z0-Z13   columns                        Z31      the sum
//	Z28 Z27  Scale, Shift                   Z29 Z30  Lo, Hi
//	BP       columns                        K1       lanes in use
TEXT ·winogradAxisAVX512(SB), 0, $24-8
	MOVQ t+0(FP), AX
	VBROADCASTSS WinogradAxis_Lo(AX), Z29
	VBROADCASTSS WinogradAxis_Hi(AX), Z30
	MOVL $0x3f800000, DX
	VPBROADCASTD DX, Z28
	MOVL $0x80000000, DX
	VPBROADCASTD DX, Z27
	MOVQ WinogradAxis_A(AX), R14
	MOVQ WinogradAxis_Off(AX), R12
	MOVQ WinogradAxis_CRow(AX), R10
	MOVQ WinogradAxis_ResRow(AX), R11
	MOVBQZX WinogradAxis_Last(AX), R15
	MOVQ WinogradAxis_Cols(AX), BP
	MOVQ WinogradAxis_C(AX), DX
	MOVQ DX, c-8(SP)
	MOVQ WinogradAxis_Res(AX), DX
	MOVQ DX, res-16(SP)
	MOVQ WinogradAxis_Tiles(AX), DX
	MOVQ DX, tiles-24(SP)

tile:
	MOVQ WinogradAxis_Channels(AX), CX
	XORL R8, R8

vector:
	LANES(full)
	MOVQ WinogradAxis_Scale(AX), DX
	TESTQ DX, DX
	JEQ  plain
	VMOVUPS.Z (DX)(R8*1), K1, Z28
	MOVQ WinogradAxis_Shift(AX), DX
	VMOVUPS.Z (DX)(R8*1), K1, Z27

plain:
	MOVQ res-16(SP), R9
	TESTQ R9, R9
	JEQ  start
	ADDQ R8, R9

start:
	LEAQ (R14)(R8*1), SI
	MOVQ c-8(SP), DI
	ADDQ R8, DI
	MOVQ WinogradAxis_Matrix(AX), BX
	MOVQ WinogradAxis_Rows(AX), R13
	CMPQ BP, $7; JGT over7
	CMPQ BP, $4; JGT over4
	CMPQ BP, $2; JEQ cols2; JGT over2
	JMP  cols1
over2:
	CMPQ BP, $3; JEQ cols3
	JMP  cols4
over4:
	CMPQ BP, $6; JEQ cols6; JGT cols7
	JMP  cols5
over7:
	CMPQ BP, $11; JGT over11
	CMPQ BP, $9; JEQ cols9; JGT over9
	JMP  cols8
over9:
	CMPQ BP, $10; JEQ cols10
	JMP  cols11
over11:
	CMPQ BP, $13; JEQ cols13; JGT cols14
	JMP  cols12

	COLS(1, cols1, row1, clamp1, store1, LOAD1, SUM1)
	COLS(2, cols2, row2, clamp2, store2, LOAD2, SUM2)
	COLS(3, cols3, row3, clamp3, store3, LOAD3, SUM3)
	COLS(4, cols4, row4, clamp4, store4, LOAD4, SUM4)
	COLS(5, cols5, row5, clamp5, store5, LOAD5, SUM5)
	COLS(6, cols6, row6, clamp6, store6, LOAD6, SUM6)
	COLS(7, cols7, row7, clamp7, store7, LOAD7, SUM7)
	COLS(8, cols8, row8, clamp8, store8, LOAD8, SUM8)
	COLS(9, cols9, row9, clamp9, store9, LOAD9, SUM9)
	COLS(10, cols10, row10, clamp10, store10, LOAD10, SUM10)
	COLS(11, cols11, row11, clamp11, store11, LOAD11, SUM11)
	COLS(12, cols12, row12, clamp12, store12, LOAD12, SUM12)
	COLS(13, cols13, row13, clamp13, store13, LOAD13, SUM13)
	COLS(14, cols14, row14, clamp14, store14, LOAD14, SUM14)

next:
	ADDQ $64, R8
	SUBQ $16, CX
	JGT  vector

	ADDQ WinogradAxis_ATile(AX), R14
	ADDQ WinogradAxis_OffTile(AX), R12
	MOVQ WinogradAxis_CTile(AX), DX
	ADDQ DX, c-8(SP)
	CMPQ res-16(SP), $0
	JEQ  across
	MOVQ WinogradAxis_ResTile(AX), DX
	ADDQ DX, res-16(SP)

across:
	DECQ tiles-24(SP)
	JNE  tile
	VZEROUPPER
	RET
