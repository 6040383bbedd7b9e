package brief

import (
	"fmt"
	"strings"
)

// List lists at most so many names, and how many it leaves out: "a, b and 40 more". Very long names are cut.
func List(names []string, most int) string {
	rest := ""
	if more := len(names) - most; more > 0 {
		names, rest = names[:most], fmt.Sprintf(" and %d more", more)
	}
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = n
		if cut := fmt.Sprintf("%.200s", n); cut != n {
			parts[i] = cut + "..."
		}
	}
	return strings.Join(parts, ", ") + rest
}
