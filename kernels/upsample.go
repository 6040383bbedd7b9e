package kernels

// UpsampleH2V1 doubles a row of n samples, as libjpeg's "fancy" upsampling does: 3/4 of the nearest plus 1/4 of the next, rounded alternately down and up.
//
//	dst[2x]   = (3 in[x] + in[x-1] + 1) >> 2
//	dst[2x+1] = (3 in[x] + in[x+1] + 2) >> 2
//
// where in[-1] is in[0] and in[n] is in[n-1]. dst has 2n samples and shares none with in.
func (isa ISA) UpsampleH2V1(dst, in []uint8) {
	n := len(in)
	dst = dst[:2*n]
	if n < upsampleLeast || !isa.upsampleH2V1(dst, in) {
		for x := range n {
			dst[2*x], dst[2*x+1] = h2v1(in, x)
		}
		return
	}
	dst[0], dst[1] = h2v1(in, 0)
	dst[2*n-2], dst[2*n-1] = h2v1(in, n-1)
}

// upsampleLeast is the shortest row for assembly: 16 samples that have neighbours.
const upsampleLeast = 18

func h2v1(in []uint8, x int) (a, b uint8) {
	v3 := 3 * uint32(in[x])
	return uint8((v3 + uint32(in[max(x-1, 0)]) + 1) >> 2), uint8((v3 + uint32(in[min(x+1, len(in)-1)]) + 2) >> 2)
}

// UpsampleH2V2 makes one of the two rows that lie nearest to the samples near; far are those on its other side, n of each. It doubles the row, too:
//
//	s[x]      = 3 near[x] + far[x]
//	dst[2x]   = (3 s[x] + s[x-1] + 8) >> 4
//	dst[2x+1] = (3 s[x] + s[x+1] + 7) >> 4
//
// where s[-1] is s[0] and s[n] is s[n-1]. dst has 2n samples and shares none with the others.
func (isa ISA) UpsampleH2V2(dst, near, far []uint8) {
	n := len(near)
	dst, far = dst[:2*n], far[:n]
	if n >= upsampleLeast && isa.upsampleH2V2(dst, near, far) {
		here, next := h2v2(near, far, 0), h2v2(near, far, 1)
		dst[0], dst[1] = uint8((4*here+8)>>4), uint8((3*here+next+7)>>4)
		here, before := h2v2(near, far, n-1), h2v2(near, far, n-2)
		dst[2*n-2], dst[2*n-1] = uint8((3*here+before+8)>>4), uint8((4*here+7)>>4)
		return
	}
	if n == 0 {
		return
	}
	before, here := h2v2(near, far, 0), h2v2(near, far, 0)
	for x := range n {
		next := here
		if x+1 < n {
			next = h2v2(near, far, x+1)
		}
		dst[2*x], dst[2*x+1] = uint8((3*here+before+8)>>4), uint8((3*here+next+7)>>4)
		before, here = here, next
	}
}

// h2v2 is s[x].
func h2v2(near, far []uint8, x int) uint32 { return 3*uint32(near[x]) + uint32(far[x]) }

// YCbCrToRGB converts n pixels as libjpeg does (jdcolor.c), with 16 bits of fraction. With cb and cr less 128:
//
//	r = clamp(y + (91881 cr + 1<<15) >> 16)
//	g = clamp(y + (-22554 cb - 46802 cr + 1<<15) >> 16)
//	b = clamp(y + (116130 cb + 1<<15) >> 16)
//
// dst has 3n bytes, red, green and blue of each pixel, and shares none with the others.
func (isa ISA) YCbCrToRGB(dst, y, cb, cr []uint8) {
	n := len(y)
	dst, cb, cr = dst[:3*n], cb[:n], cr[:n]
	if n >= yccLeast && isa.yccToRGB(dst, y, cb, cr) {
		return
	}
	for x, v := range y {
		l, b, r := int32(v), int32(cb[x])-128, int32(cr[x])-128
		p := dst[3*x : 3*x+3 : 3*x+3]
		p[0] = clamp8(l + (91881*r+1<<15)>>16)
		p[1] = clamp8(l + (-22554*b-46802*r+1<<15)>>16)
		p[2] = clamp8(l + (116130*b+1<<15)>>16)
	}
}

// yccLeast is the shortest row for assembly.
const yccLeast = 32
