//go:build !purego

// Winograd's filters on NEON; the contract is at WinogradFilters in winograd_scheme.go, the arguments are in winograd_filter.go. 16 columns at a time, in float64; products with powers of two are exact,
// so that their sums may be fused. A channel's frequencies are gathered side by side and go to the panel together, as with AVX2.
//
//	R0       arguments                      R16  channels left
//	R1 R2    the channel's taps, its frequency 0 in the panel
//	R3       bytes of the columns that are done
//	R4       bytes of a tap's columns
//	R5 R6    terms of the row, of the column
//	R7 R8    the next inverse, the next gathered frequency
//	R9 R10   terms, their number            R14  products left
//	R11 R12  taps, t                        R15  taps left
//	R13      where a term's operand lies
//	V0-V7    sums                           V8   factor, in lane 0
//	V16-V23  operands

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

#define ZERO8 \
	VMOVI $0, V0.B16 \
	VMOVI $0, V1.B16 \
	VMOVI $0, V2.B16 \
	VMOVI $0, V3.B16 \
	VMOVI $0, V4.B16 \
	VMOVI $0, V5.B16 \
	VMOVI $0, V6.B16 \
	VMOVI $0, V7.B16

#define ADD8 \
	FMLA_LANE_D2(8, 0, 16, 0) \
	FMLA_LANE_D2(8, 0, 17, 1) \
	FMLA_LANE_D2(8, 0, 18, 2) \
	FMLA_LANE_D2(8, 0, 19, 3) \
	FMLA_LANE_D2(8, 0, 20, 4) \
	FMLA_LANE_D2(8, 0, 21, 5) \
	FMLA_LANE_D2(8, 0, 22, 6) \
	FMLA_LANE_D2(8, 0, 23, 7)

// func winogradFilters(t *winogradFilterTask)
TEXT ·winogradFilters(SB), NOSPLIT, $0-8
	MOVD t+0(FP), R0
	MOVD winogradFilterTask_g(R0), R1
	MOVD winogradFilterTask_u(R0), R2
	MOVD winogradFilterTask_columns(R0), R4
	MOVD winogradFilterTask_channels(R0), R16

channel:
	MOVD ZR, R3

columns:
	MOVD winogradFilterTask_rows(R0), R5
	MOVD winogradFilterTask_inverses(R0), R7
	MOVD winogradFilterTask_gathered(R0), R8
	ADD  R3, R8
	MOVD winogradFilterTask_products(R0), R14

product:
	MOVD winogradFilterTask_t(R0), R12
	ADD  R3, R1, R11
	MOVD winogradFilterTask_xTaps(R0), R15

tap:
	ZERO8
	MOVD (R5), R10
	ADD  $16, R5, R9

tapTerm:
	FMOVD 8(R9), F8
	MOVD.P 16(R9), R13
	ADD  R11, R13
	LDUR_Q(13, 0, 17)
	LDUR_Q(13, 16, 19)
	LDUR_Q(13, 32, 21)
	LDUR_Q(13, 48, 23)
	SUBS $1, R10
	FCVTL_D2(17, 16)
	FCVTL2_D2(17, 17)
	FCVTL_D2(19, 18)
	FCVTL2_D2(19, 19)
	FCVTL_D2(21, 20)
	FCVTL2_D2(21, 21)
	FCVTL_D2(23, 22)
	FCVTL2_D2(23, 23)
	ADD8
	BNE  tapTerm
	FSTPQ (F0, F1), (R12)
	FSTPQ (F2, F3), 32(R12)
	FSTPQ (F4, F5), 64(R12)
	FSTPQ (F6, F7), 96(R12)
	ADD  $128, R12
	ADD  R4, R11
	SUBS $1, R15
	BNE  tap
	MOVD R9, R5

	MOVD winogradFilterTask_t(R0), R12
	MOVD winogradFilterTask_terms(R0), R6

frequency:
	ZERO8
	MOVD.P 16(R6), R10

term:
	FMOVD 8(R6), F8
	MOVD.P 16(R6), R13
	ADD  R12, R13
	LDUR_Q(13, 0, 16)
	LDUR_Q(13, 16, 17)
	LDUR_Q(13, 32, 18)
	LDUR_Q(13, 48, 19)
	LDUR_Q(13, 64, 20)
	LDUR_Q(13, 80, 21)
	LDUR_Q(13, 96, 22)
	LDUR_Q(13, 112, 23)
	SUBS $1, R10
	ADD8
	BNE  term
	FMOVD.P 8(R7), F8
	FMUL_LANE_D2(8, 0, 0, 0)
	FMUL_LANE_D2(8, 0, 1, 1)
	FMUL_LANE_D2(8, 0, 2, 2)
	FMUL_LANE_D2(8, 0, 3, 3)
	FMUL_LANE_D2(8, 0, 4, 4)
	FMUL_LANE_D2(8, 0, 5, 5)
	FMUL_LANE_D2(8, 0, 6, 6)
	FMUL_LANE_D2(8, 0, 7, 7)
	FCVTN_D2(0, 16)
	FCVTN_D2(2, 17)
	FCVTN_D2(4, 18)
	FCVTN_D2(6, 19)
	FCVTN2_D2(1, 16)
	FCVTN2_D2(3, 17)
	FCVTN2_D2(5, 18)
	FCVTN2_D2(7, 19)
	FSTPQ (F16, F17), (R8)
	FSTPQ (F18, F19), 32(R8)
	ADD  R4, R8
	MOVD winogradFilterTask_end(R0), R13
	CMP  R13, R6
	BNE  frequency
	SUBS $1, R14
	BNE  product

	ADD  $64, R3
	CMP  R4, R3
	BNE  columns

	MOVD winogradFilterTask_gathered(R0), R8
	MOVD R2, R11
	MOVD winogradFilterTask_uStride(R0), R13
	MOVD winogradFilterTask_frequencies(R0), R10

copy:
	MOVD R11, R12
	MOVD R4, R3

line:
	LDUR_Q(8, 0, 0)
	LDUR_Q(8, 16, 1)
	LDUR_Q(8, 32, 2)
	LDUR_Q(8, 48, 3)
	ADD  $64, R8
	SUBS $64, R3
	FSTPQ (F0, F1), (R12)
	FSTPQ (F2, F3), 32(R12)
	ADD  $64, R12
	BNE  line
	ADD  R13, R11
	SUBS $1, R10
	BNE  copy

	MOVD winogradFilterTask_taps(R0), R13
	ADD  R13, R1
	ADD  R4, R2
	SUBS $1, R16
	BNE  channel
	RET
