package image

import (
	"errors"
	"io"
	"math/bits"
	"strings"
	"sync"
)

// faxReader decodes bilevel rows as fax machines code them: ITU-T T.4 (group 3, in one or two dimensions; also without the marks of
// lines' ends, as TIFF's compression 2) and T.6 (group 4). golang.org/x/image/ccitt has neither two dimensions of group 3 nor compression 2.
type faxReader struct {
	r     io.ByteReader
	kind  faxKind
	twoD  bool // group 3: a bit behind each line's end says how it is coded
	width int
	acc   uint64 // the next n bits, from the top down
	n     int
	pad   int // of them, zeros behind the end of the data
	// Where a row changes its colour, beginning with white's end: ref is the row above. Behind the last change both hold width, twice.
	ref, cur []int
}

type faxKind int

const (
	faxRows faxKind = iota // each begins at a byte
	faxGroup3
	faxGroup4
)

// maxFaxWidth bounds what the changes of colour of a row take.
const maxFaxWidth = 1 << 20

// The codes of runs of 0 to 63, then of 64, 128, ... pixels (T.4, tables 2 and 3); the long ones are those of both colours.
const (
	whiteCodes = "00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100 110101 101010 101011 0100111 0001100 0001000 " +
		"0010111 0000011 0000100 0101000 0101011 0010011 0100100 0011000 00000010 00000011 00011010 00011011 00010010 00010011 00010100 00010101 " +
		"00010110 00010111 00101000 00101001 00101010 00101011 00101100 00101101 00000100 00000101 00001010 00001011 01010010 01010011 01010100 " +
		"01010101 00100100 00100101 01011000 01011001 01011010 01011011 01001010 01001011 00110010 00110011 00110100 11011 10010 010111 0110111 " +
		"00110110 00110111 01100100 01100101 01101000 01100111 011001100 011001101 011010010 011010011 011010100 011010101 011010110 011010111 " +
		"011011000 011011001 011011010 011011011 010011000 010011001 010011010 011000 010011011"
	blackCodes = "0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 00000111 000011000 0000010111 0000011000 0000001000 " +
		"00001100111 00001101000 00001101100 00000110111 00000101000 00000010111 00000011000 000011001010 000011001011 000011001100 000011001101 " +
		"000001101000 000001101001 000001101010 000001101011 000011010010 000011010011 000011010100 000011010101 000011010110 000011010111 " +
		"000001101100 000001101101 000011011010 000011011011 000001010100 000001010101 000001010110 000001010111 000001100100 000001100101 " +
		"000001010010 000001010011 000000100100 000000110111 000000111000 000000100111 000000101000 000001011000 000001011001 000000101011 " +
		"000000101100 000001011010 000001100110 000001100111 0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 " +
		"0000001101100 0000001101101 0000001001010 0000001001011 0000001001100 0000001001101 0000001110010 0000001110011 0000001110100 0000001110101 " +
		"0000001110110 0000001110111 0000001010010 0000001010011 0000001010100 0000001010101 0000001011010 0000001011011 0000001100100 0000001100101"
	longCodes = "00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101 000000010110 000000010111 000000011100 000000011101 " +
		"000000011110 000000011111"
)

const longestCode = 13

// faxCode is a run's length and the bits of its code; no bits: there is no such code.
type faxCode struct {
	run  int16
	bits int8
}

// faxCodes finds the code that 13 bits begin with: of white runs, of black ones.
var faxCodes = sync.OnceValue(func() *[2][1 << longestCode]faxCode {
	tables := new([2][1 << longestCode]faxCode)
	for i, codes := range []string{whiteCodes, blackCodes} {
		for j, code := range strings.Fields(codes + " " + longCodes) {
			run := j
			if j > 63 {
				run = 64 * (j - 63)
			}
			first := 0
			for _, bit := range code {
				first = 2*first + int(bit-'0')
			}
			rest := longestCode - len(code)
			for k := range 1 << rest {
				tables[i][first<<rest+k] = faxCode{int16(run), int8(len(code))}
			}
		}
	}
	return tables
})

var errFax = errors.New("a code that there is not in its fax compression")

func newFaxReader(r io.ByteReader, kind faxKind, twoD bool, width int) *faxReader {
	return &faxReader{r: r, kind: kind, twoD: twoD, width: width, cur: []int{width, width}, ref: []int{width, width}}
}

// peek gives the next k bits, at most 32; zeros behind the end.
func (f *faxReader) peek(k int) (int, error) {
	for f.n < k {
		b, err := f.r.ReadByte()
		if err == io.EOF {
			f.pad += 8
		} else if err != nil {
			return 0, err
		}
		f.acc |= uint64(b) << (56 - f.n)
		f.n += 8
	}
	return int(f.acc >> (64 - k)), nil
}

// drop passes over k bits that were seen.
func (f *faxReader) drop(k int) error {
	f.acc <<= k
	f.n -= k
	if f.n < f.pad {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// Read decodes one row: a bit per pixel, 1 is black. p has to have its length.
func (f *faxReader) Read(p []byte) (int, error) {
	f.ref, f.cur = f.cur, f.ref[:0]
	oneD := f.kind != faxGroup4
	switch f.kind {
	case faxRows:
		if err := f.drop(f.n % 8); err != nil {
			return 0, err
		}
	case faxGroup3:
		marked, err := f.lineEnd()
		if err != nil {
			return 0, err
		}
		if f.twoD && marked {
			tag, err := f.peek(1)
			if err != nil {
				return 0, err
			}
			if err := f.drop(1); err != nil {
				return 0, err
			}
			oneD = tag == 1
		}
	}
	row := f.rowTwoD
	if oneD {
		row = f.rowOneD
	}
	if err := row(); err != nil {
		return 0, err
	}
	f.cur = append(f.cur, f.width, f.width)
	clear(p)
	for i := 0; f.cur[i] < f.width; i += 2 {
		blacken(p, f.cur[i], f.cur[i+1])
	}
	return len(p), nil
}

// lineEnd passes the mark of a line's end, at least 11 zeros and a one, if there is one.
func (f *faxReader) lineEnd() (bool, error) {
	zeros, err := f.peek(11)
	if err != nil || zeros != 0 {
		return false, err
	}
	for {
		next, err := f.peek(32)
		if err != nil {
			return false, err
		}
		if n := bits.LeadingZeros32(uint32(next)); n < 32 {
			return true, f.drop(n + 1)
		}
		if err := f.drop(32); err != nil {
			return false, err
		}
	}
}

func (f *faxReader) rowOneD() error {
	at := 0
	for black := 0; at < f.width; black ^= 1 {
		run, err := f.run(black, f.width-at)
		if err != nil {
			return err
		}
		at += run
		f.cur = append(f.cur, at)
	}
	return nil
}

// run reads the length of a run: any number of multiples of 64, and a rest.
func (f *faxReader) run(colour, most int) (n int, err error) {
	for {
		next, err := f.peek(longestCode)
		if err != nil {
			return 0, err
		}
		c := &faxCodes()[colour][next]
		if c.bits == 0 {
			if f.n <= f.pad+longestCode {
				return 0, io.ErrUnexpectedEOF
			}
			return 0, errFax
		}
		if err := f.drop(int(c.bits)); err != nil {
			return 0, err
		}
		if n += int(c.run); n > most {
			return 0, errors.New("a row of its fax compression is longer than the picture is wide")
		}
		if c.run < 64 {
			return n, nil
		}
	}
}

// rowTwoD is T.4's two-dimensional coding, and T.6's: changes as seen from those of the row above.
func (f *faxReader) rowTwoD() error {
	at, i := -1, 0 // the change before, and where to look in ref
	for {
		// b1 is the first change above that is right of at and to the other colour; f.cur has an even number of changes where white goes on.
		black := len(f.cur) & 1
		for i > 0 && f.ref[i-1] > at {
			i--
		}
		for f.ref[i] < f.width && (f.ref[i] <= at || i&1 != black) {
			i++
		}
		b1, b2 := f.ref[i], f.width
		if b1 < f.width {
			b2 = f.ref[i+1]
		}
		next, err := f.peek(7)
		if err != nil {
			return err
		}
		start := max(at, 0)
		switch mode := faxModes[next]; mode.bits {
		case 0:
			if f.n <= f.pad+7 {
				return io.ErrUnexpectedEOF
			}
			return errFax
		case 4: // pass
			if err := f.drop(4); err != nil {
				return err
			}
			at = b2
		case 3:
			if mode.run == faxHorizontal {
				if err := f.drop(3); err != nil {
					return err
				}
				for _, colour := range []int{black, 1 - black} {
					n, err := f.run(colour, f.width-start)
					if err != nil {
						return err
					}
					start += n
					f.cur = append(f.cur, start)
				}
				at = start
				break
			}
			fallthrough
		default:
			if err := f.drop(int(mode.bits)); err != nil {
				return err
			}
			if at = b1 + int(mode.run); at < start || at > f.width {
				return errors.New("a change of colour outside of the row in its fax compression")
			}
			f.cur = append(f.cur, at)
		}
		if at >= f.width {
			return nil
		}
	}
}

const faxHorizontal = 100 // in faxModes, whose other runs are distances from the change above

// faxModes finds the mode that 7 bits begin with.
var faxModes = func() (table [1 << 7]faxCode) {
	for code, run := range map[string]int16{"1": 0, "011": 1, "000011": 2, "0000011": 3, "010": -1, "000010": -2, "0000010": -3, "0001": 0, "001": faxHorizontal} {
		first := 0
		for _, bit := range code {
			first = 2*first + int(bit-'0')
		}
		rest := 7 - len(code)
		for k := range 1 << rest {
			table[first<<rest+k] = faxCode{run, int8(len(code))}
		}
	}
	return table
}()

// blacken sets the bits from from to to.
func blacken(row []byte, from, to int) {
	for ; from < to && from%8 != 0; from++ {
		row[from/8] |= 0x80 >> (from % 8)
	}
	for ; from+8 <= to; from += 8 {
		row[from/8] = 0xff
	}
	for ; from < to; from++ {
		row[from/8] |= 0x80 >> (from % 8)
	}
}
