//go:build !purego

// GEMM tiles of several groups on AVX-512: 16 columns are groups of 4 or 8; the contract is at GemmGrouped in gemm_grouped.go. Each lane wants the inputs of its own
// group, which a permutation of the pixel's 16 channels brings there.
//
//	SI            base of the pixels
//	DI            the segment's offsets
//	DX            weights
//	BX            segments left
//	AX            offset of a row
//	CX            rows
//	K1            columns in use
//	Z0-Z11        accumulators
//	Z12-Z19       weights of a segment
//	Z20-Z27       permutations (groups of 8)
//	Z28           a row's inputs, Z29 to Z31 permuted

#include "go_asm.h"
#include "textflag.h"

DATA groups8<>+0(SB)/8, $0
DATA groups8<>+8(SB)/8, $0
DATA groups8<>+16(SB)/8, $0
DATA groups8<>+24(SB)/8, $0
DATA groups8<>+32(SB)/8, $0x0000000800000008
DATA groups8<>+40(SB)/8, $0x0000000800000008
DATA groups8<>+48(SB)/8, $0x0000000800000008
DATA groups8<>+56(SB)/8, $0x0000000800000008
GLOBL groups8<>(SB), RODATA|NOPTR, $64

#define BEGIN \
	MOVQ t+8(FP), AX               \
	MOVQ GemmTile_Cols(AX), CX     \
	MOVL $1, BX                    \
	SHLL CX, BX                    \
	DECL BX                        \
	KMOVW BX, K1                   \
	MOVQ GemmTile_A(AX), SI        \
	MOVQ GemmTile_Off(AX), DI      \
	MOVQ GemmTile_W(AX), DX        \
	MOVQ GemmTile_Segments(AX), BX \
	MOVQ rows+0(FP), CX            \
	VPXORD Z0, Z0, Z0              \
	VPXORD Z1, Z1, Z1              \
	VPXORD Z2, Z2, Z2              \
	VPXORD Z3, Z3, Z3              \
	VPXORD Z4, Z4, Z4              \
	VPXORD Z5, Z5, Z5              \
	VPXORD Z6, Z6, Z6              \
	VPXORD Z7, Z7, Z7              \
	VPXORD Z8, Z8, Z8              \
	VPXORD Z9, Z9, Z9              \
	VPXORD Z10, Z10, Z10           \
	VPXORD Z11, Z11, Z11           \
	CMPB GemmTile_First(AX), $0    \
	JNE  loaded                    \
	MOVQ GemmTile_Acc(AX), R8

#define LOAD(v) \
	VMOVUPS (R8), v \
	ADDQ $64, R8    \
	DECQ CX         \
	JEQ  loaded

#define LOADS \
	LOAD(Z0); LOAD(Z1); LOAD(Z2); LOAD(Z3); LOAD(Z4); LOAD(Z5)  \
	LOAD(Z6); LOAD(Z7); LOAD(Z8); LOAD(Z9); LOAD(Z10); LOAD(Z11) \
loaded:                \
	MOVQ rows+0(FP), CX

// SEGMENTS feeds the accumulators; the rows that there are not end it early.
#define SEGMENTS(WEIGHTS, ROW) \
segment:                 \
	WEIGHTS              \
	MOVQ CX, R9          \
	ROW(0, Z0)           \
	ROW(1, Z1)           \
	ROW(2, Z2)           \
	ROW(3, Z3)           \
	ROW(4, Z4)           \
	ROW(5, Z5)           \
	ROW(6, Z6)           \
	ROW(7, Z7)           \
	ROW(8, Z8)           \
	ROW(9, Z9)           \
	ROW(10, Z10)         \
	ROW(11, Z11)         \
done:                    \
	ADDQ $(12*8), DI     \
	DECQ BX              \
	JNE  segment

#define WEIGHTS4 \
	VMOVUPS (DX), Z12    \
	VMOVUPS 64(DX), Z13  \
	VMOVUPS 128(DX), Z14 \
	VMOVUPS 192(DX), Z15 \
	ADDQ $256, DX

#define WEIGHTS8 \
	VMOVUPS (DX), Z12    \
	VMOVUPS 64(DX), Z13  \
	VMOVUPS 128(DX), Z14 \
	VMOVUPS 192(DX), Z15 \
	VMOVUPS 256(DX), Z16 \
	VMOVUPS 320(DX), Z17 \
	VMOVUPS 384(DX), Z18 \
	VMOVUPS 448(DX), Z19 \
	ADDQ $512, DX

#define ROW4(r, v) \
	MOVQ (r*8)(DI), AX           \
	VMOVUPS.Z (SI)(AX*1), K1, Z28 \
	VPERMILPS $0x00, Z28, Z29    \
	VPERMILPS $0x55, Z28, Z30    \
	VFMADD231PS Z12, Z29, v      \
	VPERMILPS $0xAA, Z28, Z31    \
	VFMADD231PS Z13, Z30, v      \
	VPERMILPS $0xFF, Z28, Z29    \
	VFMADD231PS Z14, Z31, v      \
	VFMADD231PS Z15, Z29, v      \
	DECQ R9                      \
	JEQ  done

#define ROW8(r, v) \
	MOVQ (r*8)(DI), AX           \
	VMOVUPS.Z (SI)(AX*1), K1, Z28 \
	VPERMPS Z28, Z20, Z29        \
	VPERMPS Z28, Z21, Z30        \
	VFMADD231PS Z12, Z29, v      \
	VPERMPS Z28, Z22, Z31        \
	VFMADD231PS Z13, Z30, v      \
	VPERMPS Z28, Z23, Z29        \
	VFMADD231PS Z14, Z31, v      \
	VPERMPS Z28, Z24, Z30        \
	VFMADD231PS Z15, Z29, v      \
	VPERMPS Z28, Z25, Z31        \
	VFMADD231PS Z16, Z30, v      \
	VPERMPS Z28, Z26, Z29        \
	VFMADD231PS Z17, Z31, v      \
	VPERMPS Z28, Z27, Z30        \
	VFMADD231PS Z18, Z29, v      \
	VFMADD231PS Z19, Z30, v      \
	DECQ R9                      \
	JEQ  done

#define SAVE(v) \
	VMOVUPS v, (R8) \
	ADDQ $64, R8    \
	DECQ CX         \
	JEQ  return

#define STORE(v, plain) \
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

// END saves the accumulators, or takes them through the epilogue. The scale and shift are 1 and -0 where there are none.
#define END \
	MOVQ t+8(FP), AX                  \
	CMPB GemmTile_Last(AX), $0        \
	JNE  epilogue                     \
	MOVQ GemmTile_Acc(AX), R8         \
	SAVE(Z0); SAVE(Z1); SAVE(Z2); SAVE(Z3); SAVE(Z4); SAVE(Z5)   \
	SAVE(Z6); SAVE(Z7); SAVE(Z8); SAVE(Z9); SAVE(Z10); SAVE(Z11) \
epilogue:                             \
	VBROADCASTSS GemmTile_Lo(AX), Z28 \
	VBROADCASTSS GemmTile_Hi(AX), Z29 \
	MOVQ GemmTile_C(AX), DI           \
	MOVQ GemmTile_CStride(AX), R8     \
	MOVQ GemmTile_Res(AX), R9         \
	MOVQ GemmTile_ResStride(AX), R10  \
	MOVQ GemmTile_Scale(AX), SI       \
	MOVQ GemmTile_Shift(AX), R11      \
	MOVL $0x3f800000, DX              \
	VPBROADCASTD DX, Z24              \
	MOVL $0x80000000, DX              \
	VPBROADCASTD DX, Z26              \
	TESTQ SI, SI                      \
	JEQ   store                       \
	VMOVUPS.Z (SI), K1, Z24           \
	VMOVUPS.Z (R11), K1, Z26          \
store:                                \
	STORE(Z0, p0); STORE(Z1, p1); STORE(Z2, p2); STORE(Z3, p3); STORE(Z4, p4); STORE(Z5, p5)       \
	STORE(Z6, p6); STORE(Z7, p7); STORE(Z8, p8); STORE(Z9, p9); STORE(Z10, p10); STORE(Z11, p11)   \
return:                               \
	VZEROUPPER                        \
	RET

// func gemmGroups4AVX512(rows int, t *GemmTile)
TEXT ·gemmGroups4AVX512(SB), NOSPLIT, $0-16
	BEGIN
	LOADS
	SEGMENTS(WEIGHTS4, ROW4)
	END

// func gemmGroups8AVX512(rows int, t *GemmTile)
TEXT ·gemmGroups8AVX512(SB), NOSPLIT, $0-16
	BEGIN
	LOADS
	VMOVDQU32 groups8<>(SB), Z20
	MOVL $1, R8
	VPBROADCASTD R8, Z31
	VPADDD Z31, Z20, Z21
	VPADDD Z31, Z21, Z22
	VPADDD Z31, Z22, Z23
	VPADDD Z31, Z23, Z24
	VPADDD Z31, Z24, Z25
	VPADDD Z31, Z25, Z26
	VPADDD Z31, Z26, Z27
	SEGMENTS(WEIGHTS8, ROW8)
	END
