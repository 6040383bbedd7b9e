//go:build !purego

// Loops of nothing but independent FMAs: what the arithmetic can do when nothing else is in its way. A round is fmasPerRound FMAs.

#include "textflag.h"

#define FMA6(a, b, c, d, e, f, x, y) \
	VFMADD231PS x, y, a \
	VFMADD231PS x, y, b \
	VFMADD231PS x, y, c \
	VFMADD231PS x, y, d \
	VFMADD231PS x, y, e \
	VFMADD231PS x, y, f

// func fmaRoundsAVX512(rounds int)
TEXT ·fmaRoundsAVX512(SB), NOSPLIT, $0-8
	MOVQ rounds+0(FP), CX
	VZEROALL
	PCALIGN $64

loop:
	FMA6(Z0, Z1, Z2, Z3, Z4, Z5, Z14, Z15)
	FMA6(Z6, Z7, Z8, Z9, Z10, Z11, Z14, Z15)
	FMA6(Z0, Z1, Z2, Z3, Z4, Z5, Z14, Z15)
	FMA6(Z6, Z7, Z8, Z9, Z10, Z11, Z14, Z15)
	DECQ CX
	JNE  loop
	VZEROUPPER
	RET

// func fmaRoundsAVX2(rounds int)
TEXT ·fmaRoundsAVX2(SB), NOSPLIT, $0-8
	MOVQ rounds+0(FP), CX
	VZEROALL
	PCALIGN $64

loop:
	FMA6(Y0, Y1, Y2, Y3, Y4, Y5, Y14, Y15)
	FMA6(Y6, Y7, Y8, Y9, Y10, Y11, Y14, Y15)
	FMA6(Y0, Y1, Y2, Y3, Y4, Y5, Y14, Y15)
	FMA6(Y6, Y7, Y8, Y9, Y10, Y11, Y14, Y15)
	DECQ CX
	JNE  loop
	VZEROUPPER
	RET
