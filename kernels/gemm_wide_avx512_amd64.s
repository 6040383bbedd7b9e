//go:build !purego

// GEMM tiles of up to 12 rows x 64 columns on AVX-512, as one or two of up to 6 rows: per FMA they load less than 12 x 32 would. The contract is at GemmTile in gemm.go.
//
//	AX BX CX DX SI DI  ends of the rows' segments
//	R13      minus the bytes left of the segment, for all rows, counting up to 0
//	R8       entry of the offset table
//	R15      weights
//	R14 R12  what to prefetch for the next k, and how much for each
//	R9 R10 R11  free in the loop
//	Z0-Z23   accumulators: row r has Z(4r) to Z(4r+3)
//	Z24-Z27  weights of one k
//	Z28      one element of a row
//
// Each number of rows has its own loop. What comes before and after is shared and leaves behind the last row.

#include "go_asm.h"
#include "textflag.h"

// PTR points a row at the end of its next segment.
#define PTR(r, P) MOVQ base-8(SP), P; ADDQ (r*8)(R8), P
#define PTRS1 PTR(0, AX)
#define PTRS2 PTRS1; PTR(1, BX)
#define PTRS3 PTRS2; PTR(2, CX)
#define PTRS4 PTRS3; PTR(3, DX)
#define PTRS5 PTRS4; PTR(4, SI)
#define PTRS6 PTRS5; PTR(5, DI)

#define WEIGHTS(k) \
	VMOVUPS (256*k)(R15), Z24     \
	VMOVUPS (256*k+64)(R15), Z25  \
	VMOVUPS (256*k+128)(R15), Z26 \
	VMOVUPS (256*k+192)(R15), Z27

// A float16 panel comes from memory for few rows: with the prefetch up to a tenth faster. That of float32 is slower with it.
#define WEIGHTSF16(k) \
	PREFETCHT0 (128*k+1024)(R15)   \
	PREFETCHT0 (128*k+1088)(R15)   \
	VCVTPH2PS (128*k)(R15), Z24    \
	VCVTPH2PS (128*k+32)(R15), Z25 \
	VCVTPH2PS (128*k+64)(R15), Z26 \
	VCVTPH2PS (128*k+96)(R15), Z27

#define ROW(at, P, v0, v1, v2, v3) \
	VBROADCASTSS at(P)(R13*1), Z28 \
	VFMADD231PS Z24, Z28, v0       \
	VFMADD231PS Z25, Z28, v1       \
	VFMADD231PS Z26, Z28, v2       \
	VFMADD231PS Z27, Z28, v3

#define ROWS1(at) ROW(at, AX, Z0, Z1, Z2, Z3)
#define ROWS2(at) ROWS1(at); ROW(at, BX, Z4, Z5, Z6, Z7)
#define ROWS3(at) ROWS2(at); ROW(at, CX, Z8, Z9, Z10, Z11)
#define ROWS4(at) ROWS3(at); ROW(at, DX, Z12, Z13, Z14, Z15)
#define ROWS5(at) ROWS4(at); ROW(at, SI, Z16, Z17, Z18, Z19)
#define ROWS6(at) ROWS5(at); ROW(at, DI, Z20, Z21, Z22, Z23)

// AHEAD prefetches for each k a part of what the tile was told.
#define AHEAD PREFETCHT1 (R14); ADDQ R12, R14

// LOOP runs all segments for one number of rows, two k at a time: WEIGHTS(k) loads the weights of the k-th from here, ROWS(at) feeds the accumulators with the elements at byte `at` behind R13's,
// and K bytes are the weights of one k.
#define LOOP(segment, k2, last, next, PTRS, WEIGHTS, K, ROWS) \
segment:                  \
	PTRS                  \
	ADDQ $(12*8), R8      \
	MOVQ left-16(SP), R13 \
	ADDQ $8, R13          \
	JG   last             \
	PCALIGN $64           \
k2:                       \
	WEIGHTS(0)            \
	AHEAD                 \
	ROWS(-8)              \
	WEIGHTS(1)            \
	AHEAD                 \
	ROWS(-4)              \
	ADDQ $(2*K), R15      \
	ADDQ $8, R13          \
	JLE  k2               \
last:                     \
	SUBQ $8, R13          \
	JEQ  next             \
	WEIGHTS(0)            \
	AHEAD                 \
	ROWS(0)               \
	ADDQ $K, R15          \
next:                     \
	DECQ segments-24(SP)  \
	JNE  segment          \
	JMP  done

#define ZERO(v0, v1, v2, v3) VPXORD v0, v0, v0; VPXORD v1, v1, v1; VPXORD v2, v2, v2; VPXORD v3, v3, v3

#define LOAD(v0, v1, v2, v3) \
	VMOVUPS (BX), v0    \
	VMOVUPS 64(BX), v1  \
	VMOVUPS 128(BX), v2 \
	VMOVUPS 192(BX), v3 \
	ADDQ $256, BX       \
	DECQ CX             \
	JEQ  loaded

#define SAVE(v0, v1, v2, v3) \
	VMOVUPS v0, (BX)    \
	VMOVUPS v1, 64(BX)  \
	VMOVUPS v2, 128(BX) \
	VMOVUPS v3, 192(BX) \
	ADDQ $256, BX       \
	DECQ CX             \
	JEQ  return

// SCALE is for all rows, as those that are not there are 0.
#define SCALE(v0, v1, v2, v3) \
	VFMADD213PS Z28, Z24, v0 \
	VFMADD213PS Z29, Z25, v1 \
	VFMADD213PS Z30, Z26, v2 \
	VFMADD213PS Z31, Z27, v3

#define ADD(v0, v1, v2, v3) \
	VADDPS (R9), v0, K1, v0    \
	VADDPS 64(R9), v1, K2, v1  \
	VADDPS 128(R9), v2, K3, v2 \
	VADDPS 192(R9), v3, K4, v3 \
	ADDQ R10, R9               \
	DECQ CX                    \
	JEQ  added

#define CLAMP(v) VMAXPS v, Z24, v; VMINPS v, Z25, v

#define STORE(v0, v1, v2, v3) \
	CLAMP(v0) \
	CLAMP(v1) \
	CLAMP(v2) \
	CLAMP(v3) \
	VMOVUPS v0, K1, (DI)    \
	VMOVUPS v1, K2, 64(DI)  \
	VMOVUPS v2, K3, 128(DI) \
	VMOVUPS v3, K4, 192(DI) \
	ADDQ R8, DI             \
	DECQ CX                 \
	JEQ  return

// GEMM64 is a whole function: the field of the weights, how one k of them is loaded, and its bytes. A panel passes once or twice, for rows rows-64(SP) from row-56(SP) on.
#define GEMM64(W, WEIGHTS, K) \
	MOVQ t+8(FP), AX                 \
	MOVQ GemmTile_SegLen(AX), BX     \
	SHLQ $2, BX                      \
	MOVQ GemmTile_A(AX), CX          \
	ADDQ BX, CX                      \
	MOVQ CX, base-8(SP)              \
	NEGQ BX                          \
	MOVQ BX, left-16(SP)             \
	MOVQ W(AX), R15                  \
	MOVQ GemmTile_Next(AX), R14      \
	MOVQ GemmTile_NextStep(AX), R12  \
	TESTQ R14, R14                   \
	CMOVQEQ R14, R12                 \
	CMOVQEQ R15, R14                 \
	MOVQ GemmTile_Panels(AX), CX     \
	MOVQ CX, panels-48(SP)           \
	XORL CX, CX                      \
	MOVQ CX, column-40(SP)           \
	MOVQ rows+0(FP), DX              \
	CMPQ DX, $6                      \
	JLE  panel                       \
	SHRQ $1, R12                     \
panel:                               \
	MOVQ R15, w-32(SP)               \
	XORL R10, R10                    \
	MOVQ rows+0(FP), CX              \
	CMPQ CX, $6                      \
	JLE  pass                        \
	INCQ CX                          \
	SHRQ $1, CX                      \
pass:                                \
	MOVQ R10, row-56(SP)             \
	MOVQ CX, some-64(SP)             \
	MOVQ t+8(FP), AX                 \
	MOVQ GemmTile_Segments(AX), DX   \
	MOVQ DX, segments-24(SP)         \
	MOVQ GemmTile_Off(AX), R8        \
	LEAQ (R8)(R10*8), R8             \
	MOVQ GemmTile_Acc(AX), BX        \
	MOVQ R10, DX                     \
	SHLQ $8, DX                      \
	ADDQ DX, BX                      \
	MOVQ GemmTile_Res(AX), SI        \
	TESTQ SI, SI                     \
	JEQ  begun                       \
	MOVQ GemmTile_ResStride(AX), DX  \
	IMULQ DX, R10                    \
	ADDQ R10, SI                     \
	ADDQ column-40(SP), SI           \
residual:                            \
	PREFETCHT0 (SI)                  \
	PREFETCHT0 64(SI)                \
	PREFETCHT0 128(SI)               \
	PREFETCHT0 192(SI)               \
	ADDQ DX, SI                      \
	DECQ CX                          \
	JNE  residual                    \
	MOVQ some-64(SP), CX             \
begun:                               \
	ZERO(Z0, Z1, Z2, Z3)             \
	ZERO(Z4, Z5, Z6, Z7)             \
	ZERO(Z8, Z9, Z10, Z11)           \
	ZERO(Z12, Z13, Z14, Z15)         \
	ZERO(Z16, Z17, Z18, Z19)         \
	ZERO(Z20, Z21, Z22, Z23)         \
	CMPB GemmTile_First(AX), $0      \
	JNE  loaded                      \
	LOAD(Z0, Z1, Z2, Z3)             \
	LOAD(Z4, Z5, Z6, Z7)             \
	LOAD(Z8, Z9, Z10, Z11)           \
	LOAD(Z12, Z13, Z14, Z15)         \
	LOAD(Z16, Z17, Z18, Z19)         \
	LOAD(Z20, Z21, Z22, Z23)         \
loaded:                              \
	MOVQ some-64(SP), CX             \
	CMPQ CX, $3; JHI over3           \
	CMPQ CX, $2; JEQ seg2; JHI seg3; JMP seg1 \
over3:                               \
	CMPQ CX, $5; JEQ seg5; JHI seg6; JMP seg4 \
	LOOP(seg1, two1, last1, next1, PTRS1, WEIGHTS, K, ROWS1) \
	LOOP(seg2, two2, last2, next2, PTRS2, WEIGHTS, K, ROWS2) \
	LOOP(seg3, two3, last3, next3, PTRS3, WEIGHTS, K, ROWS3) \
	LOOP(seg4, two4, last4, next4, PTRS4, WEIGHTS, K, ROWS4) \
	LOOP(seg5, two5, last5, next5, PTRS5, WEIGHTS, K, ROWS5) \
	LOOP(seg6, two6, last6, next6, PTRS6, WEIGHTS, K, ROWS6) \
done:                                \
	MOVQ t+8(FP), AX                 \
	MOVQ row-56(SP), R11             \
	CMPB GemmTile_Last(AX), $0       \
	JNE  epilogue                    \
	MOVQ some-64(SP), CX             \
	MOVQ GemmTile_Acc(AX), BX        \
	SHLQ $8, R11                     \
	ADDQ R11, BX                     \
	SAVE(Z0, Z1, Z2, Z3)             \
	SAVE(Z4, Z5, Z6, Z7)             \
	SAVE(Z8, Z9, Z10, Z11)           \
	SAVE(Z12, Z13, Z14, Z15)         \
	SAVE(Z16, Z17, Z18, Z19)         \
	SAVE(Z20, Z21, Z22, Z23)         \
epilogue:                            \
	MOVL $64, CX                     \
	CMPQ panels-48(SP), $1           \
	CMOVQLE GemmTile_Cols(AX), CX    \
	NEGQ CX                          \
	MOVQ $-1, BX                     \
	SHRQ CX, BX                      \
	KMOVW BX, K1                     \
	SHRQ $16, BX                     \
	KMOVW BX, K2                     \
	SHRQ $16, BX                     \
	KMOVW BX, K3                     \
	SHRQ $16, BX                     \
	KMOVW BX, K4                     \
	MOVQ some-64(SP), CX             \
	MOVQ column-40(SP), R13          \
	MOVQ GemmTile_Scale(AX), SI      \
	TESTQ SI, SI                     \
	JEQ   scaled                     \
	ADDQ R13, SI                     \
	MOVQ GemmTile_Shift(AX), DI      \
	ADDQ R13, DI                     \
	VMOVUPS.Z (SI), K1, Z24          \
	VMOVUPS.Z 64(SI), K2, Z25        \
	VMOVUPS.Z 128(SI), K3, Z26       \
	VMOVUPS.Z 192(SI), K4, Z27       \
	VMOVUPS.Z (DI), K1, Z28          \
	VMOVUPS.Z 64(DI), K2, Z29        \
	VMOVUPS.Z 128(DI), K3, Z30       \
	VMOVUPS.Z 192(DI), K4, Z31       \
	SCALE(Z0, Z1, Z2, Z3)            \
	SCALE(Z4, Z5, Z6, Z7)            \
	SCALE(Z8, Z9, Z10, Z11)          \
	SCALE(Z12, Z13, Z14, Z15)        \
	SCALE(Z16, Z17, Z18, Z19)        \
	SCALE(Z20, Z21, Z22, Z23)        \
scaled:                              \
	MOVQ GemmTile_Res(AX), R9        \
	TESTQ R9, R9                     \
	JEQ   added                      \
	MOVQ GemmTile_ResStride(AX), R10 \
	MOVQ R10, BX                     \
	IMULQ R11, BX                    \
	ADDQ BX, R9                      \
	ADDQ R13, R9                     \
	ADD(Z0, Z1, Z2, Z3)              \
	ADD(Z4, Z5, Z6, Z7)              \
	ADD(Z8, Z9, Z10, Z11)            \
	ADD(Z12, Z13, Z14, Z15)          \
	ADD(Z16, Z17, Z18, Z19)          \
	ADD(Z20, Z21, Z22, Z23)          \
added:                               \
	VBROADCASTSS GemmTile_Lo(AX), Z24 \
	VBROADCASTSS GemmTile_Hi(AX), Z25 \
	MOVQ GemmTile_CStride(AX), R8    \
	MOVQ GemmTile_C(AX), DI          \
	IMULQ R8, R11                    \
	ADDQ R11, DI                     \
	ADDQ R13, DI                     \
	MOVQ some-64(SP), CX             \
	STORE(Z0, Z1, Z2, Z3)            \
	STORE(Z4, Z5, Z6, Z7)            \
	STORE(Z8, Z9, Z10, Z11)          \
	STORE(Z12, Z13, Z14, Z15)        \
	STORE(Z16, Z17, Z18, Z19)        \
	STORE(Z20, Z21, Z22, Z23)        \
return:                              \
	MOVQ row-56(SP), R10             \
	ADDQ some-64(SP), R10            \
	MOVQ rows+0(FP), CX              \
	SUBQ R10, CX                     \
	JEQ  passed                      \
	MOVQ w-32(SP), R15               \
	JMP  pass                        \
passed:                              \
	DECQ panels-48(SP)               \
	JLE  end                         \
	ADDQ $256, column-40(SP)         \
	JMP  panel                       \
end:                                 \
	VZEROUPPER                       \
	RET

// func gemm64AVX512(rows int, t *GemmTile)
TEXT ·gemm64AVX512(SB), NOSPLIT, $64-16
	GEMM64(GemmTile_W, WEIGHTS, 256)

// func gemm64F16AVX512(rows int, t *GemmTile)
TEXT ·gemm64F16AVX512(SB), NOSPLIT, $64-16
	GEMM64(GemmTile_W16, WEIGHTSF16, 128)
