//go:build !purego

// Winograd's filters on AVX2 and FMA3, which AVX-512 takes too; the contract is at WinogradFilter in winograd.go. Four columns at a time, in float64; products with
// powers of two are exact, so that their sums may be fused.
//
// A channel's frequencies are gathered side by side and go to the panel together, since the panel's 36 places often fall on the same lines of the cache: four columns at a
// time would wait for them eight times as often.
//
//	SI R8    the taps of the next four columns, bytes from tap to tap and from frequency to frequency of what is gathered
//	R12      their gathered frequency 0
//	DI R9    the channel's frequency 0 in the panel, bytes from frequency to frequency
//	CX BX    channels, columns left
//	Y0-Y2    a column or row of three values; Y2-Y6 and Y0 become its six
//	Y8-Y15   1/3, -1/3, -16/15, 1/15, 1/2, 1/4, -2, 4

#include "go_asm.h"
#include "textflag.h"

DATA winogradG<>+0(SB)/8, $0x3fd5555555555555
DATA winogradG<>+8(SB)/8, $0xbfd5555555555555
DATA winogradG<>+16(SB)/8, $0xbff1111111111111
DATA winogradG<>+24(SB)/8, $0x3fb1111111111111
DATA winogradG<>+32(SB)/8, $0x3fe0000000000000
DATA winogradG<>+40(SB)/8, $0x3fd0000000000000
DATA winogradG<>+48(SB)/8, $0xc000000000000000
DATA winogradG<>+56(SB)/8, $0x4010000000000000
GLOBL winogradG<>(SB), RODATA|NOPTR, $64

// TRANSFORM is G g of g = Y0, Y1, Y2: Y0, Y3, Y4, Y5, Y6, Y2.
#define TRANSFORM \
	VADDPD Y1, Y0, Y3        \
	VSUBPD Y1, Y0, Y4        \
	VMOVAPD Y0, Y5           \
	VMOVAPD Y0, Y6           \
	VFMADD231PD Y12, Y1, Y5  \
	VFMADD231PD Y14, Y1, Y6  \
	VADDPD Y2, Y3, Y3        \
	VADDPD Y2, Y4, Y4        \
	VFMADD231PD Y13, Y2, Y5  \
	VFMADD231PD Y15, Y2, Y6  \
	VMULPD Y8, Y3, Y3        \
	VMULPD Y9, Y4, Y4        \
	VMULPD Y10, Y5, Y5       \
	VMULPD Y11, Y6, Y6

// COLUMN transforms the taps x, 3+x, 6+x into the rows' values x.
#define COLUMN(x) \
	VCVTPS2PD (DX), Y0            \
	VCVTPS2PD (DX)(R10*1), Y1     \
	VCVTPS2PD (DX)(R10*2), Y2     \
	ADDQ R8, DX                   \
	TRANSFORM                     \
	VMOVUPD Y0, t-576+(x*32)(SP)  \
	VMOVUPD Y3, t-480+(x*32)(SP)  \
	VMOVUPD Y4, t-384+(x*32)(SP)  \
	VMOVUPD Y5, t-288+(x*32)(SP)  \
	VMOVUPD Y6, t-192+(x*32)(SP)  \
	VMOVUPD Y2, t-96+(x*32)(SP)

#define PUT(v, x) \
	VCVTPD2PSY v, x   \
	VMOVUPS x, (DX)   \
	ADDQ R8, DX

// ROW transforms the three values of a row, which lie at y, and stores its frequencies.
#define ROW(y) \
	VMOVUPD t-576+(y*96)(SP), Y0 \
	VMOVUPD t-544+(y*96)(SP), Y1 \
	VMOVUPD t-512+(y*96)(SP), Y2 \
	TRANSFORM    \
	PUT(Y0, X0)  \
	PUT(Y3, X3)  \
	PUT(Y4, X4)  \
	PUT(Y5, X5)  \
	PUT(Y6, X6)  \
	PUT(Y2, X2)

// func winogradFiltersAVX2(t *WinogradFilterPanel)
TEXT ·winogradFiltersAVX2(SB), NOSPLIT, $576-8
	MOVQ t+0(FP), AX
	MOVQ WinogradFilterPanel_G(AX), SI
	MOVQ WinogradFilterPanel_NR(AX), R11
	LEAQ (R11*4), R8
	LEAQ (R8)(R8*2), R10
	MOVQ WinogradFilterPanel_U(AX), DI
	MOVQ WinogradFilterPanel_UStride(AX), R9
	MOVQ WinogradFilterPanel_Channels(AX), CX
	VBROADCASTSD winogradG<>+0(SB), Y8
	VBROADCASTSD winogradG<>+8(SB), Y9
	VBROADCASTSD winogradG<>+16(SB), Y10
	VBROADCASTSD winogradG<>+24(SB), Y11
	VBROADCASTSD winogradG<>+32(SB), Y12
	VBROADCASTSD winogradG<>+40(SB), Y13
	VBROADCASTSD winogradG<>+48(SB), Y14
	VBROADCASTSD winogradG<>+56(SB), Y15

channel:
	MOVQ WinogradFilterPanel_gathered(AX), R12
	MOVQ R11, BX

columns:
	MOVQ SI, DX
	COLUMN(0)
	COLUMN(1)
	COLUMN(2)
	MOVQ R12, DX
	ROW(0)
	ROW(1)
	ROW(2)
	ROW(3)
	ROW(4)
	ROW(5)
	ADDQ $16, SI
	ADDQ $16, R12
	SUBQ $4, BX
	JNE  columns
	LEAQ (SI)(R8*8), SI // the taps 1 to 8

	MOVQ WinogradFilterPanel_gathered(AX), R12
	MOVQ DI, DX
	MOVQ $36, R13

frequency:
	XORQ BX, BX

copy:
	VMOVUPS (R12)(BX*1), Y0
	VMOVUPS Y0, (DX)(BX*1)
	ADDQ $32, BX
	CMPQ BX, R8
	JNE  copy
	ADDQ R8, R12
	ADDQ R9, DX
	DECQ R13
	JNE  frequency
	ADDQ R8, DI
	DECQ CX
	JNE  channel
	VZEROUPPER
	RET
