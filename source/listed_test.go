package source_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/source"
)

func TestLists(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"a.jpg", "b c.jpg", "d/e.jpg", "d/f.bin", "new\nline.jpg", "s-08.jpg", "s-10.jpg"} {
		write(t, name, []byte(name))
	}
	whole, err := os.Getwd()
	require.NoError(t, err)
	write(t, "list.txt", []byte("\ufeffa.jpg\r\n\nb c.jpg\nmissing.jpg\nd\nd/f.bin\nd/*.bin\n"+whole+"/a.jpg"))
	write(t, "null", []byte("new\nline.jpg\x00a.jpg\x00\x00b c.jpg"))
	write(t, "table.csv", []byte("id,Path,label\n1,a.jpg,x\n2,\"b c.jpg\",\"y,z\"\n3,,\n4\n5,d/e.jpg,\n"))
	write(t, "bare.tsv", []byte("x\ta.jpg\ny\td/e.jpg\n"))
	write(t, "other.csv", []byte("id,where\n1,a.jpg\n"))
	write(t, "broken.csv", []byte("path\na.jpg\n\"b\"x,\nd/e.jpg\n"))
	write(t, "empty.csv", nil)
	write(t, "long.txt", []byte("a.jpg\n"+strings.Repeat("x", 1<<17)+"\na.jpg\n"))
	missing := "missing.jpg: error: no such file or directory"
	for _, c := range []struct {
		path    string
		options source.Options
		want    []string
	}{
		{"@list.txt", source.Options{}, []string{"a.jpg: a.jpg", "b c.jpg: b c.jpg", missing, "d/e.jpg: d/e.jpg", "d/f.bin: d/f.bin", "d/f.bin: d/f.bin", whole + "/a.jpg: a.jpg"}},
		{"@null", source.Options{Null: true}, []string{"new\nline.jpg: new\nline.jpg", "a.jpg: a.jpg", "b c.jpg: b c.jpg"}},
		{"@table.csv", source.Options{}, []string{"a.jpg: a.jpg", "b c.jpg: b c.jpg", "table.csv:4: error: the path is empty", "table.csv:5: error: 1 columns: there is no path", "d/e.jpg: d/e.jpg"}},
		{"@table.csv", source.Options{Column: "nope"}, []string{`@table.csv: error: which column has the paths? --column takes its name, or its number in a table without header; the header is "id", "Path", "label"`}},
		{"@other.csv", source.Options{Column: "where"}, []string{"a.jpg: a.jpg"}},
		{"@other.csv", source.Options{}, []string{`@other.csv: error: which column has the paths? --column takes its name, or its number in a table without header; the header is "id", "where"`}},
		{"@bare.tsv", source.Options{Column: "2"}, []string{"a.jpg: a.jpg", "d/e.jpg: d/e.jpg"}},
		{"@broken.csv", source.Options{}, []string{"a.jpg: a.jpg", "broken.csv: error: parse error on line 3, column 3: extraneous or missing \" in quoted-field; the rest of this table is not read"}},
		{"@empty.csv", source.Options{}, []string{"@empty.csv: error: the table is empty"}},
		{"@long.txt", source.Options{}, []string{"a.jpg: a.jpg", "long.txt: error: after 1 paths: a path of more than 65536 bytes; if NUL bytes end the paths, say --null; the rest of this list is not read"}},
		{"@none.txt", source.Options{}, []string{"@none.txt: error: no such file or directory"}},
		{"s-{07..10}.jpg", source.Options{}, []string{"s-07.jpg: error: no such file or directory", "s-08.jpg: s-08.jpg", "s-09.jpg: error: no such file or directory", "s-10.jpg: s-10.jpg"}},
		{"s-{8..7}.jpg", source.Options{}, []string{"s-{8..7}.jpg: error: {8..7} does not count up in at most 10000000 steps"}},
		{"**/*.jpg", source.Options{}, []string{"a.jpg: a.jpg", "b c.jpg: b c.jpg", "d/e.jpg: d/e.jpg", "new\nline.jpg: new\nline.jpg", "s-08.jpg: s-08.jpg", "s-10.jpg: s-10.jpg"}},
		{"{a,d/f}.*", source.Options{}, []string{"a.jpg: a.jpg", "d/f.bin: d/f.bin"}},
		{"[", source.Options{}, []string{"[: error: as a pattern: syntax error in pattern"}},
		{"*.gif", source.Options{}, []string{"*.gif: error: there is no such file, and none matches as a pattern"}},
	} {
		got := all(t, source.Paths([]string{c.path}, c.options), 0)
		require.Equal(t, c.want, got, c.path)
		resumed(t, []string{c.path}, c.options, c.want)
	}

	write(t, "sub/inner.txt", []byte("e.jpg\n"))
	require.Equal(t, []string{"e.jpg: d/e.jpg", "-: bytes"}, all(t, source.Paths([]string{"@sub/inner.txt", "-"}, source.Options{Root: "d", Stdin: strings.NewReader("bytes")}), 0))
	o := source.Options{Stdin: strings.NewReader("a.jpg\nd/e.jpg\n")}
	require.Equal(t, []string{"a.jpg: a.jpg", "d/e.jpg: d/e.jpg"}, all(t, source.Paths([]string{"@-"}, o), 0))
	require.Equal(t, -1, source.Count(t.Context(), []string{"@-"}, o))
}

// Whatever a list holds, it has an end.
func FuzzLists(f *testing.F) {
	f.Add("path,x\na.jpg,1\n", "", false)
	f.Add("a.jpg\x00b.jpg", "", true)
	f.Add("\"a", "2", false)
	f.Fuzz(func(t *testing.T, text, column string, null bool) {
		if strings.Contains(text, "..") || strings.Contains(text, "/") {
			t.Skip("may be a very long range, or a file of this machine")
		}
		t.Chdir(t.TempDir())
		for _, name := range []string{"l.csv", "l.txt"} {
			write(t, name, []byte(text))
			o := source.Options{Null: null, Column: column}
			require.GreaterOrEqual(t, source.Count(t.Context(), []string{"@" + name}, o), 0)
		}
	})
}
