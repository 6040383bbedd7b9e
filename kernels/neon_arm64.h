// Encodings that Go's arm64 assembler lacks, as macros named after their mnemonics. Arguments are numbers: of V registers, or of R registers in an
// address; sources come first and the destination last, as in Go's own instructions. Without a suffix the lanes are four float32 (.4s); _D2 has two float64.
//
// Above each macro stands what a disassembler prints for it, with the names of the arguments. TestNEONEncodings assembles every macro and
// disassembles it, TestNEONKernels every place that uses one: a new macro needs its two lines here, nothing else.
//
// What Go has under a name of its own: VFMLA and VFMLS (vectors only), VLD1, VLD1R, VST1, VDUP, VMOV (lanes), VEXT, VZIP1, VTRN1, VUZP1, VAND, VORR, VEOR, VBSL,
// VBIT, VBIF, VADD, VSUB, VSHL, VUSHR; FMOVQ, FLDPQ and FSTPQ are LDR, STR, LDP and STP of whole vectors at an immediate offset, in F registers' names;
// FMADDS, FMAXS, FSQRTS and the like are scalars. VEOR or VMOVI $0, V0.B16 make zero.

// By element: one lane i of m times all lanes of n.
//
//	31 30 29 28   24 23 22  21 20   16 15  12  11 10 9   5 4   0
//	 0  1  U  01111   1 sz   L  M:Rm   opcode   H  0   Rn    Rd    sz 0: .4s, i = H:L; sz 1: .2d, i = H, L = 0

// fmla Vd.4s, Vn.4s, Vm.s[i]
#define FMLA_LANE(m, i, n, d) WORD $(0x4F801000 | ((i)&1)<<21 | ((i)>>1)<<11 | (m)<<16 | (n)<<5 | (d))

// fmls Vd.4s, Vn.4s, Vm.s[i]
#define FMLS_LANE(m, i, n, d) WORD $(0x4F805000 | ((i)&1)<<21 | ((i)>>1)<<11 | (m)<<16 | (n)<<5 | (d))

// fmul Vd.4s, Vn.4s, Vm.s[i]
#define FMUL_LANE(m, i, n, d) WORD $(0x4F809000 | ((i)&1)<<21 | ((i)>>1)<<11 | (m)<<16 | (n)<<5 | (d))

// fmla Vd.2d, Vn.2d, Vm.d[j]
#define FMLA_LANE_D2(m, j, n, d) WORD $(0x4FC01000 | (j)<<11 | (m)<<16 | (n)<<5 | (d))

// fmls Vd.2d, Vn.2d, Vm.d[j]
#define FMLS_LANE_D2(m, j, n, d) WORD $(0x4FC05000 | (j)<<11 | (m)<<16 | (n)<<5 | (d))

// fmul Vd.2d, Vn.2d, Vm.d[j]
#define FMUL_LANE_D2(m, j, n, d) WORD $(0x4FC09000 | (j)<<11 | (m)<<16 | (n)<<5 | (d))

// Three registers.
//
//	31 30 29 28   24 23 22 21 20   16 15    11 10 9   5 4   0
//	 0  1  U  01110   o sz  1   Rm    opcode   1   Rn    Rd

// fadd Vd.4s, Vn.4s, Vm.4s
#define FADD(m, n, d) WORD $(0x4E20D400 | (m)<<16 | (n)<<5 | (d))

// fsub Vd.4s, Vn.4s, Vm.4s
#define FSUB(m, n, d) WORD $(0x4EA0D400 | (m)<<16 | (n)<<5 | (d))

// fmul Vd.4s, Vn.4s, Vm.4s
#define FMUL(m, n, d) WORD $(0x6E20DC00 | (m)<<16 | (n)<<5 | (d))

// fdiv Vd.4s, Vn.4s, Vm.4s
#define FDIV(m, n, d) WORD $(0x6E20FC00 | (m)<<16 | (n)<<5 | (d))

// fmax Vd.4s, Vn.4s, Vm.4s
#define FMAX(m, n, d) WORD $(0x4E20F400 | (m)<<16 | (n)<<5 | (d))

// fmin Vd.4s, Vn.4s, Vm.4s
#define FMIN(m, n, d) WORD $(0x4EA0F400 | (m)<<16 | (n)<<5 | (d))

// fmaxnm Vd.4s, Vn.4s, Vm.4s
#define FMAXNM(m, n, d) WORD $(0x4E20C400 | (m)<<16 | (n)<<5 | (d))

// fminnm Vd.4s, Vn.4s, Vm.4s
#define FMINNM(m, n, d) WORD $(0x4EA0C400 | (m)<<16 | (n)<<5 | (d))

// fcmeq Vd.4s, Vn.4s, Vm.4s
#define FCMEQ(m, n, d) WORD $(0x4E20E400 | (m)<<16 | (n)<<5 | (d))

// fcmge Vd.4s, Vn.4s, Vm.4s
#define FCMGE(m, n, d) WORD $(0x6E20E400 | (m)<<16 | (n)<<5 | (d))

// fcmgt Vd.4s, Vn.4s, Vm.4s
#define FCMGT(m, n, d) WORD $(0x6EA0E400 | (m)<<16 | (n)<<5 | (d))

// cmge Vd.4s, Vn.4s, Vm.4s
#define CMGE(m, n, d) WORD $(0x4EA03C00 | (m)<<16 | (n)<<5 | (d))

// cmgt Vd.4s, Vn.4s, Vm.4s
#define CMGT(m, n, d) WORD $(0x4EA03400 | (m)<<16 | (n)<<5 | (d))

// smax Vd.4s, Vn.4s, Vm.4s
#define SMAX(m, n, d) WORD $(0x4EA06400 | (m)<<16 | (n)<<5 | (d))

// smin Vd.4s, Vn.4s, Vm.4s
#define SMIN(m, n, d) WORD $(0x4EA06C00 | (m)<<16 | (n)<<5 | (d))

// sshl Vd.4s, Vn.4s, Vm.4s
#define SSHL(m, n, d) WORD $(0x4EA04400 | (m)<<16 | (n)<<5 | (d))

// bic Vd.16b, Vn.16b, Vm.16b
#define BIC(m, n, d) WORD $(0x4E601C00 | (m)<<16 | (n)<<5 | (d))

// fadd Vd.2d, Vn.2d, Vm.2d
#define FADD_D2(m, n, d) WORD $(0x4E60D400 | (m)<<16 | (n)<<5 | (d))

// fsub Vd.2d, Vn.2d, Vm.2d
#define FSUB_D2(m, n, d) WORD $(0x4EE0D400 | (m)<<16 | (n)<<5 | (d))

// fmul Vd.2d, Vn.2d, Vm.2d
#define FMUL_D2(m, n, d) WORD $(0x6E60DC00 | (m)<<16 | (n)<<5 | (d))

// Two registers. Compared with zero: all bits of a lane where it is true.
//
//	31 30 29 28   24 23 22 21   17 16    12 11 10 9   5 4   0
//	 0  Q  U  01110   o sz   10000   opcode   10    Rn    Rd    Q 1; the narrow side of a conversion is the low half for Q 0, the high half for Q 1

// fabs Vd.4s, Vn.4s
#define FABS(n, d) WORD $(0x4EA0F800 | (n)<<5 | (d))

// fneg Vd.4s, Vn.4s
#define FNEG(n, d) WORD $(0x6EA0F800 | (n)<<5 | (d))

// fsqrt Vd.4s, Vn.4s
#define FSQRT(n, d) WORD $(0x6EA1F800 | (n)<<5 | (d))

// frintn Vd.4s, Vn.4s
#define FRINTN(n, d) WORD $(0x4E218800 | (n)<<5 | (d))

// frintm Vd.4s, Vn.4s
#define FRINTM(n, d) WORD $(0x4E219800 | (n)<<5 | (d))

// frintp Vd.4s, Vn.4s
#define FRINTP(n, d) WORD $(0x4EA18800 | (n)<<5 | (d))

// frintz Vd.4s, Vn.4s
#define FRINTZ(n, d) WORD $(0x4EA19800 | (n)<<5 | (d))

// frinta Vd.4s, Vn.4s
#define FRINTA(n, d) WORD $(0x6E218800 | (n)<<5 | (d))

// frintx Vd.4s, Vn.4s
#define FRINTX(n, d) WORD $(0x6E219800 | (n)<<5 | (d))

// fcvtns Vd.4s, Vn.4s
#define FCVTNS(n, d) WORD $(0x4E21A800 | (n)<<5 | (d))

// fcvtzs Vd.4s, Vn.4s
#define FCVTZS(n, d) WORD $(0x4EA1B800 | (n)<<5 | (d))

// scvtf Vd.4s, Vn.4s
#define SCVTF(n, d) WORD $(0x4E21D800 | (n)<<5 | (d))

// fcmeq Vd.4s, Vn.4s, #0.0
#define FCMEQ_ZERO(n, d) WORD $(0x4EA0D800 | (n)<<5 | (d))

// fcmgt Vd.4s, Vn.4s, #0.0
#define FCMGT_ZERO(n, d) WORD $(0x4EA0C800 | (n)<<5 | (d))

// fcmge Vd.4s, Vn.4s, #0.0
#define FCMGE_ZERO(n, d) WORD $(0x6EA0C800 | (n)<<5 | (d))

// fcmlt Vd.4s, Vn.4s, #0.0
#define FCMLT_ZERO(n, d) WORD $(0x4EA0E800 | (n)<<5 | (d))

// fcmle Vd.4s, Vn.4s, #0.0
#define FCMLE_ZERO(n, d) WORD $(0x6EA0D800 | (n)<<5 | (d))

// mvn Vd.16b, Vn.16b
#define MVN(n, d) WORD $(0x6E205800 | (n)<<5 | (d))

// fcvtl Vd.4s, Vn.4h
#define FCVTL(n, d) WORD $(0x0E217800 | (n)<<5 | (d))

// fcvtl2 Vd.4s, Vn.8h
#define FCVTL2(n, d) WORD $(0x4E217800 | (n)<<5 | (d))

// fcvtn Vd.4h, Vn.4s
#define FCVTN(n, d) WORD $(0x0E216800 | (n)<<5 | (d))

// fcvtn2 Vd.8h, Vn.4s
#define FCVTN2(n, d) WORD $(0x4E216800 | (n)<<5 | (d))

// fcvtl Vd.2d, Vn.2s
#define FCVTL_D2(n, d) WORD $(0x0E617800 | (n)<<5 | (d))

// fcvtl2 Vd.2d, Vn.4s
#define FCVTL2_D2(n, d) WORD $(0x4E617800 | (n)<<5 | (d))

// fcvtn Vd.2s, Vn.2d
#define FCVTN_D2(n, d) WORD $(0x0E616800 | (n)<<5 | (d))

// fcvtn2 Vd.4s, Vn.2d
#define FCVTN2_D2(n, d) WORD $(0x4E616800 | (n)<<5 | (d))

// Shifted right by s, 1 to 32, with the sign. (Go has VUSHR and VSHL.)
//
//	31 30 29 28    23 22  16 15    11 10 9   5 4   0
//	 0  1  0  011110   64-s  00000     1   Rn    Rd

// sshr Vd.4s, Vn.4s, #s
#define SSHR(s, n, d) WORD $(0x4F000400 | (64-(s))<<16 | (n)<<5 | (d))

// Whole vectors at the address in register b plus that in register x.
//
//	31    24 23 22 21 20   16 15  13 12 11 10 9   5 4   0
//	00111100   1 opc 1   Rx    011    0  1  0   Rb    Vt    opc of the bits 22 and 23: 11 is a load, 10 a store

// ldr Qd, [Xb, Xx]
#define LDR_Q(b, x, d) WORD $(0x3CE06800 | (x)<<16 | (b)<<5 | (d))

// str Qn, [Xb, Xx]
#define STR_Q(n, b, x) WORD $(0x3CA06800 | (x)<<16 | (b)<<5 | (n))

// Prefetch at b plus x; PRFUM at b plus the offset o, -256 to 255. (Go has PRFM at an offset from 0 on.)
//
//	31    24 23 22 21 20   16 15  13 12 11 10 9   5 4   0
//	11111000   1 0  1   Rx    011    0  1  0   Rb   what
//	11111000   1 0  0      imm9        0  0   Rb   what

// prfm pldl1keep, [Xb, Xx]
#define PRFM_PLDL1KEEP(b, x) WORD $(0xF8A06800 | (x)<<16 | (b)<<5)

// prfm pldl2keep, [Xb, Xx]
#define PRFM_PLDL2KEEP(b, x) WORD $(0xF8A06802 | (x)<<16 | (b)<<5)

// prfm pstl1keep, [Xb, Xx]
#define PRFM_PSTL1KEEP(b, x) WORD $(0xF8A06810 | (x)<<16 | (b)<<5)

// prfum pldl1keep, [Xb, #o]
#define PRFUM_PLDL1KEEP(b, o) WORD $(0xF8800000 | ((o)&0x1FF)<<12 | (b)<<5)

// Unscaled, at b plus the offset o, -256 to 255: one micro-operation where LDR at an unsigned offset is two (Neoverse N1).
//
//	31    24 23 22 21 20    12 11 10 9   5 4   0
//	 size 111100 opc  0    imm9    0  0   Rb    Vt    Q: size 00, opc 11; D: size 11, opc 01

// ldur Qd, [Xb, #o]
#define LDUR_Q(b, o, d) WORD $(0x3CC00000 | ((o)&0x1FF)<<12 | (b)<<5 | (d))

// ldur Dd, [Xb, #o]
#define LDUR_D(b, o, d) WORD $(0xFC400000 | ((o)&0x1FF)<<12 | (b)<<5 | (d))

// What Go has by name, for macros that count registers.
//
//	31 30 29 28   24 23 22 21 20   16 15    11 10 9   5 4   0
//	 0  1  U  01110   size  1   Rm    00011    1   Rn    Rd

// fmla Vd.4s, Vn.4s, Vm.4s
#define FMLA(m, n, d) WORD $(0x4E20CC00 | (m)<<16 | (n)<<5 | (d))

// mov Vd.16b, Vn.16b
#define MOV(n, d) WORD $(0x4EA01C00 | (n)<<16 | (n)<<5 | (d))

// bsl Vd.16b, Vn.16b, Vm.16b
#define BSL(m, n, d) WORD $(0x6E601C00 | (m)<<16 | (n)<<5 | (d))

// bit Vd.16b, Vn.16b, Vm.16b
#define BIT(m, n, d) WORD $(0x6EA01C00 | (m)<<16 | (n)<<5 | (d))

// A pair of vectors at the address in register b plus q, a multiple of 16 from -1024 to 1008. (LDP of whole vectors takes Cortex-A55 three times as long as two LDUR.)
//
//	31    24 23 22 21   15 14 10 9   5 4   0
//	10101101  0  0   imm7   Rm    Rb    Rn

// stp Qn, Qm, [Xb, #q]
#define STP_Q(n, m, b, q) WORD $(0xAD000000 | ((q)&0x7F0)<<11 | (m)<<10 | (b)<<5 | (n))

// One lane at the address in register b plus that in register x; a load clears the other lanes.
//
//	31    24 23 22 21 20   16 15  13 12 11 10 9   5 4   0
//	10111100   0 L   1   Rx    011    0  1  0   Rb    Vt    L 1 is a load

// ldr Sd, [Xb, Xx]
#define LDR_S(b, x, d) WORD $(0xBC606800 | (x)<<16 | (b)<<5 | (d))

// str Sn, [Xb, Xx]
#define STR_S(n, b, x) WORD $(0xBC206800 | (x)<<16 | (b)<<5 | (n))

// A vector at the address in register b plus u, a multiple of 16 from 0 to 65520.
//
//	31    24 23 22 21    10 9   5 4   0
//	00111101  1  1   imm12    Rb    Vd

// ldr Qd, [Xb, #u]
#define LDR_Q_AT(b, u, d) WORD $(0x3DC00000 | (u)<<6 | (b)<<5 | (d))

// One number at the address in register b, in all lanes. (Go has VLD1R by the vector's name.)
//
//	31    24 23 22 21 20   16 15  13 12 11 10 9   5 4   0
//	01001101   0 1  0   00000   110    0  1  0   Rb    Vt

// ld1r {Vd.4s}, [Xb]
#define LD1R(b, d) WORD $(0x4D40C800 | (b)<<5 | (d))

// Integers of 8, 16 and 32 bits: pictures. _H8 has eight lanes of 16 bits, _B16 sixteen bytes. Of instructions that widen or narrow, the suffix is that of the narrow side,
// the whole vector's also where half of it takes part: without a suffix four 16-bit lanes beside four of 32 bits, _B16 eight bytes beside eight of 16 bits.

// mul Vd.4s, Vn.4s, Vm.s[i]
#define MUL_LANE(m, i, n, d) WORD $(0x4F808000 | ((i)&1)<<21 | ((i)>>1)<<11 | (m)<<16 | (n)<<5 | (d))

// mla Vd.4s, Vn.4s, Vm.s[i]
#define MLA_LANE(m, i, n, d) WORD $(0x6F800000 | ((i)&1)<<21 | ((i)>>1)<<11 | (m)<<16 | (n)<<5 | (d))

// By element: one lane k, 0 to 7, of c, 0 to 15, times all lanes of n or, where they are widened, its low half, in instructions with a 2 its high half.
//
//	31 30 29 28   24 23 22 21 20 19  16 15  12  11 10 9   5 4   0
//	 0  Q  U  01111   01    L  M   Rc   opcode   H  0   Rn    Rd    k = H:L:M

// smull Vd.4s, Vn.4h, Vc.h[k]
#define SMULL_LANE(c, k, n, d) WORD $(0x0F40A000 | ((k)&3)<<20 | ((k)>>2)<<11 | (c)<<16 | (n)<<5 | (d))

// smull2 Vd.4s, Vn.8h, Vc.h[k]
#define SMULL2_LANE(c, k, n, d) WORD $(0x4F40A000 | ((k)&3)<<20 | ((k)>>2)<<11 | (c)<<16 | (n)<<5 | (d))

// smlal Vd.4s, Vn.4h, Vc.h[k]
#define SMLAL_LANE(c, k, n, d) WORD $(0x0F402000 | ((k)&3)<<20 | ((k)>>2)<<11 | (c)<<16 | (n)<<5 | (d))

// smlal2 Vd.4s, Vn.8h, Vc.h[k]
#define SMLAL2_LANE(c, k, n, d) WORD $(0x4F402000 | ((k)&3)<<20 | ((k)>>2)<<11 | (c)<<16 | (n)<<5 | (d))

// mla Vd.8h, Vn.8h, Vc.h[k]
#define MLA_LANE_H8(c, k, n, d) WORD $(0x6F400000 | ((k)&3)<<20 | ((k)>>2)<<11 | (c)<<16 | (n)<<5 | (d))

// sqrdmulh Vd.8h, Vn.8h, Vc.h[k]
#define SQRDMULH_LANE_H8(c, k, n, d) WORD $(0x4F40D000 | ((k)&3)<<20 | ((k)>>2)<<11 | (c)<<16 | (n)<<5 | (d))

// umlal Vd.4s, Vn.4h, Vc.h[k]
#define UMLAL_LANE(c, k, n, d) WORD $(0x2F402000 | ((k)&3)<<20 | ((k)>>2)<<11 | (c)<<16 | (n)<<5 | (d))

// umlal2 Vd.4s, Vn.8h, Vc.h[k]
#define UMLAL2_LANE(c, k, n, d) WORD $(0x6F402000 | ((k)&3)<<20 | ((k)>>2)<<11 | (c)<<16 | (n)<<5 | (d))

// sqdmull Vd.4s, Vn.4h, Vc.h[k]
#define SQDMULL_LANE(c, k, n, d) WORD $(0x0F40B000 | ((k)&3)<<20 | ((k)>>2)<<11 | (c)<<16 | (n)<<5 | (d))

// sqdmull2 Vd.4s, Vn.8h, Vc.h[k]
#define SQDMULL2_LANE(c, k, n, d) WORD $(0x4F40B000 | ((k)&3)<<20 | ((k)>>2)<<11 | (c)<<16 | (n)<<5 | (d))

// sqdmlal Vd.4s, Vn.4h, Vc.h[k]
#define SQDMLAL_LANE(c, k, n, d) WORD $(0x0F403000 | ((k)&3)<<20 | ((k)>>2)<<11 | (c)<<16 | (n)<<5 | (d))

// sqdmlal2 Vd.4s, Vn.8h, Vc.h[k]
#define SQDMLAL2_LANE(c, k, n, d) WORD $(0x4F403000 | ((k)&3)<<20 | ((k)>>2)<<11 | (c)<<16 | (n)<<5 | (d))

// Three registers.
//
//	31 30 29 28   24 23 22 21 20   16 15    10 9   5 4   0
//	 0  Q  U  01110   size  1   Rm    opcode    Rn    Rd    size of the lanes, or of the narrow ones: 00 bytes, 01 of 16 bits, 10 of 32

// mul Vd.8h, Vn.8h, Vm.8h
#define MUL_H8(m, n, d) WORD $(0x4E609C00 | (m)<<16 | (n)<<5 | (d))

// uhadd Vd.16b, Vn.16b, Vm.16b
#define UHADD_B16(m, n, d) WORD $(0x6E200400 | (m)<<16 | (n)<<5 | (d))

// urhadd Vd.16b, Vn.16b, Vm.16b
#define URHADD_B16(m, n, d) WORD $(0x6E201400 | (m)<<16 | (n)<<5 | (d))

// umull Vd.8h, Vn.8b, Vm.8b
#define UMULL_B16(m, n, d) WORD $(0x2E20C000 | (m)<<16 | (n)<<5 | (d))

// umull2 Vd.8h, Vn.16b, Vm.16b
#define UMULL2_B16(m, n, d) WORD $(0x6E20C000 | (m)<<16 | (n)<<5 | (d))

// umlal Vd.8h, Vn.8b, Vm.8b
#define UMLAL_B16(m, n, d) WORD $(0x2E208000 | (m)<<16 | (n)<<5 | (d))

// umlal2 Vd.8h, Vn.16b, Vm.16b
#define UMLAL2_B16(m, n, d) WORD $(0x6E208000 | (m)<<16 | (n)<<5 | (d))

// The high half of a sum or difference; R rounds it.

// addhn Vd.4h, Vn.4s, Vm.4s
#define ADDHN(m, n, d) WORD $(0x0E604000 | (m)<<16 | (n)<<5 | (d))

// addhn2 Vd.8h, Vn.4s, Vm.4s
#define ADDHN2(m, n, d) WORD $(0x4E604000 | (m)<<16 | (n)<<5 | (d))

// subhn Vd.4h, Vn.4s, Vm.4s
#define SUBHN(m, n, d) WORD $(0x0E606000 | (m)<<16 | (n)<<5 | (d))

// subhn2 Vd.8h, Vn.4s, Vm.4s
#define SUBHN2(m, n, d) WORD $(0x4E606000 | (m)<<16 | (n)<<5 | (d))

// addhn Vd.8b, Vn.8h, Vm.8h
#define ADDHN_B16(m, n, d) WORD $(0x0E204000 | (m)<<16 | (n)<<5 | (d))

// addhn2 Vd.16b, Vn.8h, Vm.8h
#define ADDHN2_B16(m, n, d) WORD $(0x4E204000 | (m)<<16 | (n)<<5 | (d))

// raddhn Vd.8b, Vn.8h, Vm.8h
#define RADDHN_B16(m, n, d) WORD $(0x2E204000 | (m)<<16 | (n)<<5 | (d))

// raddhn2 Vd.16b, Vn.8h, Vm.8h
#define RADDHN2_B16(m, n, d) WORD $(0x6E204000 | (m)<<16 | (n)<<5 | (d))

// Shifts: left by z, 1 to 15, of 16-bit lanes or by a, 1 to 7, of bytes, with their sign; right by t, 1 to 16, to 16-bit lanes or by e, 1 to 8, to bytes, saturated; or rounded and added.
//
//	31 30 29 28    23 22  16 15    11 10 9   5 4   0
//	 0  Q  U  011110  shift  opcode   1   Rn    Rd    left: 16 + z, 8 + a; right: 32 - t, 16 - e

// sshll Vd.4s, Vn.4h, #z
#define SSHLL(z, n, d) WORD $(0x0F00A400 | (16+(z))<<16 | (n)<<5 | (d))

// sshll2 Vd.4s, Vn.8h, #z
#define SSHLL2(z, n, d) WORD $(0x4F00A400 | (16+(z))<<16 | (n)<<5 | (d))

// sqshrn Vd.4h, Vn.4s, #t
#define SQSHRN(t, n, d) WORD $(0x0F009400 | (32-(t))<<16 | (n)<<5 | (d))

// sqshrn2 Vd.8h, Vn.4s, #t
#define SQSHRN2(t, n, d) WORD $(0x4F009400 | (32-(t))<<16 | (n)<<5 | (d))

// sqshrn Vd.8b, Vn.8h, #e
#define SQSHRN_B16(e, n, d) WORD $(0x0F009400 | (16-(e))<<16 | (n)<<5 | (d))

// sqshrn2 Vd.16b, Vn.8h, #e
#define SQSHRN2_B16(e, n, d) WORD $(0x4F009400 | (16-(e))<<16 | (n)<<5 | (d))

// sshll Vd.8h, Vn.8b, #a
#define SSHLL_B16(a, n, d) WORD $(0x0F00A400 | (8+(a))<<16 | (n)<<5 | (d))

// sshll2 Vd.8h, Vn.16b, #a
#define SSHLL2_B16(a, n, d) WORD $(0x4F00A400 | (8+(a))<<16 | (n)<<5 | (d))

// srsra Vd.8h, Vn.8h, #t
#define SRSRA_H8(t, n, d) WORD $(0x4F003400 | (32-(t))<<16 | (n)<<5 | (d))

// sqshrun Vd.8b, Vn.8h, #e
#define SQSHRUN_B16(e, n, d) WORD $(0x2F008400 | (16-(e))<<16 | (n)<<5 | (d))

// sqshrun2 Vd.16b, Vn.8h, #e
#define SQSHRUN2_B16(e, n, d) WORD $(0x6F008400 | (16-(e))<<16 | (n)<<5 | (d))

// sqxtun Vd.8b, Vn.8h
#define SQXTUN_B16(n, d) WORD $(0x2E212800 | (n)<<5 | (d))

// sqxtun2 Vd.16b, Vn.8h
#define SQXTUN2_B16(n, d) WORD $(0x6E212800 | (n)<<5 | (d))
