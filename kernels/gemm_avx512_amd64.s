//go:build !purego

// GEMM tiles of up to 12 rows x 32, 24 or 16 columns on AVX-512; the contract is at GemmTile in gemm.go.
//
//	AX BX CX DX SI DI BP R8-R12  ends of the rows' segments
//	R13      minus the bytes left of the segment, for all rows, counting up to 0
//	R14      entry of the offset table; in the loop what to prefetch next, with 32 or 24 columns
//	R15      weights
//	Z0-Z23   accumulators: row r has Z(2r), Z(2r+1), with 24 columns Z(2r), Y(2r+1), with 16 Z(r)
//	Z24 Z25  weights of one k
//	Z26      one element of a row
//	Z27-Z31  free in the loop
//
// Each number of rows has its own loop. What comes before and after is shared and leaves behind the last row.

#include "go_asm.h"
#include "textflag.h"

DATA one<>+0(SB)/4, $0x3f800000
GLOBL one<>(SB), RODATA|NOPTR, $4
DATA minusZero<>+0(SB)/4, $0x80000000
GLOBL minusZero<>(SB), RODATA|NOPTR, $4

// BEGIN fetches what the panels of a call share, to the locals; W is the field of the weights.
#define BEGIN(W) \
	MOVQ t+8(FP), AX               \
	MOVQ GemmTile_SegLen(AX), BX   \
	SHLQ $2, BX                    \
	MOVQ GemmTile_A(AX), CX        \
	ADDQ BX, CX                    \
	MOVQ CX, base-8(SP)            \
	NEGQ BX                        \
	MOVQ BX, left-16(SP)           \
	MOVQ W(AX), R15                \
	MOVQ GemmTile_Next(AX), R14    \
	MOVQ GemmTile_NextStep(AX), CX \
	TESTQ R14, R14                 \
	CMOVQEQ R14, CX                \
	CMOVQEQ R15, R14               \
	MOVQ CX, step-32(SP)           \
	MOVQ R14, next-40(SP)          \
	MOVQ GemmTile_Panels(AX), CX   \
	MOVQ CX, panels-56(SP)         \
	XORL CX, CX                    \
	MOVQ CX, column-64(SP)

// PANEL begins a panel: AX = t, BX = Acc, CX = rows, the offset table and the segments left.
#define PANEL \
	MOVQ GemmTile_Segments(AX), CX \
	MOVQ CX, segs-24(SP)           \
	MOVQ GemmTile_Off(AX), CX      \
	MOVQ CX, off-48(SP)            \
	MOVQ GemmTile_Acc(AX), BX      \
	MOVQ rows+0(FP), CX

// RESIDUAL prefetches the panel's residual, which the sums will take longer than. It uses SI and DX.
#define RESIDUAL \
	MOVQ GemmTile_Res(AX), SI       \
	TESTQ SI, SI                    \
	JEQ  begun                      \
	ADDQ column-64(SP), SI          \
	MOVQ GemmTile_ResStride(AX), DX \
residual:                         \
	PREFETCHT0 (SI)                 \
	PREFETCHT0 64(SI)               \
	ADDQ DX, SI                     \
	DECQ CX                         \
	JNE  residual                   \
	MOVQ rows+0(FP), CX             \
begun:

// MORE goes on with the next panel, 128 bytes of columns further, or returns.
#define MORE(panel) \
	DECQ panels-56(SP)       \
	JLE  end                 \
	ADDQ $128, column-64(SP) \
	MOVQ t+8(FP), AX         \
	JMP  panel               \
end:                       \
	VZEROUPPER               \
	RET

// PTR points a row at the end of its next segment.
#define PTR(r, P) MOVQ base-8(SP), P; ADDQ (r*8)(R14), P
#define PTRS1 PTR(0, AX)
#define PTRS2 PTRS1; PTR(1, BX)
#define PTRS3 PTRS2; PTR(2, CX)
#define PTRS4 PTRS3; PTR(3, DX)
#define PTRS5 PTRS4; PTR(4, SI)
#define PTRS6 PTRS5; PTR(5, DI)
#define PTRS7 PTRS6; PTR(6, BP)
#define PTRS8 PTRS7; PTR(7, R8)
#define PTRS9 PTRS8; PTR(8, R9)
#define PTRS10 PTRS9; PTR(9, R10)
#define PTRS11 PTRS10; PTR(10, R11)
#define PTRS12 PTRS11; PTR(11, R12)

// LOOP runs all segments for one number of rows: WEIGHTS loads the weights of one k, FMAS feeds the accumulators.
#define LOOP(segment, k, PTRS, WEIGHTS, FMAS) \
segment:                  \
	MOVQ off-48(SP), R14  \
	PTRS                  \
	ADDQ $(12*8), R14     \
	MOVQ R14, off-48(SP)  \
	MOVQ next-40(SP), R14 \
	MOVQ left-16(SP), R13 \
	PCALIGN $64           \
k:                        \
	WEIGHTS               \
	FMAS                  \
	ADDQ $4, R13          \
	JNE  k                \
	MOVQ R14, next-40(SP) \
	DECQ segs-24(SP)      \
	JNE  segment          \
	JMP  done

// DISPATCH jumps to the loop of CX rows.
#define DISPATCH \
	CMPQ CX, $6; JHI over6; \
	CMPQ CX, $3; JHI over3; \
	CMPQ CX, $2; JEQ seg2; JHI seg3; JMP seg1; \
over3: CMPQ CX, $5; JEQ seg5; JHI seg6; JMP seg4; \
over6: CMPQ CX, $9; JHI over9; \
	CMPQ CX, $8; JEQ seg8; JHI seg9; JMP seg7; \
over9: CMPQ CX, $11; JEQ seg11; JHI seg12; JMP seg10

// EPILOGUE: AX = t, CX = rows, Z28 = Lo, Z29 = Hi, DI = C, R8 = CStride, R9 = Res, R10 = ResStride,
// R11 = Shift, BX = bits of the valid columns, of which panels but the last have 32, SI = Scale or nil.
#define EPILOGUE \
	VBROADCASTSS GemmTile_Lo(AX), Z28 \
	VBROADCASTSS GemmTile_Hi(AX), Z29 \
	MOVQ column-64(SP), R12           \
	MOVQ GemmTile_C(AX), DI           \
	ADDQ R12, DI                      \
	MOVQ GemmTile_CStride(AX), R8     \
	MOVQ GemmTile_Res(AX), R9         \
	LEAQ (R9)(R12*1), R13             \
	TESTQ R9, R9                      \
	CMOVQNE R13, R9                   \
	MOVQ GemmTile_ResStride(AX), R10  \
	MOVQ GemmTile_Shift(AX), R11      \
	ADDQ R12, R11                     \
	MOVQ CX, DX                       \
	MOVQ GemmTile_Cols(AX), CX        \
	MOVL $32, R13                     \
	CMPQ panels-56(SP), $1            \
	CMOVQGT R13, CX                   \
	MOVQ $1, BX                       \
	SHLQ CX, BX                       \
	DECQ BX                           \
	MOVQ DX, CX                       \
	MOVQ GemmTile_Scale(AX), SI       \
	LEAQ (SI)(R12*1), R13             \
	TESTQ SI, SI                      \
	CMOVQNE R13, SI

// ---- 32 and 24 columns: two vectors a row, the second (b, and w1, x1, ... what belongs to it) of 24 columns a half

// A panel of 32 columns comes from L2: without the prefetch tiles of few rows wait for it.
#define WEIGHTS32 \
	VMOVUPS (R15), Z24   \
	VMOVUPS 64(R15), Z25 \
	PREFETCHT0 512(R15)  \
	PREFETCHT0 576(R15)  \
	ADDQ $128, R15

#define WEIGHTS32F16 \
	VCVTPH2PS (R15), Z24   \
	VCVTPH2PS 32(R15), Z25 \
	PREFETCHT0 512(R15)    \
	ADDQ $64, R15

#define WEIGHTS24 \
	VMOVUPS (R15), Z24   \
	VMOVUPS 64(R15), Y25 \
	ADDQ $96, R15

#define WEIGHTS24F16 \
	VCVTPH2PS (R15), Z24   \
	VCVTPH2PS 32(R15), Y25 \
	ADDQ $48, R15

#define ROW(P, a, b, w1, x1) \
	VBROADCASTSS (P)(R13*1), Z26 \
	VFMADD231PS Z24, Z26, a      \
	VFMADD231PS w1, x1, b

#define ROWS1(w1, x1, b0) ROW(AX, Z0, b0, w1, x1)
#define ROWS2(w1, x1, b0, b1) ROWS1(w1, x1, b0); ROW(BX, Z2, b1, w1, x1)
#define ROWS3(w1, x1, b0, b1, b2) ROWS2(w1, x1, b0, b1); ROW(CX, Z4, b2, w1, x1)
#define ROWS4(w1, x1, b0, b1, b2, b3) ROWS3(w1, x1, b0, b1, b2); ROW(DX, Z6, b3, w1, x1)
#define ROWS5(w1, x1, b0, b1, b2, b3, b4) ROWS4(w1, x1, b0, b1, b2, b3); ROW(SI, Z8, b4, w1, x1)
#define ROWS6(w1, x1, b0, b1, b2, b3, b4, b5) ROWS5(w1, x1, b0, b1, b2, b3, b4); ROW(DI, Z10, b5, w1, x1)
#define ROWS7(w1, x1, b0, b1, b2, b3, b4, b5, b6) ROWS6(w1, x1, b0, b1, b2, b3, b4, b5); ROW(BP, Z12, b6, w1, x1)
#define ROWS8(w1, x1, b0, b1, b2, b3, b4, b5, b6, b7) ROWS7(w1, x1, b0, b1, b2, b3, b4, b5, b6); ROW(R8, Z14, b7, w1, x1)
#define ROWS9(w1, x1, b0, b1, b2, b3, b4, b5, b6, b7, b8) ROWS8(w1, x1, b0, b1, b2, b3, b4, b5, b6, b7); ROW(R9, Z16, b8, w1, x1)
#define ROWS10(w1, x1, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9) ROWS9(w1, x1, b0, b1, b2, b3, b4, b5, b6, b7, b8); ROW(R10, Z18, b9, w1, x1)
#define ROWS11(w1, x1, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10) ROWS10(w1, x1, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9); ROW(R11, Z20, b10, w1, x1)
#define ROWS12(w1, x1, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11) ROWS11(w1, x1, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10); ROW(R12, Z22, b11, w1, x1)

#define ZERO(v0, v1) VPXORD v0, v0, v0; VPXORD v1, v1, v1

#define LOAD(a, b, bytes) \
	VMOVUPS (BX), a   \
	VMOVUPS 64(BX), b \
	ADDQ $bytes, BX   \
	DECQ CX           \
	JEQ  loaded

#define SAVE(a, b, bytes) \
	VMOVUPS a, (BX)   \
	VMOVUPS b, 64(BX) \
	ADDQ $bytes, BX   \
	DECQ CX           \
	JEQ  return

#define STORE(a, b, w1, shift1, lo1, hi1, res1, plain) \
	VFMADD213PS Z26, Z24, a    \
	VFMADD213PS shift1, w1, b  \
	TESTQ R9, R9               \
	JEQ   plain                \
	VMOVUPS.Z (R9), K1, Z30    \
	VMOVUPS.Z 64(R9), K2, res1 \
	VADDPS Z30, a, a           \
	VADDPS res1, b, b          \
	ADDQ  R10, R9              \
plain:                      \
	VMAXPS a, Z28, a           \
	VMAXPS b, lo1, b           \
	VMINPS a, Z29, a           \
	VMINPS b, hi1, b           \
	VMOVUPS a, K1, (DI)        \
	VMOVUPS b, K2, 64(DI)      \
	ADDQ  R8, DI               \
	DECQ  CX                   \
	JEQ   return

// AHEAD prefetches for each k a part of what the tile was told.
#define AHEAD \
	PREFETCHT1 (R14) \
	ADDQ step-32(SP), R14

// GEMM is a whole function: the field of the weights, how one k of them is loaded, the bytes of a row of accumulators in memory, the second vectors.
#define GEMM(W, WEIGHTS, bytes, w1, x1, shift1, lo1, hi1, res1, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11) \
	BEGIN(W) \
panel: \
	PANEL \
	RESIDUAL \
	ZERO(Z0, Z1) \
	ZERO(Z2, Z3) \
	ZERO(Z4, Z5) \
	ZERO(Z6, Z7) \
	ZERO(Z8, Z9) \
	ZERO(Z10, Z11) \
	ZERO(Z12, Z13) \
	ZERO(Z14, Z15) \
	ZERO(Z16, Z17) \
	ZERO(Z18, Z19) \
	ZERO(Z20, Z21) \
	ZERO(Z22, Z23) \
	CMPB GemmTile_First(AX), $0 \
	JNE  loaded \
	LOAD(Z0, b0, bytes) \
	LOAD(Z2, b1, bytes) \
	LOAD(Z4, b2, bytes) \
	LOAD(Z6, b3, bytes) \
	LOAD(Z8, b4, bytes) \
	LOAD(Z10, b5, bytes) \
	LOAD(Z12, b6, bytes) \
	LOAD(Z14, b7, bytes) \
	LOAD(Z16, b8, bytes) \
	LOAD(Z18, b9, bytes) \
	LOAD(Z20, b10, bytes) \
	LOAD(Z22, b11, bytes) \
loaded: \
	MOVQ rows+0(FP), CX \
	DISPATCH \
	LOOP(seg1, k1, PTRS1, WEIGHTS; AHEAD, ROWS1(w1, x1, b0)) \
	LOOP(seg2, k2, PTRS2, WEIGHTS; AHEAD, ROWS2(w1, x1, b0, b1)) \
	LOOP(seg3, k3, PTRS3, WEIGHTS; AHEAD, ROWS3(w1, x1, b0, b1, b2)) \
	LOOP(seg4, k4, PTRS4, WEIGHTS; AHEAD, ROWS4(w1, x1, b0, b1, b2, b3)) \
	LOOP(seg5, k5, PTRS5, WEIGHTS; AHEAD, ROWS5(w1, x1, b0, b1, b2, b3, b4)) \
	LOOP(seg6, k6, PTRS6, WEIGHTS; AHEAD, ROWS6(w1, x1, b0, b1, b2, b3, b4, b5)) \
	LOOP(seg7, k7, PTRS7, WEIGHTS; AHEAD, ROWS7(w1, x1, b0, b1, b2, b3, b4, b5, b6)) \
	LOOP(seg8, k8, PTRS8, WEIGHTS; AHEAD, ROWS8(w1, x1, b0, b1, b2, b3, b4, b5, b6, b7)) \
	LOOP(seg9, k9, PTRS9, WEIGHTS; AHEAD, ROWS9(w1, x1, b0, b1, b2, b3, b4, b5, b6, b7, b8)) \
	LOOP(seg10, k10, PTRS10, WEIGHTS; AHEAD, ROWS10(w1, x1, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9)) \
	LOOP(seg11, k11, PTRS11, WEIGHTS; AHEAD, ROWS11(w1, x1, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10)) \
	LOOP(seg12, k12, PTRS12, WEIGHTS; AHEAD, ROWS12(w1, x1, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11)) \
done: \
	MOVQ t+8(FP), AX \
	MOVQ rows+0(FP), CX \
	CMPB GemmTile_Last(AX), $0 \
	JNE  epilogue \
	MOVQ GemmTile_Acc(AX), BX \
	SAVE(Z0, b0, bytes) \
	SAVE(Z2, b1, bytes) \
	SAVE(Z4, b2, bytes) \
	SAVE(Z6, b3, bytes) \
	SAVE(Z8, b4, bytes) \
	SAVE(Z10, b5, bytes) \
	SAVE(Z12, b6, bytes) \
	SAVE(Z14, b7, bytes) \
	SAVE(Z16, b8, bytes) \
	SAVE(Z18, b9, bytes) \
	SAVE(Z20, b10, bytes) \
	SAVE(Z22, b11, bytes) \
epilogue: \
	EPILOGUE \
	KMOVW BX, K1 \
	SHRQ  $16, BX \
	KMOVW BX, K2 \
	VBROADCASTSS one<>(SB), Z24 \
	VMOVAPS Z24, Z25 \
	VBROADCASTSS minusZero<>(SB), Z26 \
	VMOVAPS Z26, Z27 \
	TESTQ SI, SI \
	JEQ   store \
	VMOVUPS (SI), Z24 \
	VMOVUPS 64(SI), w1 \
	VMOVUPS (R11), Z26 \
	VMOVUPS 64(R11), shift1 \
store: \
	STORE(Z0, b0, w1, shift1, lo1, hi1, res1, p0) \
	STORE(Z2, b1, w1, shift1, lo1, hi1, res1, p1) \
	STORE(Z4, b2, w1, shift1, lo1, hi1, res1, p2) \
	STORE(Z6, b3, w1, shift1, lo1, hi1, res1, p3) \
	STORE(Z8, b4, w1, shift1, lo1, hi1, res1, p4) \
	STORE(Z10, b5, w1, shift1, lo1, hi1, res1, p5) \
	STORE(Z12, b6, w1, shift1, lo1, hi1, res1, p6) \
	STORE(Z14, b7, w1, shift1, lo1, hi1, res1, p7) \
	STORE(Z16, b8, w1, shift1, lo1, hi1, res1, p8) \
	STORE(Z18, b9, w1, shift1, lo1, hi1, res1, p9) \
	STORE(Z20, b10, w1, shift1, lo1, hi1, res1, p10) \
	STORE(Z22, b11, w1, shift1, lo1, hi1, res1, p11) \
return: \
	MORE(panel)

#define GEMM32(W, WEIGHTS) GEMM(W, WEIGHTS, 128, Z25, Z26, Z27, Z28, Z29, Z31, Z1, Z3, Z5, Z7, Z9, Z11, Z13, Z15, Z17, Z19, Z21, Z23)
#define GEMM24(W, WEIGHTS) GEMM(W, WEIGHTS, 96, Y25, Y26, Y27, Y28, Y29, Y31, Y1, Y3, Y5, Y7, Y9, Y11, Y13, Y15, Y17, Y19, Y21, Y23)

// func gemm32AVX512(rows int, t *GemmTile)
TEXT ·gemm32AVX512(SB), NOSPLIT, $64-16
	GEMM32(GemmTile_W, WEIGHTS32)

// func gemm32F16AVX512(rows int, t *GemmTile)
TEXT ·gemm32F16AVX512(SB), NOSPLIT, $64-16
	GEMM32(GemmTile_W16, WEIGHTS32F16)

// func gemm24AVX512(rows int, t *GemmTile)
TEXT ·gemm24AVX512(SB), NOSPLIT, $64-16
	GEMM24(GemmTile_W, WEIGHTS24)

// func gemm24F16AVX512(rows int, t *GemmTile)
TEXT ·gemm24F16AVX512(SB), NOSPLIT, $64-16
	GEMM24(GemmTile_W16, WEIGHTS24F16)

// ---- 16 columns: one vector a row

#define WEIGHTS16 \
	VMOVUPS (R15), Z24 \
	ADDQ $64, R15

#define WEIGHTS16F16 \
	VCVTPH2PS (R15), Z24 \
	ADDQ $32, R15

// With one FMA for each row its broadcast is part of it: alone it takes a Zen 4 a shuffle beside the load.
#define ROW16(P, v) VFMADD231PS.BCST (P)(R13*1), Z24, v

#define R16x1 ROW16(AX, Z0)
#define R16x2 R16x1; ROW16(BX, Z1)
#define R16x3 R16x2; ROW16(CX, Z2)
#define R16x4 R16x3; ROW16(DX, Z3)
#define R16x5 R16x4; ROW16(SI, Z4)
#define R16x6 R16x5; ROW16(DI, Z5)
#define R16x7 R16x6; ROW16(BP, Z6)
#define R16x8 R16x7; ROW16(R8, Z7)
#define R16x9 R16x8; ROW16(R9, Z8)
#define R16x10 R16x9; ROW16(R10, Z9)
#define R16x11 R16x10; ROW16(R11, Z10)
#define R16x12 R16x11; ROW16(R12, Z11)

#define LOAD16(v) \
	VMOVUPS (BX), v \
	ADDQ $64, BX    \
	DECQ CX         \
	JEQ  loaded

#define SAVE16(v) \
	VMOVUPS v, (BX) \
	ADDQ $64, BX    \
	DECQ CX         \
	JEQ  return

#define STORE16(v, plain) \
	VFMADD213PS Z26, Z24, v \
	TESTQ R9, R9            \
	JEQ   plain             \
	VMOVUPS.Z (R9), K1, Z30 \
	VADDPS Z30, v, v        \
	ADDQ  R10, R9           \
plain:                      \
	VMAXPS v, Z28, v        \
	VMINPS v, Z29, v        \
	VMOVUPS v, K1, (DI)     \
	ADDQ  R8, DI            \
	DECQ  CX                \
	JEQ   return

#define GEMM16(W, WEIGHTS) \
	BEGIN(W) \
	PANEL \
	ZERO(Z0, Z1) \
	ZERO(Z2, Z3) \
	ZERO(Z4, Z5) \
	ZERO(Z6, Z7) \
	ZERO(Z8, Z9) \
	ZERO(Z10, Z11) \
	CMPB GemmTile_First(AX), $0 \
	JNE  loaded \
	LOAD16(Z0) \
	LOAD16(Z1) \
	LOAD16(Z2) \
	LOAD16(Z3) \
	LOAD16(Z4) \
	LOAD16(Z5) \
	LOAD16(Z6) \
	LOAD16(Z7) \
	LOAD16(Z8) \
	LOAD16(Z9) \
	LOAD16(Z10) \
	LOAD16(Z11) \
loaded: \
	MOVQ rows+0(FP), CX \
	DISPATCH \
	LOOP(seg1, k1, PTRS1, WEIGHTS, R16x1) \
	LOOP(seg2, k2, PTRS2, WEIGHTS, R16x2) \
	LOOP(seg3, k3, PTRS3, WEIGHTS, R16x3) \
	LOOP(seg4, k4, PTRS4, WEIGHTS, R16x4) \
	LOOP(seg5, k5, PTRS5, WEIGHTS, R16x5) \
	LOOP(seg6, k6, PTRS6, WEIGHTS, R16x6) \
	LOOP(seg7, k7, PTRS7, WEIGHTS, R16x7) \
	LOOP(seg8, k8, PTRS8, WEIGHTS, R16x8) \
	LOOP(seg9, k9, PTRS9, WEIGHTS, R16x9) \
	LOOP(seg10, k10, PTRS10, WEIGHTS, R16x10) \
	LOOP(seg11, k11, PTRS11, WEIGHTS, R16x11) \
	LOOP(seg12, k12, PTRS12, WEIGHTS, R16x12) \
done: \
	MOVQ t+8(FP), AX \
	MOVQ rows+0(FP), CX \
	CMPB GemmTile_Last(AX), $0 \
	JNE  epilogue \
	MOVQ GemmTile_Acc(AX), BX \
	SAVE16(Z0) \
	SAVE16(Z1) \
	SAVE16(Z2) \
	SAVE16(Z3) \
	SAVE16(Z4) \
	SAVE16(Z5) \
	SAVE16(Z6) \
	SAVE16(Z7) \
	SAVE16(Z8) \
	SAVE16(Z9) \
	SAVE16(Z10) \
	SAVE16(Z11) \
epilogue: \
	EPILOGUE \
	KMOVW BX, K1 \
	VBROADCASTSS one<>(SB), Z24 \
	VBROADCASTSS minusZero<>(SB), Z26 \
	TESTQ SI, SI \
	JEQ   store \
	VMOVUPS (SI), Z24 \
	VMOVUPS (R11), Z26 \
store: \
	STORE16(Z0, p0) \
	STORE16(Z1, p1) \
	STORE16(Z2, p2) \
	STORE16(Z3, p3) \
	STORE16(Z4, p4) \
	STORE16(Z5, p5) \
	STORE16(Z6, p6) \
	STORE16(Z7, p7) \
	STORE16(Z8, p8) \
	STORE16(Z9, p9) \
	STORE16(Z10, p10) \
	STORE16(Z11, p11) \
return: \
	VZEROUPPER \
	RET

// func gemm16AVX512(rows int, t *GemmTile)
TEXT ·gemm16AVX512(SB), NOSPLIT, $64-16
	GEMM16(GemmTile_W, WEIGHTS16)

// func gemm16F16AVX512(rows int, t *GemmTile)
TEXT ·gemm16F16AVX512(SB), NOSPLIT, $64-16
	GEMM16(GemmTile_W16, WEIGHTS16F16)
