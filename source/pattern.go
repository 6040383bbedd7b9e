package source

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

func isPattern(path string) bool { return strings.ContainsAny(path, "*?[{") }

// counting is a range of numbers, as shells write it: {000..127}.
var counting = regexp.MustCompile(`\{(\d{1,18})\.\.(\d{1,18})\}`)

// maxCount bounds a range, which somebody may have mistyped.
const maxCount = 10_000_000

// matches is the files that a pattern means, by name. A range of numbers means its names, whether there are such files or not.
func matches(pattern string, o Options) (Source, error) {
	if m := counting.FindStringSubmatchIndex(pattern); m != nil {
		return ranged(pattern[:m[0]], pattern[m[2]:m[3]], pattern[m[4]:m[5]], pattern[m[1]:], o)
	}
	names, err := doublestar.FilepathGlob(pattern, doublestar.WithFilesOnly(), doublestar.WithNoHidden(), doublestar.WithFailOnIOErrors())
	if err != nil {
		return nil, fmt.Errorf("as a pattern: %w", Reason(err))
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no such file, and none matches as a pattern")
	}
	slices.Sort(names)
	return each(names, o), nil
}

// ranged is what the paths before + number + after mean, for each number; leading zeros make all of the same width.
func ranged(before, first, last, after string, o Options) (Source, error) {
	from, err1 := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	if err1 != nil || err2 != nil || to < from || to-from >= maxCount {
		return nil, fmt.Errorf("{%s..%s} does not count up in at most %d steps", first, last, maxCount)
	}
	width := 0
	if first[0] == '0' {
		width = len(first)
	}
	return sequence(func() (string, error) {
		if from > to {
			return "", io.EOF
		}
		from++
		return fmt.Sprintf("%s%0*d%s", before, width, from-1, after), nil
	}, o), nil
}

// each is what the paths mean, one after the other.
func each(paths []string, o Options) Source {
	return sequence(func() (string, error) {
		if len(paths) == 0 {
			return "", io.EOF
		}
		path := paths[0]
		paths = paths[1:]
		return path, nil
	}, o)
}
