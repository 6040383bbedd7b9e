package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var helps = map[string]string{
	"": `Long text of
two lines.

Usage:
  featx [flags]
  featx [command]

Available Commands:
  completion  Generate the autocompletion script for the specified shell
  help        Help about any command
  pca         Principal components

Flags:
  -h, --help   help for featx

Use "featx [command] --help" for more information about a command.
`,
	"pca": `Fits.

FILE is
  .npy     one layer
  'a \ b'  a pattern
and more.

Usage:
  featx pca [flags] PATH...

Examples:
  featx pca --in a.npy \
    -n 3

Flags:
      --in file          file of features; "several"
  -n, --components int   how many are kept
  -h, --help             help for pca
`,
}

func TestPages(t *testing.T) {
	var got []string
	for p, err := range pages(func(verb []string) (string, error) { return helps[strings.Join(verb, " ")], nil }, "v1-2") {
		require.NoError(t, err)
		got = append(got, p.name)
		if troff, err := exec.LookPath("groff"); err == nil {
			c := exec.Command(troff, "-man", "-Tutf8", "-ww", "-z")
			c.Stdin = strings.NewReader(p.text)
			warnings, err := c.CombinedOutput()
			require.NoError(t, err)
			require.Empty(t, string(warnings))
		}
		if p.name == "featx-pca" {
			require.Equal(t, `.TH FEATX\-PCA 1 "" "featx v1\-2" "featx"
.nh
.ad l
.SH NAME
featx\-pca \- Principal components
.SH SYNOPSIS
featx pca [flags] PATH...
.SH DESCRIPTION
Fits.
.PP
FILE is
.nf
  .npy     one layer
  \(aqa \e b\(aq  a pattern
.fi
and more.
.SH OPTIONS
.TP
\fB\-\-in\fR \fIfile\fR
file of features; "several"
.TP
\fB\-n, \-\-components\fR \fIint\fR
how many are kept
.TP
\fB\-h, \-\-help\fR
help for pca
.SH EXAMPLES
.nf
featx pca \-\-in a.npy \e
  \-n 3
.fi
.SH SEE ALSO
.BR featx (1)
`, p.text)
		}
	}
	require.Equal(t, []string{"featx", "featx-pca"}, got)
}

// A help text of another form is noticed.
func TestNoPage(t *testing.T) {
	for _, text := range []string{"", "Usage:\n  featx\n", "Usage:\n  featx\n\nFlags:\n  what is this\n"} {
		_, _, err := write("featx", "", "", text)
		require.Error(t, err, text)
	}
}
