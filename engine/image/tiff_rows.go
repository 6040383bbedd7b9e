package image

import (
	"encoding/binary"
	"math"
	"slices"
)

// tiffRow makes as many pixels as dst has room for of a row of samples, the channels of a pixel side by side, in the file's order of bytes.
type tiffRow func(dst, in []uint8)

// readFormat finds out what a row of samples means, and refuses what takes too much memory.
func (d *tiffDecoder) readFormat() error {
	extra, err := d.values(tiffExtraSamples, 1)
	if err != nil {
		return err
	}
	d.associated = len(extra) > 0 && extra[0] == 1
	if d.row, err = d.rowOf(); err != nil {
		return err
	}
	switch {
	case d.planar == 2 && d.bits%8 != 0 && d.samples > 1:
		return rareTIFF("of %d planes of %d bits", d.samples, d.bits)
	case d.predictor == 2 && !slices.Contains([]int{8, 16, 32}, d.bits), d.predictor == 3 && (d.format != tiffFloat || d.bits != 32), d.predictor > 3, d.predictor > 1 && d.subX*d.subY > 1:
		return rareTIFF("with predictor %d for %d bits", d.predictor, d.bits)
	}
	bytes := 3*int64(d.w)*int64(d.h) + 2*d.rowBytes()
	if d.photometric == tiffYCbCr {
		bytes += int64(d.subY) * 3 * int64(d.pw)
	}
	return d.memory.check(bytes + d.decompressors())
}

// rowOf chooses the conversion: Pillow's of its mode for such a file to RGB.
func (d *tiffDecoder) rowOf() (tiffRow, error) {
	photometric, bits, step := d.photometric, d.bits, d.bits/8*d.samples
	rare := func() (tiffRow, error) {
		return nil, rareTIFF("of a rare kind (%s, %d channels of %d bits, %s)", named(tiffPhotometrics, photometric), d.samples, bits, named(tiffFormats, d.format))
	}
	if d.format > tiffFloat || d.format < tiffUint || d.format == tiffFloat && bits != 32 {
		return rare()
	}
	if photometric == tiffYCbCr && d.samples == 1 {
		photometric = tiffBlackIsZero
	}
	high := 0 // which byte of 16 bits
	if bits == 16 && d.order == binary.LittleEndian {
		high = 1
	}
	integer := d.format == tiffUint
	switch photometric {
	case tiffWhiteIsZero, tiffBlackIsZero:
		inverted := photometric == tiffWhiteIsZero
		switch {
		case d.samples == 1 && integer && bits <= 8 && 8%bits == 0:
			most := 1<<bits - 1
			return d.lookUp(func(i int) [3]uint8 {
				if inverted {
					i = most - i
				}
				v := uint8(i * 255 / most)
				return [3]uint8{v, v, v}
			})
		case d.samples > 1 && integer && bits == 8:
			return func(dst, in []uint8) {
				for i, j := 0, 0; i < len(dst); i, j = i+3, j+step {
					v := in[j]
					if inverted {
						v = ^v
					}
					dst[i], dst[i+1], dst[i+2] = v, v, v
				}
			}, nil
		case d.samples == 1 && d.format != tiffFloat && (bits == 8 || bits == 12 || bits == 16 || bits == 32), d.samples == 1 && d.format == tiffFloat:
			return d.clipped(), nil
		}
	case tiffPalette:
		if d.samples > 2 || !integer || bits > 8 || 8%bits != 0 || d.samples == 2 && bits != 8 {
			break
		}
		n := uint64(1) << bits
		colours, err := d.values(tiffColorMap, 3*n)
		if err != nil {
			return nil, err
		}
		if uint64(len(colours)) < 3*n {
			return nil, brokenTIFF("a palette of %d values; %d bits need %d", len(colours), bits, 3*n)
		}
		return d.lookUp(func(i int) (c [3]uint8) {
			for k := range c {
				c[k] = uint8(colours[i+k*int(n)] >> 8)
			}
			return c
		})
	case tiffRGB:
		if d.samples < 3 || !integer || bits != 8 && bits != 16 {
			break
		}
		size := bits / 8
		if d.associated && d.samples > 3 {
			return func(dst, in []uint8) {
				for i, j := 0, high; i < len(dst); i, j = i+3, j+step {
					a := int(in[j+3*size])
					for k := range 3 {
						dst[i+k] = 0
						if a > 0 {
							dst[i+k] = uint8(min(int(in[j+k*size])*255/a, 255))
						}
					}
				}
			}, nil
		}
		return func(dst, in []uint8) {
			for i, j := 0, high; i < len(dst); i, j = i+3, j+step {
				dst[i], dst[i+1], dst[i+2] = in[j], in[j+size], in[j+2*size]
			}
		}, nil
	case tiffCMYK:
		if d.samples < 4 || !integer || bits != 8 && bits != 16 {
			break
		}
		size := bits / 8
		return func(dst, in []uint8) {
			for i, j := 0, high; i < len(dst); i, j = i+3, j+step {
				dst[i], dst[i+1], dst[i+2] = cmyk(in[j], in[j+size], in[j+2*size], in[j+3*size])
			}
		}, nil
	case tiffYCbCr:
		if d.samples != 3 || !integer || bits != 8 {
			break
		}
		return d.ycc()
	}
	return rare()
}

// lookUp is the conversion of samples of at most 8 bits, the first of each pixel.
func (d *tiffDecoder) lookUp(colour func(i int) [3]uint8) (tiffRow, error) {
	var table [256][3]uint8
	for i := range 1 << d.bits {
		table[i] = colour(i)
	}
	bits, samples := d.bits, d.samples
	if bits == 8 {
		return func(dst, in []uint8) {
			for i, j := 0, 0; i < len(dst); i, j = i+3, j+samples {
				copy(dst[i:i+3], table[in[j]][:])
			}
		}, nil
	}
	perByte, mask := 8/bits, byte(1<<bits-1)
	return func(dst, in []uint8) {
		for x := range len(dst) / 3 {
			copy(dst[3*x:3*x+3], table[in[x/perByte]>>(8-bits-x%perByte*bits)&mask][:])
		}
	}, nil
}

// clipped is Pillow's conversion of its modes I;16, I and F: what is not within 0..255 is clipped, and no white is zero.
func (d *tiffDecoder) clipped() tiffRow {
	var value func(in []uint8, x int) int
	order := d.order
	switch signed := d.format == tiffInt; {
	case d.bits == 8:
		value = func(in []uint8, x int) int { return int(in[x]) } // Pillow takes signed bytes for unsigned ones
	case d.bits == 12:
		value = func(in []uint8, x int) int {
			b := in[x*3/2:]
			if x%2 == 0 {
				return int(b[0])<<4 | int(b[1])>>4
			}
			return int(b[0]&15)<<8 | int(b[1])
		}
	case d.bits == 16 && signed:
		value = func(in []uint8, x int) int { return int(int16(order.Uint16(in[2*x:]))) }
	case d.bits == 16:
		value = func(in []uint8, x int) int { return int(order.Uint16(in[2*x:])) }
	case d.format == tiffFloat:
		value = func(in []uint8, x int) int {
			v := math.Float32frombits(order.Uint32(in[4*x:]))
			if v >= 255 {
				return 255
			}
			if v > 0 {
				return int(v)
			}
			return 0 // NaN too
		}
	default: // unsigned ones as signed ones
		value = func(in []uint8, x int) int { return int(int32(order.Uint32(in[4*x:]))) }
	}
	return func(dst, in []uint8) {
		for x := range len(dst) / 3 {
			v := uint8(min(max(value(in, x), 0), 255))
			dst[3*x], dst[3*x+1], dst[3*x+2] = v, v, v
		}
	}
}

// ycc is the conversion of rows that are not JPEG's: libtiff's (tif_color.c), with the file's coefficients and reference values.
func (d *tiffDecoder) ycc() (tiffRow, error) {
	sub, err := d.values(tiffSubsampling, 2)
	if err != nil {
		return nil, err
	}
	if d.subX, d.subY = 2, 2; len(sub) == 2 {
		d.subX, d.subY = sub[0], sub[1]
	}
	if d.planar == 2 || d.compression == tiffJPEG {
		d.subX, d.subY = 1, 1
	}
	for _, n := range []int{d.subX, d.subY} {
		if n != 1 && n != 2 && n != 4 {
			return nil, brokenTIFF("chroma subsampling of %d x %d", d.subX, d.subY)
		}
	}
	if d.compression == tiffJPEG && d.planar != 2 { // RGB already
		return func(dst, in []uint8) { copy(dst, in) }, nil
	}
	luma, err := d.floats(tiffCoefficients, []float32{.299, .587, .114})
	if err != nil {
		return nil, err
	}
	reference, err := d.floats(tiffReference, []float32{0, 255, 128, 255, 128, 255})
	if err != nil {
		return nil, err
	}
	for _, v := range slices.Concat(luma, reference) {
		if !(math.Abs(float64(v)) < 1<<20) || !(luma[1] > 0) {
			return nil, brokenTIFF("coefficients %v and reference values %v of luma and chroma", luma, reference)
		}
	}
	t := tiffYCC(luma, reference)
	return func(dst, in []uint8) {
		for i := 0; i < len(dst); i += 3 {
			dst[i], dst[i+1], dst[i+2] = t.rgb(in[i], in[i+1], in[i+2])
		}
	}, nil
}

// floats are fractions of a field, or others where it has not so many.
func (d *tiffDecoder) floats(tag uint16, otherwise []float32) ([]float32, error) {
	v := d.fields[tag]
	if v.count != uint64(len(otherwise)) || v.kind != 5 && v.kind != 11 {
		return otherwise, nil
	}
	all := make([]float32, len(otherwise))
	for i := range all {
		n, err := d.number(&v, uint64(i))
		if err != nil {
			return nil, err
		}
		if v.kind == 11 {
			all[i] = math.Float32frombits(uint32(n))
			continue
		}
		above, below := uint32(n), uint32(n>>32)
		if d.order == binary.BigEndian {
			above, below = below, above
		}
		if below != 0 {
			all[i] = float32(float64(above) / float64(below))
		}
	}
	return all, nil
}

// yccTables are the shares of luma and chroma in each colour, those in green with 16 bits of fraction.
type yccTables struct{ y, crR, cbB, crG, cbG [256]int32 }

func tiffYCC(luma, reference []float32) *yccTables {
	t := new(yccTables)
	fixed := func(v float32) int32 { return int32(float64(min(max(v, 0), 2))*(1<<16) + .5) }
	red, blue := 2-2*luma[0], 2-2*luma[2]
	r, rg, b, bg := fixed(red), -fixed(luma[0]*red/luma[1]), fixed(blue), -fixed(luma[2]*blue/luma[1])
	scaled := func(v, black, white, range_ float32) int32 {
		span := white - black
		if span == 0 {
			span = 1
		}
		return int32(min(max((v-float32(int32(black)))*range_/span, -4096), 4096))
	}
	for i := range t.y {
		x := float32(i - 128)
		cr, cb := scaled(x, reference[4]-128, reference[5]-128, 127), scaled(x, reference[2]-128, reference[3]-128, 127)
		t.y[i] = scaled(float32(i), reference[0], reference[1], 255)
		t.crR[i], t.cbB[i] = (r*cr+1<<15)>>16, (b*cb+1<<15)>>16
		t.crG[i], t.cbG[i] = rg*cr, bg*cb+1<<15
	}
	return t
}

func (t *yccTables) rgb(y, cb, cr uint8) (r, g, b uint8) {
	l := t.y[y]
	return clamp8(l + t.crR[cr]), clamp8(l + (t.cbG[cb]+t.crG[cr])>>16), clamp8(l + t.cbB[cb])
}

func clamp8(v int32) uint8 { return uint8(min(max(v, 0), 255)) }
