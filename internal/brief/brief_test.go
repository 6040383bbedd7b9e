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
