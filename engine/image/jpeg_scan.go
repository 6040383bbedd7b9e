package image

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
)

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
	r   *bufio.Reader
	err error // of r, where the data of a scan end

	// The data of a scan without what keeps them apart from markers: zeros behind bytes of 0xff. Behind their end come zeros.
	data     *[1 << 13]byte
	pos, end int
	zeros    int  // how many bytes of those up to end
	ended    bool // by marker or by err
	marker   byte // that has ended the data; 0: none

	acc uint64 // the next bits, from the top down; behind them it may hold those that follow, or zeros
	n   uint   // how many
	bad bool   // a code that no table has
}

// read reads len(p) bytes.
func (b *bitReader) read(p []byte) error {
	_, err := io.ReadFull(b.r, p)
	return err
}

// nextMarker skips to the next marker, as leniently as libjpeg, and returns its code.
func (b *bitReader) nextMarker() (byte, error) {
	if m := b.marker; m != 0 {
		b.marker = 0
		return m, nil
	}
	for {
		c, err := b.r.ReadByte()
		for err == nil && c == 0xff {
			if c, err = b.r.ReadByte(); err == nil && c != 0xff && c != 0 {
				return c, nil
			}
		}
		if err != nil {
			return 0, err
		}
	}
}

// startBits begins to read bits behind a marker.
func (b *bitReader) startBits() {
	b.pos, b.end, b.zeros, b.ended, b.marker, b.acc, b.n = 0, 0, 0, false, 0, 0, 0
}

// more brings at least 8 bytes into data from pos on, and moves them to its front.
func (b *bitReader) more() {
	b.end, b.pos = copy(b.data[:], b.data[b.pos:b.end]), 0
	for !b.ended && b.end < len(b.data) {
		raw, err := b.r.Peek(max(1, min(b.r.Buffered(), len(b.data)-b.end)))
		if len(raw) == 0 {
			b.err, b.ended = err, true
			break
		}
		b.take(raw)
	}
	if b.ended {
		clear(b.data[b.end:])
		b.zeros += len(b.data) - b.end
		b.end = len(b.data)
	}
}

// take takes what r has in raw over to data, up to a marker.
func (b *bitReader) take(raw []byte) {
	used := 0
	for used < len(raw) {
		i := bytes.IndexByte(raw[used:], 0xff)
		if i < 0 {
			b.end += copy(b.data[b.end:], raw[used:])
			used = len(raw)
			break
		}
		b.end += copy(b.data[b.end:], raw[used:used+i])
		used += i
		if used+1 == len(raw) || raw[used+1] != 0 {
			if used == 0 {
				b.marked()
				return
			}
			break
		}
		b.data[b.end] = 0xff
		b.end++
		used += 2
	}
	b.r.Discard(used)
}

// marked reads what begins with 0xff: a byte of data, or a marker behind any number of fill bytes.
func (b *bitReader) marked() {
	c := byte(0xff)
	for c == 0xff && b.err == nil {
		c, b.err = b.r.ReadByte()
	}
	switch {
	case b.err != nil:
		b.ended = true
	case c == 0:
		b.data[b.end] = 0xff
		b.end++
	default:
		b.marker, b.ended = c, true
	}
}

// fill brings at least 56 bits into acc.
func (b *bitReader) fill() {
	if b.end-b.pos < 8 {
		b.more()
	}
	b.acc |= binary.BigEndian.Uint64(b.data[b.pos:]) >> (b.n & 63)
	b.pos += int(63-b.n) >> 3
	b.n |= 56
}

// check reports bits that were read behind the end of the data, and wrong codes.
func (b *bitReader) check() error {
	if b.zeros > 0 && int(b.n)+8*(b.end-b.pos) < 8*b.zeros {
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
func (b *bitReader) bits(n uint) int32 {
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

// extended is the coefficient whose n bits are v (T.81, figure F.12).
func extended(v int32, n uint) int32 {
	return v + ((v-1<<(n&31)>>1)>>31)&(-1<<(n&31)+1)
}

// huffman is a code table. Of the symbols whose code is at most fastBits long fast has an entry, with the coefficient behind the code if that is in these bits, too; of the
// longer ones there are, by length, the first code behind those of this length, aligned to 16 bits, and what to add to a code for its index in symbols.
type huffman struct {
	fast    [1 << fastBits]entry
	limit   [17]int32
	offset  [17]int32
	symbols [256]uint8
	bytes   []byte // that it was made of
}

const fastBits = 11

// entry is a symbol: from the lowest bit on 5 bits with the length of the code and, if it is known, the coefficient, 4 with the size of the coefficient, 7 with the number of zeros
// before it, 16 with the coefficient; 0 if it is not known. A symbol of an end of block has 64 zeros more. 0 is a code that is longer.
type entry uint32

func newEntry(symbol uint8, length uint) entry {
	zeros, size := entry(symbol>>4), entry(symbol&15)
	if size == 0 && zeros != 15 {
		zeros += 64
	}
	return zeros<<9 | size<<5 | entry(length)
}

func (e entry) length() uint { return uint(e & 31) }
func (e entry) size() uint   { return uint(e >> 5 & 15) }
func (e entry) zeros() int   { return int(e >> 9 & 127) }
func (e entry) value() int16 { return int16(e >> 16) }

// read makes the table of 16 numbers of codes by length and the symbols in s. It
// returns how many bytes these are, or 0 if they make no code.
func (h *huffman) read(s []byte) int {
	if n := len(h.bytes); n > 0 && bytes.HasPrefix(s, h.bytes) { // most pictures have the same
		return n
	}
	h.bytes = h.bytes[:0]
	clear(h.fast[:])
	code, index := int32(0), int32(0)
	for n := uint(1); n <= 16; n++ {
		count := int32(s[n-1])
		h.offset[n] = index - code
		if index+count > 256 || len(s) < 16+int(index+count) || code+count > 1<<n {
			return 0
		}
		for range count {
			h.symbols[index] = s[16+index]
			if n <= fastBits {
				h.enter(uint32(code), n, h.symbols[index])
			}
			code++
			index++
		}
		h.limit[n] = code << (16 - n)
		code <<= 1
	}
	h.bytes = append(h.bytes, s[:16+index]...)
	return len(h.bytes)
}

// enter writes the entries of a symbol whose code has n bits.
func (h *huffman) enter(code uint32, n uint, symbol uint8) {
	e, rest := newEntry(symbol, n), fastBits-n
	size := e.size()
	for i := range uint32(1) << rest {
		with := e
		if size > 0 && size <= rest {
			with += entry(size) | entry(uint16(extended(int32(i>>(rest-size)), size)))<<16
		}
		h.fast[code<<rest+i] = with
	}
}

// symbol decodes one symbol, and leaves at least 16 bits in acc.
func (b *bitReader) symbol(h *huffman) entry {
	if b.n < 32 {
		b.fill()
	}
	e := h.fast[b.acc>>(64-fastBits)]
	if e == 0 {
		return b.longSymbol(h)
	}
	if e.value() != 0 { // without the coefficient, of which not everyone wants all bits
		e = e&0xffff - entry(e.size())
	}
	b.acc <<= e.length()
	b.n -= e.length()
	return e
}

func (b *bitReader) longSymbol(h *huffman) entry {
	code := int32(b.acc >> 48)
	for n := uint(fastBits + 1); n <= 16; n++ {
		if code < h.limit[n] {
			return newEntry(h.symbols[uint8(b.bits(n)+h.offset[n])], n)
		}
	}
	b.bad = true
	return newEntry(0, 0)
}

// value returns a coefficient of n bits.
func (b *bitReader) value(n uint) int32 { return extended(b.bits(n), n) }

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
		across, down = sc.comps[0].stride8/sc.comps[0].hs, sc.comps[0].rows8/sc.comps[0].vs
	}
	d.startBits()
	sc.reset()
	unit := 0
	for my := range down {
		if !d.progressive {
			sc.startRow(my)
		}
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
		if !d.progressive {
			for _, c := range sc.comps {
				c.store(d.isa, len(c.blocks)/c.stride8)
			}
		}
	}
	return nil
}

// startRow makes room for the components' coefficients of a row of units, which for one component alone are blocks.
func (sc *scan) startRow(my int) {
	for _, c := range sc.comps {
		rows := c.vs
		if len(sc.comps) == 1 {
			rows = 1
		}
		c.top, c.blocks = my*rows, c.blocks[:rows*c.stride8]
		clear(c.blocks)
	}
}

func (sc *scan) reset() {
	sc.eobRun = 0
	for _, c := range sc.comps {
		c.dc = 0
	}
}

func (d *jpegDecoder) decodeBlock(sc *scan, c *component, bx, by int) {
	b := &c.blocks[(by-c.top)*c.stride8+bx]
	switch {
	case !d.progressive:
		d.sequential(c, b)
	case sc.first == 0 && sc.high == 0:
		c.dc += d.value(d.symbol(c.dcTab).size())
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

// sequential decodes all coefficients of a block, which is zero.
func (d *jpegDecoder) sequential(c *component, b *block) {
	c.dc += d.value(d.symbol(c.dcTab).size())
	b[0] = int16(c.dc)
	acc, n, pos := d.acc, d.n, d.pos
	fast := &c.acTab.fast
	for k := 1; k < 64; k++ {
		if n < 32 {
			if d.end-pos < 8 {
				d.pos = pos
				d.more()
				pos = d.pos
			}
			acc |= binary.BigEndian.Uint64(d.data[pos:]) >> (n & 63)
			pos += int(63-n) >> 3
			n |= 56
		}
		e := fast[acc>>(64-fastBits)]
		if e == 0 {
			d.acc, d.n = acc, n
			e = d.longSymbol(c.acTab)
			acc, n = d.acc, d.n
		} else {
			acc <<= uint(e & 31)
			n -= uint(e & 31)
		}
		k += int(e >> 9 & 127)
		v := int16(e >> 16)
		if v == 0 {
			size := e.size()
			if size == 0 {
				continue // 16 zeros, or the end
			}
			v = int16(extended(int32(acc>>((64-size)&63)), size))
			acc <<= size
			n -= size
		}
		if k > 63 {
			d.bad = true
			break
		}
		b[zigzag[k]&63] = v
	}
	d.acc, d.n, d.pos = acc, n, pos
}

// acFirst decodes the first bits of coefficients (T.81, G.1.2.2).
func (d *jpegDecoder) acFirst(sc *scan, c *component, b *block) {
	if sc.eobRun > 0 {
		sc.eobRun--
		return
	}
	for k := sc.first; k <= sc.last; k++ {
		e := d.symbol(c.acTab)
		if run := e.zeros() - 64; run >= 0 {
			sc.eobRun = 1<<run + d.bits(uint(run)) - 1
			return
		}
		k += e.zeros()
		if e.size() == 0 {
			continue
		}
		b[zigzag[k&63]] = int16(d.value(e.size()) << sc.low)
		d.bad = d.bad || k > sc.last
	}
}

// acRefine decodes one more bit of coefficients (T.81, G.1.2.3).
func (d *jpegDecoder) acRefine(sc *scan, c *component, b *block) {
	one := int16(1) << sc.low
	k := sc.first
	for sc.eobRun == 0 && k <= sc.last {
		e := d.symbol(c.acTab)
		run, fresh := e.zeros(), int16(0)
		if e.size() != 0 {
			if fresh = one; d.bits(1) == 0 {
				fresh = -one
			}
		} else if run -= 64; run >= 0 {
			sc.eobRun = 1<<run + d.bits(uint(run))
			break
		} else {
			run = 15
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
