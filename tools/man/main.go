// Man writes manual pages of featx, made of what its --help says: a page for the program, and one for each verb, as featx-pca-fit.1. packaging/dist.sh runs it.
//
//	man PROGRAM VERSION FOLDER
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: man PROGRAM VERSION FOLDER")
		os.Exit(2)
	}
	help := func(verb []string) (string, error) {
		out, err := exec.Command(os.Args[1], append(verb[:len(verb):len(verb)], "--help")...).Output()
		return string(out), err
	}
	for page, err := range pages(help, os.Args[2]) {
		if err == nil {
			err = os.WriteFile(filepath.Join(os.Args[3], page.name+".1"), []byte(page.text), 0o666)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "man:", err)
			os.Exit(1)
		}
	}
}

type page struct{ name, text string }

// pages gives the page of the program and those of its verbs, but of help and completion.
func pages(help func(verb []string) (string, error), version string) func(yield func(page, error) bool) {
	return func(yield func(page, error) bool) {
		type verb struct {
			words []string
			short string
		}
		for list := []verb{{nil, "Features of pictures from pre-trained convolutional networks"}}; len(list) > 0; list = list[1:] {
			v := list[0]
			text, err := help(v.words)
			p := page{name: strings.Join(append([]string{"featx"}, v.words...), "-")}
			var verbs [][2]string
			if err == nil {
				p.text, verbs, err = write(p.name, v.short, version, text)
			}
			if !yield(p, err) || err != nil {
				return
			}
			for _, c := range verbs {
				list = append(list, verb{append(v.words[:len(v.words):len(v.words)], c[0]), c[1]})
			}
		}
	}
}

var (
	title   = regexp.MustCompile(`(?m)^(Usage|Aliases|Examples|Available Commands|Flags|Global Flags):\n`)
	flag    = regexp.MustCompile(`^ +(-\w, )?(--[\w-]+)( \S+)? {2,}(\S.*)$`)
	command = regexp.MustCompile(`^ +([\w-]+) +(\S.*)$`)
)

// write makes a page of a help text, and gives the verbs below this one, each with its description.
func write(name, short, version, help string) (text string, verbs [][2]string, err error) {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"featx %s\" \"featx\"\n.nh\n.ad l\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n", roff(strings.ToUpper(name)), roff(version), roff(name), roff(short))

	// The sections that follow the description, which has no title.
	help, _, _ = strings.Cut(help+"\n", "\nUse \"featx ")
	at := title.FindAllStringSubmatchIndex(help, -1)
	sections := map[string][]string{}
	for i, m := range at {
		end := len(help)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		sections[help[m[2]:m[3]]] = strings.Split(strings.Trim(help[m[1]:end], "\n"), "\n")
	}
	if sections["Usage"] == nil || sections["Flags"] == nil {
		return "", nil, fmt.Errorf("%s: no usage and flags in its help", name)
	}
	for i, line := range sections["Usage"] {
		if i > 0 {
			b.WriteString(".br\n")
		}
		fmt.Fprintf(&b, "%s\n", roff(strings.TrimSpace(line)))
	}

	b.WriteString(".SH DESCRIPTION\n")
	asIs := false // lines that begin with a space stay lines
	for line := range strings.SplitSeq(strings.TrimSpace(help[:at[0][0]]), "\n") {
		if indented := strings.HasPrefix(line, " "); indented != asIs {
			b.WriteString(map[bool]string{true: ".nf\n", false: ".fi\n"}[indented])
			asIs = indented
		}
		if line == "" {
			line = ".PP"
		} else {
			line = roff(line)
		}
		b.WriteString(line + "\n")
	}
	if asIs {
		b.WriteString(".fi\n")
	}

	if lines := sections["Available Commands"]; lines != nil {
		b.WriteString(".SH COMMANDS\n")
		for _, line := range lines {
			m := command.FindStringSubmatch(line)
			if m == nil {
				return "", nil, fmt.Errorf("%s: no verb: %q", name, line)
			}
			if m[1] != "help" && m[1] != "completion" {
				fmt.Fprintf(&b, ".TP\n.BR %s (1)\n%s\n", roff(name+"-"+m[1]), roff(m[2]))
				verbs = append(verbs, [2]string{m[1], m[2]})
			}
		}
	}

	b.WriteString(".SH OPTIONS\n")
	for _, line := range sections["Flags"] {
		m := flag.FindStringSubmatch(line)
		if m == nil {
			return "", nil, fmt.Errorf("%s: no flag: %q", name, line)
		}
		fmt.Fprintf(&b, ".TP\n\\fB%s%s\\fR", roff(m[1]), roff(m[2]))
		if m[3] != "" {
			fmt.Fprintf(&b, " \\fI%s\\fR", roff(m[3][1:]))
		}
		fmt.Fprintf(&b, "\n%s\n", roff(m[4]))
	}

	if lines := sections["Examples"]; lines != nil {
		b.WriteString(".SH EXAMPLES\n.nf\n")
		for _, line := range lines {
			b.WriteString(roff(strings.TrimPrefix(line, "  ")) + "\n")
		}
		b.WriteString(".fi\n")
	}
	if i := strings.LastIndex(name, "-"); i > 0 {
		fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (1)\n", roff(name[:i]))
	}
	return b.String(), verbs, nil
}

// roff is text as troff wants it: hyphens that can be copied, and no line that is a request.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}
