package image

import (
	stdimage "image"
	"image/color"

	"github.com/featx-go/featx/kernels"
)

// RGB is a picture of W x H pixels, 8 bits per channel: Pix holds red, green
// and blue of one pixel after the other, row by row, 3*W*H bytes without gaps.
// It implements the standard library's image.Image.
type RGB struct {
	Pix  []uint8
	W, H int

	// Of a picture that was decoded with [Decoder.Reduce]: its height and width without, and by how much it is smaller; 0 is not.
	full   [2]int
	shrunk int
}

// origin is the height and width of the picture that m was decoded of, and the same in m's pixels, of which the last may carry picture only in part.
func (m *RGB) origin() (full [2]int, extent [2]float64) {
	if m.shrunk == 0 {
		return [2]int{m.H, m.W}, [2]float64{float64(m.H), float64(m.W)}
	}
	return m.full, [2]float64{float64(m.full[0]) / float64(m.shrunk), float64(m.full[1]) / float64(m.shrunk)}
}

// NewRGB returns a black picture of w x h pixels.
func NewRGB(w, h int) *RGB { return &RGB{Pix: make([]uint8, 3*w*h), W: w, H: h} }

// ColorModel implements image.Image.
func (m *RGB) ColorModel() color.Model { return color.RGBAModel }

// Bounds implements image.Image.
func (m *RGB) Bounds() stdimage.Rectangle { return stdimage.Rect(0, 0, m.W, m.H) }

// At implements image.Image.
func (m *RGB) At(x, y int) color.Color {
	if x < 0 || y < 0 || x >= m.W || y >= m.H {
		return color.RGBA{}
	}
	p := m.Pix[3*(y*m.W+x):]
	return color.RGBA{p[0], p[1], p[2], 255}
}

// row returns the 3*W bytes of row y.
func (m *RGB) row(y int) []uint8 { return m.Pix[3*m.W*y : 3*m.W*(y+1)] }

// FromImage converts any picture of a Go program, the way Pillow's
// convert("RGB") does for the same file, so that it makes no difference who
// decoded it: alpha is dropped, not blended (and a premultiplied colour divided
// by it again); 16 bits per channel keep their high byte, but 16-bit grey is
// clipped at 255, as in Pillow; an image.YCbCr, what image/jpeg gives, gets
// libjpeg-turbo's chroma upsampling. An *RGB is returned as it is.
func FromImage(img stdimage.Image) *RGB {
	b := img.Bounds()
	if m, ok := img.(*RGB); ok {
		return m
	}
	m := NewRGB(b.Dx(), b.Dy())
	if m.W == 0 || m.H == 0 {
		return m
	}
	switch src := img.(type) {
	case *stdimage.Gray:
		for y := range m.H {
			greyRow(kernels.Generic, m.row(y), &[4][]uint8{src.Pix[y*src.Stride:][:m.W]})
		}
	case *stdimage.Gray16:
		for y := range m.H {
			grey16Row(m.row(y), src.Pix[y*src.Stride:], 2)
		}
	case *stdimage.NRGBA:
		for y := range m.H {
			pickRow(m.row(y), src.Pix[y*src.Stride:], 4, 1)
		}
	case *stdimage.NRGBA64:
		for y := range m.H {
			pickRow(m.row(y), src.Pix[y*src.Stride:], 8, 2)
		}
	case *stdimage.RGBA:
		if !src.Opaque() {
			fromAny(m, img)
			break
		}
		for y := range m.H {
			pickRow(m.row(y), src.Pix[y*src.Stride:], 4, 1)
		}
	case *stdimage.RGBA64:
		if !src.Opaque() {
			fromAny(m, img)
			break
		}
		for y := range m.H {
			pickRow(m.row(y), src.Pix[y*src.Stride:], 8, 2)
		}
	case *stdimage.Paletted:
		fromPaletted(m, src)
	case *stdimage.YCbCr:
		if !fromYCbCr(m, src) {
			fromAny(m, img)
		}
	case *stdimage.CMYK:
		for y := range m.H {
			row, in := m.row(y), src.Pix[y*src.Stride:]
			for x := range m.W {
				p, q := row[3*x:3*x+3], in[4*x:4*x+4]
				p[0], p[1], p[2] = cmyk(q[0], q[1], q[2], q[3])
			}
		}
	default:
		fromAny(m, img)
	}
	return m
}

// fromAny is the way for every type without one of its own.
func fromAny(m *RGB, img stdimage.Image) {
	b := img.Bounds()
	for y := range m.H {
		row := m.row(y)
		for x := range m.W {
			// 16 bits on the way: dividing 8-bit premultiplied colours by alpha would lose more.
			c := color.NRGBA64Model.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA64)
			row[3*x], row[3*x+1], row[3*x+2] = uint8(c.R>>8), uint8(c.G>>8), uint8(c.B>>8)
		}
	}
}

func fromPaletted(m *RGB, src *stdimage.Paletted) {
	var palette [256][3]uint8 // an index beyond the palette is black
	for i, c := range src.Palette {
		if i < len(palette) {
			n := color.NRGBAModel.Convert(c).(color.NRGBA)
			palette[i] = [3]uint8{n.R, n.G, n.B}
		}
	}
	for y := range m.H {
		row, in := m.row(y), src.Pix[y*src.Stride:]
		for x := range m.W {
			copy(row[3*x:3*x+3], palette[in[x]][:])
		}
	}
}

// pickRow takes red, green and blue out of pixels of size bytes, step bytes apart.
func pickRow(row, in []uint8, size, step int) {
	for i, j := 0, 0; i < len(row); i, j = i+3, j+size {
		p, q := row[i:i+3], in[j:j+size]
		p[0], p[1], p[2] = q[0], q[step], q[2*step]
	}
}

// grey16Row clips the big-endian 16-bit values at the start of pixels of size
// bytes, as Pillow does when it converts its modes I and I;16 to RGB.
func grey16Row(row, in []uint8, size int) {
	for i, j := 0, 0; i < len(row); i, j = i+3, j+size {
		v := in[j+1]
		if in[j] != 0 {
			v = 255
		}
		row[i], row[i+1], row[i+2] = v, v, v
	}
}

// cmyk is Pillow's conversion to RGB (Convert.c, cmyk2rgb).
func cmyk(c, m, y, k uint8) (r, g, b uint8) {
	nk := 255 - uint32(k)
	ink := func(v uint8) uint8 {
		t := uint32(v)*nk + 128
		return uint8(nk - (t>>8+t)>>8)
	}
	return ink(c), ink(m), ink(y)
}
