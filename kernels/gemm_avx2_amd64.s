//go:build !purego

// GEMM tiles of up to 6 rows x 16 or 8 columns on AVX2 and FMA3; the contract is at GemmTile in gemm.go.
//
//	AX BX CX DX SI DI  ends of the rows' segments
//	R13      minus the bytes left of the segment, for all rows, counting up to 0
//	R12      entry of the offset table
//	R11      weights
//	R8 R9    with 16 columns: what to prefetch for the next k, and how much for each
//	R10 R14 R15 BP  free in the loops of panels one by one
//	Y0-Y11   accumulators: row r has Y(2r), Y(2r+1), or Y(r) with 8 columns
//	Y12 Y13  weights of one k
//	Y14 Y15  one element of a row, in turn
//
// Each number of rows has its own loop (gemm_avx2_amd64.h). What comes before and after is shared and leaves behind the last row.

#include "go_asm.h"
#include "textflag.h"
#include "lanes_amd64.h"
#include "gemm_avx2_amd64.h"

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
	MOVQ W(AX), R11                \
	MOVQ GemmTile_Next(AX), R8     \
	MOVQ GemmTile_NextStep(AX), R9 \
	TESTQ R8, R8                   \
	CMOVQEQ R8, R9                 \
	CMOVQEQ R11, R8                \
	MOVQ GemmTile_Panels(AX), CX   \
	MOVQ CX, panels-32(SP)         \
	XORL CX, CX                    \
	MOVQ CX, column-40(SP)

// PANEL begins a panel: AX = t, BX = Acc, CX = rows, R12 and the segments left.
#define PANEL \
	MOVQ GemmTile_Segments(AX), CX \
	MOVQ CX, segs-24(SP)           \
	MOVQ GemmTile_Off(AX), R12     \
	MOVQ GemmTile_Acc(AX), BX      \
	MOVQ rows+0(FP), CX

// RESIDUAL prefetches the panel's residual, which the sums will take longer than. It uses SI and DX.
#define RESIDUAL \
	MOVQ GemmTile_Res(AX), SI       \
	TESTQ SI, SI                    \
	JEQ  begun                      \
	ADDQ column-40(SP), SI          \
	MOVQ GemmTile_ResStride(AX), DX \
residual:                         \
	PREFETCHT0 (SI)                 \
	ADDQ DX, SI                     \
	DECQ CX                         \
	JNE  residual                   \
	MOVQ rows+0(FP), CX             \
begun:

// BEHIND keeps where the panel's weights and what it prefetched ended.
#define BEHIND \
	MOVQ R11, w-48(SP)   \
	MOVQ R8, next-56(SP) \
	MOVQ R9, step-64(SP)

// MORE goes on with the next panel, 64 bytes of columns further, or returns.
#define MORE(panel) \
	DECQ panels-32(SP)         \
	JLE  end                   \
	ADDQ $64, column-40(SP)    \
	MOVQ t+8(FP), AX           \
	MOVQ GemmTile_AStep(AX), CX \
	ADDQ CX, base-8(SP)        \
	MOVQ w-48(SP), R11         \
	MOVQ next-56(SP), R8       \
	MOVQ step-64(SP), R9       \
	JMP  panel                 \
end:                         \
	VZEROUPPER                 \
	RET

// DISPATCH jumps to the loop of CX rows.
#define DISPATCH \
	CMPQ CX, $3; JHI over3; \
	CMPQ CX, $2; JEQ seg2; JHI seg3; JMP seg1; \
over3: CMPQ CX, $5; JEQ seg5; JHI seg6; JMP seg4

// EPILOGUE: AX = t, CX = rows, R12 = the panel's byte of columns, Y12 = Lo, Y13 = Hi, DI = C, R8 = CStride, R9 = Res and the flags its test against nil, R10 = ResStride, DX = bytes of the
// valid columns, of which panels but the last have 16, BX = their lane masks.
#define EPILOGUE(plain) \
	VBROADCASTSS GemmTile_Lo(AX), Y12 \
	VBROADCASTSS GemmTile_Hi(AX), Y13 \
	MOVQ GemmTile_C(AX), DI           \
	ADDQ R12, DI                      \
	MOVQ GemmTile_CStride(AX), R8     \
	MOVQ GemmTile_Cols(AX), DX        \
	MOVL $16, R13                     \
	CMPQ panels-32(SP), $1            \
	CMOVQGT R13, DX                   \
	SHLQ $2, DX                       \
	LEAQ laneMask<>+64(SB), BX        \
	SUBQ DX, BX                       \
	MOVQ GemmTile_Res(AX), R9         \
	TESTQ R9, R9                      \
	JEQ  plain                        \
	MOVQ GemmTile_ResStride(AX), R10  \
	ADDQ R12, R9                      \
plain:

// PIECES stores DX bytes of each row of a tile, less than its columns, in up to four pieces, as masked stores are slow on some CPUs.
#define PIECES \
	MOVQ rows+0(FP), CX   \
	LEAQ tile-456(SP), SI \
row:                  \
	MOVQ SI, R9           \
	MOVQ DI, R10          \
	TESTQ $32, DX         \
	JEQ  four             \
	VMOVUPS (R9), Y15     \
	VMOVUPS Y15, (R10)    \
	ADDQ $32, R9          \
	ADDQ $32, R10         \
four:                 \
	TESTQ $16, DX         \
	JEQ  two              \
	VMOVUPS (R9), X15     \
	VMOVUPS X15, (R10)    \
	ADDQ $16, R9          \
	ADDQ $16, R10         \
two:                  \
	TESTQ $8, DX          \
	JEQ  one              \
	MOVQ (R9), AX         \
	MOVQ AX, (R10)        \
	ADDQ $8, R9           \
	ADDQ $8, R10          \
one:                  \
	TESTQ $4, DX          \
	JEQ  stored           \
	MOVL (R9), AX         \
	MOVL AX, (R10)        \
stored:               \
	ADDQ $64, SI          \
	ADDQ R8, DI           \
	DECQ CX               \
	JNE  row

// The clamp of one vector.
#define CLAMP(v) VMAXPS v, Y12, v; VMINPS v, Y13, v

// ---- 16 columns

#define NOTHING

#define WEIGHTS16(k) VMOVUPS (64*k)(R11), Y12; VMOVUPS (64*k+32)(R11), Y13
#define WEIGHTS16F16(k) VCVTPH2PS (32*k)(R11), Y12; VCVTPH2PS (32*k+16)(R11), Y13

#define ROW16(at, P, x, v0, v1) \
	VBROADCASTSS at(P)(R13*1), x \
	VFMADD231PS Y12, x, v0       \
	VFMADD231PS Y13, x, v1

#define R16x1(at) ROW16(at, AX, Y14, Y0, Y1)
#define R16x2(at) R16x1(at); ROW16(at, BX, Y15, Y2, Y3)
#define R16x3(at) R16x2(at); ROW16(at, CX, Y14, Y4, Y5)
#define R16x4(at) R16x3(at); ROW16(at, DX, Y15, Y6, Y7)
#define R16x5(at) R16x4(at); ROW16(at, SI, Y14, Y8, Y9)
#define R16x6(at) R16x5(at); ROW16(at, DI, Y15, Y10, Y11)

#define ZERO16(v0, v1) VXORPS v0, v0, v0; VXORPS v1, v1, v1

#define LOAD16(v0, v1) \
	VMOVUPS (BX), v0   \
	VMOVUPS 32(BX), v1 \
	ADDQ $64, BX       \
	DECQ CX            \
	JEQ  loaded

#define SAVE16(v0, v1) \
	VMOVUPS v0, (BX)   \
	VMOVUPS v1, 32(BX) \
	ADDQ $64, BX       \
	DECQ CX            \
	JEQ  return

// AFFINE16 is for all rows, as those that are not there are 0. SI and R12 are Scale and the byte of columns in it.
#define AFFINE16 \
	VMOVUPS (SI)(R12*1), Y14      \
	VMOVUPS 32(SI)(R12*1), Y15    \
	MOVQ GemmTile_Shift(AX), SI   \
	VMOVUPS (SI)(R12*1), Y12      \
	VMOVUPS 32(SI)(R12*1), Y13    \
	SCALE16(Y0, Y1)               \
	SCALE16(Y2, Y3)               \
	SCALE16(Y4, Y5)               \
	SCALE16(Y6, Y7)               \
	SCALE16(Y8, Y9)               \
	SCALE16(Y10, Y11)

#define SCALE16(v0, v1) VFMADD213PS Y12, Y14, v0; VFMADD213PS Y13, Y15, v1

#define ADD16(v0, v1) \
	VADDPS (R9), v0, v0   \
	VADDPS 32(R9), v1, v1 \
	ADDQ R10, R9          \
	DECQ CX               \
	JEQ  added

#define STORE16(v0, v1, at) \
	CLAMP(v0)        \
	CLAMP(v1)        \
	VMOVUPS v0, at   \
	VMOVUPS v1, 32 at

#define FULL16(v0, v1) \
	STORE16(v0, v1, (DI)) \
	ADDQ R8, DI           \
	DECQ CX               \
	JEQ  return

#define PART16(v0, v1, plain) \
	TESTQ R9, R9                \
	JEQ   plain                 \
	VMOVUPS (BX), Y15           \
	VMASKMOVPS (R9), Y15, Y14   \
	VADDPS Y14, v0, v0          \
	VMOVUPS 32(BX), Y15         \
	VMASKMOVPS 32(R9), Y15, Y14 \
	VADDPS Y14, v1, v1          \
	ADDQ  R10, R9               \
plain:                      \
	STORE16(v0, v1, (R11))      \
	ADDQ  $64, R11              \
	DECQ  CX                    \
	JEQ   pieces

// LOOPS16 is the loops for each number of rows: how one k of the weights is loaded, their bytes.
#define LOOPS16(WEIGHTS, K) \
	LOOP(seg1, four1, last1, one1, next1, PTRS1, AHEADx4, AHEAD, WEIGHTS, K, R16x1) \
	LOOP(seg2, four2, last2, one2, next2, PTRS2, AHEADx4, AHEAD, WEIGHTS, K, R16x2) \
	LOOP(seg3, four3, last3, one3, next3, PTRS3, AHEADx4, AHEAD, WEIGHTS, K, R16x3) \
	LOOP(seg4, four4, last4, one4, next4, PTRS4, AHEADx4, AHEAD, WEIGHTS, K, R16x4) \
	LOOP(seg5, four5, last5, one5, next5, PTRS5, AHEADx4, AHEAD, WEIGHTS, K, R16x5) \
	LOOP(seg6, four6, last6, one6, next6, PTRS6, AHEADx4, AHEAD, WEIGHTS, K, R16x6)

#define LOOPS16F32 LOOPS16(WEIGHTS16, 64)
#define LOOPS16F16 LOOPS16(WEIGHTS16F16, 32)

// WHOLE is for the panels that most 1x1 convolutions have: all of K is one segment, and there are an affine and no residual. The rows' ends are found once, and pointers go on from panel to panel, as
// with a K of 24 what stands around the loop has a quarter of the instructions. The last panel is left to the others if it is not full.
//
//	R10 R14 R15  C, Scale and Shift at the panel
//	R12          CStride
#define WHOLE(panel, k4, last, k1, sums, rest, PTRS, AHEAD4, AHEAD1, WEIGHTS, K, FMAS, ZERO, SCALE, STORE) \
	PTRS                            \
	MOVQ t+8(FP), R13               \
	MOVQ GemmTile_CStride(R13), R12 \
panel:                            \
	ZERO                            \
	ALONG(k4, last, k1, sums, AHEAD4, AHEAD1, WEIGHTS, K, FMAS) \
sums:                             \
	VMOVUPS (R14), Y14              \
	VMOVUPS 32(R14), Y15            \
	VMOVUPS (R15), Y12              \
	VMOVUPS 32(R15), Y13            \
	SCALE                           \
	VBROADCASTSS lo-72(SP), Y12     \
	VBROADCASTSS hi-68(SP), Y13     \
	LEAQ (R12)(R12*2), R13          \
	ADDQ R10, R13                   \
	STORE                           \
	ADDQ $64, R10                   \
	ADDQ $64, R14                   \
	ADDQ $64, R15                   \
	ADDQ $64, column-40(SP)         \
	DECQ segs-24(SP)                \
	JNE  panel                      \
	JMP  rest

// TOWHOLE goes to WHOLE with 4 to 6 rows, if it can, or to the panels' usual way.
#define TOWHOLE(panel, full, whole5, whole6) \
	MOVQ rows+0(FP), CX            \
	CMPQ CX, $4                    \
	JLT  panel                     \
	CMPQ GemmTile_Segments(AX), $1 \
	JNE  panel                     \
	CMPB GemmTile_First(AX), $0    \
	JEQ  panel                     \
	CMPB GemmTile_Last(AX), $0     \
	JEQ  panel                     \
	CMPQ GemmTile_Res(AX), $0      \
	JNE  panel                     \
	MOVQ GemmTile_Scale(AX), R14   \
	TESTQ R14, R14                 \
	JEQ  panel                     \
	CMPQ GemmTile_AStep(AX), $0    \
	JNE  panel                     \
	MOVQ panels-32(SP), BX         \
	MOVL $1, DX                    \
	CMPQ BX, DX                    \
	CMOVQLT DX, BX                 \
	CMPQ GemmTile_Cols(AX), $16    \
	JEQ  full                      \
	DECQ BX                        \
	JEQ  panel                     \
full:                            \
	SUBQ BX, panels-32(SP)         \
	MOVQ BX, segs-24(SP)           \
	MOVQ GemmTile_Shift(AX), R15   \
	MOVQ GemmTile_C(AX), R10       \
	MOVQ GemmTile_Lo(AX), BX       \
	MOVQ BX, lo-72(SP)             \
	MOVQ GemmTile_Off(AX), R12     \
	CMPQ CX, $5                    \
	JEQ  whole5                    \
	JGT  whole6

#define SCALE4 SCALE16(Y0, Y1); SCALE16(Y2, Y3); SCALE16(Y4, Y5); SCALE16(Y6, Y7)
#define SCALE5 SCALE4; SCALE16(Y8, Y9)
#define SCALE6 SCALE5; SCALE16(Y10, Y11)
#define ZERO4 ZERO16(Y0, Y1); ZERO16(Y2, Y3); ZERO16(Y4, Y5); ZERO16(Y6, Y7)
#define ZERO5 ZERO4; ZERO16(Y8, Y9)
#define ZERO6 ZERO5; ZERO16(Y10, Y11)
#define STORE4 STORE16(Y0, Y1, (R10)); STORE16(Y2, Y3, (R10)(R12*1)); STORE16(Y4, Y5, (R10)(R12*2)); STORE16(Y6, Y7, (R13))
#define STORE5 STORE4; STORE16(Y8, Y9, (R13)(R12*1))
#define STORE6 STORE5; STORE16(Y10, Y11, (R13)(R12*2))

#define WHOLES(WEIGHTS, K) \
	TOWHOLE(panel, full, whole5, whole6) \
	WHOLE(w4, w4four, w4last, w4one, w4sums, rest, PTRS4, AHEADx4, AHEAD, WEIGHTS, K, R16x4, ZERO4, SCALE4, STORE4) \
whole5: \
	WHOLE(w5, w5four, w5last, w5one, w5sums, rest, PTRS5, AHEADx4, AHEAD, WEIGHTS, K, R16x5, ZERO5, SCALE5, STORE5) \
whole6: \
	WHOLE(w6, w6four, w6last, w6one, w6sums, rest, PTRS6, AHEADx4, AHEAD, WEIGHTS, K, R16x6, ZERO6, SCALE6, STORE6) \
rest: \
	MOVQ t+8(FP), AX \
	CMPQ panels-32(SP), $0 \
	JGT  panel \
	VZEROUPPER \
	RET

#define WHOLES16F32 WHOLES(WEIGHTS16, 64)
#define WHOLES16F16 WHOLES(WEIGHTS16F16, 32)

// GEMM16 is a whole function: the field of the weights, a quicker way for some tiles, what comes before the loops, the loops.
#define GEMM16(W, QUICKER, BEFORE, LOOPS) \
	BEGIN(W) \
	QUICKER \
panel: \
	PANEL \
	RESIDUAL \
	ZERO16(Y0, Y1) \
	ZERO16(Y2, Y3) \
	ZERO16(Y4, Y5) \
	ZERO16(Y6, Y7) \
	ZERO16(Y8, Y9) \
	ZERO16(Y10, Y11) \
	CMPB GemmTile_First(AX), $0 \
	JNE  loaded \
	LOAD16(Y0, Y1) \
	LOAD16(Y2, Y3) \
	LOAD16(Y4, Y5) \
	LOAD16(Y6, Y7) \
	LOAD16(Y8, Y9) \
	LOAD16(Y10, Y11) \
loaded: \
	BEFORE \
	MOVQ rows+0(FP), CX \
	DISPATCH \
	LOOPS \
done: \
	BEHIND \
	MOVQ t+8(FP), AX \
	MOVQ rows+0(FP), CX \
	CMPB GemmTile_Last(AX), $0 \
	JNE  epilogue \
	MOVQ GemmTile_Acc(AX), BX \
	SAVE16(Y0, Y1) \
	SAVE16(Y2, Y3) \
	SAVE16(Y4, Y5) \
	SAVE16(Y6, Y7) \
	SAVE16(Y8, Y9) \
	SAVE16(Y10, Y11) \
epilogue: \
	MOVQ column-40(SP), R12 \
	MOVQ GemmTile_Scale(AX), SI \
	TESTQ SI, SI \
	JEQ  sums \
	AFFINE16 \
sums: \
	EPILOGUE(plain) \
	CMPQ DX, $64 \
	JNE  part \
	TESTQ R9, R9 \
	JEQ  store \
	ADD16(Y0, Y1) \
	ADD16(Y2, Y3) \
	ADD16(Y4, Y5) \
	ADD16(Y6, Y7) \
	ADD16(Y8, Y9) \
	ADD16(Y10, Y11) \
added: \
	MOVQ rows+0(FP), CX \
store: \
	CMPQ CX, $6 \
	JNE  few \
	LEAQ (R8)(R8*2), R9 \
	STORE16(Y0, Y1, (DI)) \
	STORE16(Y2, Y3, (DI)(R8*1)) \
	STORE16(Y4, Y5, (DI)(R8*2)) \
	ADDQ R9, DI \
	STORE16(Y6, Y7, (DI)) \
	STORE16(Y8, Y9, (DI)(R8*1)) \
	STORE16(Y10, Y11, (DI)(R8*2)) \
	JMP  return \
few: \
	FULL16(Y0, Y1) \
	FULL16(Y2, Y3) \
	FULL16(Y4, Y5) \
	FULL16(Y6, Y7) \
	FULL16(Y8, Y9) \
part: \
	LEAQ tile-456(SP), R11 \
	PART16(Y0, Y1, p0) \
	PART16(Y2, Y3, p1) \
	PART16(Y4, Y5, p2) \
	PART16(Y6, Y7, p3) \
	PART16(Y8, Y9, p4) \
	PART16(Y10, Y11, p5) \
pieces: \
	PIECES \
return: \
	MORE(panel)

// func gemm16AVX2(rows int, t *GemmTile)
TEXT ·gemm16AVX2(SB), NOSPLIT, $456-16
	GEMM16(GemmTile_W, WHOLES16F32, NOTHING, LOOPS16F32)

// func gemm16F16AVX2(rows int, t *GemmTile)
TEXT ·gemm16F16AVX2(SB), NOSPLIT, $456-16
	GEMM16(GemmTile_W16, WHOLES16F16, NOTHING, LOOPS16F16)

// ---- 16 columns of groups of 4 or 8 channels; the contract is at GemmGrouped in gemm_grouped.go

// SECOND is where the second vector's groups are from the first's: not there in half of a panel, which takes the first's once more.
#define SECOND \
	MOVL $32, R8               \
	CMPQ panels-32(SP), $1     \
	JGT  both                  \
	CMPQ GemmTile_Cols(AX), $8 \
	JHI  both                  \
	XORL R8, R8                \
both:

// GROUPED runs all segments for one number of rows, four k at a time. R9 is R13 for the second vector.
#define GROUPED(segment, four, PTRS, FMAS) \
segment:                  \
	PTRS                  \
	ADDQ $(6*8), R12      \
	MOVQ left-16(SP), R13 \
	LEAQ (R13)(R8*1), R9  \
four:                     \
	WEIGHTS16(0)          \
	FMAS(0)               \
	WEIGHTS16(1)          \
	FMAS(1)               \
	WEIGHTS16(2)          \
	FMAS(2)               \
	WEIGHTS16(3)          \
	FMAS(3)               \
	ADDQ $256, R11        \
	ADDQ $16, R9          \
	ADDQ $16, R13         \
	JNE  four             \
	DECQ segs-24(SP)      \
	JNE  segment          \
	JMP  done

#define LOOPS_GROUPED(R1, R2, R3, R4, R5, R6) \
	GROUPED(seg1, four1, PTRS1, R1) \
	GROUPED(seg2, four2, PTRS2, R2) \
	GROUPED(seg3, four3, PTRS3, R3) \
	GROUPED(seg4, four4, PTRS4, R4) \
	GROUPED(seg5, four5, PTRS5, R5) \
	GROUPED(seg6, four6, PTRS6, R6)

#define ROWG8(k, P, v0, v1) \
	VBROADCASTSS (4*k)(P)(R13*1), Y14 \
	VFMADD231PS Y12, Y14, v0          \
	VBROADCASTSS (4*k)(P)(R9*1), Y15  \
	VFMADD231PS Y13, Y15, v1

#define G8x1(k) ROWG8(k, AX, Y0, Y1)
#define G8x2(k) G8x1(k); ROWG8(k, BX, Y2, Y3)
#define G8x3(k) G8x2(k); ROWG8(k, CX, Y4, Y5)
#define G8x4(k) G8x3(k); ROWG8(k, DX, Y6, Y7)
#define G8x5(k) G8x4(k); ROWG8(k, SI, Y8, Y9)
#define G8x6(k) G8x5(k); ROWG8(k, DI, Y10, Y11)
#define LOOPS_G8 LOOPS_GROUPED(G8x1, G8x2, G8x3, G8x4, G8x5, G8x6)

// A group of 4 is a lane of 128 bits, within which a permutation brings every output the k-th of its inputs.
#define ROWG4(k, P, v0, v1) \
	VPERMILPS $(0x55*k), (P)(R13*1), Y14 \
	VFMADD231PS Y12, Y14, v0             \
	VPERMILPS $(0x55*k), (P)(R9*1), Y15  \
	VFMADD231PS Y13, Y15, v1

#define G4x1(k) ROWG4(k, AX, Y0, Y1)
#define G4x2(k) G4x1(k); ROWG4(k, BX, Y2, Y3)
#define G4x3(k) G4x2(k); ROWG4(k, CX, Y4, Y5)
#define G4x4(k) G4x3(k); ROWG4(k, DX, Y6, Y7)
#define G4x5(k) G4x4(k); ROWG4(k, SI, Y8, Y9)
#define G4x6(k) G4x5(k); ROWG4(k, DI, Y10, Y11)
#define LOOPS_G4 LOOPS_GROUPED(G4x1, G4x2, G4x3, G4x4, G4x5, G4x6)

// func gemmGroups8AVX2(rows int, t *GemmTile)
TEXT ·gemmGroups8AVX2(SB), NOSPLIT, $456-16
	GEMM16(GemmTile_W, NOTHING, SECOND, LOOPS_G8)

// func gemmGroups4AVX2(rows int, t *GemmTile), of 8 or 16 columns
TEXT ·gemmGroups4AVX2(SB), NOSPLIT, $456-16
	GEMM16(GemmTile_W, NOTHING, SECOND, LOOPS_G4)

// ---- 8 columns

#define WEIGHTS8(k) VMOVUPS (32*k)(R11), Y12
#define WEIGHTS8F16(k) VCVTPH2PS (16*k)(R11), Y12

#define ROW8(at, P, x, v) \
	VBROADCASTSS at(P)(R13*1), x \
	VFMADD231PS Y12, x, v

#define R8x1(at) ROW8(at, AX, Y14, Y0)
#define R8x2(at) R8x1(at); ROW8(at, BX, Y15, Y1)
#define R8x3(at) R8x2(at); ROW8(at, CX, Y14, Y2)
#define R8x4(at) R8x3(at); ROW8(at, DX, Y15, Y3)
#define R8x5(at) R8x4(at); ROW8(at, SI, Y14, Y4)
#define R8x6(at) R8x5(at); ROW8(at, DI, Y15, Y5)

#define LOAD8(v) \
	VMOVUPS (BX), v \
	ADDQ $32, BX    \
	DECQ CX         \
	JEQ  loaded

#define SAVE8(v) \
	VMOVUPS v, (BX) \
	ADDQ $32, BX    \
	DECQ CX         \
	JEQ  return

#define ADD8(v) \
	VADDPS (R9), v, v \
	ADDQ R10, R9      \
	DECQ CX           \
	JEQ  added

#define STORE8(v) \
	CLAMP(v)        \
	VMOVUPS v, (DI) \
	ADDQ R8, DI     \
	DECQ CX         \
	JEQ  return

#define PART8(v, plain) \
	TESTQ R9, R9              \
	JEQ   plain               \
	VMASKMOVPS (R9), Y15, Y14 \
	VADDPS Y14, v, v          \
	ADDQ  R10, R9             \
plain:                    \
	CLAMP(v)                  \
	VMOVUPS v, (R11)          \
	ADDQ  $64, R11            \
	DECQ  CX                  \
	JEQ   pieces

#define GEMM8(W, WEIGHTS, K) \
	BEGIN(W) \
	PANEL \
	ZERO16(Y0, Y1) \
	ZERO16(Y2, Y3) \
	ZERO16(Y4, Y5) \
	CMPB GemmTile_First(AX), $0 \
	JNE  loaded \
	LOAD8(Y0) \
	LOAD8(Y1) \
	LOAD8(Y2) \
	LOAD8(Y3) \
	LOAD8(Y4) \
	LOAD8(Y5) \
loaded: \
	MOVQ rows+0(FP), CX \
	DISPATCH \
	LOOP(seg1, four1, last1, one1, next1, PTRS1, NOTHING, NOTHING, WEIGHTS, K, R8x1) \
	LOOP(seg2, four2, last2, one2, next2, PTRS2, NOTHING, NOTHING, WEIGHTS, K, R8x2) \
	LOOP(seg3, four3, last3, one3, next3, PTRS3, NOTHING, NOTHING, WEIGHTS, K, R8x3) \
	LOOP(seg4, four4, last4, one4, next4, PTRS4, NOTHING, NOTHING, WEIGHTS, K, R8x4) \
	LOOP(seg5, four5, last5, one5, next5, PTRS5, NOTHING, NOTHING, WEIGHTS, K, R8x5) \
	LOOP(seg6, four6, last6, one6, next6, PTRS6, NOTHING, NOTHING, WEIGHTS, K, R8x6) \
done: \
	MOVQ t+8(FP), AX \
	MOVQ rows+0(FP), CX \
	CMPB GemmTile_Last(AX), $0 \
	JNE  epilogue \
	MOVQ GemmTile_Acc(AX), BX \
	SAVE8(Y0) \
	SAVE8(Y1) \
	SAVE8(Y2) \
	SAVE8(Y3) \
	SAVE8(Y4) \
	SAVE8(Y5) \
epilogue: \
	MOVQ column-40(SP), R12 \
	MOVQ GemmTile_Scale(AX), SI \
	TESTQ SI, SI \
	JEQ  sums \
	VMOVUPS (SI), Y14 \
	MOVQ GemmTile_Shift(AX), SI \
	VMOVUPS (SI), Y15 \
	VFMADD213PS Y15, Y14, Y0 \
	VFMADD213PS Y15, Y14, Y1 \
	VFMADD213PS Y15, Y14, Y2 \
	VFMADD213PS Y15, Y14, Y3 \
	VFMADD213PS Y15, Y14, Y4 \
	VFMADD213PS Y15, Y14, Y5 \
sums: \
	EPILOGUE(plain) \
	CMPQ DX, $32 \
	JNE  part \
	TESTQ R9, R9 \
	JEQ  store \
	ADD8(Y0) \
	ADD8(Y1) \
	ADD8(Y2) \
	ADD8(Y3) \
	ADD8(Y4) \
	ADD8(Y5) \
added: \
	MOVQ rows+0(FP), CX \
store: \
	STORE8(Y0) \
	STORE8(Y1) \
	STORE8(Y2) \
	STORE8(Y3) \
	STORE8(Y4) \
	STORE8(Y5) \
part: \
	LEAQ tile-456(SP), R11 \
	VMOVUPS (BX), Y15 \
	PART8(Y0, p0) \
	PART8(Y1, p1) \
	PART8(Y2, p2) \
	PART8(Y3, p3) \
	PART8(Y4, p4) \
	PART8(Y5, p5) \
pieces: \
	PIECES \
return: \
	VZEROUPPER \
	RET

// func gemm8AVX2(rows int, t *GemmTile)
TEXT ·gemm8AVX2(SB), NOSPLIT, $456-16
	GEMM8(GemmTile_W, WEIGHTS8, 32)

// func gemm8F16AVX2(rows int, t *GemmTile)
TEXT ·gemm8F16AVX2(SB), NOSPLIT, $456-16
	GEMM8(GemmTile_W16, WEIGHTS8F16, 16)
