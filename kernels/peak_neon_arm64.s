//go:build !purego

// A loop of nothing but independent FMAs: what the arithmetic can do when nothing else is in its way. A round is fmasPerRound FMAs.

#include "textflag.h"

#define FMA8(a, b, c, d, e, f, g, h, x) \
	VFMLA x.S4, x.S4, a.S4 \
	VFMLA x.S4, x.S4, b.S4 \
	VFMLA x.S4, x.S4, c.S4 \
	VFMLA x.S4, x.S4, d.S4 \
	VFMLA x.S4, x.S4, e.S4 \
	VFMLA x.S4, x.S4, f.S4 \
	VFMLA x.S4, x.S4, g.S4 \
	VFMLA x.S4, x.S4, h.S4

// func fmaRoundsNEON(rounds int)
TEXT ·fmaRoundsNEON(SB), NOSPLIT, $0-8
	MOVD rounds+0(FP), R0
	VEOR V24.B16, V24.B16, V24.B16
	PCALIGN $32

loop:
	FMA8(V0, V1, V2, V3, V4, V5, V6, V7, V24)
	FMA8(V8, V9, V10, V11, V12, V13, V14, V15, V24)
	FMA8(V16, V17, V18, V19, V20, V21, V22, V23, V24)
	SUBS $1, R0, R0
	BNE  loop
	RET
