//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// func widenBlocks(dst *float32, src *byte, n int)
TEXT ·widenBlocks(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD n+16(FP), R2

block:
	FLDPQ.P 32(R1), (F0, F1)
	FLDPQ.P 32(R1), (F2, F3)
	FCVTL(0, 4)
	FCVTL2(0, 5)
	FCVTL(1, 6)
	FCVTL2(1, 7)
	FCVTL(2, 16)
	FCVTL2(2, 17)
	FCVTL(3, 18)
	FCVTL2(3, 19)
	FSTPQ.P (F4, F5), 32(R0)
	FSTPQ.P (F6, F7), 32(R0)
	FSTPQ.P (F16, F17), 32(R0)
	FSTPQ.P (F18, F19), 32(R0)
	SUBS $32, R2
	BNE  block
	RET
