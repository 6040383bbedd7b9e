// Package glob matches names with patterns.
package glob

import (
	"path"
	"strings"
)

// Match is path.Match without separators: a star also stands for slashes.
func Match(pattern, name string) (bool, error) {
	const other = "\x00" // a character that it does not know
	return path.Match(strings.ReplaceAll(pattern, "/", other), strings.ReplaceAll(name, "/", other))
}
