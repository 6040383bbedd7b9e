//go:build !purego

#include "textflag.h"

DATA resampleConst<>+0(SB)/8, $0x0000000400000000
DATA resampleConst<>+8(SB)/8, $0x0000000500000001
DATA resampleConst<>+16(SB)/8, $0x0000000600000002
DATA resampleConst<>+24(SB)/8, $0x0000000700000003
DATA resampleConst<>+32(SB)/4, $0x200000
GLOBL resampleConst<>(SB), RODATA|NOPTR, $36

#define TAP(at, t, acc) \
	VPMOVZXBD at(AX), t \
	VPMULLD Y4, t, t    \
	VPADDD t, acc, acc

// func resampleColumnsAVX2(dst, src *uint8, n, pitch int, k *int32, taps int): n is at least 32, taps 1.
TEXT ·resampleColumnsAVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ pitch+24(FP), R9
	MOVQ k+32(FP), R10
	MOVQ taps+40(FP), R11
	VPBROADCASTD resampleConst<>+32(SB), Y15
	VMOVDQU resampleConst<>+0(SB), Y14
	SUBQ $32, CX // the last place to begin at
	XORQ R8, R8

block:
	LEAQ (SI)(R8*1), AX
	MOVQ R10, DX
	MOVQ R11, R12
	VMOVDQA Y15, Y0
	VMOVDQA Y15, Y1
	VMOVDQA Y15, Y2
	VMOVDQA Y15, Y3

tap:
	VPBROADCASTD (DX), Y4
	TAP(0, Y5, Y0)
	TAP(8, Y6, Y1)
	TAP(16, Y7, Y2)
	TAP(24, Y8, Y3)
	ADDQ R9, AX
	ADDQ $4, DX
	DECQ R12
	JNE  tap
	VPSRAD $22, Y0, Y0
	VPSRAD $22, Y1, Y1
	VPSRAD $22, Y2, Y2
	VPSRAD $22, Y3, Y3
	VPACKSSDW Y1, Y0, Y0
	VPACKSSDW Y3, Y2, Y2
	VPACKUSWB Y2, Y0, Y0
	VPERMD Y0, Y14, Y0
	VMOVDQU Y0, (DI)(R8*1)
	CMPQ R8, CX
	JEQ  done
	ADDQ $32, R8
	CMPQ R8, CX
	CMOVQGT CX, R8 // the last block overlaps the one before
	JMP  block

done:
	VZEROUPPER
	RET

// func resamplePixelsAVX2(dst, src *uint8, first, end, k *int32, n, start int): n is at least 1; start is the index in k of the first pixel's coefficients.
TEXT ·resamplePixelsAVX2(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ first+16(FP), R8
	MOVQ end+24(FP), R9
	MOVQ k+32(FP), R10
	MOVQ n+40(FP), CX
	MOVQ start+48(FP), R11
	VPBROADCASTD resampleConst<>+32(SB), X15

pixel:
	MOVLQSX (R8), AX
	LEAQ (AX)(AX*2), AX
	ADDQ SI, AX
	MOVLQSX (R9), BX
	VMOVDQA X15, X0

tap:
	VPMOVZXBD (AX), X1
	VPBROADCASTD (R10)(R11*4), X2
	VPMULLD X2, X1, X1
	VPADDD X1, X0, X0
	ADDQ $3, AX
	INCQ R11
	CMPQ R11, BX
	JLT  tap
	VPSRAD $22, X0, X0
	VPACKSSDW X0, X0, X0
	VPACKUSWB X0, X0, X0
	VMOVD X0, (DI)
	ADDQ $3, DI
	ADDQ $4, R8
	ADDQ $4, R9
	DECQ CX
	JNE  pixel
	VZEROUPPER
	RET
