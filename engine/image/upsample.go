package image

import stdimage "image"

// plane is one component of a JPEG: w x h samples, of which each covers hr x vr pixels.
type plane struct {
	pix       []uint8
	stride    int
	w, h      int
	hr, vr    int
	threeCols []int32 // scratch of fancy h2v2: column sums
}

// planes are the components of a JPEG: 1, 3 or 4.
type planes []*plane

// rowFunc writes a row of pixels from as many samples of each component.
type rowFunc func(dst []uint8, in *[4][]uint8)

// convert fills m from the components.
func (p planes) convert(m *RGB, row rowFunc) {
	var up, in [4][]uint8
	for i := range p {
		up[i] = make([]uint8, p[i].w*p[i].hr)
	}
	for y := range m.H {
		for i := range p {
			in[i] = p[i].upsampled(up[i], y)[:m.W]
		}
		row(m.row(y), &in)
	}
}

func (p *plane) row(y int) []uint8 { return p.pix[y*p.stride:][:p.w] }

// upsampled returns row y of the picture, in dst where it has to be computed,
// exactly as libjpeg-turbo's jdsample.c does: ratios of 2 by triangle filters
// ("fancy"), the rest by replication. Beyond the edges the last row or column
// that carries picture is repeated.
func (p *plane) upsampled(dst []uint8, y int) []uint8 {
	switch {
	case p.hr == 1 && p.vr == 1:
		return p.row(y)
	case p.hr == 2 && p.vr == 1 && p.w > 2:
		h2v1(dst, p.row(y))
	case p.hr == 1 && p.vr == 2:
		bias := int32(1 + y&1)
		near, far := p.row(y/2), p.row(p.farRow(y))
		for x, v := range near {
			dst[x] = uint8((3*int32(v) + int32(far[x]) + bias) >> 2)
		}
	case p.hr == 2 && p.vr == 2 && p.w > 2:
		p.h2v2(dst, p.row(y/2), p.row(p.farRow(y)))
	default:
		for x, v := range p.row(y / p.vr) {
			for i := range p.hr {
				dst[x*p.hr+i] = v
			}
		}
	}
	return dst
}

// farRow is the second nearest row of samples to row y of the picture, at half the vertical resolution.
func (p *plane) farRow(y int) int { return min(max(y/2-1+y&1*2, 0), p.h-1) }

// h2v1 doubles a row of at least 3 samples: 3/4 of the nearest plus 1/4 of the
// next, rounded alternately down and up.
func h2v1(dst, in []uint8) {
	n := len(in)
	dst = dst[:2*n]
	for x, v := range in {
		v3 := 3 * int32(v)
		left, right := in[max(x-1, 0)], in[min(x+1, n-1)]
		dst[2*x] = uint8((v3 + int32(left) + 1) >> 2)
		dst[2*x+1] = uint8((v3 + int32(right) + 2) >> 2)
	}
}

// h2v2 doubles both ways: column sums of 3/4 and 1/4 first, then h2v1 on them.
func (p *plane) h2v2(dst, near, far []uint8) {
	n := len(near)
	// One sum more at each end, a copy of the neighbour, so that the ends need no special case:
	// (3a + a) = 4a, which is what libjpeg computes there.
	if p.threeCols == nil {
		p.threeCols = make([]int32, n+2)
	}
	sum := p.threeCols
	for x, v := range near {
		sum[x+1] = 3*int32(v) + int32(far[x])
	}
	sum[0], sum[n+1] = sum[1], sum[n]
	dst = dst[:2*n]
	for x := range n {
		s := sum[x : x+3]
		v3 := 3 * s[1]
		dst[2*x] = uint8((v3 + s[0] + 8) >> 4)
		dst[2*x+1] = uint8((v3 + s[2] + 7) >> 4)
	}
}

// The colour conversion of libjpeg (jdcolor.c), 16 bits of fraction; that of
// blue's and red's share of green is shifted with their sum.
var crR, cbB, crG, cbG = func() (r, b, g1, g2 [256]int32) {
	for i := range int32(256) {
		x := i - 128
		r[i] = (91881*x + 1<<15) >> 16
		b[i] = (116130*x + 1<<15) >> 16
		g1[i] = -46802 * x
		g2[i] = -22554*x + 1<<15
	}
	return
}()

func yccRow(dst []uint8, in *[4][]uint8) {
	cb, cr := in[1][:len(in[0])], in[2][:len(in[0])]
	for x, v := range in[0] {
		l, b, r := int32(v), cb[x], cr[x]
		p := dst[3*x : 3*x+3]
		p[0] = clamp8(l + crR[r])
		p[1] = clamp8(l + (cbG[b]+crG[r])>>16)
		p[2] = clamp8(l + cbB[b])
	}
}

func rgbRow(dst []uint8, in *[4][]uint8) {
	for x, v := range in[0] {
		p := dst[3*x : 3*x+3]
		p[0], p[1], p[2] = v, in[1][x], in[2][x]
	}
}

func greyRow(dst []uint8, in *[4][]uint8) {
	for x, v := range in[0] {
		p := dst[3*x : 3*x+3]
		p[0], p[1], p[2] = v, v, v
	}
}

// cmykRow takes the samples to be inverted, as Adobe's programs write them and
// Pillow takes them to be in every file.
func cmykRow(dst []uint8, in *[4][]uint8) {
	for x := range in[0] {
		p := dst[3*x : 3*x+3]
		p[0], p[1], p[2] = cmyk(255-in[0][x], 255-in[1][x], 255-in[2][x], 255-in[3][x])
	}
}

// ycckRow: libjpeg makes CMY of YCC as 255-RGB, and Pillow inverts that.
func ycckRow(dst []uint8, in *[4][]uint8) {
	yccRow(dst, in)
	for x, k := range in[3] {
		p := dst[3*x : 3*x+3]
		p[0], p[1], p[2] = cmyk(p[0], p[1], p[2], 255-k)
	}
}

func clamp8(v int32) uint8 {
	if uint32(v) > 255 {
		return uint8(^v >> 31) // 0 if negative, else 255
	}
	return uint8(v)
}

// fromYCbCr fills m with what the standard library's decoder gave, unless it is
// a part of a picture that begins inside a chroma sample.
func fromYCbCr(m *RGB, img *stdimage.YCbCr) bool {
	hr, vr := 1, 1
	switch img.SubsampleRatio {
	case stdimage.YCbCrSubsampleRatio422:
		hr = 2
	case stdimage.YCbCrSubsampleRatio420:
		hr, vr = 2, 2
	case stdimage.YCbCrSubsampleRatio440:
		vr = 2
	case stdimage.YCbCrSubsampleRatio411:
		hr = 4
	case stdimage.YCbCrSubsampleRatio410:
		hr, vr = 4, 2
	}
	x, y := img.Rect.Min.X, img.Rect.Min.Y
	if x%hr != 0 || y%vr != 0 {
		return false
	}
	chroma := plane{stride: img.CStride, w: ceilDiv(m.W, hr), h: ceilDiv(m.H, vr), hr: hr, vr: vr}
	luma, cb, cr := plane{stride: img.YStride, w: m.W, h: m.H, hr: 1, vr: 1}, chroma, chroma
	luma.pix, cb.pix, cr.pix = img.Y[img.YOffset(x, y):], img.Cb[img.COffset(x, y):], img.Cr[img.COffset(x, y):]
	planes{&luma, &cb, &cr}.convert(m, yccRow)
	return true
}
