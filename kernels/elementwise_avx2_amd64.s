//go:build !purego

// The epilogue as a pass of its own on AVX2; the contract is at Elementwise in elementwise.go.
//
//	DI SI R9      rows of Dst, Src, Res (0: none)
//	R10 R11       Scale (0: none), Shift
//	R8            byte of the channel
//	CX            channels left of the row
//	BX            rows left
//	Y12 Lo        Y13 Hi        Y15 lanes of a row's tail

#include "go_asm.h"
#include "textflag.h"
#include "lanes_amd64.h"

#define LOAD(mem, v) VMOVUPS mem, v
#define STORE(v, mem) VMOVUPS v, mem
#define LOADTAIL(mem, v) VMASKMOVPS mem, Y15, v
#define STORETAIL(v, mem) VMASKMOVPS v, Y15, mem

#define VECTOR(LD, ST, added, clamped) \
	LD((SI)(R8*1), Y0)       \
	TESTQ R10, R10           \
	JEQ  added               \
	LD((R10)(R8*1), Y1)      \
	LD((R11)(R8*1), Y2)      \
	VFMADD213PS Y2, Y1, Y0   \
added:                       \
	TESTQ R9, R9             \
	JEQ  clamped             \
	LD((R9)(R8*1), Y1)       \
	VADDPS Y1, Y0, Y0        \
clamped:                     \
	VMAXPS Y0, Y12, Y0       \
	VMINPS Y0, Y13, Y0       \
	ST(Y0, (DI)(R8*1))

// func epilogueAVX2(e *Elementwise)
TEXT ·epilogueAVX2(SB), NOSPLIT, $0-8
	MOVQ e+0(FP), AX
	MOVQ Elementwise_Dst(AX), DI
	MOVQ Elementwise_Src(AX), SI
	MOVQ Elementwise_Res(AX), R9
	MOVQ Elementwise_Scale(AX), R10
	MOVQ Elementwise_Shift(AX), R11
	MOVQ Elementwise_Rows(AX), BX
	VBROADCASTSS Elementwise_Lo(AX), Y12
	VBROADCASTSS Elementwise_Hi(AX), Y13
	MOVQ Elementwise_Channels(AX), CX
	TAILMASK(CX, DX, R12, Y15)

row:
	MOVQ Elementwise_Channels(AX), CX
	XORL R8, R8
	SUBQ $8, CX
	JLT  tail

vector:
	VECTOR(LOAD, STORE, added, clamped)
	ADDQ $32, R8
	SUBQ $8, CX
	JGE  vector

tail:
	ADDQ $8, CX
	JEQ  next
	VECTOR(LOADTAIL, STORETAIL, addedTail, clampedTail)

next:
	ADDQ Elementwise_DstStride(AX), DI
	ADDQ Elementwise_SrcStride(AX), SI
	TESTQ R9, R9
	JEQ  more
	ADDQ Elementwise_ResStride(AX), R9

more:
	DECQ BX
	JNE  row
	VZEROUPPER
	RET
