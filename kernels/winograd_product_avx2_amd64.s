//go:build !purego

// The products of Winograd's algorithm on AVX2 and FMA3, 4 to 6 rows x 16 columns a tile; the contract is at winogradProductTiles in winograd_product_amd64.go. It is the loop of the GEMM
// around which nothing is left but the way to the next rows: with 64 channels a call for each six rows takes a quarter of the time.
//
//	AX BX CX DX SI DI  ends of the rows
//	R13      minus the bytes left of the rows, counting up to 0   R9   at their begin
//	R11      weights of the next k                                R10  of the first
//	R12      C                                                    R8   tiles left
//	R14 R15  what to prefetch for the next k, and how much        BP   bytes of a row of A
//	Y0-Y11   sums: row r has Y(2r), Y(2r+1)
//	Y12 Y13  weights of one k
//	Y14 Y15  one element of a row, in turn

#include "go_asm.h"
#include "textflag.h"

#define ROW(at, P, x, v0, v1) \
	VBROADCASTSS at(P)(R13*1), x \
	VFMADD231PS Y12, x, v0     \
	VFMADD231PS Y13, x, v1

#define ROWS1(at) ROW(at, AX, Y14, Y0, Y1)
#define ROWS2(at) ROWS1(at); ROW(at, BX, Y15, Y2, Y3)
#define ROWS3(at) ROWS2(at); ROW(at, CX, Y14, Y4, Y5)
#define ROWS4(at) ROWS3(at); ROW(at, DX, Y15, Y6, Y7)
#define ROWS5(at) ROWS4(at); ROW(at, SI, Y14, Y8, Y9)
#define ROWS6(at) ROWS5(at); ROW(at, DI, Y15, Y10, Y11)

#define ZERO(v0, v1) VXORPS v0, v0, v0; VXORPS v1, v1, v1
#define ZERO1 ZERO(Y0, Y1)
#define ZERO2 ZERO1; ZERO(Y2, Y3)
#define ZERO3 ZERO2; ZERO(Y4, Y5)
#define ZERO4 ZERO3; ZERO(Y6, Y7)
#define ZERO5 ZERO4; ZERO(Y8, Y9)
#define ZERO6 ZERO5; ZERO(Y10, Y11)

#define STORE(r, v0, v1) VMOVUPS v0, (64*r)(R12); VMOVUPS v1, (64*r+32)(R12)
#define STORE1 STORE(0, Y0, Y1)
#define STORE2 STORE1; STORE(1, Y2, Y3)
#define STORE3 STORE2; STORE(2, Y4, Y5)
#define STORE4 STORE3; STORE(3, Y6, Y7)
#define STORE5 STORE4; STORE(4, Y8, Y9)
#define STORE6 STORE5; STORE(5, Y10, Y11)

// ON moves a row's pointer over as many rows as the tile has: R13 is 0, and takes their bytes.
#define ON1 ADDQ R13, AX
#define ON2 ON1; ADDQ R13, BX
#define ON3 ON2; ADDQ R13, CX
#define ON4 ON3; ADDQ R13, DX
#define ON5 ON4; ADDQ R13, SI
#define ON6 ON5; ADDQ R13, DI

// K is one k, at byte `at` behind R13's.
#define K(at, ROWS) \
	VMOVUPS (16*at)(R11), Y12    \
	VMOVUPS (16*at+32)(R11), Y13 \
	ROWS(at)

// TILES does all tiles of n rows, four k at a time: a CPU foresees the end of 16 rounds better than that of 64.
#define TILES(n, tile, k4, k1, last, store, ZEROS, ROWS, STORES, ON) \
tile:                     \
	ZEROS                 \
	MOVQ R10, R11         \
	MOVQ R9, R13          \
	ADDQ $16, R13         \
	JG   last             \
	PCALIGN $64           \
k4:                       \
	PREFETCHT1 (R14)        \ // at most half of a line for a k (Prefetch.Share)
	PREFETCHT1 (R14)(R15*2) \
	LEAQ (R14)(R15*4), R14  \
	ADDQ $256, R11        \
	K(-16, ROWS)          \
	K(-12, ROWS)          \
	K(-8, ROWS)           \
	K(-4, ROWS)           \
	ADDQ $16, R13         \
	JLE  k4               \
last:                     \
	SUBQ $16, R13         \
	JEQ  store            \
k1:                       \
	PREFETCHT1 (R14)      \
	ADDQ R15, R14         \
	K(0, ROWS)            \
	ADDQ $64, R11         \
	ADDQ $4, R13          \
	JNE  k1               \
store:                    \
	STORES                \
	ADDQ $(64*n), R12     \
	IMUL3Q $n, BP, R13    \
	ON                    \
	DECQ R8               \
	JNE  tile             \
	VZEROUPPER            \
	RET

// func winogradProductAVX2(t *winogradProductTiles)
TEXT ·winogradProductAVX2(SB), NOSPLIT, $8-8
	MOVQ t+0(FP), R13
	MOVQ winogradProductTiles_K(R13), BP
	SHLQ $2, BP
	MOVQ BP, R9
	NEGQ R9
	MOVQ winogradProductTiles_A(R13), AX
	ADDQ BP, AX
	LEAQ (AX)(BP*1), BX
	LEAQ (BX)(BP*1), CX
	LEAQ (CX)(BP*1), DX
	LEAQ (DX)(BP*1), SI
	LEAQ (SI)(BP*1), DI
	MOVQ winogradProductTiles_W(R13), R10
	MOVQ winogradProductTiles_C(R13), R12
	MOVQ winogradProductTiles_Tiles(R13), R8
	MOVQ winogradProductTiles_Next(R13), R14
	MOVQ winogradProductTiles_NextStep(R13), R15
	MOVQ winogradProductTiles_Rows(R13), R13
	CMPQ R13, $5; JEQ tile5; JHI tile6
	TILES(4, tile4, four4, one4, last4, store4, ZERO4, ROWS4, STORE4, ON4)
	TILES(5, tile5, four5, one5, last5, store5, ZERO5, ROWS5, STORE5, ON5)
	TILES(6, tile6, four6, one6, last6, store6, ZERO6, ROWS6, STORE6, ON6)
