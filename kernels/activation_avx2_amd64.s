//go:build !purego

// Activations on AVX2; the sequences of operations are those of activation_generic.go.
//
//	DI SI         Dst, Src
//	CX            values left
//	DX            the table of constants, each eight times
//	Y15           lanes of the last vector
//	Y0            x, then the result

#include "go_asm.h"
#include "textflag.h"
#include "lanes_amd64.h"

// K is a constant of the table.
#define K(i) (32*i)(DX)

#define ARGUMENTS \
	MOVQ a+0(FP), AX                 \
	MOVQ activationCall_Dst(AX), DI   \
	MOVQ activationCall_Src(AX), SI   \
	MOVQ activationCall_N(AX), CX     \
	MOVQ activationCall_Table(AX), DX \
	TAILMASK(CX, R8, R9, Y15)

// LOADED reads the next vector to Y0, with zeros in the lanes that are not there.
#define LOADED(tail, loaded) \
	CMPQ CX, $8               \
	JLT  tail                 \
	VMOVUPS (SI), Y0          \
	JMP  loaded               \
tail:                        \
	VMASKMOVPS (SI), Y15, Y0  \
loaded:

// STORED writes Y0 and goes on.
#define STORED(loop, last, end) \
	CMPQ CX, $8               \
	JLT  last                 \
	VMOVUPS Y0, (DI)          \
	ADDQ $32, SI              \
	ADDQ $32, DI              \
	SUBQ $8, CX               \
	JNE  loop                 \
	JMP  end                  \
last:                        \
	VMASKMOVPS Y0, Y15, (DI)  \
end:                         \
	VZEROUPPER                \
	RET

#define EXPCONSTANTS \
	VMOVUPS K(const_kLog2E), Y14 \
	VMOVUPS K(const_kMagic), Y13 \
	VMOVUPS K(const_kOne), Y12   \
	VMOVUPS K(const_kLeast), Y11 \
	VMOVUPS K(const_kSign), Y10

// EXPNEGATIVE is p = exp(v) for v <= 0; v, k and n are lost. The power of two is applied in two halves, of which only the second can round.
#define EXPNEGATIVE(v, k, p, n) \
	VMAXPS v, Y11, v                   \
	VMOVAPS Y13, n                     \
	VFMADD231PS v, Y14, n              \
	VSUBPS Y13, n, k                   \
	VFMADD231PS K(const_kLn2High), k, v \
	VFMADD231PS K(const_kLn2Low), k, v  \
	VMOVUPS K(const_kExp), p            \
	VFMADD213PS K((const_kExp+1)), v, p \
	VFMADD213PS K((const_kExp+2)), v, p \
	VFMADD213PS K((const_kExp+3)), v, p \
	VFMADD213PS K((const_kExp+4)), v, p \
	VFMADD213PS Y12, v, p              \
	VFMADD213PS Y12, v, p              \
	VPSUBD Y13, n, n                   \
	VPSRAD $1, n, k                    \
	VPSUBD k, n, n                     \
	VPADDD K(const_kExponent), k, k     \
	VPADDD K(const_kExponent), n, n     \
	VPSLLD $23, k, k                   \
	VPSLLD $23, n, n                   \
	VMULPS k, p, p                     \
	VMULPS n, p, p

// SIGMOID is Y1 = 1/(1+exp(-Y0)); Y2 to Y4 are lost.
#define SIGMOID \
	VORPS Y10, Y0, Y1           \
	EXPNEGATIVE(Y1, Y2, Y3, Y4) \
	VBLENDVPS Y0, Y3, Y12, Y1   \
	VADDPS Y3, Y12, Y3          \
	VDIVPS Y3, Y1, Y1

// func sigmoidAVX2(a *activationCall)
TEXT ·sigmoidAVX2(SB), NOSPLIT, $0-8
	ARGUMENTS
	EXPCONSTANTS

loop:
	LOADED(tail, loaded)
	SIGMOID
	VMOVAPS Y1, Y0
	STORED(loop, last, end)

// func siluAVX2(a *activationCall)
TEXT ·siluAVX2(SB), NOSPLIT, $0-8
	ARGUMENTS
	EXPCONSTANTS

loop:
	LOADED(tail, loaded)
	SIGMOID
	VMULPS Y1, Y0, Y0
	STORED(loop, last, end)

// func hardSigmoidAVX2(a *activationCall)
TEXT ·hardSigmoidAVX2(SB), NOSPLIT, $0-8
	ARGUMENTS
	VBROADCASTSS activationCall_Alpha(AX), Y1
	VBROADCASTSS activationCall_Beta(AX), Y2
	VMOVUPS K(const_kOne), Y3
	VXORPS Y4, Y4, Y4

loop:
	LOADED(tail, loaded)
	VFMADD213PS Y2, Y1, Y0
	VMAXPS Y0, Y4, Y0
	VMINPS Y0, Y3, Y0
	STORED(loop, last, end)

// func hardSwishAVX2(a *activationCall)
TEXT ·hardSwishAVX2(SB), NOSPLIT, $0-8
	ARGUMENTS
	VMOVUPS K(const_kThree), Y2
	VMOVUPS K(const_kSix), Y3
	VMOVUPS K(const_kSixth), Y4
	VXORPS Y5, Y5, Y5

loop:
	LOADED(tail, loaded)
	VADDPS Y2, Y0, Y1
	VMAXPS Y1, Y5, Y1
	VMINPS Y1, Y3, Y1
	VMULPS Y4, Y1, Y1
	VMULPS Y1, Y0, Y0
	STORED(loop, last, end)

// func leakyReLUAVX2(a *activationCall)
TEXT ·leakyReLUAVX2(SB), NOSPLIT, $0-8
	ARGUMENTS
	VBROADCASTSS activationCall_Alpha(AX), Y1
	VXORPS Y2, Y2, Y2

loop:
	LOADED(tail, loaded)
	VCMPPS $1, Y2, Y0, Y3 // x < 0
	VMULPS Y1, Y0, Y4
	VBLENDVPS Y3, Y4, Y0, Y0
	STORED(loop, last, end)

// func tanhAVX2(a *activationCall)
TEXT ·tanhAVX2(SB), NOSPLIT, $0-8
	ARGUMENTS
	EXPCONSTANTS

loop:
	LOADED(tail, loaded)
	VANDPS Y10, Y0, Y5                   // sign
	VORPS Y10, Y0, Y1                    // -|x|
	VXORPS Y10, Y1, Y6
	VCMPPS $1, K(const_kTanhEnd), Y6, Y6 // |x| < the polynomial's end
	VADDPS Y1, Y1, Y1
	EXPNEGATIVE(Y1, Y2, Y3, Y4)
	VSUBPS Y3, Y12, Y1
	VADDPS Y3, Y12, Y2
	VDIVPS Y2, Y1, Y1
	VMULPS Y0, Y0, Y2                    // q
	VMOVUPS K(const_kTanh), Y3
	VFMADD213PS K((const_kTanh+1)), Y2, Y3
	VFMADD213PS K((const_kTanh+2)), Y2, Y3
	VFMADD213PS K((const_kTanh+3)), Y2, Y3
	VFMADD213PS K((const_kTanh+4)), Y2, Y3
	VMULPS Y2, Y0, Y2
	VFMADD213PS Y0, Y2, Y3
	VBLENDVPS Y6, Y3, Y1, Y1
	VORPS Y5, Y1, Y0
	STORED(loop, last, end)

// func geluAVX2(a *activationCall)
TEXT ·geluAVX2(SB), NOSPLIT, $0-8
	ARGUMENTS
	EXPCONSTANTS

loop:
	LOADED(tail, loaded)
	VANDNPS Y0, Y10, Y1                  // a = |x|
	VMOVUPS K(const_kGELUEnd), Y2
	VMINPS Y1, Y2, Y1
	VMULPS Y1, Y1, Y2                    // its square
	VMOVAPS Y1, Y4
	VFMSUB213PS Y2, Y1, Y4               // what the square lost
	VMULPS K(const_kMinus05), Y2, Y2
	VMULPS K(const_kMinus05), Y4, Y4
	EXPNEGATIVE(Y2, Y3, Y5, Y6)
	VFMADD231PS Y4, Y5, Y5               // e
	VMOVAPS Y12, Y2
	VFMADD231PS K(const_kMillsT), Y1, Y2
	VDIVPS Y2, Y12, Y2                   // t
	VMOVUPS K(const_kMills), Y3
	VFMADD213PS K((const_kMills+1)), Y2, Y3
	VFMADD213PS K((const_kMills+2)), Y2, Y3
	VFMADD213PS K((const_kMills+3)), Y2, Y3
	VFMADD213PS K((const_kMills+4)), Y2, Y3
	VFMADD213PS K((const_kMills+5)), Y2, Y3
	VFMADD213PS K((const_kMills+6)), Y2, Y3
	VFMADD213PS K((const_kMills+7)), Y2, Y3
	VFMADD213PS K((const_kMills+8)), Y2, Y3
	VMULPS Y2, Y3, Y3
	VMULPS Y3, Y5, Y3                    // phi
	VSUBPS Y3, Y12, Y4
	VBLENDVPS Y0, Y3, Y4, Y4
	VMULPS Y4, Y0, Y0
	STORED(loop, last, end)
