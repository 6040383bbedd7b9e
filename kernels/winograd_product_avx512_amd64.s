//go:build !purego

// The products of Winograd's algorithm on AVX-512, 6 to 12 rows x 32 columns a tile; the contract is at winogradProductTiles in winograd_product_amd64.go. One loop serves all numbers
// of rows: it leaves out the last ones by branches that the CPU foresees. That costs half a percent, and a loop for each number has ten times the code.
//
//	AX BX CX DX  rows 0, 3, 6, 9 at this k    BP       bytes of a row of A
//	R11      weights of this k                R10      of the first
//	R12      C                                R8 R13   tiles left, and rows of each
//	R14 R15  what to prefetch for the next k, and how much
//	SI R9    rounds of two k left, and of a tile
//	DI       K; if it is odd the first round has one k
//	Z0-Z23   sums: row r has Z(2r), Z(2r+1)
//	Z24 Z25  weights of one k
//	Z26      one element of a row

#include "go_asm.h"
#include "textflag.h"

#define ROW(mem, v0, v1) \
	VBROADCASTSS mem, Z26    \
	VFMADD231PS Z24, Z26, v0 \
	VFMADD231PS Z25, Z26, v1

// LAST leaves if a tile has n rows.
#define LAST(n, next) CMPQ R13, $n; JEQ next

// K is one k, at byte `at` of the rows.
#define K(at, next) \
	VMOVUPS (32*at)(R11), Z24         \
	VMOVUPS (32*at+64)(R11), Z25      \
	PREFETCHT0 (32*at+512)(R11)       \
	PREFETCHT0 (32*at+576)(R11)       \
	PREFETCHT1 (R14)                  \
	ADDQ R15, R14                     \
	ROW(at(AX), Z0, Z1)               \
	ROW(at(AX)(BP*1), Z2, Z3)         \
	ROW(at(AX)(BP*2), Z4, Z5)         \
	ROW(at(BX), Z6, Z7)               \
	ROW(at(BX)(BP*1), Z8, Z9)         \
	ROW(at(BX)(BP*2), Z10, Z11)       \
	LAST(6, next)                     \
	ROW(at(CX), Z12, Z13)             \
	LAST(7, next)                     \
	ROW(at(CX)(BP*1), Z14, Z15)       \
	LAST(8, next)                     \
	ROW(at(CX)(BP*2), Z16, Z17)       \
	LAST(9, next)                     \
	ROW(at(DX), Z18, Z19)             \
	LAST(10, next)                    \
	ROW(at(DX)(BP*1), Z20, Z21)       \
	LAST(11, next)                    \
	ROW(at(DX)(BP*2), Z22, Z23)       \
next:

// MOVE moves all that goes with k.
#define MOVE(n) ADDQ $(4*n), AX; ADDQ $(4*n), BX; ADDQ $(4*n), CX; ADDQ $(4*n), DX; ADDQ $(128*n), R11

#define ZERO(v0, v1) VPXORD v0, v0, v0; VPXORD v1, v1, v1

#define STORE(r, v0, v1) VMOVUPS v0, (128*r)(R12); VMOVUPS v1, (128*r+64)(R12)

#define STOREMORE(r, v0, v1) LAST(r, stored); STORE(r, v0, v1)

// func winogradProductAVX512(t *winogradProductTiles)
TEXT ·winogradProductAVX512(SB), NOSPLIT, $8-8
	MOVQ t+0(FP), SI
	MOVQ winogradProductTiles_K(SI), DI
	LEAQ 1(DI), R9
	SHRQ $1, R9
	LEAQ (DI*4), BP
	MOVQ winogradProductTiles_A(SI), AX
	MOVQ winogradProductTiles_W(SI), R10
	MOVQ winogradProductTiles_C(SI), R12
	MOVQ winogradProductTiles_Tiles(SI), R8
	MOVQ winogradProductTiles_Rows(SI), R13
	MOVQ winogradProductTiles_Next(SI), R14
	MOVQ winogradProductTiles_NextStep(SI), R15

tile:
	LEAQ (BP)(BP*2), DX
	LEAQ (AX)(DX*1), BX
	LEAQ (BX)(DX*1), CX
	ADDQ CX, DX
	MOVQ R10, R11
	MOVQ R9, SI
	ZERO(Z0, Z1)
	ZERO(Z2, Z3)
	ZERO(Z4, Z5)
	ZERO(Z6, Z7)
	ZERO(Z8, Z9)
	ZERO(Z10, Z11)
	ZERO(Z12, Z13)
	ZERO(Z14, Z15)
	ZERO(Z16, Z17)
	ZERO(Z18, Z19)
	ZERO(Z20, Z21)
	ZERO(Z22, Z23)
	TESTQ $1, DI
	JEQ  even
	MOVE(-1)
	JMP  odd
	PCALIGN $64

even:
	K(0, odd)
	K(4, done)
	MOVE(2)
	DECQ SI
	JNE  even

	STORE(0, Z0, Z1)
	STORE(1, Z2, Z3)
	STORE(2, Z4, Z5)
	STORE(3, Z6, Z7)
	STORE(4, Z8, Z9)
	STORE(5, Z10, Z11)
	STOREMORE(6, Z12, Z13)
	STOREMORE(7, Z14, Z15)
	STOREMORE(8, Z16, Z17)
	STOREMORE(9, Z18, Z19)
	STOREMORE(10, Z20, Z21)
	STOREMORE(11, Z22, Z23)

stored:
	MOVQ R13, CX
	SHLQ $7, CX
	ADDQ CX, R12
	LEAQ -1(R13), CX
	IMULQ BP, CX
	ADDQ CX, AX
	DECQ R8
	JNE  tile
	VZEROUPPER
	RET
