//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// Pairs of factors by eight: x2 and x6 in e3, in e2; z3 and z4 in both; x7 and x1 in o0, in o3; x5 and x3 in o1, in o2. Then the roundings of both passes, and 128.
DATA idctConst<>+0(SB)/8, $0x115129cf115129cf
DATA idctConst<>+8(SB)/8, $0x115129cf115129cf
DATA idctConst<>+16(SB)/8, $0x115129cf115129cf
DATA idctConst<>+24(SB)/8, $0x115129cf115129cf
DATA idctConst<>+32(SB)/8, $0xd6301151d6301151
DATA idctConst<>+40(SB)/8, $0xd6301151d6301151
DATA idctConst<>+48(SB)/8, $0xd6301151d6301151
DATA idctConst<>+56(SB)/8, $0xd6301151d6301151
DATA idctConst<>+64(SB)/8, $0x25a1e6dc25a1e6dc
DATA idctConst<>+72(SB)/8, $0x25a1e6dc25a1e6dc
DATA idctConst<>+80(SB)/8, $0x25a1e6dc25a1e6dc
DATA idctConst<>+88(SB)/8, $0x25a1e6dc25a1e6dc
DATA idctConst<>+96(SB)/8, $0x192525a1192525a1
DATA idctConst<>+104(SB)/8, $0x192525a1192525a1
DATA idctConst<>+112(SB)/8, $0x192525a1192525a1
DATA idctConst<>+120(SB)/8, $0x192525a1192525a1
DATA idctConst<>+128(SB)/8, $0xe333ecc1e333ecc1
DATA idctConst<>+136(SB)/8, $0xe333ecc1e333ecc1
DATA idctConst<>+144(SB)/8, $0xe333ecc1e333ecc1
DATA idctConst<>+152(SB)/8, $0xe333ecc1e333ecc1
DATA idctConst<>+160(SB)/8, $0x133ee333133ee333
DATA idctConst<>+168(SB)/8, $0x133ee333133ee333
DATA idctConst<>+176(SB)/8, $0x133ee333133ee333
DATA idctConst<>+184(SB)/8, $0x133ee333133ee333
DATA idctConst<>+192(SB)/8, $0xadfdefb0adfdefb0
DATA idctConst<>+200(SB)/8, $0xadfdefb0adfdefb0
DATA idctConst<>+208(SB)/8, $0xadfdefb0adfdefb0
DATA idctConst<>+216(SB)/8, $0xadfdefb0adfdefb0
DATA idctConst<>+224(SB)/8, $0x1051adfd1051adfd
DATA idctConst<>+232(SB)/8, $0x1051adfd1051adfd
DATA idctConst<>+240(SB)/8, $0x1051adfd1051adfd
DATA idctConst<>+248(SB)/8, $0x1051adfd1051adfd
DATA idctConst<>+256(SB)/8, $0x0000040000000400
DATA idctConst<>+264(SB)/8, $0x0000040000000400
DATA idctConst<>+272(SB)/8, $0x0000040000000400
DATA idctConst<>+280(SB)/8, $0x0000040000000400
DATA idctConst<>+288(SB)/8, $0x0002000000020000
DATA idctConst<>+296(SB)/8, $0x0002000000020000
DATA idctConst<>+304(SB)/8, $0x0002000000020000
DATA idctConst<>+312(SB)/8, $0x0002000000020000
DATA idctConst<>+320(SB)/8, $0x8080808080808080
DATA idctConst<>+328(SB)/8, $0x8080808080808080
DATA idctConst<>+336(SB)/8, $0x8080808080808080
DATA idctConst<>+344(SB)/8, $0x8080808080808080
GLOBL idctConst<>(SB), RODATA|NOPTR, $352

// Two blocks at once, one in each half of the registers.

// EVENODD is the inverse DCT of the words in Y0 to Y7, before rounding: the even half goes to the stack, the odd half to Y0, Y2 (o0), Y10, Y11 (o1), Y8, Y9 (o2), Y4, Y6 (o3).
// round is the offset of the rounding's constant.
#define EVENODD(round) \
	VPUNPCKLWD Y6, Y2, Y8                      \
	VPUNPCKHWD Y6, Y2, Y9                      \
	VPMADDWD   idctConst<>+0(SB), Y8, Y10      \
	VPMADDWD   idctConst<>+0(SB), Y9, Y11      \
	VPMADDWD   idctConst<>+32(SB), Y8, Y8      \
	VPMADDWD   idctConst<>+32(SB), Y9, Y9      \
	VPADDW     Y4, Y0, Y2                      \
	VPSUBW     Y4, Y0, Y6                      \
	VPXOR      Y12, Y12, Y12                   \
	VMOVDQU    idctConst<>+round(SB), Y13      \
	VPUNPCKLWD Y2, Y12, Y0                     \
	VPUNPCKHWD Y2, Y12, Y4                     \
	VPUNPCKLWD Y6, Y12, Y2                     \
	VPUNPCKHWD Y6, Y12, Y6                     \
	VPSRAD     $3, Y0, Y0                      \
	VPSRAD     $3, Y4, Y4                      \
	VPSRAD     $3, Y2, Y2                      \
	VPSRAD     $3, Y6, Y6                      \
	VPADDD     Y13, Y0, Y0                     \
	VPADDD     Y13, Y4, Y4                     \
	VPADDD     Y13, Y2, Y2                     \
	VPADDD     Y13, Y6, Y6                     \
	VPADDD     Y10, Y0, Y14                    \
	VPADDD     Y11, Y4, Y15                    \
	VMOVDQU    Y14, 0(SP)                      \
	VMOVDQU    Y15, 32(SP)                     \
	VPSUBD     Y10, Y0, Y0                     \
	VPSUBD     Y11, Y4, Y4                     \
	VMOVDQU    Y0, 192(SP)                     \
	VMOVDQU    Y4, 224(SP)                     \
	VPADDD     Y8, Y2, Y14                     \
	VPADDD     Y9, Y6, Y15                     \
	VMOVDQU    Y14, 64(SP)                     \
	VMOVDQU    Y15, 96(SP)                     \
	VPSUBD     Y8, Y2, Y2                      \
	VPSUBD     Y9, Y6, Y6                      \
	VMOVDQU    Y2, 128(SP)                     \
	VMOVDQU    Y6, 160(SP)                     \
	VPADDW     Y3, Y7, Y0                      \
	VPADDW     Y1, Y5, Y2                      \
	VPUNPCKLWD Y2, Y0, Y4                      \
	VPUNPCKHWD Y2, Y0, Y6                      \
	VPMADDWD   idctConst<>+64(SB), Y4, Y8      \
	VPMADDWD   idctConst<>+64(SB), Y6, Y9      \
	VPMADDWD   idctConst<>+96(SB), Y4, Y10     \
	VPMADDWD   idctConst<>+96(SB), Y6, Y11     \
	VPUNPCKLWD Y1, Y7, Y4                      \
	VPUNPCKHWD Y1, Y7, Y6                      \
	VPMADDWD   idctConst<>+128(SB), Y4, Y0     \
	VPMADDWD   idctConst<>+128(SB), Y6, Y2     \
	VPMADDWD   idctConst<>+160(SB), Y4, Y4     \
	VPMADDWD   idctConst<>+160(SB), Y6, Y6     \
	VPADDD     Y8, Y0, Y0                      \
	VPADDD     Y9, Y2, Y2                      \
	VPADDD     Y10, Y4, Y4                     \
	VPADDD     Y11, Y6, Y6                     \
	VPUNPCKLWD Y3, Y5, Y1                      \
	VPUNPCKHWD Y3, Y5, Y7                      \
	VPMADDWD   idctConst<>+192(SB), Y1, Y12    \
	VPMADDWD   idctConst<>+192(SB), Y7, Y13    \
	VPMADDWD   idctConst<>+224(SB), Y1, Y1     \
	VPMADDWD   idctConst<>+224(SB), Y7, Y7     \
	VPADDD     Y12, Y10, Y10                   \
	VPADDD     Y13, Y11, Y11                   \
	VPADDD     Y1, Y8, Y8                      \
	VPADDD     Y7, Y9, Y9

// BUTTERFLY makes the words of two outputs, first and last, of an even part on the stack and an odd part in lo and hi.
#define BUTTERFLY(even, lo, hi, first, last, shift) \
	VMOVDQU   even(SP), Y12      \
	VMOVDQU   even+32(SP), Y13   \
	VPADDD    lo, Y12, Y14       \
	VPADDD    hi, Y13, Y15       \
	VPSUBD    lo, Y12, Y12       \
	VPSUBD    hi, Y13, Y13       \
	VPSRAD    shift, Y14, Y14    \
	VPSRAD    shift, Y15, Y15    \
	VPSRAD    shift, Y12, Y12    \
	VPSRAD    shift, Y13, Y13    \
	VPACKSSDW Y15, Y14, first    \
	VPACKSSDW Y13, Y12, last

// BUTTERFLIES: the outputs are in Y1, Y4, Y8, Y10, Y11, Y9, Y6, Y3.
#define BUTTERFLIES(shift) \
	BUTTERFLY(0, Y4, Y6, Y1, Y3, shift)     \
	BUTTERFLY(64, Y8, Y9, Y4, Y6, shift)    \
	BUTTERFLY(128, Y10, Y11, Y8, Y9, shift) \
	BUTTERFLY(192, Y0, Y2, Y10, Y11, shift)

// TRANSPOSE takes 8 x 8 words of each half from there to Y0 to Y7.
#define TRANSPOSE \
	VPUNPCKLWD  Y4, Y1, Y0     \
	VPUNPCKHWD  Y4, Y1, Y2     \
	VPUNPCKLWD  Y10, Y8, Y5    \
	VPUNPCKHWD  Y10, Y8, Y7    \
	VPUNPCKLWD  Y9, Y11, Y12   \
	VPUNPCKHWD  Y9, Y11, Y13   \
	VPUNPCKLWD  Y3, Y6, Y14    \
	VPUNPCKHWD  Y3, Y6, Y15    \
	VPUNPCKLDQ  Y5, Y0, Y1     \
	VPUNPCKHDQ  Y5, Y0, Y3     \
	VPUNPCKLDQ  Y7, Y2, Y4     \
	VPUNPCKHDQ  Y7, Y2, Y6     \
	VPUNPCKLDQ  Y14, Y12, Y8   \
	VPUNPCKHDQ  Y14, Y12, Y9   \
	VPUNPCKLDQ  Y15, Y13, Y10  \
	VPUNPCKHDQ  Y15, Y13, Y11  \
	VPUNPCKLQDQ Y8, Y1, Y0     \
	VPUNPCKHQDQ Y8, Y1, Y1     \
	VPUNPCKLQDQ Y9, Y3, Y2     \
	VPUNPCKHQDQ Y9, Y3, Y3     \
	VPUNPCKHQDQ Y10, Y4, Y5    \
	VPUNPCKLQDQ Y10, Y4, Y4    \
	VPUNPCKHQDQ Y11, Y6, Y7    \
	VPUNPCKLQDQ Y11, Y6, Y6

// LOADROW takes a row of both blocks times the factors.
#define LOADROW(row, x, y) \
	VMOVDQU        16*row(SI), x            \
	VINSERTI128    $1, 128+16*row(SI), y, y \
	VBROADCASTI128 16*row(DX), Y15          \
	VPMULLW        Y15, y, y

// STOREROWS writes two rows of 16 samples.
#define STOREROWS(a, b, x) \
	VPACKSSWB    b, a, a        \
	VPXOR        Y15, a, a      \
	VPERMQ       $0xD8, a, a    \
	VMOVDQU      x, (DI)        \
	VEXTRACTI128 $1, a, (DI)(R8*1) \
	LEAQ         (DI)(R8*2), DI

// func idctAVX2(t *IDCTRow, n int)
TEXT ·idctAVX2(SB), NOSPLIT, $256-16
	MOVQ t+0(FP), AX
	MOVQ IDCTRow_Coef(AX), SI
	MOVQ IDCTRow_Quant(AX), DX
	MOVQ IDCTRow_Out(AX), BX
	MOVQ IDCTRow_Stride(AX), R8
	MOVQ n+8(FP), CX

pair:
	LOADROW(0, X0, Y0)
	LOADROW(1, X1, Y1)
	LOADROW(2, X2, Y2)
	LOADROW(3, X3, Y3)
	LOADROW(4, X4, Y4)
	LOADROW(5, X5, Y5)
	LOADROW(6, X6, Y6)
	LOADROW(7, X7, Y7)
	EVENODD(256)
	BUTTERFLIES($11)
	TRANSPOSE
	EVENODD(288)
	BUTTERFLIES($18)
	TRANSPOSE
	VMOVDQU idctConst<>+320(SB), Y15
	MOVQ BX, DI
	STOREROWS(Y0, Y1, X0)
	STOREROWS(Y2, Y3, X2)
	STOREROWS(Y4, Y5, X4)
	STOREROWS(Y6, Y7, X6)
	ADDQ $256, SI
	ADDQ $16, BX
	SUBQ $2, CX
	JNE  pair
	VZEROUPPER
	RET
