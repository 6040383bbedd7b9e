package sink

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// fsDecode is Python's os.fsdecode: a byte b that is not UTF-8 becomes U+DC00 + b.
func fsDecode(path string) []rune {
	list := make([]rune, 0, len(path))
	for i := 0; i < len(path); {
		r, n := utf8.DecodeRuneInString(path[i:])
		if r == utf8.RuneError && n == 1 {
			r = 0xDC00 + rune(path[i])
		}
		list = append(list, r)
		i += n
	}
	return list
}

// utf8Path is a path as UTF-8, in which a byte that is not UTF-8 becomes \xff, as with Python's path.decode(errors="backslashreplace").
func utf8Path(path string) string {
	if utf8.ValidString(path) {
		return path
	}
	var b []byte
	for _, r := range fsDecode(path) {
		if 0xDC00 <= r && r <= 0xDCFF {
			b = fmt.Appendf(b, `\x%02x`, r-0xDC00)
		} else {
			b = utf8.AppendRune(b, r)
		}
	}
	return string(b)
}

// appendString appends a path as a JSON string.
func appendString(b []byte, path string) []byte {
	b = append(b, '"')
	for _, r := range fsDecode(path) {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ' || 0xDC00 <= r && r <= 0xDCFF:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// appendFloat appends the shortest number that reads back as v. JSON has no infinity, but numbers that every reader of float32 takes for it; and no NaN: it is null.
func appendFloat(b []byte, v float32) []byte {
	switch {
	case v != v:
		return append(b, "null"...)
	case math.IsInf(float64(v), 1):
		return append(b, "1e999"...)
	case math.IsInf(float64(v), -1):
		return append(b, "-1e999"...)
	}
	return strconv.AppendFloat(b, float64(v), 'g', -1, 32)
}
