package brief

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestList(t *testing.T) {
	require.Equal(t, "", List(nil, 2))
	require.Equal(t, "a, b", List([]string{"a", "b"}, 2))
	require.Equal(t, "a, b and 1 more", List([]string{"a", "b", "c"}, 2))
	long := strings.Repeat("ä", 200)
	require.Equal(t, long+", "+long+"...", List([]string{long, long + "ä"}, 2))
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "",
		`/layer4/"Conv" é 層\n`:               `/layer4/"Conv" é 層\n`,
		"\x1b[2J\r\a\tname\n\x7f":            `\x1b[2J\r\a\tname\n\x7f`,
		"\u009b31m \u202etxt\u200b \xff\xc3": `\u009b31m \u202etxt\u200b \xff\xc3`,
	} {
		require.Equal(t, want, Plain(text))
	}
	require.Equal(t, `a\x1b, b`, List([]string{"a\x1b", "b"}, 2))
}
