//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// WIDEN makes 16 bits of the bytes of V0 and V1.
#define WIDEN \
	VUXTL  V0.B8, V4.H8  \
	VUXTL2 V0.B16, V5.H8 \
	VUXTL  V1.B8, V6.H8  \
	VUXTL2 V1.B16, V7.H8

// PRODUCTS adds them times the low half of a coefficient to 32 bits, and times its high half to 16, which stand for the high half of those.
#define PRODUCTS \
	UMLAL_LANE(2, 0, 4, 16)  \
	UMLAL2_LANE(2, 0, 4, 17) \
	MLA_LANE_H8(2, 1, 4, 24) \
	UMLAL_LANE(2, 0, 5, 18)  \
	UMLAL2_LANE(2, 0, 5, 19) \
	MLA_LANE_H8(2, 1, 5, 25) \
	UMLAL_LANE(2, 0, 6, 20)  \
	UMLAL2_LANE(2, 0, 6, 21) \
	MLA_LANE_H8(2, 1, 6, 26) \
	UMLAL_LANE(2, 0, 7, 22)  \
	UMLAL2_LANE(2, 0, 7, 23) \
	MLA_LANE_H8(2, 1, 7, 27)

// func resampleColumnsNEON(dst, src *uint8, n, pitch int, k *int32, taps int): n is at least 32, taps 1.
//
//	R0 R1    dst, src                  R8   the block's first byte
//	R2       the last place to begin at
//	R3       pitch                     R9   bytes of the next row
//	R4 R5    k, taps                   R10 R11  the next coefficient, rows left
//	V0-V2    bytes of a row, its coefficient        V16-V23  sums of low halves
//	V4-V7    bytes of 16 bits                       V24-V27  sums of high halves, from V30 on: 1<<21 >> 16
TEXT ·resampleColumnsNEON(SB), NOSPLIT, $0-48
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD n+16(FP), R2
	MOVD pitch+24(FP), R3
	MOVD k+32(FP), R4
	MOVD taps+40(FP), R5
	SUB  $32, R2
	MOVD ZR, R8
	MOVD $32, R9
	VDUP R9, V30.H8

block:
	ADD   R8, R1, R9
	MOVD  R4, R10
	SUBS  $1, R5, R11
	LDUR_Q(9, 0, 0)
	LDUR_Q(9, 16, 1)
	VMOVI $0, V16.B16
	VMOVI $0, V17.B16
	VMOVI $0, V18.B16
	VMOVI $0, V19.B16
	VMOVI $0, V20.B16
	VMOVI $0, V21.B16
	VMOVI $0, V22.B16
	VMOVI $0, V23.B16
	MOV(30, 24)
	MOV(30, 25)
	MOV(30, 26)
	MOV(30, 27)
	BEQ   last

row:
	FMOVS.P 4(R10), F2
	VUXTL   V0.B8, V4.H8
	ADD     R3, R9
	VUXTL2  V0.B16, V5.H8
	LDUR_Q(9, 0, 0)
	VUXTL   V1.B8, V6.H8
	SUBS    $1, R11
	VUXTL2  V1.B16, V7.H8
	LDUR_Q(9, 16, 1)
	PRODUCTS
	BNE     row

last:
	FMOVS (R10), F2
	WIDEN
	PRODUCTS
	VUZP2 V17.H8, V16.H8, V16.H8
	VUZP2 V19.H8, V18.H8, V18.H8
	VUZP2 V21.H8, V20.H8, V20.H8
	VUZP2 V23.H8, V22.H8, V22.H8
	VADD  V24.H8, V16.H8, V16.H8
	VADD  V25.H8, V18.H8, V18.H8
	VADD  V26.H8, V20.H8, V20.H8
	VADD  V27.H8, V22.H8, V22.H8
	SQSHRUN_B16(6, 16, 0)
	SQSHRUN_B16(6, 20, 1)
	SQSHRUN2_B16(6, 18, 0)
	SQSHRUN2_B16(6, 22, 1)
	ADD   R8, R0, R9
	FSTPQ (F0, F1), (R9)
	CMP   R2, R8
	BEQ   done
	ADD   $32, R8
	CMP   R2, R8
	CSEL  LT, R8, R2, R8 // the last block overlaps the one before
	B     block

done:
	RET

// Where the bytes of four pixels come from, as 32 bits: of the first two in the first 8 of their 12 bytes, of the others in the last 8.
DATA resamplePixel<>+0(SB)/8, $0xffffff01ffffff00
DATA resamplePixel<>+8(SB)/8, $0xffffffffffffff02
DATA resamplePixel<>+16(SB)/8, $0xffffff04ffffff03
DATA resamplePixel<>+24(SB)/8, $0xffffffffffffff05
DATA resamplePixel<>+32(SB)/8, $0xffffff03ffffff02
DATA resamplePixel<>+40(SB)/8, $0xffffffffffffff04
DATA resamplePixel<>+48(SB)/8, $0xffffff06ffffff05
DATA resamplePixel<>+56(SB)/8, $0xffffffffffffff07
GLOBL resamplePixel<>(SB), RODATA|NOPTR, $64

// A mask of the last n of four numbers, 1 to 4, begins with number n-1.
DATA resampleMask<>+0(SB)/8, $0
DATA resampleMask<>+8(SB)/8, $0xffffffff00000000
DATA resampleMask<>+16(SB)/8, $0xffffffffffffffff
DATA resampleMask<>+24(SB)/4, $0xffffffff
GLOBL resampleMask<>(SB), RODATA|NOPTR, $28

// FOUR multiplies four pixels, in V0 and V3, by the coefficients in V1; FIRST is MLA_LANE, or MUL_LANE where V17 holds no sum yet.
#define FOUR(FIRST) \
	VTBL V28.B16, [V0.B16], V4.B16 \
	VTBL V29.B16, [V0.B16], V5.B16 \
	VTBL V30.B16, [V3.B16], V6.B16 \
	VTBL V31.B16, [V3.B16], V7.B16 \
	MLA_LANE(1, 0, 4, 16)          \
	FIRST(1, 1, 5, 17)             \
	MLA_LANE(1, 2, 6, 16)          \
	MLA_LANE(1, 3, 7, 17)

// FINISH makes three bytes of a pixel's two sums; the fourth is the next pixel's.
#define FINISH \
	ADDHN(17, 16, 16)      \
	SQSHRUN_B16(6, 16, 16) \
	FMOVS.P F16, 3(R0)     \
	SUBS    $1, R5

// func resamplePixelsNEON(dst, src *uint8, first, end, k *int32, n, start int): n is at least 1; start is the index in k of the first pixel's coefficients.
//
// The last one to four coefficients of a pixel are four that end with them, of which the mask leaves those. The first pixels may have no four before the end of theirs.
//
//	R0 R1    dst, src                     R8   first
//	R2 R3    first, end                   R9 R6    end, that before
//	R4       k                            R10  how many
//	R5       pixels left                  R11  behind the last pixel of src, then its byte
//	R7       the mask for none            R12 R13  behind the last coefficient, mask
//	R14 R15  src less 12, less 8          R16  the next coefficient
//	V0 V3    pixels                       V16 V17  sums
//	V1 V2    coefficients, mask           V27  1<<21
//	V4-V7    a pixel each                 V28-V31  where they come from
TEXT ·resamplePixelsNEON(SB), NOSPLIT, $0-56
	MOVD  dst+0(FP), R0
	MOVD  src+8(FP), R1
	MOVD  first+16(FP), R2
	MOVD  end+24(FP), R3
	MOVD  k+32(FP), R4
	MOVD  n+40(FP), R5
	MOVD  start+48(FP), R6
	MOVD  $resamplePixel<>(SB), R7
	FLDPQ (R7), (F28, F29)
	FLDPQ 32(R7), (F30, F31)
	MOVD  $resampleMask<>(SB), R7
	SUB   $4, R7
	SUB   $12, R1, R14
	SUB   $8, R1, R15
	MOVD  $(1<<21), R8
	VDUP  R8, V27.S4

early:
	MOVW.P 4(R2), R8
	MOVW.P 4(R3), R9
	SUB    R6, R9, R10
	ADD    R8, R10, R11
	CMP    $4, R9
	BLT    alone
	CMP    $4, R11
	BGE    sums

alone:
	ADD    R6<<2, R4, R16
	MOVD   R9, R6
	ADD    R8<<1, R8
	ADD    R1, R8
	MOV(27, 16)
	VMOVI  $0, V17.B16

each:
	FMOVS.P 3(R8), F0
	FMOVS.P 4(R16), F1
	VTBL    V28.B16, [V0.B16], V0.B16
	SUBS    $1, R10
	MLA_LANE(1, 0, 0, 16)
	BNE     each
	FINISH
	BNE     early
	RET

pixel:
	MOVW.P 4(R2), R8
	MOVW.P 4(R3), R9
	SUB    R6, R9, R10
	ADD    R8, R10, R11

sums:
	CMP  $4, R10
	ADD  R9<<2, R4, R12
	ADD  R11<<1, R11
	MOV(27, 16)
	BGT  many

last:
	ADD   R10<<2, R7, R13
	LDUR_Q(12, -16, 1)
	LDUR_Q(13, 0, 2)
	FMOVD (R14)(R11), F0
	FMOVD (R15)(R11), F3
	MOVD  R9, R6
	VAND  V2.B16, V1.B16, V1.B16
	FOUR(MUL_LANE)
	FINISH
	BNE   pixel
	RET

many:
	ADD   R6<<2, R4, R16
	ADD   R8<<1, R8
	ADD   R1, R8
	VMOVI $0, V17.B16

four:
	FMOVQ.P 16(R16), F1
	FMOVD   (R8), F0
	LDUR_D(8, 4, 3)
	ADD     $12, R8
	SUB     $4, R10
	CMP     $4, R10
	FOUR(MLA_LANE)
	BGT     four
	VADD    V17.S4, V16.S4, V16.S4
	B       last
