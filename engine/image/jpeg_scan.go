package image

import "io"

// zigzag is the place in a block, row by row, of the k-th coefficient coded.
var zigzag = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10,
	17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34,
	27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36,
	29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46,
	53, 60, 61, 54, 47, 55, 62, 63,
}

// bitReader reads bytes, and between two markers bits.
type bitReader struct {
	r        io.Reader
	err      error // of r
	buf      [4096]byte
	pos, end int

	acc    uint64 // the next bits, from the top down
	n      int    // how many
	pad    int    // of them, zeros behind the end of the data
	marker byte   // that has ended the data; 0: none
	bad    bool   // a code that no table has
}

func (b *bitReader) more() bool {
	for b.pos == b.end && b.err == nil {
		b.pos = 0
		b.end, b.err = b.r.Read(b.buf[:])
	}
	return b.pos < b.end
}

func (b *bitReader) readByte() (byte, error) {
	if !b.more() {
		return 0, b.err
	}
	b.pos++
	return b.buf[b.pos-1], nil
}

func (b *bitReader) read(p []byte) error {
	for len(p) > 0 {
		if !b.more() {
			return b.err
		}
		n := copy(p, b.buf[b.pos:b.end])
		b.pos, p = b.pos+n, p[n:]
	}
	return nil
}

// nextMarker skips to the next marker, as leniently as libjpeg, and returns its code.
func (b *bitReader) nextMarker() (byte, error) {
	if m := b.marker; m != 0 {
		b.marker = 0
		return m, nil
	}
	for {
		c, err := b.readByte()
		for err == nil && c == 0xff {
			if c, err = b.readByte(); err == nil && c != 0xff && c != 0 {
				return c, nil
			}
		}
		if err != nil {
			return 0, err
		}
	}
}

// fill brings at least 57 bits into acc; zeros when the data have come to their end.
func (b *bitReader) fill() {
	for b.n <= 56 {
		if b.marker != 0 || !b.more() {
			b.n, b.pad = b.n+8, b.pad+8
			continue
		}
		c := b.buf[b.pos]
		b.pos++
		if c == 0xff {
			next := byte(0xff)
			for next == 0xff && b.more() { // any number of fill bytes
				next = b.buf[b.pos]
				b.pos++
			}
			if next != 0 {
				b.marker = next
				continue
			}
		}
		b.acc |= uint64(c) << (56 - b.n)
		b.n += 8
	}
}

// startBits begins to read bits behind a marker.
func (b *bitReader) startBits() { b.acc, b.n, b.pad, b.marker = 0, 0, 0, 0 }

// check reports bits that were read behind the end of the data, and wrong codes.
func (b *bitReader) check() error {
	if b.n < b.pad {
		if b.marker == 0 && b.err != nil {
			return b.err
		}
		return errEarlyEnd
	}
	if b.bad {
		return brokenJPEG("wrong Huffman code")
	}
	return nil
}

// bits returns the next n bits, at most 16. A symbol before it has filled acc.
func (b *bitReader) bits(n int) int32 {
	v := int32(b.acc >> (64 - n))
	b.acc <<= n
	b.n -= n
	return v
}

func (b *bitReader) bit() bool {
	if b.n < 1 {
		b.fill()
	}
	return b.bits(1) != 0
}

// value returns a coefficient of n bits (T.81, figure F.12).
func (b *bitReader) value(n int) int32 {
	v := b.bits(n)
	if v < 1<<n>>1 {
		v += -1<<n + 1
	}
	return v
}

const fastBits = 9

// huffman is a code table: of codes up to fastBits long the length << 8 and the
// symbol at once; of the longer ones, by length, the first code behind those of
// this length, aligned to 16 bits, and what to add to a code for its index in symbols.
type huffman struct {
	fast    [1 << fastBits]uint16
	limit   [17]int32
	offset  [17]int32
	symbols [256]uint8
}

// newHuffman reads 16 numbers of codes by length and the symbols in s. It
// returns how many bytes these are, or nil if they make no code.
func newHuffman(s []byte) (*huffman, int) {
	h := new(huffman)
	code, index := int32(0), int32(0)
	for n := 1; n <= 16; n++ {
		count := int32(s[n-1])
		h.offset[n] = index - code
		if index+count > 256 || len(s) < 16+int(index+count) || code+count > 1<<n {
			return nil, 0
		}
		for range count {
			h.symbols[index] = s[16+index]
			if n <= fastBits {
				first := code << (fastBits - n)
				for i := range int32(1) << (fastBits - n) {
					h.fast[first+i] = uint16(n<<8) | uint16(h.symbols[index])
				}
			}
			code++
			index++
		}
		h.limit[n] = code << (16 - n)
		code <<= 1
	}
	return h, 16 + int(index)
}

// symbol decodes one symbol, and leaves at least 16 bits in acc.
func (b *bitReader) symbol(h *huffman) int {
	if b.n < 32 {
		b.fill()
	}
	if e := h.fast[b.acc>>(64-fastBits)]; e != 0 {
		n := int(e >> 8)
		b.acc <<= n
		b.n -= n
		return int(e & 255)
	}
	return b.longSymbol(h)
}

func (b *bitReader) longSymbol(h *huffman) int {
	code := int32(b.acc >> 48)
	for n := fastBits + 1; n <= 16; n++ {
		if code < h.limit[n] {
			return int(h.symbols[uint8(b.bits(n)+h.offset[n])])
		}
	}
	b.bad = true
	return 0
}

// scan is one pass over some of the components: coefficients first to last,
// their bits from low up (to high, if a former scan had those above it).
type scan struct {
	comps       []*component
	first, last int
	high, low   byte
	eobRun      int32 // blocks that hold nothing more
}

// decodeScan reads the entropy-coded data of a scan, interleaved or of one component.
func (d *jpegDecoder) decodeScan(sc *scan) error {
	across, down := sc.comps[0].bw, sc.comps[0].bh
	if len(sc.comps) > 1 {
		across, down = sc.comps[0].stride8/sc.comps[0].hs, ceilDiv(d.h, 8*sc.comps[0].vs*sc.comps[0].vr)
	}
	d.startBits()
	sc.reset()
	unit := 0
	for my := range down {
		for mx := range across {
			if d.restart > 0 && unit > 0 && unit%d.restart == 0 {
				marker, err := d.nextMarker()
				if err != nil {
					return err
				}
				if marker != byte(0xd0+(unit/d.restart-1)%8) {
					return brokenJPEG("restart marker missing")
				}
				d.startBits()
				sc.reset()
			}
			unit++
			if len(sc.comps) == 1 {
				d.decodeBlock(sc, sc.comps[0], mx, my)
			} else {
				for _, c := range sc.comps {
					for y := range c.vs {
						for x := range c.hs {
							d.decodeBlock(sc, c, mx*c.hs+x, my*c.vs+y)
						}
					}
				}
			}
			if err := d.check(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (sc *scan) reset() {
	sc.eobRun = 0
	for _, c := range sc.comps {
		c.dc = 0
	}
}

func (d *jpegDecoder) decodeBlock(sc *scan, c *component, bx, by int) {
	if !d.progressive {
		var b block
		d.sequential(c, &b)
		c.store(&b, bx, by)
		return
	}
	b := &c.blocks[by*c.stride8+bx]
	switch {
	case sc.first == 0 && sc.high == 0:
		c.dc += d.value(d.symbol(c.dcTab) & 15)
		b[0] = int16(c.dc << sc.low)
	case sc.first == 0:
		if d.bit() {
			b[0] |= 1 << sc.low
		}
	case sc.high == 0:
		d.acFirst(sc, c, b)
	default:
		d.acRefine(sc, c, b)
	}
}

// sequential decodes all coefficients of a block.
func (d *jpegDecoder) sequential(c *component, b *block) {
	c.dc += d.value(d.symbol(c.dcTab) & 15)
	b[0] = int16(c.dc)
	for k := 1; k < 64; k++ {
		s := d.symbol(c.acTab)
		run, size := s>>4, s&15
		if size == 0 {
			if run != 15 {
				return
			}
			k += 15
			continue
		}
		k += run
		b[zigzag[k&63]] = int16(d.value(size))
		d.bad = d.bad || k > 63
	}
}

// acFirst decodes the first bits of coefficients (T.81, G.1.2.2).
func (d *jpegDecoder) acFirst(sc *scan, c *component, b *block) {
	if sc.eobRun > 0 {
		sc.eobRun--
		return
	}
	for k := sc.first; k <= sc.last; k++ {
		s := d.symbol(c.acTab)
		run, size := s>>4, s&15
		if size == 0 {
			if run != 15 {
				sc.eobRun = 1<<run + d.bits(run) - 1
				return
			}
			k += 15
			continue
		}
		k += run
		b[zigzag[k&63]] = int16(d.value(size) << sc.low)
		d.bad = d.bad || k > sc.last
	}
}

// acRefine decodes one more bit of coefficients (T.81, G.1.2.3).
func (d *jpegDecoder) acRefine(sc *scan, c *component, b *block) {
	one := int16(1) << sc.low
	k := sc.first
	for sc.eobRun == 0 && k <= sc.last {
		s := d.symbol(c.acTab)
		run, fresh := s>>4, int16(0)
		if s&15 != 0 {
			if fresh = one; d.bits(1) == 0 {
				fresh = -one
			}
		} else if run != 15 {
			sc.eobRun = 1<<run + d.bits(run)
			break
		}
		k = d.refine(b, k, sc.last, run, one)
		if fresh != 0 {
			b[zigzag[k&63]] = fresh
			d.bad = d.bad || k > sc.last
		}
		k++
	}
	if sc.eobRun > 0 {
		sc.eobRun--
		d.refine(b, k, sc.last, 64, one)
	}
}

// refine reads a bit for each coefficient that is not zero, from k on, and
// returns the place of the zero behind run others.
func (d *jpegDecoder) refine(b *block, k, last, run int, one int16) int {
	for ; k <= last; k++ {
		v := &b[zigzag[k]]
		if *v == 0 {
			if run == 0 {
				return k
			}
			run--
		} else if d.bit() && *v&one == 0 {
			if *v > 0 {
				*v += one
			} else {
				*v -= one
			}
		}
	}
	return k
}
