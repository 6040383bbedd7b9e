//go:build !purego

// Activations on NEON, 8 values at a time in two halves, V0-V7 and V8-V15, then 4, then 1; the sequences of operations are those of activation_generic.go.
//
//	R1 R2         Dst, Src
//	R3            values left
//	R4            the table of constants, each eight times
//	R5            0
//	V0 V8         x
//	V1 V9         the result
//	V16-V31       constants

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

// K is a constant's place in the table.
#define K(i) (32*(i))

// An instruction for both halves: a name of three operands with the first of the lower half's registers, or with a constant in place of one.
#define FMLA2(m, n, d) FMLA(m, n, d); FMLA(m+8, n+8, d+8)
#define FMLAK(k, n, d) FMLA(k, n, d); FMLA(k, n+8, d+8)
#define FADD2(m, n, d) FADD(m, n, d); FADD(m+8, n+8, d+8)
#define FADDK(k, n, d) FADD(k, n, d); FADD(k, n+8, d+8)
#define FSUBK(k, n, d) FSUB(k, n, d); FSUB(k, n+8, d+8)
#define FROMK(m, k, d) FSUB(m, k, d); FSUB(m+8, k, d+8)
#define FMUL2(m, n, d) FMUL(m, n, d); FMUL(m+8, n+8, d+8)
#define FMULK(k, n, d) FMUL(k, n, d); FMUL(k, n+8, d+8)
#define FDIV2(m, n, d) FDIV(m, n, d); FDIV(m+8, n+8, d+8)
#define FMAXK(k, n, d) FMAX(k, n, d); FMAX(k, n+8, d+8)
#define FMINK(k, n, d) FMIN(k, n, d); FMIN(k, n+8, d+8)
#define MOV2(n, d) MOV(n, d); MOV(n+8, d+8)
#define MOVK(k, d) MOV(k, d); MOV(k, d+8)
#define BSL2(m, n, d) BSL(m, n, d); BSL(m+8, n+8, d+8)
#define CONST2(i, d) LDR_Q_AT(4, K(i), d); LDR_Q_AT(4, K(i), d+8)
#define SIGN2(n, d) SSHR(31, n, d); SSHR(31, n+8, d+8)

#define ARGUMENTS \
	MOVD a+0(FP), R0                  \
	MOVD activationCall_Dst(R0), R1   \
	MOVD activationCall_Src(R0), R2   \
	MOVD activationCall_N(R0), R3     \
	MOVD activationCall_Table(R0), R4 \
	MOVD ZR, R5

#define ALPHABETA \
	ADD  $activationCall_Alpha, R0, R0 \
	VLD1R.P 4(R0), [V16.S4]            \
	VLD1R (R0), [V17.S4]

// LOADED reads the next 8, 4 or 1 values to V0 and V8; what is not there is anything.
#define LOADED(four, one, loaded) \
	CMP  $8, R3          \
	BLT  four            \
	LDUR_Q(2, 0, 0)      \
	LDUR_Q(2, 16, 8)     \
	B    loaded          \
four:                    \
	CMP  $4, R3          \
	BLT  one             \
	LDUR_Q(2, 0, 0)      \
	B    loaded          \
one:                     \
	LDR_S(2, 5, 0)       \
loaded:

// STORED writes V1 and V9 and goes on.
#define STORED(loop, four, one) \
	CMP  $8, R3          \
	BLT  four            \
	FMOVQ F1, (R1)       \
	FMOVQ F9, 16(R1)     \
	ADD  $32, R1         \
	ADD  $32, R2         \
	SUBS $8, R3          \
	BNE  loop            \
	RET                  \
four:                    \
	CMP  $4, R3          \
	BLT  one             \
	FMOVQ F1, (R1)       \
	ADD  $16, R1         \
	ADD  $16, R2         \
	SUBS $4, R3          \
	BNE  loop            \
	RET                  \
one:                     \
	FMOVS.P F1, 4(R1)    \
	ADD  $4, R2          \
	SUBS $1, R3          \
	BNE  loop            \
	RET

// EXPCONSTANTS are those of EXPNEGATIVE, and V27 the bit of the sign.
#define EXPCONSTANTS \
	LDR_Q_AT(4, K(const_kLog2E), 16)     \
	LDR_Q_AT(4, K(const_kMagic), 17)     \
	LDR_Q_AT(4, K(const_kLn2High), 18)   \
	LDR_Q_AT(4, K(const_kLn2Low), 19)    \
	LDR_Q_AT(4, K(const_kExp), 20)       \
	LDR_Q_AT(4, K((const_kExp+1)), 21)   \
	LDR_Q_AT(4, K((const_kExp+2)), 22)   \
	LDR_Q_AT(4, K((const_kExp+3)), 23)   \
	LDR_Q_AT(4, K((const_kExp+4)), 24)   \
	LDR_Q_AT(4, K(const_kOne), 25)       \
	LDR_Q_AT(4, K(const_kLeast), 26)     \
	LDR_Q_AT(4, K(const_kSign), 27)      \
	LDR_Q_AT(4, K(const_kExponent), 28)

// EXPNEGATIVE is V4 = exp(V1) for V1 <= 0; V1 to V5 are lost. The power of two is applied in two halves, of which only the second can round.
#define EXPNEGATIVE \
	FMAXK(26, 1, 1)                \
	MOVK(17, 3)                    \
	FMLAK(16, 1, 3)                \
	FSUBK(17, 3, 2)                \
	FMLAK(18, 2, 1)                \
	MOVK(21, 5)                    \
	FMLAK(19, 2, 1)                \
	VSUB V17.S4, V3.S4, V3.S4      \
	VSUB V17.S4, V11.S4, V11.S4    \
	SSHR(1, 3, 2)                  \
	SSHR(1, 11, 10)                \
	FMLAK(20, 1, 5)                \
	MOVK(22, 4)                    \
	VSUB V2.S4, V3.S4, V3.S4       \
	VSUB V10.S4, V11.S4, V11.S4    \
	FMLA2(1, 5, 4)                 \
	MOVK(23, 5)                    \
	VADD V28.S4, V2.S4, V2.S4      \
	VADD V28.S4, V10.S4, V10.S4    \
	FMLA2(1, 4, 5)                 \
	MOVK(24, 4)                    \
	VADD V28.S4, V3.S4, V3.S4      \
	VADD V28.S4, V11.S4, V11.S4    \
	FMLA2(1, 5, 4)                 \
	MOVK(25, 5)                    \
	VSHL $23, V2.S4, V2.S4         \
	VSHL $23, V10.S4, V10.S4       \
	FMLA2(1, 4, 5)                 \
	MOVK(25, 4)                    \
	VSHL $23, V3.S4, V3.S4         \
	VSHL $23, V11.S4, V11.S4       \
	FMLA2(1, 5, 4)                 \
	FMUL2(2, 4, 4)                 \
	FMUL2(3, 4, 4)

// SIGMOID is V1 = 1/(1+exp(-V0)); V2 to V5 are lost.
#define SIGMOID \
	VORR V27.B16, V0.B16, V1.B16   \
	VORR V27.B16, V8.B16, V9.B16   \
	EXPNEGATIVE                    \
	SIGN2(0, 1)                    \
	BSL(25, 4, 1)                  \
	BSL(25, 12, 9)                 \
	FADDK(25, 4, 4)                \
	FDIV2(4, 1, 1)

// HORNER is one more coefficient, c of the table: q = c + p*V2.
#define HORNER(i, p, q) \
	CONST2(i, q)    \
	FMLA2(2, p, q)

// func sigmoidNEON(a *activationCall)
TEXT ·sigmoidNEON(SB), NOSPLIT, $0-8
	ARGUMENTS
	EXPCONSTANTS

loop:
	LOADED(four, one, loaded)
	SIGMOID
	STORED(loop, fourOut, oneOut)

// func siluNEON(a *activationCall)
TEXT ·siluNEON(SB), NOSPLIT, $0-8
	ARGUMENTS
	EXPCONSTANTS

loop:
	LOADED(four, one, loaded)
	SIGMOID
	FMUL2(1, 0, 1)
	STORED(loop, fourOut, oneOut)

// func hardSigmoidNEON(a *activationCall)
TEXT ·hardSigmoidNEON(SB), NOSPLIT, $0-8
	ARGUMENTS
	ALPHABETA
	LDR_Q_AT(4, K(const_kOne), 18)
	VMOVI $0, V19.B16

loop:
	LOADED(four, one, loaded)
	MOVK(17, 1)
	FMLAK(16, 0, 1)
	FCMGT(1, 19, 2)
	FCMGT(9, 19, 10)
	BIT(2, 19, 1)
	BIT(10, 19, 9)
	FMINK(18, 1, 1)
	STORED(loop, fourOut, oneOut)

// func hardSwishNEON(a *activationCall)
TEXT ·hardSwishNEON(SB), NOSPLIT, $0-8
	ARGUMENTS
	LDR_Q_AT(4, K(const_kThree), 16)
	LDR_Q_AT(4, K(const_kSix), 17)
	LDR_Q_AT(4, K(const_kSixth), 18)
	VMOVI $0, V19.B16

loop:
	LOADED(four, one, loaded)
	FADDK(16, 0, 1) // never -0, so that FMAX is the clamp
	FMAXK(19, 1, 1)
	FMINK(17, 1, 1)
	FMULK(18, 1, 1)
	FMUL2(1, 0, 1)
	STORED(loop, fourOut, oneOut)

// func leakyReLUNEON(a *activationCall)
TEXT ·leakyReLUNEON(SB), NOSPLIT, $0-8
	ARGUMENTS
	ALPHABETA

loop:
	LOADED(four, one, loaded)
	FCMLT_ZERO(0, 1)
	FCMLT_ZERO(8, 9)
	FMULK(16, 0, 2)
	BSL(0, 2, 1)
	BSL(8, 10, 9)
	STORED(loop, fourOut, oneOut)

// func tanhNEON(a *activationCall)
TEXT ·tanhNEON(SB), NOSPLIT, $0-8
	ARGUMENTS
	EXPCONSTANTS
	LDR_Q_AT(4, K(const_kTanhEnd), 29)
	LDR_Q_AT(4, K(const_kTanh), 30)

loop:
	LOADED(four, one, loaded)
	FABS(0, 1)
	FABS(8, 9)
	FCMGT(1, 29, 6)                      // |x| < the polynomial's end
	FCMGT(9, 29, 14)
	VORR V27.B16, V1.B16, V1.B16
	VORR V27.B16, V9.B16, V9.B16
	FADD2(1, 1, 1)
	EXPNEGATIVE
	FROMK(4, 25, 1)
	FADDK(25, 4, 4)
	FDIV2(4, 1, 1)
	FMUL2(0, 0, 2)                       // q
	CONST2(const_kTanh+1, 5)
	FMLAK(30, 2, 5)
	HORNER(const_kTanh+2, 5, 4)
	HORNER(const_kTanh+3, 4, 5)
	HORNER(const_kTanh+4, 5, 4)
	FMUL2(2, 0, 2)
	MOV2(0, 3)
	FMLA2(4, 2, 3)
	BSL2(1, 3, 6)
	VAND V27.B16, V0.B16, V1.B16         // sign
	VAND V27.B16, V8.B16, V9.B16
	VORR V6.B16, V1.B16, V1.B16
	VORR V14.B16, V9.B16, V9.B16
	STORED(loop, fourOut, oneOut)

// func geluNEON(a *activationCall)
TEXT ·geluNEON(SB), NOSPLIT, $0-8
	ARGUMENTS
	EXPCONSTANTS
	LDR_Q_AT(4, K(const_kGELUEnd), 29)
	LDR_Q_AT(4, K(const_kMinus05), 30)
	LDR_Q_AT(4, K(const_kMillsT), 31)

loop:
	LOADED(four, one, loaded)
	FABS(0, 6)                           // a = |x|
	FABS(8, 14)
	FMINK(29, 6, 6)
	FMUL2(6, 6, 1)                       // its square
	FNEG(1, 7)
	FNEG(9, 15)
	FMLA2(6, 6, 7)                       // what the square lost
	FMULK(30, 1, 1)
	FMULK(30, 7, 7)
	EXPNEGATIVE
	MOV2(4, 3)
	FMLA2(7, 4, 3)                       // e
	MOVK(25, 2)
	FMLAK(31, 6, 2)
	FDIV(2, 25, 2)                       // t
	FDIV(10, 25, 10)
	CONST2(const_kMills, 5)
	HORNER(const_kMills+1, 5, 4)
	HORNER(const_kMills+2, 4, 5)
	HORNER(const_kMills+3, 5, 4)
	HORNER(const_kMills+4, 4, 5)
	HORNER(const_kMills+5, 5, 4)
	HORNER(const_kMills+6, 4, 5)
	HORNER(const_kMills+7, 5, 4)
	HORNER(const_kMills+8, 4, 5)
	FMUL2(2, 5, 5)
	FMUL2(5, 3, 3)                       // phi
	FROMK(3, 25, 4)
	SIGN2(0, 1)
	BSL2(4, 3, 1)
	FMUL2(1, 0, 1)
	STORED(loop, fourOut, oneOut)
