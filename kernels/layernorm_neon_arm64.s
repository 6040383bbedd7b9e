//go:build !purego

// Layer normalisation on NEON; the contract is at LayerNorm in layernorm.go. Of 16 accumulators each of four registers has four. The channels beyond a multiple of 16 are copied to a buffer with zeros behind them.
//
//	R1 R2         rows of Dst, Src
//	R3 R4         Gamma, Beta
//	R5            rows left
//	R6            byte of the channel
//	R7            channels left of the row
//	R8 R9         bytes of the whole 16s, channels beyond them
//	R10           buffer
//	R11 R12       address, 0
//	V16-V19       sums                V20-V23  sums of squares
//	V24 mean      V25 rest            V26 scale
//	V28-V31       lanes of the buffer that are in use

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

#define LOAD16(b, v0, v1, v2, v3) \
	LDUR_Q(b, 0, v0)   \
	LDUR_Q(b, 16, v1)  \
	LDUR_Q(b, 32, v2)  \
	LDUR_Q(b, 48, v3)

#define ZERO16(v0, v1, v2, v3) \
	VMOVI $0, v0.B16  \
	VMOVI $0, v1.B16  \
	VMOVI $0, v2.B16  \
	VMOVI $0, v3.B16

// TOTAL adds up the lanes of four registers by halves: the result is in the first lane of n0.
#define TOTAL(n0, n1, n2, n3, v0) \
	FADD(n2, n0, n0)                 \
	FADD(n3, n1, n1)                 \
	FADD(n1, n0, n0)                 \
	VEXT $8, v0.B16, v0.B16, V0.B16  \
	FADD(0, n0, n0)                  \
	VEXT $4, v0.B16, v0.B16, V0.B16  \
	FADD(0, n0, n0)

#define DEVIATION16 \
	FSUB(24, 0, 0) \
	FSUB(24, 1, 1) \
	FSUB(24, 2, 2) \
	FSUB(24, 3, 3)

#define SUM16 \
	FADD(0, 16, 16) \
	FADD(1, 17, 17) \
	FADD(2, 18, 18) \
	FADD(3, 19, 19)

#define SQUARE16 \
	SUM16           \
	FMLA(0, 0, 20)  \
	FMLA(1, 1, 21)  \
	FMLA(2, 2, 22)  \
	FMLA(3, 3, 23)

// SCALE is one vector of the result.
#define SCALE(LD, ST) \
	LD(2, 6, 0)     \
	LD(3, 6, 4)     \
	LD(4, 6, 8)     \
	FSUB(24, 0, 0)  \
	FSUB(25, 0, 0)  \
	FMUL(26, 0, 0)  \
	FMLA(4, 0, 8)   \
	ST(8, 1, 6)

// func layerNormNEON(l *LayerNorm)
TEXT ·layerNormNEON(SB), NOSPLIT, $64-8
	MOVD l+0(FP), R0
	MOVD LayerNorm_Dst(R0), R1
	MOVD LayerNorm_Src(R0), R2
	MOVD LayerNorm_Gamma(R0), R3
	MOVD LayerNorm_Beta(R0), R4
	MOVD LayerNorm_Rows(R0), R5
	MOVD LayerNorm_Channels(R0), R8
	AND  $15, R8, R9
	SUB  R9, R8
	LSL  $2, R8
	MOVD ZR, R12
	MOVD $buffer-64(SP), R10
	VDUP R9, V0.S4
	MOVD $lanes<>(SB), R11
	LOAD16(11, 28, 29, 30, 31)
	CMGT(28, 0, 28)
	CMGT(29, 0, 29)
	CMGT(30, 0, 30)
	CMGT(31, 0, 31)

row:
	CBZ  R9, begin
	ZERO16(V0, V1, V2, V3)
	FMOVQ F0, (R10)
	FMOVQ F1, 16(R10)
	FMOVQ F2, 32(R10)
	FMOVQ F3, 48(R10)
	ADD  R8, R2, R11
	MOVD R10, R6
	MOVD R9, R7

copy:
	FMOVS.P 4(R11), F0
	FMOVS.P F0, 4(R6)
	SUBS $1, R7
	BNE  copy

begin:
	ZERO16(V16, V17, V18, V19)
	MOVD R2, R11
	CBZ  R8, sumTail
	MOVD R8, R7

sum:
	LOAD16(11, 0, 1, 2, 3)
	ADD  $64, R11
	SUBS $64, R7
	SUM16
	BNE  sum

sumTail:
	CBZ  R9, summed
	LOAD16(10, 0, 1, 2, 3)
	SUM16

summed:
	TOTAL(16, 17, 18, 19, V16)
	FMOVS LayerNorm_N(R0), F7
	FDIVS F7, F16, F24
	VDUP V24.S[0], V24.S4

	ZERO16(V16, V17, V18, V19)
	ZERO16(V20, V21, V22, V23)
	MOVD R2, R11
	CBZ  R8, squareTail
	MOVD R8, R7

square:
	LOAD16(11, 0, 1, 2, 3)
	ADD  $64, R11
	SUBS $64, R7
	DEVIATION16
	SQUARE16
	BNE  square

squareTail:
	CBZ  R9, squared
	LOAD16(10, 0, 1, 2, 3)
	DEVIATION16
	VAND V28.B16, V0.B16, V0.B16
	VAND V29.B16, V1.B16, V1.B16
	VAND V30.B16, V2.B16, V2.B16
	VAND V31.B16, V3.B16, V3.B16
	SQUARE16

squared:
	TOTAL(16, 17, 18, 19, V16)
	TOTAL(20, 21, 22, 23, V20)
	FDIVS F7, F16, F25
	FDIVS F7, F20, F20
	FMSUBS F25, F20, F25, F20
	VMOVI $0, V1.B16
	FCMGT(20, 1, 2)
	BIT(2, 1, 20)
	FMOVS LayerNorm_Eps(R0), F3
	FADDS F3, F20, F20
	FSQRTS F20, F20
	FMOVS $1.0, F3
	FDIVS F20, F3, F26
	VDUP V25.S[0], V25.S4
	VDUP V26.S[0], V26.S4

	MOVD ZR, R6
	CBZ  R8, scaleTail

scale:
	ADD  R6, R2, R11
	LOAD16(11, 0, 1, 2, 3)
	ADD  R6, R3, R11
	LOAD16(11, 4, 5, 6, 7)
	ADD  R6, R4, R11
	LOAD16(11, 8, 9, 10, 11)
	DEVIATION16
	FSUB(25, 0, 0)
	FSUB(25, 1, 1)
	FSUB(25, 2, 2)
	FSUB(25, 3, 3)
	ADD  R6, R1, R11
	FMUL(26, 0, 0)
	FMUL(26, 1, 1)
	FMUL(26, 2, 2)
	FMUL(26, 3, 3)
	ADD  $64, R6
	FMLA(4, 0, 8)
	FMLA(5, 1, 9)
	FMLA(6, 2, 10)
	FMLA(7, 3, 11)
	CMP  R8, R6
	FSTPQ (F8, F9), (R11)
	FSTPQ (F10, F11), 32(R11)
	BNE  scale

scaleTail:
	SUBS $4, R9, R7
	BLT  channels

vector:
	SCALE(LDR_Q, STR_Q)
	ADD  $16, R6
	SUBS $4, R7
	BGE  vector

channels:
	ADDS $4, R7
	BEQ  next

channel:
	SCALE(LDR_S, STR_S)
	ADD  $4, R6
	SUBS $1, R7
	BNE  channel

next:
	MOVD LayerNorm_DstStride(R0), R11
	ADD  R11, R1
	MOVD LayerNorm_SrcStride(R0), R11
	ADD  R11, R2
	SUBS $1, R5
	BNE  row
	RET

// The numbers of the buffer's lanes.
DATA lanes<>+0(SB)/8, $0x0000000100000000
DATA lanes<>+8(SB)/8, $0x0000000300000002
DATA lanes<>+16(SB)/8, $0x0000000500000004
DATA lanes<>+24(SB)/8, $0x0000000700000006
DATA lanes<>+32(SB)/8, $0x0000000900000008
DATA lanes<>+40(SB)/8, $0x0000000b0000000a
DATA lanes<>+48(SB)/8, $0x0000000d0000000c
DATA lanes<>+56(SB)/8, $0x0000000f0000000e
GLOBL lanes<>(SB), RODATA|NOPTR, $64
