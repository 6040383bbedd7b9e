package image

import (
	stdimage "image"

	"github.com/featx-go/featx/kernels"
)

// plane is one component of a JPEG: w x h samples, of which each covers hr x vr pixels.
type plane struct {
	pix    []uint8
	stride int
	w, h   int
	hr, vr int
	sharp  bool // no filter
}

// planes are the components of a JPEG: 1, 3 or 4.
type planes []*plane

// rowFunc writes a row of pixels from as many samples of each component.
type rowFunc func(isa kernels.ISA, dst []uint8, in *[4][]uint8)

// convert fills m from the components.
func (p planes) convert(m *RGB, isa kernels.ISA, row rowFunc, memory *memory) {
	var up, in [4][]uint8
	for i := range p {
		up[i] = grow(&memory.rows[i], p[i].w*p[i].hr)
	}
	for y := range m.H {
		for i := range p {
			in[i] = p[i].upsampled(isa, up[i], y)[:m.W]
		}
		row(isa, m.row(y), &in)
	}
}

func (p *plane) row(y int) []uint8 { return p.pix[y*p.stride:][:p.w] }

// upsampled returns row y of the picture, in dst where it has to be computed,
// exactly as libjpeg-turbo's jdsample.c does: ratios of 2 by triangle filters
// ("fancy"), the rest by replication. Beyond the edges the last row or column
// that carries picture is repeated.
func (p *plane) upsampled(isa kernels.ISA, dst []uint8, y int) []uint8 {
	switch {
	case p.hr == 1 && p.vr == 1:
		return p.row(y)
	case p.sharp:
		p.repeated(dst, y)
	case p.hr == 2 && p.vr == 1 && p.w > 2:
		isa.UpsampleH2V1(dst, p.row(y))
	case p.hr == 1 && p.vr == 2:
		bias := int32(1 + y&1)
		near, far := p.row(y/2), p.row(p.farRow(y))
		for x, v := range near {
			dst[x] = uint8((3*int32(v) + int32(far[x]) + bias) >> 2)
		}
	case p.hr == 2 && p.vr == 2 && p.w > 2:
		isa.UpsampleH2V2(dst, p.row(y/2), p.row(p.farRow(y)))
	default:
		p.repeated(dst, y)
	}
	return dst
}

func (p *plane) repeated(dst []uint8, y int) {
	for x, v := range p.row(y / p.vr) {
		for i := range p.hr {
			dst[x*p.hr+i] = v
		}
	}
}

// farRow is the second nearest row of samples to row y of the picture, at half the vertical resolution.
func (p *plane) farRow(y int) int { return min(max(y/2-1+y&1*2, 0), p.h-1) }

func yccRow(isa kernels.ISA, dst []uint8, in *[4][]uint8) { isa.YCbCrToRGB(dst, in[0], in[1], in[2]) }

func rgbRow(_ kernels.ISA, dst []uint8, in *[4][]uint8) {
	for x, v := range in[0] {
		p := dst[3*x : 3*x+3]
		p[0], p[1], p[2] = v, in[1][x], in[2][x]
	}
}

func greyRow(_ kernels.ISA, dst []uint8, in *[4][]uint8) {
	for x, v := range in[0] {
		p := dst[3*x : 3*x+3]
		p[0], p[1], p[2] = v, v, v
	}
}

// cmykRow takes the samples to be inverted, as Adobe's programs write them and
// Pillow takes them to be in every file.
func cmykRow(_ kernels.ISA, dst []uint8, in *[4][]uint8) {
	for x := range in[0] {
		p := dst[3*x : 3*x+3]
		p[0], p[1], p[2] = cmyk(255-in[0][x], 255-in[1][x], 255-in[2][x], 255-in[3][x])
	}
}

// ycckRow: libjpeg makes CMY of YCC as 255-RGB, and Pillow inverts that.
func ycckRow(isa kernels.ISA, dst []uint8, in *[4][]uint8) {
	yccRow(isa, dst, in)
	for x, k := range in[3] {
		p := dst[3*x : 3*x+3]
		p[0], p[1], p[2] = cmyk(p[0], p[1], p[2], 255-k)
	}
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
	planes{&luma, &cb, &cr}.convert(m, bestISA(), yccRow, new(memory))
	return true
}
