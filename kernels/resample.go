package kernels

// resampleBits are those behind the point of the resamplers' coefficients: Pillow's (Resample.c).
const resampleBits = 32 - 8 - 2

// ResampleColumns makes one row of n bytes of as many rows of src as there are coefficients, pitch bytes apart:
//
//	dst[i] = clamp((1<<21 + the sum over j of k[j] src[j pitch + i]) >> 22)
//
// in int32, wrapping around. dst shares no byte with src.
func (isa ISA) ResampleColumns(dst, src []uint8, pitch int, k []int32) {
	if len(k) > 0 {
		_ = src[(len(k)-1)*pitch+len(dst)-1]
	}
	for len(dst) > 0 {
		n := min(len(dst), max(resampleLeast, 1<<16/max(len(k), 1)&^(resampleLeast-1))) // 25 microseconds of a slow core
		if rest := len(dst) - n; rest > 0 && rest < resampleLeast {
			n = len(dst)
		}
		if n < resampleLeast || len(k) == 0 || !isa.resampleColumns(dst[:n], src, pitch, k) {
			resampleColumnsGeneric(dst[:n], src, pitch, k)
		}
		if n == len(dst) {
			return
		}
		dst, src = dst[n:], src[n:]
	}
}

// resampleLeast is the shortest row for assembly.
const resampleLeast = 32

func resampleColumnsGeneric(dst, src []uint8, pitch int, k []int32) {
	var acc [resampleLeast]int32
	for len(dst) > 0 {
		n := min(len(dst), len(acc))
		for i := range acc {
			acc[i] = 1 << (resampleBits - 1)
		}
		for j, k := range k {
			for i, v := range src[j*pitch:][:n] {
				acc[i] += k * int32(v)
			}
		}
		for i := range dst[:n] {
			dst[i] = clamp8(acc[i] >> resampleBits)
		}
		if dst = dst[n:]; len(dst) > 0 {
			src = src[n:]
		}
	}
}

// resampleMost is how many coefficients, and eight for every pixel, one call of assembly takes: 25 microseconds of a slow core.
const resampleMost = 1 << 13

// ResamplePixels makes a row of pixels of three bytes of another: pixel x of dst, with the coefficients k[end[x-1]:end[x]], those of pixel 0 from k[0] on, which belong to the
// pixels of src from first[x] on, is for each of the three bytes c
//
//	dst[3x+c] = clamp((1<<21 + the sum over j of k[end[x-1]+j] src[3 (first[x]+j) + c]) >> 22)
//
// in int32, wrapping around. What the pixels of dst need ends no farther left than what those before it need. dst shares no byte with src.
func (isa ISA) ResamplePixels(dst, src []uint8, first, end, k []int32) {
	n := len(first)
	dst, end = dst[:3*n], end[:n]
	start := func(x int) int32 {
		if x == 0 {
			return 0
		}
		return end[x-1]
	}
	// Assembly touches one byte behind what it needs: it gets no pixel that ends with src or dst.
	fast := n - 1
	for fast > 0 && 3*int(first[fast-1]+end[fast-1]-start(fast-1)) >= len(src) {
		fast--
	}
	if fast <= 0 || !isa.resamplesPixels() {
		fast = 0
	}
	for at := 0; at < fast; {
		to := fast
		for int(end[to-1]-start(at))+8*(to-at) > resampleMost && to > at+1 {
			to = (at + to + 1) / 2
		}
		isa.resamplePixels(&dst[3*at], &src[0], &first[at], &end[at], &k[0], to-at, int(start(at)))
		at = to
	}
	for x := fast; x < n; x++ {
		k := k[start(x):end[x]]
		s := src[3*first[x]:][:3*len(k)]
		a, b, c := int32(1)<<(resampleBits-1), int32(1)<<(resampleBits-1), int32(1)<<(resampleBits-1)
		for i, k := range k {
			p := s[3*i : 3*i+3 : 3*i+3]
			a += k * int32(p[0])
			b += k * int32(p[1])
			c += k * int32(p[2])
		}
		p := dst[3*x : 3*x+3 : 3*x+3]
		p[0], p[1], p[2] = clamp8(a>>resampleBits), clamp8(b>>resampleBits), clamp8(c>>resampleBits)
	}
}
