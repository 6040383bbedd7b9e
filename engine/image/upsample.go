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

// planes are the three or four components of a JPEG; the first has full resolution.
type planes [4]plane

// convert fills m from the first three components, upsampled; row writes one
// row of pixels from as many samples of each.
func (p *planes) convert(m *RGB, row func(dst, a, b, c []uint8)) {
	var up [3][]uint8
	for i := range up {
		up[i] = make([]uint8, p[i].w*p[i].hr)
	}
	for y := range m.H {
		row(m.row(y), p[0].upsampled(up[0], y), p[1].upsampled(up[1], y), p[2].upsampled(up[2], y))
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

func yccRow(dst, yy, cb, cr []uint8) {
	cb, cr = cb[:len(yy)], cr[:len(yy)]
	for x, v := range yy {
		l, b, r := int32(v), cb[x], cr[x]
		p := dst[3*x : 3*x+3]
		p[0] = clamp8(l + crR[r])
		p[1] = clamp8(l + (cbG[b]+crG[r])>>16)
		p[2] = clamp8(l + cbB[b])
	}
}

func interleaveRow(dst, a, b, c []uint8) {
	for x, v := range a {
		p := dst[3*x : 3*x+3]
		p[0], p[1], p[2] = v, b[x], c[x]
	}
}

func clamp8(v int32) uint8 {
	if uint32(v) > 255 {
		return uint8(^v >> 31) // 0 if negative, else 255
	}
	return uint8(v)
}

// planesOf gives the components of a decoded JPEG.
func planesOf(img *stdimage.YCbCr) *planes {
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
	w, h := img.Rect.Dx(), img.Rect.Dy()
	chroma := plane{stride: img.CStride, w: (w + hr - 1) / hr, h: (h + vr - 1) / vr, hr: hr, vr: vr}
	cb, cr := chroma, chroma
	o := img.COffset(img.Rect.Min.X, img.Rect.Min.Y)
	cb.pix, cr.pix = img.Cb[o:], img.Cr[o:]
	return &planes{{pix: img.Y[img.YOffset(img.Rect.Min.X, img.Rect.Min.Y):], stride: img.YStride, w: w, h: h, hr: 1, vr: 1}, cb, cr}
}

// fromYCbCr fills m, unless img is a part of a picture that begins inside a chroma sample.
func fromYCbCr(m *RGB, img *stdimage.YCbCr) bool {
	p := planesOf(img)
	if img.Rect.Min.X%p[1].hr != 0 || img.Rect.Min.Y%p[1].vr != 0 {
		return false
	}
	p.convert(m, yccRow)
	return true
}
