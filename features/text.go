package features

import (
	"bufio"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// fsEncode is Python's os.fsencode, the inverse of how sink writes paths: U+DC00 + b is the byte b, which is not UTF-8.
func fsEncode(text []rune) string {
	b := make([]byte, 0, len(text))
	for _, r := range text {
		if 0xDC80 <= r && r <= 0xDCFF {
			b = append(b, byte(r))
			continue
		}
		b = utf8.AppendRune(b, r)
	}
	return string(b)
}

var errString = errors.New("is no JSON string")

// unquote reads a JSON string as a path. encoding/json would make U+FFFD of what stands for bytes that are not UTF-8.
func unquote(text []byte) (string, error) {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return "", errString
	}
	text = text[1 : len(text)-1]
	list := make([]rune, 0, len(text))
	for len(text) > 0 {
		if text[0] == '"' {
			return "", errString
		}
		if text[0] != '\\' {
			r, n := utf8.DecodeRune(text)
			list, text = append(list, r), text[n:]
			continue
		}
		if len(text) < 2 {
			return "", errString
		}
		c := text[1]
		text = text[2:]
		if plain, ok := escapes[c]; ok {
			list = append(list, plain)
			continue
		}
		if c != 'u' || len(text) < 4 {
			return "", errString
		}
		v, err := strconv.ParseUint(string(text[:4]), 16, 16)
		if err != nil {
			return "", errString
		}
		text = text[4:]
		r := rune(v)
		if last := len(list) - 1; last >= 0 && 0xD800 <= list[last] && list[last] < 0xDC00 && 0xDC00 <= r && r < 0xE000 { // a pair
			list[last] = (list[last]-0xD800)<<10 + (r - 0xDC00) + 0x10000
			continue
		}
		list = append(list, r)
	}
	return fsEncode(list), nil
}

var escapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// readLine reads a line without its end; io.EOF is behind the last. It is valid until the next.
func readLine(in *bufio.Reader, most int) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		long := append([]byte(nil), line...)
		for errors.Is(err, bufio.ErrBufferFull) && len(long) <= most {
			line, err = in.ReadSlice('\n')
			long = append(long, line...)
		}
		line = long
	}
	if len(line) > most {
		return nil, fmt.Errorf("a line of more than %d bytes", most)
	}
	if n := len(line); n > 0 && line[n-1] == '\n' {
		return line[:n-1], nil
	}
	if len(line) > 0 {
		return line, nil // the last, without an end
	}
	return nil, err
}
