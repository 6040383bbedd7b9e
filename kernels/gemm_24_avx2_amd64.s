//go:build !purego

// GEMM tiles of 24 columns on AVX2 and FMA3, up to 6 rows as one or two passes of up to 3; the contract is at GemmTile in gemm.go. They are for what is left of the channels where 16 columns
// and 8 would be two calls, of which the second has too few sums under way.
//
//	AX BX CX  ends of the rows' segments, before and behind the loops t and scratch
//	DX        rows of this pass
//	R13      minus the bytes left of the segment, for all rows, counting up to 0
//	R12      entry of the offset table
//	R11      weights
//	R8 R9    what to prefetch for the next k, and how much for each
//	Y0-Y8    accumulators: row r has Y(3r) to Y(3r+2)
//	Y12-Y14  weights of one k
//	Y9 Y10 Y11  one element of a row

#include "go_asm.h"
#include "textflag.h"
#include "lanes_amd64.h"
#include "gemm_avx2_amd64.h"

#define WEIGHTS(k) VMOVUPS (96*k)(R11), Y12; VMOVUPS (96*k+32)(R11), Y13; VMOVUPS (96*k+64)(R11), Y14
#define WEIGHTSF16(k) VCVTPH2PS (48*k)(R11), Y12; VCVTPH2PS (48*k+16)(R11), Y13; VCVTPH2PS (48*k+32)(R11), Y14

#define ROW(at, P, x, v0, v1, v2) \
	VBROADCASTSS at(P)(R13*1), x \
	VFMADD231PS Y12, x, v0       \
	VFMADD231PS Y13, x, v1       \
	VFMADD231PS Y14, x, v2

#define ROWS1(at) ROW(at, AX, Y9, Y0, Y1, Y2)
#define ROWS2(at) ROWS1(at); ROW(at, BX, Y10, Y3, Y4, Y5)
#define ROWS3(at) ROWS2(at); ROW(at, CX, Y11, Y6, Y7, Y8)

#define LOAD(v0, v1, v2) \
	VMOVUPS (BX), v0   \
	VMOVUPS 32(BX), v1 \
	VMOVUPS 64(BX), v2 \
	ADDQ $96, BX       \
	DECQ CX            \
	JEQ  loaded

#define SAVE(v0, v1, v2) \
	VMOVUPS v0, (BX)   \
	VMOVUPS v1, 32(BX) \
	VMOVUPS v2, 64(BX) \
	ADDQ $96, BX       \
	DECQ CX            \
	JEQ  pass

#define AFFINE(v0, v1, v2) \
	VFMADD213PS Y12, Y9, v0  \
	VFMADD213PS Y13, Y10, v1 \
	VFMADD213PS Y14, Y11, v2

#define CLAMP(v) VMAXPS v, Y12, v; VMINPS v, Y13, v

// STORE is a whole row.
#define STORE(v0, v1, v2, plain) \
	TESTQ R9, R9          \
	JEQ  plain            \
	VADDPS (R9), v0, v0   \
	VADDPS 32(R9), v1, v1 \
	VADDPS 64(R9), v2, v2 \
	ADDQ R10, R9          \
plain:                  \
	CLAMP(v0)             \
	CLAMP(v1)             \
	CLAMP(v2)             \
	VMOVUPS v0, (DI)      \
	VMOVUPS v1, 32(DI)    \
	VMOVUPS v2, 64(DI)    \
	ADDQ R8, DI           \
	DECQ CX               \
	JEQ  pass

// MASK sets the lanes of v that the columns from `from` on have, of BX in all; R13 is laneMask+64.
#define MASK(from, v) \
	LEAQ -from(BX), R11         \
	XORL R12, R12               \
	TESTQ R11, R11              \
	CMOVQLT R12, R11            \
	MOVL $8, R12                \
	CMPQ R11, R12               \
	CMOVQGT R12, R11            \
	NEGQ R11                    \
	VMOVUPS (R13)(R11*4), v

// PART is a row of less than 24 columns, by the masks Y9, Y14 and Y15.
#define PART(v0, v1, v2, plain) \
	TESTQ R9, R9                \
	JEQ  plain                  \
	VMASKMOVPS (R9), Y9, Y10    \
	VADDPS Y10, v0, v0          \
	VMASKMOVPS 32(R9), Y14, Y10 \
	VADDPS Y10, v1, v1          \
	VMASKMOVPS 64(R9), Y15, Y10 \
	VADDPS Y10, v2, v2          \
	ADDQ R10, R9                \
plain:                        \
	CLAMP(v0)                   \
	CLAMP(v1)                   \
	CLAMP(v2)                   \
	VMASKMOVPS v0, Y9, (DI)     \
	VMASKMOVPS v1, Y14, 32(DI)  \
	VMASKMOVPS v2, Y15, 64(DI)  \
	ADDQ R8, DI                 \
	DECQ CX                     \
	JEQ  pass

// GEMM24 is a whole function: the field of the weights, how one k of them is loaded, their bytes.
#define GEMM24(W, WEIGHTS, K) \
	MOVQ t+8(FP), AX \
	MOVQ GemmTile_SegLen(AX), BX \
	SHLQ $2, BX \
	MOVQ GemmTile_A(AX), CX \
	ADDQ BX, CX \
	MOVQ CX, base-8(SP) \
	NEGQ BX \
	MOVQ BX, left-16(SP) \
	MOVQ $0, first-32(SP) \
	MOVQ GemmTile_Next(AX), R8 \
	MOVQ GemmTile_NextStep(AX), R9 \
	TESTQ R8, R8 \
	CMOVQEQ R8, R9 \
	MOVQ W(AX), R11 \
	CMOVQEQ R11, R8 \
	MOVQ rows+0(FP), DX \
	CMPQ DX, $3 \
	JLE  begin \
	INCQ DX \
	SHRQ $1, DX \
begin: \
	MOVQ DX, count-40(SP) \
	MOVQ first-32(SP), SI \
	MOVQ GemmTile_Segments(AX), CX \
	MOVQ CX, segs-24(SP) \
	MOVQ GemmTile_Off(AX), R12 \
	LEAQ (R12)(SI*8), R12 \
	VXORPS Y0, Y0, Y0 \
	VXORPS Y1, Y1, Y1 \
	VXORPS Y2, Y2, Y2 \
	VXORPS Y3, Y3, Y3 \
	VXORPS Y4, Y4, Y4 \
	VXORPS Y5, Y5, Y5 \
	VXORPS Y6, Y6, Y6 \
	VXORPS Y7, Y7, Y7 \
	VXORPS Y8, Y8, Y8 \
	CMPB GemmTile_First(AX), $0 \
	JNE  loaded \
	MOVQ GemmTile_Acc(AX), BX \
	IMUL3Q $96, SI, DI \
	ADDQ DI, BX \
	MOVQ DX, CX \
	LOAD(Y0, Y1, Y2) \
	LOAD(Y3, Y4, Y5) \
	LOAD(Y6, Y7, Y8) \
loaded: \
	CMPQ DX, $2 \
	JEQ  seg2 \
	JHI  seg3 \
	LOOP(seg1, four1, last1, one1, next1, PTRS1, AHEADx4, AHEAD, WEIGHTS, K, ROWS1) \
	LOOP(seg2, four2, last2, one2, next2, PTRS2, AHEADx4, AHEAD, WEIGHTS, K, ROWS2) \
	LOOP(seg3, four3, last3, one3, next3, PTRS3, AHEADx4, AHEAD, WEIGHTS, K, ROWS3) \
done: \
	MOVQ t+8(FP), AX \
	MOVQ DX, CX \
	MOVQ first-32(SP), SI \
	CMPB GemmTile_Last(AX), $0 \
	JNE  epilogue \
	MOVQ GemmTile_Acc(AX), BX \
	IMUL3Q $96, SI, DI \
	ADDQ DI, BX \
	SAVE(Y0, Y1, Y2) \
	SAVE(Y3, Y4, Y5) \
	SAVE(Y6, Y7, Y8) \
epilogue: \
	MOVQ GemmTile_Scale(AX), BX \
	TESTQ BX, BX \
	JEQ  sums \
	VMOVUPS (BX), Y9 \
	VMOVUPS 32(BX), Y10 \
	VMOVUPS 64(BX), Y11 \
	MOVQ GemmTile_Shift(AX), BX \
	VMOVUPS (BX), Y12 \
	VMOVUPS 32(BX), Y13 \
	VMOVUPS 64(BX), Y14 \
	AFFINE(Y0, Y1, Y2) \
	AFFINE(Y3, Y4, Y5) \
	AFFINE(Y6, Y7, Y8) \
sums: \
	VBROADCASTSS GemmTile_Lo(AX), Y12 \
	VBROADCASTSS GemmTile_Hi(AX), Y13 \
	MOVQ GemmTile_CStride(AX), R8 \
	MOVQ SI, DI \
	IMULQ R8, DI \
	ADDQ GemmTile_C(AX), DI \
	MOVQ GemmTile_Res(AX), R9 \
	MOVQ GemmTile_ResStride(AX), R10 \
	TESTQ R9, R9 \
	JEQ  noRes \
	IMULQ R10, SI \
	ADDQ SI, R9 \
noRes: \
	MOVQ GemmTile_Cols(AX), BX \
	CMPQ BX, $24 \
	JNE  part \
	STORE(Y0, Y1, Y2, s0) \
	STORE(Y3, Y4, Y5, s1) \
	STORE(Y6, Y7, Y8, s2) \
part: \
	LEAQ laneMask<>+64(SB), R13 \
	MASK(0, Y9) \
	MASK(8, Y14) \
	MASK(16, Y15) \
	PART(Y0, Y1, Y2, p0) \
	PART(Y3, Y4, Y5, p1) \
	PART(Y6, Y7, Y8, p2) \
pass: \
	MOVQ rows+0(FP), DX \
	MOVQ count-40(SP), CX \
	ADDQ first-32(SP), CX \
	MOVQ CX, first-32(SP) \
	SUBQ CX, DX \
	JLE  end \
	MOVQ W(AX), R11 \
	MOVQ R11, R8 \
	XORL R9, R9 \
	JMP  begin \
end: \
	VZEROUPPER \
	RET

// func gemm24AVX2(rows int, t *GemmTile)
TEXT ·gemm24AVX2(SB), NOSPLIT, $40-16
	GEMM24(GemmTile_W, WEIGHTS, 96)

// func gemm24F16AVX2(rows int, t *GemmTile)
TEXT ·gemm24F16AVX2(SB), NOSPLIT, $40-16
	GEMM24(GemmTile_W16, WEIGHTSF16, 48)
