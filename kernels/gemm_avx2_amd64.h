// The loops of GEMM tiles on AVX2. A function keeps at base-8(SP) the end of the segment that an offset of 0 has, at left-16(SP) minus the bytes of a segment, at segs-24(SP) the segments left; R11 is
// the weights, R12 the entry of the offset table, R13 minus the bytes left of the segment, R8 and R9 what to prefetch for the next k, and how much for each.

// AHEAD prefetches what the tile was given as Next: how far apart is the caller's to choose, so that a panel comes in as many parts as there are tiles. It is at most half of a line for
// a k (Prefetch.Share).
#define AHEAD PREFETCHT1 (R8); ADDQ R9, R8
#define AHEADx4 PREFETCHT1 (R8); PREFETCHT1 (R8)(R9*2); LEAQ (R8)(R9*4), R8

// PTR points a row at the end of its next segment.
#define PTR(r, P) MOVQ base-8(SP), P; ADDQ (r*8)(R12), P
#define PTRS1 PTR(0, AX)
#define PTRS2 PTRS1; PTR(1, BX)
#define PTRS3 PTRS2; PTR(2, CX)
#define PTRS4 PTRS3; PTR(3, DX)
#define PTRS5 PTRS4; PTR(4, SI)
#define PTRS6 PTRS5; PTR(5, DI)

// ALONG runs a segment for one number of rows, four k at a time: what AHEAD4 and AHEAD1 prefetch for four and for one, WEIGHTS(k) loads the weights of the k-th from here, FMAS(at) feeds the accumulators
// with the elements at byte `at` behind R13's, and K bytes are the weights of one k. It ends behind itself, or jumps to `end`.
#define ALONG(k4, last, k1, end, AHEAD4, AHEAD1, WEIGHTS, K, FMAS) \
	MOVQ left-16(SP), R13 \
	ADDQ $16, R13         \
	JG   last             \
	PCALIGN $64           \
k4:                       \
	AHEAD4                \
	WEIGHTS(0)            \
	FMAS(-16)             \
	WEIGHTS(1)            \
	FMAS(-12)             \
	WEIGHTS(2)            \
	FMAS(-8)              \
	WEIGHTS(3)            \
	FMAS(-4)              \
	ADDQ $(4*K), R11      \
	ADDQ $16, R13         \
	JLE  k4               \
last:                     \
	SUBQ $16, R13         \
	JEQ  end              \
k1:                       \
	AHEAD1                \
	WEIGHTS(0)            \
	FMAS(0)               \
	ADDQ $K, R11          \
	ADDQ $4, R13          \
	JNE  k1

// LOOP runs all segments for one number of rows.
#define LOOP(segment, k4, last, k1, next, PTRS, AHEAD4, AHEAD1, WEIGHTS, K, FMAS) \
segment:                  \
	PTRS                  \
	ADDQ $(6*8), R12      \
	ALONG(k4, last, k1, next, AHEAD4, AHEAD1, WEIGHTS, K, FMAS) \
next:                     \
	DECQ segs-24(SP)      \
	JNE  segment          \
	JMP  done
