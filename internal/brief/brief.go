package brief

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Plain gives text as it may be shown on a terminal: what is not printable, as in names of foreign files that move the cursor or turn the line around, is written as in
// Go's strings (\x1b, \n).
func Plain(text string) string {
	var b strings.Builder
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 || !strconv.IsPrint(r) {
			quoted := strconv.Quote(text[i : i+size])
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// List lists at most so many names, and how many it leaves out: "a, b and 40 more". Very long names are cut, and made plain.
func List(names []string, most int) string {
	rest := ""
	if more := len(names) - most; more > 0 {
		names, rest = names[:most], fmt.Sprintf(" and %d more", more)
	}
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = Plain(n)
		if cut := fmt.Sprintf("%.200s", n); cut != n {
			parts[i] = Plain(cut) + "..."
		}
	}
	return strings.Join(parts, ", ") + rest
}
