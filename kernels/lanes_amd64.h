// A window of eight lanes that starts 4*n bytes before laneMask+64 has its first n lanes set, for n from 0 to 16.
DATA laneMask<>+0(SB)/8, $-1
DATA laneMask<>+8(SB)/8, $-1
DATA laneMask<>+16(SB)/8, $-1
DATA laneMask<>+24(SB)/8, $-1
DATA laneMask<>+32(SB)/8, $-1
DATA laneMask<>+40(SB)/8, $-1
DATA laneMask<>+48(SB)/8, $-1
DATA laneMask<>+56(SB)/8, $-1
DATA laneMask<>+64(SB)/8, $0
DATA laneMask<>+72(SB)/8, $0
DATA laneMask<>+80(SB)/8, $0
DATA laneMask<>+88(SB)/8, $0
DATA laneMask<>+96(SB)/8, $0
DATA laneMask<>+104(SB)/8, $0
DATA laneMask<>+112(SB)/8, $0
DATA laneMask<>+120(SB)/8, $0
GLOBL laneMask<>(SB), RODATA|NOPTR, $128

// TAILMASK sets the lanes of v that the last, incomplete vector of n channels has; a and b are lost.
#define TAILMASK(n, a, b, v) \
	MOVQ n, a                  \
	ANDQ $7, a                 \
	NEGQ a                     \
	LEAQ laneMask<>+64(SB), b  \
	VMOVUPS (b)(a*4), v
