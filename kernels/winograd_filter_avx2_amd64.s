//go:build !purego

// Winograd's filters on AVX2 and FMA3, which AVX-512 takes too; the contract is at WinogradFilters in winograd_scheme.go, the arguments are in winograd_filter.go. 16 columns at
// a time, in float64; products with powers of two are exact, so that their sums may be fused. A channel's frequencies are gathered side by side and go to the panel
// together, since the panel's places often fall on the same lines of the cache: 16 columns at a time would wait for them twice as often.
//
//	R14      arguments
//	SI DI    the channel's taps, its frequency 0 in the panel
//	BX       bytes of the columns that are done
//	R9       bytes of a tap's columns
//	R10 R11  terms of the row, of the column
//	R12 R13  the next inverse, the next gathered frequency
//	AX CX    terms, their number
//	DX R15   taps, t
//	R8       where a term's operand lies

#include "go_asm.h"
#include "textflag.h"

#define ZERO \
	VXORPD Y0, Y0, Y0 \
	VXORPD Y1, Y1, Y1 \
	VXORPD Y2, Y2, Y2 \
	VXORPD Y3, Y3, Y3

// func winogradFilters(t *winogradFilterTask)
TEXT ·winogradFilters(SB), NOSPLIT, $16-8
	MOVQ t+0(FP), R14
	MOVQ winogradFilterTask_g(R14), SI
	MOVQ winogradFilterTask_u(R14), DI
	MOVQ winogradFilterTask_columns(R14), R9
	MOVQ winogradFilterTask_channels(R14), AX
	MOVQ AX, channels-8(SP)

channel:
	XORQ BX, BX

columns:
	MOVQ winogradFilterTask_rows(R14), R10
	MOVQ winogradFilterTask_inverses(R14), R12
	MOVQ winogradFilterTask_gathered(R14), R13
	ADDQ BX, R13
	MOVQ winogradFilterTask_products(R14), AX
	MOVQ AX, products-16(SP)

product:
	MOVQ winogradFilterTask_t(R14), R15
	LEAQ (SI)(BX*1), DX
	MOVQ winogradFilterTask_xTaps(R14), R11

tap:
	ZERO
	MOVQ (R10), CX
	LEAQ 16(R10), AX

tapTerm:
	VBROADCASTSD 8(AX), Y4
	MOVQ (AX), R8
	VCVTPS2PD (DX)(R8*1), Y5
	VCVTPS2PD 16(DX)(R8*1), Y6
	VCVTPS2PD 32(DX)(R8*1), Y7
	VCVTPS2PD 48(DX)(R8*1), Y8
	VFMADD231PD Y5, Y4, Y0
	VFMADD231PD Y6, Y4, Y1
	VFMADD231PD Y7, Y4, Y2
	VFMADD231PD Y8, Y4, Y3
	ADDQ $16, AX
	DECQ CX
	JNE  tapTerm
	VMOVUPD Y0, (R15)
	VMOVUPD Y1, 32(R15)
	VMOVUPD Y2, 64(R15)
	VMOVUPD Y3, 96(R15)
	ADDQ $128, R15
	ADDQ R9, DX
	DECQ R11
	JNE  tap
	MOVQ AX, R10

	MOVQ winogradFilterTask_t(R14), R15
	MOVQ winogradFilterTask_terms(R14), R11

frequency:
	ZERO
	MOVQ (R11), CX
	ADDQ $16, R11

term:
	VBROADCASTSD 8(R11), Y4
	MOVQ (R11), R8
	VFMADD231PD (R15)(R8*1), Y4, Y0
	VFMADD231PD 32(R15)(R8*1), Y4, Y1
	VFMADD231PD 64(R15)(R8*1), Y4, Y2
	VFMADD231PD 96(R15)(R8*1), Y4, Y3
	ADDQ $16, R11
	DECQ CX
	JNE  term
	VBROADCASTSD (R12), Y4
	ADDQ $8, R12
	VMULPD Y4, Y0, Y0
	VMULPD Y4, Y1, Y1
	VMULPD Y4, Y2, Y2
	VMULPD Y4, Y3, Y3
	VCVTPD2PSY Y0, X0
	VCVTPD2PSY Y1, X1
	VCVTPD2PSY Y2, X2
	VCVTPD2PSY Y3, X3
	VMOVUPS X0, (R13)
	VMOVUPS X1, 16(R13)
	VMOVUPS X2, 32(R13)
	VMOVUPS X3, 48(R13)
	ADDQ R9, R13
	CMPQ R11, winogradFilterTask_end(R14)
	JNE  frequency
	DECQ products-16(SP)
	JNE  product

	ADDQ $64, BX
	CMPQ BX, R9
	JNE  columns

	MOVQ winogradFilterTask_gathered(R14), R13
	MOVQ DI, DX
	MOVQ winogradFilterTask_uStride(R14), R8
	MOVQ winogradFilterTask_frequencies(R14), CX

copy:
	XORQ BX, BX

line:
	VMOVUPS (R13)(BX*1), Y0
	VMOVUPS 32(R13)(BX*1), Y1
	VMOVUPS Y0, (DX)(BX*1)
	VMOVUPS Y1, 32(DX)(BX*1)
	ADDQ $64, BX
	CMPQ BX, R9
	JNE  line
	ADDQ R9, R13
	ADDQ R8, DX
	DECQ CX
	JNE  copy

	ADDQ winogradFilterTask_taps(R14), SI
	ADDQ R9, DI
	DECQ channels-8(SP)
	JNE  channel
	VZEROUPPER
	RET
