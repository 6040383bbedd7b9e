//go:build !purego

#include "textflag.h"

// 128, 1, and the factors that are left of the contract's: 91881 - 65536, 116130 - 131072, -22554 of cb and 65536 - 46802 of cr; 1<<15.
DATA yccConst<>+0(SB)/8, $0x0080008000800080
DATA yccConst<>+8(SB)/8, $0x0080008000800080
DATA yccConst<>+16(SB)/8, $0x0080008000800080
DATA yccConst<>+24(SB)/8, $0x0080008000800080
DATA yccConst<>+32(SB)/8, $0x0001000100010001
DATA yccConst<>+40(SB)/8, $0x0001000100010001
DATA yccConst<>+48(SB)/8, $0x0001000100010001
DATA yccConst<>+56(SB)/8, $0x0001000100010001
DATA yccConst<>+64(SB)/8, $0x66e966e966e966e9
DATA yccConst<>+72(SB)/8, $0x66e966e966e966e9
DATA yccConst<>+80(SB)/8, $0x66e966e966e966e9
DATA yccConst<>+88(SB)/8, $0x66e966e966e966e9
DATA yccConst<>+96(SB)/8, $0xc5a2c5a2c5a2c5a2
DATA yccConst<>+104(SB)/8, $0xc5a2c5a2c5a2c5a2
DATA yccConst<>+112(SB)/8, $0xc5a2c5a2c5a2c5a2
DATA yccConst<>+120(SB)/8, $0xc5a2c5a2c5a2c5a2
DATA yccConst<>+128(SB)/8, $0x492ea7e6492ea7e6
DATA yccConst<>+136(SB)/8, $0x492ea7e6492ea7e6
DATA yccConst<>+144(SB)/8, $0x492ea7e6492ea7e6
DATA yccConst<>+152(SB)/8, $0x492ea7e6492ea7e6
DATA yccConst<>+160(SB)/8, $0x0000800000008000
DATA yccConst<>+168(SB)/8, $0x0000800000008000
DATA yccConst<>+176(SB)/8, $0x0000800000008000
DATA yccConst<>+184(SB)/8, $0x0000800000008000
GLOBL yccConst<>(SB), RODATA|NOPTR, $192

// Where the bytes of each third of 16 pixels come from, in red, green and blue.
DATA yccOrder<>+0(SB)/8, $0x8002808001808000
DATA yccOrder<>+8(SB)/8, $0x0580800480800380
DATA yccOrder<>+16(SB)/8, $0x8002808001808000
DATA yccOrder<>+24(SB)/8, $0x0580800480800380
DATA yccOrder<>+32(SB)/8, $0x0280800180800080
DATA yccOrder<>+40(SB)/8, $0x8080048080038080
DATA yccOrder<>+48(SB)/8, $0x0280800180800080
DATA yccOrder<>+56(SB)/8, $0x8080048080038080
DATA yccOrder<>+64(SB)/8, $0x8080018080008080
DATA yccOrder<>+72(SB)/8, $0x8004808003808002
DATA yccOrder<>+80(SB)/8, $0x8080018080008080
DATA yccOrder<>+88(SB)/8, $0x8004808003808002
DATA yccOrder<>+96(SB)/8, $0x8080078080068080
DATA yccOrder<>+104(SB)/8, $0x800a808009808008
DATA yccOrder<>+112(SB)/8, $0x8080078080068080
DATA yccOrder<>+120(SB)/8, $0x800a808009808008
DATA yccOrder<>+128(SB)/8, $0x8007808006808005
DATA yccOrder<>+136(SB)/8, $0x0a80800980800880
DATA yccOrder<>+144(SB)/8, $0x8007808006808005
DATA yccOrder<>+152(SB)/8, $0x0a80800980800880
DATA yccOrder<>+160(SB)/8, $0x0780800680800580
DATA yccOrder<>+168(SB)/8, $0x8080098080088080
DATA yccOrder<>+176(SB)/8, $0x0780800680800580
DATA yccOrder<>+184(SB)/8, $0x8080098080088080
DATA yccOrder<>+192(SB)/8, $0x0d80800c80800b80
DATA yccOrder<>+200(SB)/8, $0x80800f80800e8080
DATA yccOrder<>+208(SB)/8, $0x0d80800c80800b80
DATA yccOrder<>+216(SB)/8, $0x80800f80800e8080
DATA yccOrder<>+224(SB)/8, $0x80800c80800b8080
DATA yccOrder<>+232(SB)/8, $0x800f80800e80800d
DATA yccOrder<>+240(SB)/8, $0x80800c80800b8080
DATA yccOrder<>+248(SB)/8, $0x800f80800e80800d
DATA yccOrder<>+256(SB)/8, $0x800c80800b80800a
DATA yccOrder<>+264(SB)/8, $0x0f80800e80800d80
DATA yccOrder<>+272(SB)/8, $0x800c80800b80800a
DATA yccOrder<>+280(SB)/8, $0x0f80800e80800d80
GLOBL yccOrder<>(SB), RODATA|NOPTR, $288

// PIXELS converts one half of the samples: words of red, green and blue. The shares that are whole are added, and
// (a b + 1<<15) >> 16 is ((2 a b >> 16) + 1) >> 1.
#define PIXELS(UNPACK, r, g, b) \
	UNPACK     Y15, Y1, Y3                  \
	UNPACK     Y15, Y2, Y4                  \
	UNPACK     Y15, Y0, Y5                  \
	VPSUBW     Y14, Y3, Y3                  \
	VPSUBW     Y14, Y4, Y4                  \
	VPADDW     Y4, Y4, r                    \
	VPADDW     Y3, Y3, Y6                   \
	VPMULHW    yccConst<>+64(SB), r, r      \
	VPMULHW    yccConst<>+96(SB), Y6, b     \
	VPADDW     Y13, r, r                    \
	VPADDW     Y13, b, b                    \
	VPSRAW     $1, r, r                     \
	VPSRAW     $1, b, b                     \
	VPADDW     Y4, r, r                     \
	VPADDW     Y6, b, b                     \
	VPADDW     Y5, r, r                     \
	VPADDW     Y5, b, b                     \
	VPUNPCKLWD Y4, Y3, Y6                   \
	VPUNPCKHWD Y4, Y3, g                    \
	VPMADDWD   yccConst<>+128(SB), Y6, Y6   \
	VPMADDWD   yccConst<>+128(SB), g, g     \
	VPADDD     yccConst<>+160(SB), Y6, Y6   \
	VPADDD     yccConst<>+160(SB), g, g     \
	VPSRAD     $16, Y6, Y6                  \
	VPSRAD     $16, g, g                    \
	VPACKSSDW  g, Y6, g                     \
	VPSUBW     Y4, g, g                     \
	VPADDW     Y5, g, g

// THIRD puts the bytes of red, green and blue in their order.
#define THIRD(at, d) \
	VPSHUFB yccOrder<>+at(SB), Y7, d      \
	VPSHUFB yccOrder<>+at+32(SB), Y8, Y3  \
	VPSHUFB yccOrder<>+at+64(SB), Y9, Y4  \
	VPOR    Y3, d, d                      \
	VPOR    Y4, d, d

// func yccToRGBAVX2(dst, y, cb, cr *uint8, n int): n is at least 32.
TEXT ·yccToRGBAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ y+8(FP), SI
	MOVQ cb+16(FP), BX
	MOVQ cr+24(FP), DX
	MOVQ n+32(FP), CX
	VPXOR Y15, Y15, Y15
	VMOVDQU yccConst<>+0(SB), Y14
	VMOVDQU yccConst<>+32(SB), Y13
	SUBQ $32, CX // the last place to begin at
	XORQ AX, AX

block:
	VMOVDQU (SI)(AX*1), Y0
	VMOVDQU (BX)(AX*1), Y1
	VMOVDQU (DX)(AX*1), Y2
	PIXELS(VPUNPCKLBW, Y7, Y8, Y9)
	PIXELS(VPUNPCKHBW, Y10, Y11, Y12)
	VPACKUSWB Y10, Y7, Y7
	VPACKUSWB Y11, Y8, Y8
	VPACKUSWB Y12, Y9, Y9
	THIRD(0, Y0)
	THIRD(96, Y1)
	THIRD(192, Y2)
	LEAQ (AX)(AX*2), R8
	ADDQ DI, R8
	VMOVDQU X0, (R8)
	VMOVDQU X1, 16(R8)
	VMOVDQU X2, 32(R8)
	VEXTRACTI128 $1, Y0, 48(R8)
	VEXTRACTI128 $1, Y1, 64(R8)
	VEXTRACTI128 $1, Y2, 80(R8)
	CMPQ AX, CX
	JEQ  done
	ADDQ $32, AX
	CMPQ AX, CX
	CMOVQGT CX, AX // the last block overlaps the one before
	JMP  block

done:
	VZEROUPPER
	RET

DATA upConst<>+0(SB)/8, $0x0001000100010001
DATA upConst<>+8(SB)/8, $0x0001000100010001
DATA upConst<>+16(SB)/8, $0x0001000100010001
DATA upConst<>+24(SB)/8, $0x0001000100010001
DATA upConst<>+32(SB)/8, $0x0002000200020002
DATA upConst<>+40(SB)/8, $0x0002000200020002
DATA upConst<>+48(SB)/8, $0x0002000200020002
DATA upConst<>+56(SB)/8, $0x0002000200020002
DATA upConst<>+64(SB)/8, $0x0008000800080008
DATA upConst<>+72(SB)/8, $0x0008000800080008
DATA upConst<>+80(SB)/8, $0x0008000800080008
DATA upConst<>+88(SB)/8, $0x0008000800080008
DATA upConst<>+96(SB)/8, $0x0007000700070007
DATA upConst<>+104(SB)/8, $0x0007000700070007
DATA upConst<>+112(SB)/8, $0x0007000700070007
DATA upConst<>+120(SB)/8, $0x0007000700070007
GLOBL upConst<>(SB), RODATA|NOPTR, $128

// func upsampleH2V1AVX2(dst, in *uint8, n int): samples 1 to n-2, at least 16.
TEXT ·upsampleH2V1AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ in+8(FP), SI
	MOVQ n+16(FP), CX
	VMOVDQU upConst<>+0(SB), Y14
	VMOVDQU upConst<>+32(SB), Y15
	SUBQ $17, CX
	MOVQ $1, AX

block:
	VPMOVZXBW (SI)(AX*1), Y1
	VPMOVZXBW -1(SI)(AX*1), Y0
	VPMOVZXBW 1(SI)(AX*1), Y2
	VPADDW Y1, Y1, Y3
	VPADDW Y1, Y3, Y3
	VPADDW Y14, Y0, Y0
	VPADDW Y15, Y2, Y2
	VPADDW Y3, Y0, Y0
	VPADDW Y3, Y2, Y2
	VPSRLW $2, Y0, Y0
	VPSRLW $2, Y2, Y2
	VPSLLW $8, Y2, Y2
	VPOR   Y2, Y0, Y0
	VMOVDQU Y0, (DI)(AX*2)
	CMPQ AX, CX
	JEQ  done
	ADDQ $16, AX
	CMPQ AX, CX
	CMOVQGT CX, AX
	JMP  block

done:
	VZEROUPPER
	RET

// SUMS makes three times near plus far.
#define SUMS(at, d) \
	VPMOVZXBW at(SI)(AX*1), d  \
	VPMOVZXBW at(DX)(AX*1), Y4 \
	VPADDW d, Y4, Y4           \
	VPADDW d, d, d             \
	VPADDW Y4, d, d

// func upsampleH2V2AVX2(dst, near, far *uint8, n int): samples 1 to n-2, at least 16.
TEXT ·upsampleH2V2AVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ near+8(FP), SI
	MOVQ far+16(FP), DX
	MOVQ n+24(FP), CX
	VMOVDQU upConst<>+64(SB), Y14
	VMOVDQU upConst<>+96(SB), Y15
	SUBQ $17, CX
	MOVQ $1, AX

block:
	SUMS(-1, Y0)
	SUMS(0, Y1)
	SUMS(1, Y2)
	VPADDW Y1, Y1, Y3
	VPADDW Y1, Y3, Y3
	VPADDW Y14, Y0, Y0
	VPADDW Y15, Y2, Y2
	VPADDW Y3, Y0, Y0
	VPADDW Y3, Y2, Y2
	VPSRLW $4, Y0, Y0
	VPSRLW $4, Y2, Y2
	VPSLLW $8, Y2, Y2
	VPOR   Y2, Y0, Y0
	VMOVDQU Y0, (DI)(AX*2)
	CMPQ AX, CX
	JEQ  done
	ADDQ $16, AX
	CMPQ AX, CX
	CMOVQGT CX, AX
	JMP  block

done:
	VZEROUPPER
	RET
