//go:build !purego

// Packing of weights: blocks of 8 columns x 8 numbers are transposed in registers. Both AVX2 and AVX-512 take it, as memory is the limit.
//
//	SI R10   the rows 0 and 4 of a block, at their next numbers
//	R8 R9    bytes from row to row, and three times that
//	DI       the block's columns of the panel
//	R11      offsets of the next 8 numbers
//	CX       numbers left
//	BX       columns left

#include "go_asm.h"
#include "textflag.h"

// ROWS loads 8 rows by LOAD.
#define ROWS(LOAD) \
	LOAD (SI), Y0         \
	LOAD (SI)(R8*1), Y1   \
	LOAD (SI)(R8*2), Y2   \
	LOAD (SI)(R9*1), Y3   \
	LOAD (R10), Y4        \
	LOAD (R10)(R8*1), Y5  \
	LOAD (R10)(R8*2), Y6  \
	LOAD (R10)(R9*1), Y7

// TRANSPOSE turns the rows Y0-Y7 into the columns Y8-Y15.
#define TRANSPOSE \
	VUNPCKLPS Y1, Y0, Y8    \
	VUNPCKHPS Y1, Y0, Y9    \
	VUNPCKLPS Y3, Y2, Y10   \
	VUNPCKHPS Y3, Y2, Y11   \
	VUNPCKLPS Y5, Y4, Y12   \
	VUNPCKHPS Y5, Y4, Y13   \
	VUNPCKLPS Y7, Y6, Y14   \
	VUNPCKHPS Y7, Y6, Y15   \
	VSHUFPS $0x44, Y10, Y8, Y0  \
	VSHUFPS $0xee, Y10, Y8, Y1  \
	VSHUFPS $0x44, Y11, Y9, Y2  \
	VSHUFPS $0xee, Y11, Y9, Y3  \
	VSHUFPS $0x44, Y14, Y12, Y4 \
	VSHUFPS $0xee, Y14, Y12, Y5 \
	VSHUFPS $0x44, Y15, Y13, Y6 \
	VSHUFPS $0xee, Y15, Y13, Y7 \
	VPERM2F128 $0x20, Y4, Y0, Y8  \
	VPERM2F128 $0x20, Y5, Y1, Y9  \
	VPERM2F128 $0x20, Y6, Y2, Y10 \
	VPERM2F128 $0x20, Y7, Y3, Y11 \
	VPERM2F128 $0x31, Y4, Y0, Y12 \
	VPERM2F128 $0x31, Y5, Y1, Y13 \
	VPERM2F128 $0x31, Y6, Y2, Y14 \
	VPERM2F128 $0x31, Y7, Y3, Y15

#define STOREF32(i, v) MOVQ (i*8)(R11), AX; VMOVUPS v, (DI)(AX*1)
#define STOREF16(i, v) MOVQ (i*8)(R11), AX; VCVTPS2PH $0, v, (DI)(AX*1)

// PACK is the whole function: bytes that 8 numbers take in a row, and 8 columns in the panel.
#define PACK(LOAD, STORE, srcBytes, dstBytes) \
	MOVQ t+0(FP), DX                  \
	MOVQ PanelPart_SrcStride(DX), R8  \
	LEAQ (R8)(R8*2), R9               \
	MOVQ PanelPart_Dst(DX), DI        \
	MOVQ PanelPart_Src(DX), R12       \
	MOVQ PanelPart_Cols(DX), BX       \
columns:                              \
	MOVQ R12, SI                      \
	LEAQ (SI)(R8*4), R10              \
	LEAQ (R10)(R8*4), R12             \
	MOVQ PanelPart_Off(DX), R11       \
	MOVQ PanelPart_N(DX), CX          \
block:                                \
	ROWS(LOAD)                        \
	TRANSPOSE                         \
	STORE(0, Y8)                      \
	STORE(1, Y9)                      \
	STORE(2, Y10)                     \
	STORE(3, Y11)                     \
	STORE(4, Y12)                     \
	STORE(5, Y13)                     \
	STORE(6, Y14)                     \
	STORE(7, Y15)                     \
	ADDQ $srcBytes, SI                \
	ADDQ $srcBytes, R10               \
	ADDQ $64, R11                     \
	SUBQ $8, CX                       \
	JNE  block                        \
	ADDQ $dstBytes, DI                \
	SUBQ $8, BX                       \
	JNE  columns                      \
	VZEROUPPER                        \
	RET

// func packF32(t *PanelPart)
TEXT ·packF32(SB), NOSPLIT, $0-8
	PACK(VMOVUPS, STOREF32, 32, 32)

// func packWidening(t *PanelPart)
TEXT ·packWidening(SB), NOSPLIT, $0-8
	PACK(VCVTPH2PS, STOREF32, 16, 32)

// func packF16(t *PanelPart)
TEXT ·packF16(SB), NOSPLIT, $0-8
	PACK(VCVTPH2PS, STOREF16, 16, 16)
