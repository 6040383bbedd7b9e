//go:build !purego

// Activations on AVX-512; the sequences of operations are those of activation_generic.go.
//
//	DI SI         Dst, Src
//	CX            values left
//	DX            the table of constants, each eight times
//	K1            lanes in use
//	Z0            x, then the result
//	Z16 to Z31    constants of the exponential and others that one function uses

#include "go_asm.h"
#include "textflag.h"

// K is a constant of the table.
#define K(i) (32*i)(DX)

#define ARGUMENTS \
	MOVQ a+0(FP), AX                 \
	MOVQ activationCall_Dst(AX), DI   \
	MOVQ activationCall_Src(AX), SI   \
	MOVQ activationCall_N(AX), CX     \
	MOVQ activationCall_Table(AX), DX \
	KXNORW K1, K1, K1

// LOADED reads the next vector to Z0, with zeros in the lanes that are not there.
#define LOADED(full) \
	CMPQ CX, $16              \
	JGE  full                 \
	MOVL $1, AX               \
	SHLL CX, AX               \
	DECL AX                   \
	KMOVW AX, K1              \
full:                        \
	VMOVUPS.Z (SI), K1, Z0

// STORED writes Z0 and goes on.
#define STORED(loop) \
	VMOVUPS Z0, K1, (DI)      \
	ADDQ $64, SI              \
	ADDQ $64, DI              \
	SUBQ $16, CX              \
	JGT  loop                 \
	VZEROUPPER                \
	RET

#define EXPCONSTANTS \
	VBROADCASTSS K(const_kLog2E), Z16     \
	VBROADCASTSS K(const_kMagic), Z17     \
	VBROADCASTSS K(const_kLn2High), Z18   \
	VBROADCASTSS K(const_kLn2Low), Z19    \
	VBROADCASTSS K(const_kExp), Z20       \
	VBROADCASTSS K((const_kExp+1)), Z21   \
	VBROADCASTSS K((const_kExp+2)), Z22   \
	VBROADCASTSS K((const_kExp+3)), Z23   \
	VBROADCASTSS K((const_kExp+4)), Z24   \
	VBROADCASTSS K(const_kOne), Z25       \
	VBROADCASTSS K(const_kLeast), Z26     \
	VBROADCASTSS K(const_kSign), Z27

// EXPNEGATIVE is p = exp(v) for v <= 0; v and k are lost.
#define EXPNEGATIVE(v, k, p) \
	VMAXPS v, Z26, v          \
	VMOVAPS Z17, k            \
	VFMADD231PS v, Z16, k     \
	VSUBPS Z17, k, k          \
	VFMADD231PS k, Z18, v     \
	VFMADD231PS k, Z19, v     \
	VMOVAPS Z20, p            \
	VFMADD213PS Z21, v, p     \
	VFMADD213PS Z22, v, p     \
	VFMADD213PS Z23, v, p     \
	VFMADD213PS Z24, v, p     \
	VFMADD213PS Z25, v, p     \
	VFMADD213PS Z25, v, p     \
	VSCALEFPS k, p, p

// SIGMOID is Z1 = 1/(1+exp(-Z0)); Z2 and Z3 are lost.
#define SIGMOID \
	VORPS Z27, Z0, Z1         \
	EXPNEGATIVE(Z1, Z2, Z3)   \
	VPMOVD2M Z0, K2           \
	VBLENDMPS Z3, Z25, K2, Z1 \
	VADDPS Z3, Z25, Z3        \
	VDIVPS Z3, Z1, Z1

// func sigmoidAVX512(a *activationCall)
TEXT ·sigmoidAVX512(SB), NOSPLIT, $0-8
	ARGUMENTS
	EXPCONSTANTS

loop:
	LOADED(full)
	SIGMOID
	VMOVAPS Z1, Z0
	STORED(loop)

// func siluAVX512(a *activationCall)
TEXT ·siluAVX512(SB), NOSPLIT, $0-8
	ARGUMENTS
	EXPCONSTANTS

loop:
	LOADED(full)
	SIGMOID
	VMULPS Z1, Z0, Z0
	STORED(loop)

// func hardSigmoidAVX512(a *activationCall)
TEXT ·hardSigmoidAVX512(SB), NOSPLIT, $0-8
	ARGUMENTS
	VBROADCASTSS activationCall_Alpha(AX), Z16
	VBROADCASTSS activationCall_Beta(AX), Z17
	VBROADCASTSS K(const_kOne), Z18
	VXORPS Z19, Z19, Z19

loop:
	LOADED(full)
	VFMADD213PS Z17, Z16, Z0
	VMAXPS Z0, Z19, Z0
	VMINPS Z0, Z18, Z0
	STORED(loop)

// func hardSwishAVX512(a *activationCall)
TEXT ·hardSwishAVX512(SB), NOSPLIT, $0-8
	ARGUMENTS
	VBROADCASTSS K(const_kThree), Z16
	VBROADCASTSS K(const_kSix), Z17
	VBROADCASTSS K(const_kSixth), Z18
	VXORPS Z19, Z19, Z19

loop:
	LOADED(full)
	VADDPS Z16, Z0, Z1
	VMAXPS Z1, Z19, Z1
	VMINPS Z1, Z17, Z1
	VMULPS Z18, Z1, Z1
	VMULPS Z1, Z0, Z0
	STORED(loop)

// func leakyReLUAVX512(a *activationCall)
TEXT ·leakyReLUAVX512(SB), NOSPLIT, $0-8
	ARGUMENTS
	VBROADCASTSS activationCall_Alpha(AX), Z16
	VXORPS Z19, Z19, Z19

loop:
	LOADED(full)
	VCMPPS $1, Z19, Z0, K2 // x < 0
	VMULPS Z16, Z0, K2, Z0
	STORED(loop)

// func tanhAVX512(a *activationCall)
TEXT ·tanhAVX512(SB), NOSPLIT, $0-8
	ARGUMENTS
	EXPCONSTANTS
	VBROADCASTSS K(const_kTanhEnd), Z28
	VBROADCASTSS K(const_kTanh), Z15
	VBROADCASTSS K((const_kTanh+1)), Z14
	VBROADCASTSS K((const_kTanh+2)), Z13
	VBROADCASTSS K((const_kTanh+3)), Z12
	VBROADCASTSS K((const_kTanh+4)), Z11

loop:
	LOADED(full)
	VANDPS Z27, Z0, Z5     // sign
	VORPS Z27, Z0, Z1      // -|x|
	VXORPS Z27, Z1, Z4
	VCMPPS $1, Z28, Z4, K2 // |x| < the polynomial's end
	VADDPS Z1, Z1, Z1
	EXPNEGATIVE(Z1, Z2, Z3)
	VSUBPS Z3, Z25, Z1
	VADDPS Z3, Z25, Z2
	VDIVPS Z2, Z1, Z1
	VMULPS Z0, Z0, Z2      // q
	VMOVAPS Z15, Z3
	VFMADD213PS Z14, Z2, Z3
	VFMADD213PS Z13, Z2, Z3
	VFMADD213PS Z12, Z2, Z3
	VFMADD213PS Z11, Z2, Z3
	VMULPS Z2, Z0, Z2
	VFMADD213PS Z0, Z2, Z3
	VMOVAPS Z3, K2, Z1
	VORPS Z5, Z1, Z0
	STORED(loop)

// func geluAVX512(a *activationCall)
TEXT ·geluAVX512(SB), NOSPLIT, $0-8
	ARGUMENTS
	EXPCONSTANTS
	VBROADCASTSS K(const_kMinus05), Z28
	VBROADCASTSS K(const_kMillsT), Z29
	VBROADCASTSS K(const_kGELUEnd), Z30
	VBROADCASTSS K(const_kMills), Z15
	VBROADCASTSS K((const_kMills+1)), Z14
	VBROADCASTSS K((const_kMills+2)), Z13
	VBROADCASTSS K((const_kMills+3)), Z12
	VBROADCASTSS K((const_kMills+4)), Z11
	VBROADCASTSS K((const_kMills+5)), Z10
	VBROADCASTSS K((const_kMills+6)), Z9
	VBROADCASTSS K((const_kMills+7)), Z8
	VBROADCASTSS K((const_kMills+8)), Z7

loop:
	LOADED(full)
	VANDNPS Z0, Z27, Z1       // a = |x|
	VMINPS Z1, Z30, Z1
	VMULPS Z1, Z1, Z2         // its square
	VMOVAPS Z1, Z4
	VFMSUB213PS Z2, Z1, Z4    // what the square lost
	VMULPS Z28, Z2, Z2
	VMULPS Z28, Z4, Z4
	EXPNEGATIVE(Z2, Z3, Z5)
	VFMADD231PS Z4, Z5, Z5    // e
	VMOVAPS Z25, Z2
	VFMADD231PS Z1, Z29, Z2
	VDIVPS Z2, Z25, Z2        // t
	VMOVAPS Z15, Z3
	VFMADD213PS Z14, Z2, Z3
	VFMADD213PS Z13, Z2, Z3
	VFMADD213PS Z12, Z2, Z3
	VFMADD213PS Z11, Z2, Z3
	VFMADD213PS Z10, Z2, Z3
	VFMADD213PS Z9, Z2, Z3
	VFMADD213PS Z8, Z2, Z3
	VFMADD213PS Z7, Z2, Z3
	VMULPS Z2, Z3, Z3
	VMULPS Z3, Z5, Z3         // phi
	VPMOVD2M Z0, K2
	VSUBPS Z3, Z25, Z4
	VMOVAPS Z3, K2, Z4
	VMULPS Z4, Z0, Z0
	STORED(loop)
