//go:build !purego

// The products of Winograd's algorithm on AVX-512, 4 to 6 rows x 64 columns a tile; the contract is at winogradProductTiles in winograd_product_amd64.go. One loop serves all numbers
// of rows: it leaves out the last ones by branches that the CPU foresees.
//
//	AX BX    rows 0, 3 at this k              BP       bytes of a row of A
//	R11      weights of this k                R10      of the first
//	R12      C                                R8 R13   tiles left, and rows of each
//	R14 R15  what to prefetch for the next k, and how much
//	SI R9    rounds of two k left, and of a tile
//	DI       K; if it is odd the first round has one k
//	Z0-Z23   sums: row r has Z(4r) to Z(4r+3)
//	Z24-Z27  weights of one k
//	Z28      one element of a row

#include "go_asm.h"
#include "textflag.h"

#define ROW(mem, v0, v1, v2, v3) \
	VBROADCASTSS mem, Z28    \
	VFMADD231PS Z24, Z28, v0 \
	VFMADD231PS Z25, Z28, v1 \
	VFMADD231PS Z26, Z28, v2 \
	VFMADD231PS Z27, Z28, v3

// LAST leaves if a tile has n rows.
#define LAST(n, next) CMPQ R13, $n; JEQ next

// K is one k, at byte `at` of the rows.
#define K(at, next) \
	VMOVUPS (64*at)(R11), Z24                \
	VMOVUPS (64*at+64)(R11), Z25             \
	VMOVUPS (64*at+128)(R11), Z26            \
	VMOVUPS (64*at+192)(R11), Z27            \
	PREFETCHT1 (R14)                         \
	ADDQ R15, R14                            \
	ROW(at(AX), Z0, Z1, Z2, Z3)              \
	ROW(at(AX)(BP*1), Z4, Z5, Z6, Z7)        \
	ROW(at(AX)(BP*2), Z8, Z9, Z10, Z11)      \
	ROW(at(BX), Z12, Z13, Z14, Z15)          \
	LAST(4, next)                            \
	ROW(at(BX)(BP*1), Z16, Z17, Z18, Z19)    \
	LAST(5, next)                            \
	ROW(at(BX)(BP*2), Z20, Z21, Z22, Z23)    \
next:

// MOVE moves all that goes with k.
#define MOVE(n) ADDQ $(4*n), AX; ADDQ $(4*n), BX; ADDQ $(256*n), R11

#define ZERO(v0, v1, v2, v3) VPXORD v0, v0, v0; VPXORD v1, v1, v1; VPXORD v2, v2, v2; VPXORD v3, v3, v3

#define STORE(r, v0, v1, v2, v3) VMOVUPS v0, (256*r)(R12); VMOVUPS v1, (256*r+64)(R12); VMOVUPS v2, (256*r+128)(R12); VMOVUPS v3, (256*r+192)(R12)

#define LOAD(r, v0, v1, v2, v3) VMOVUPS (256*r)(R12), v0; VMOVUPS (256*r+64)(R12), v1; VMOVUPS (256*r+128)(R12), v2; VMOVUPS (256*r+192)(R12), v3

// func winogradProductAVX512(t *winogradProductTiles)
TEXT ·winogradProductAVX512(SB), NOSPLIT, $16-8
	MOVQ t+0(FP), SI
	MOVQ winogradProductTiles_K(SI), DI
	MOVQ winogradProductTiles_AStride(SI), BP
	MOVBLZX winogradProductTiles_Add(SI), R9
	MOVQ R9, add-8(SP)
	LEAQ 1(DI), R9
	SHRQ $1, R9
	MOVQ winogradProductTiles_A(SI), AX
	MOVQ winogradProductTiles_W(SI), R10
	MOVQ winogradProductTiles_C(SI), R12
	MOVQ winogradProductTiles_Tiles(SI), R8
	MOVQ winogradProductTiles_Rows(SI), R13
	MOVQ winogradProductTiles_Next(SI), R14
	MOVQ winogradProductTiles_NextStep(SI), R15

tile:
	LEAQ (BP)(BP*2), BX
	ADDQ AX, BX
	MOVQ R10, R11
	MOVQ R9, SI
	ZERO(Z0, Z1, Z2, Z3)
	ZERO(Z4, Z5, Z6, Z7)
	ZERO(Z8, Z9, Z10, Z11)
	ZERO(Z12, Z13, Z14, Z15)
	ZERO(Z16, Z17, Z18, Z19)
	ZERO(Z20, Z21, Z22, Z23)
	CMPQ add-8(SP), $0
	JEQ  loaded
	LOAD(0, Z0, Z1, Z2, Z3)
	LOAD(1, Z4, Z5, Z6, Z7)
	LOAD(2, Z8, Z9, Z10, Z11)
	LOAD(3, Z12, Z13, Z14, Z15)
	LAST(4, loaded)
	LOAD(4, Z16, Z17, Z18, Z19)
	LAST(5, loaded)
	LOAD(5, Z20, Z21, Z22, Z23)
loaded:
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

	STORE(0, Z0, Z1, Z2, Z3)
	STORE(1, Z4, Z5, Z6, Z7)
	STORE(2, Z8, Z9, Z10, Z11)
	STORE(3, Z12, Z13, Z14, Z15)
	LAST(4, stored)
	STORE(4, Z16, Z17, Z18, Z19)
	LAST(5, stored)
	STORE(5, Z20, Z21, Z22, Z23)

stored:
	MOVQ R13, CX
	SHLQ $8, CX
	ADDQ CX, R12
	MOVQ R13, CX
	IMULQ BP, CX
	ADDQ CX, AX
	LEAQ (DI*4), CX
	SUBQ CX, AX
	DECQ R8
	JNE  tile
	VZEROUPPER
	RET
