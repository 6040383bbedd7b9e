//go:build !purego

// One pass of a Winograd transform along one axis on AVX-512, 32 channels at a time; the contract is in winograd_axis.go.
// All columns are held in registers, and each row of the matrix is two chains of FMAs over them: the CPU overlaps the rows. Two vectors share a broadcast, of which it has one a cycle.
// One loop serves all numbers of columns: it leaves out the last ones by branches that the CPU foresees.

#include "go_asm.h"
#include "textflag.h"

// LAST leaves if there are n columns.
#define LAST(n, next) CMPQ BP, $n; JEQ next

// LOAD fetches column j, and asks for its next channels.
#define LOAD(j, v0, v1) \
	MOVQ (8*j)(R12), DX             \
	VMOVUPS.Z (SI)(DX*1), K1, v0    \
	VMOVUPS.Z 64(SI)(DX*1), K2, v1  \
	PREFETCHT0 128(SI)(DX*1)        \
	PREFETCHT0 192(SI)(DX*1)

// SUM adds column j of the matrix's row to Z28 and Z29.
#define SUM(j, v0, v1) \
	VBROADCASTSS (4*j)(BX), Z30 \
	VFMADD231PS v0, Z30, Z28    \
	VFMADD231PS v1, Z30, Z29

#define MORE(j, v0, v1) LAST(j, row); LOAD(j, v0, v1)
#define SUMMORE(j, v0, v1) LAST(j, summed); SUM(j, v0, v1)

// func winogradAxisAVX512(t *WinogradAxis)
//
//	R14      A at this tile                 SI       and channel
//	R12      offsets of the tile            R8       byte of the channel
//	BX       matrix at the row              CX       channels left
//	DI R9    C and Res (0: none) at the row R10 R11  CRow, ResRow
//	R13      rows left                      R15      0: no epilogue
//	Z0-Z27   columns: column j has Zj, Z(14+j)
//	Z28 Z29  the sums                       Z30 Z31  an element of the matrix; of the epilogue
//	BP       columns                        K1 K2    lanes in use
TEXT ·winogradAxisAVX512(SB), 0, $24-8
	MOVQ t+0(FP), AX
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

vectors:
	MOVQ $-1, DX
	CMPQ CX, $32
	JGE  full
	SHLQ CX, DX
	NOTQ DX

full:
	KMOVW DX, K1
	SHRL $16, DX
	KMOVW DX, K2
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
	LOAD(0, Z0, Z14)
	MORE(1, Z1, Z15)
	MORE(2, Z2, Z16)
	MORE(3, Z3, Z17)
	MORE(4, Z4, Z18)
	MORE(5, Z5, Z19)
	MORE(6, Z6, Z20)
	MORE(7, Z7, Z21)
	MORE(8, Z8, Z22)
	MORE(9, Z9, Z23)
	MORE(10, Z10, Z24)
	MORE(11, Z11, Z25)
	MORE(12, Z12, Z26)
	MORE(13, Z13, Z27)

row:
	VBROADCASTSS (BX), Z30
	VMULPS Z0, Z30, Z28
	VMULPS Z14, Z30, Z29
	SUMMORE(1, Z1, Z15)
	SUMMORE(2, Z2, Z16)
	SUMMORE(3, Z3, Z17)
	SUMMORE(4, Z4, Z18)
	SUMMORE(5, Z5, Z19)
	SUMMORE(6, Z6, Z20)
	SUMMORE(7, Z7, Z21)
	SUMMORE(8, Z8, Z22)
	SUMMORE(9, Z9, Z23)
	SUMMORE(10, Z10, Z24)
	SUMMORE(11, Z11, Z25)
	SUMMORE(12, Z12, Z26)
	SUMMORE(13, Z13, Z27)

summed:
	LEAQ (BX)(BP*4), BX
	TESTQ R15, R15
	JEQ  store
	MOVQ WinogradAxis_Scale(AX), DX
	TESTQ DX, DX
	JEQ  plain
	VMOVUPS.Z (DX)(R8*1), K1, Z30
	VMOVUPS.Z 64(DX)(R8*1), K2, Z31
	MOVQ WinogradAxis_Shift(AX), DX
	VFMADD213PS.Z (DX)(R8*1), Z30, K1, Z28
	VFMADD213PS.Z 64(DX)(R8*1), Z31, K2, Z29

plain:
	TESTQ R9, R9
	JEQ  clamp
	VADDPS.Z (R9), Z28, K1, Z28
	VADDPS.Z 64(R9), Z29, K2, Z29
	ADDQ R11, R9

clamp:
	VBROADCASTSS WinogradAxis_Lo(AX), Z30
	VBROADCASTSS WinogradAxis_Hi(AX), Z31
	VMAXPS Z28, Z30, Z28
	VMAXPS Z29, Z30, Z29
	VMINPS Z28, Z31, Z28
	VMINPS Z29, Z31, Z29

store:
	PREFETCHT0 128(DI)
	PREFETCHT0 192(DI)
	VMOVUPS Z28, K1, (DI)
	VMOVUPS Z29, K2, 64(DI)
	ADDQ R10, DI
	DECQ R13
	JNE  row

	ADDQ $128, R8
	SUBQ $32, CX
	JGT  vectors

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
