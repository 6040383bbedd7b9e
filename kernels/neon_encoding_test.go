package kernels

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// neonMacro is a macro of neon_arm64.h.
type neonMacro struct {
	name string
	text string   // what a disassembler prints, with the names of the arguments
	args []string // whose values are those of neonDomains
}

// neonDomains are the values that the arguments of macros may have.
var neonDomains = map[string]func(v int) bool{
	"m": isVector, "n": isVector, "d": isVector,
	"i": between(0, 3), "j": between(0, 1), "s": between(1, 32), "o": between(-256, 255),
	"q": func(v int) bool { return between(-1024, 1008)(v) && v%16 == 0 },
	"u": func(v int) bool { return between(0, 65520)(v) && v%16 == 0 },
	"b": isPointer, "x": isPointer,
	"c": between(0, 15), "k": between(0, 7), "a": between(1, 7), "z": between(1, 15), "t": between(1, 16), "e": between(1, 8),
}

func between(least, most int) func(int) bool {
	return func(v int) bool { return least <= v && v <= most }
}

func isVector(v int) bool { return 0 <= v && v <= 31 }

// isPointer leaves out R18, the platform's, R27, the assembler's own, R28, g, and what is SP in one place and zero in another.
func isPointer(v int) bool { return 0 <= v && v <= 30 && v != 18 && v != 27 && v != 28 }

// neonMacros reads the header, all of whose definitions are macros with their text above them.
func neonMacros(t *testing.T) (list []neonMacro) {
	header, err := os.ReadFile("neon_arm64.h")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^// (.*)\n#define (\w+)\(([a-z, ]+)\) WORD \$`).FindAllStringSubmatch(string(header), -1) {
		macro := neonMacro{m[2], m[1], strings.Split(m[3], ", ")}
		mnemonic, _, _ := strings.Cut(macro.text, " ")
		if !strings.HasPrefix(macro.name+"_", strings.ToUpper(mnemonic)+"_") {
			t.Errorf("%s is named after another mnemonic than %q", macro.name, macro.text)
		}
		for _, a := range macro.args {
			if neonDomains[a] == nil {
				t.Fatalf("%s: no argument is called %q", macro.name, a)
			}
		}
		list = append(list, macro)
	}
	if defined := strings.Count(string(header), "#define"); defined != len(list) || defined == 0 {
		t.Fatalf("%d definitions in neon_arm64.h, of which %d are macros below the text of their instruction", defined, len(list))
	}
	return list
}

var neonArgument = regexp.MustCompile(`\b[VQDSX]([a-z])\b|\[([a-z])\]|#([a-z])\b`)

// disassembled is the text of the macro with values for its arguments.
func (m neonMacro) disassembled(values []int) string {
	s := neonArgument.ReplaceAllStringFunc(m.text, func(s string) string {
		name := strings.Trim(s, "VQDSX[]#")
		return strings.Replace(s, name, strconv.Itoa(values[slices.Index(m.args, name)]), 1)
	})
	return plainText(strings.Replace(s, ", #0]", "]", 1))
}

// plainText is a disassembler's text in one spelling.
func plainText(s string) string {
	s = strings.ReplaceAll(strings.ToLower(strings.Join(strings.Fields(s), " ")), ", ", ",")
	return strings.ReplaceAll(s, "#0.0", "#0")
}

// goTool runs the go command for arm64 in a folder, or skips the test where there is none.
func goTool(t *testing.T, dir string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("needs the go command: %v", err)
	}
	c := exec.Command("go", args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0", "GOWORK=off")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

var objdumpLine = regexp.MustCompile(`(?m)^\s+\S+:(\d+)\s+0x[0-9a-f]+\s+[0-9a-f]{8}\s+(.*)$`)

// disassemble assembles lines and gives the text of each one's instruction. The tools are Go's own, and the
// disassembler knows nothing of the assembler's sources.
func disassemble(t *testing.T, lines []string) []string {
	t.Helper()
	header, err := filepath.Abs("neon_arm64.h")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	const head = "#include \"neon_arm64.h\"\nTEXT ·f(SB), $0-0\n"
	if err := os.WriteFile(filepath.Join(dir, "f.s"), []byte(head+strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	goTool(t, dir, "tool", "asm", "-I", filepath.Dir(header), "-o", "f.o", "f.s")
	text := make([]string, len(lines))
	for _, m := range objdumpLine.FindAllStringSubmatch(goTool(t, dir, "tool", "objdump", "-gnu", "f.o"), -1) {
		_, gnu, _ := strings.Cut(m[2], "//")
		if n, _ := strconv.Atoi(m[1]); n > 2 && n-3 < len(text) && text[n-3] == "" {
			text[n-3] = plainText(gnu)
		}
	}
	return text
}

// TestNEONEncodings compares each macro with what a disassembler makes of it, for every value of each of its arguments.
func TestNEONEncodings(t *testing.T) {
	r := newRand(1)
	var lines, want []string
	for _, m := range neonMacros(t) {
		for a, name := range m.args {
			for v := -256; v < 256; v++ {
				for range 2 {
					values := m.random(r)
					values[a] = v
					if neonDomains[name](v) {
						lines = append(lines, m.call(values))
						want = append(want, m.disassembled(values))
					}
				}
			}
		}
	}
	for i, got := range disassemble(t, lines) {
		if got != want[i] {
			t.Errorf("%s is %q, want %q", lines[i], got, want[i])
		}
	}
}

func (m neonMacro) random(r *rand.Rand) []int {
	values := make([]int, len(m.args))
	for i, name := range m.args {
		for values[i] = 999; !neonDomains[name](values[i]); {
			values[i] = r.IntN(512) - 256
		}
	}
	return values
}

func (m neonMacro) call(values []int) string {
	return m.name + "(" + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(values)), ", "), "[]") + ")"
}

// asmWord is an instruction of a source file that is given as a number.
type asmWord struct {
	place string
	value uint32
}

var asmListing = regexp.MustCompile(`(?m)^\s+0x[0-9a-f]+ \d+ \((\S+_neon_arm64\.s:\d+)\)\s+WORD\s+\$(-?\d+)$`)

// assemblyWords builds a folder's package and lists the numbers in its NEON files, in their order.
func assemblyWords(t *testing.T, dir string) (list []asmWord) {
	for _, m := range asmListing.FindAllStringSubmatch(goTool(t, dir, "build", "-asmflags=-S", "."), -1) {
		v, err := strconv.ParseInt(m[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, asmWord{filepath.Base(m[1]), uint32(v)})
	}
	slices.SortStableFunc(list, func(a, b asmWord) int {
		fileA, _, _ := strings.Cut(a.place, ":")
		fileB, _, _ := strings.Cut(b.place, ":")
		return strings.Compare(fileA, fileB)
	})
	return list
}

// TestNEONKernels compares every instruction that the kernels give as a number with the macro that the source names. Which macros with which arguments
// are left when all definitions of a file are expanded, is seen in a copy of the package whose header makes every macro a mark and its arguments.
func TestNEONKernels(t *testing.T) {
	macros := neonMacros(t)
	words := assemblyWords(t, ".")
	if len(words) == 0 {
		t.Fatal("no NEON kernel has an instruction given as a number")
	}

	const mark = 0xFEFE0000 // no instruction
	dir := t.TempDir()
	inner := filepath.Join(dir, "kernels")
	if err := os.Mkdir(inner, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"../go.mod", "../go.sum", "*.go", "*.s", "*.h"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			to := filepath.Join(inner, file)
			data, err := os.ReadFile(file)
			switch {
			case err != nil:
				t.Fatal(err)
			case strings.HasSuffix(file, "_test.go"):
				continue
			case file == "neon_arm64.h":
				data = nil
				for i, m := range macros {
					data = fmt.Appendf(data, "#define %s(%s) WORD $%#x", m.name, strings.Join(m.args, ", "), mark|uint32(i))
					for _, a := range m.args {
						data = fmt.Appendf(data, "; WORD $(%s)", a)
					}
					data = append(data, '\n')
				}
			}
			if err := os.WriteFile(to, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	marks := assemblyWords(t, inner)

	var lines, want []string
	for _, w := range words {
		if len(marks) == 0 || marks[0].place != w.place || marks[0].value < mark || int(marks[0].value-mark) >= len(macros) {
			t.Fatalf("%s: WORD %#08x is not by a macro of neon_arm64.h", w.place, w.value)
		}
		m := macros[marks[0].value-mark]
		values := make([]int, len(m.args))
		for i, name := range m.args {
			values[i] = int(int32(marks[1+i].value))
			if !neonDomains[name](values[i]) {
				t.Errorf("%s: %s has %d for %s", w.place, m.name, values[i], name)
			}
		}
		marks = marks[1+len(m.args):]
		lines = append(lines, fmt.Sprintf("WORD $%#08x", w.value))
		want = append(want, m.disassembled(values))
	}
	if len(marks) > 0 {
		t.Fatalf("%s: more macros than instructions", marks[0].place)
	}
	for i, got := range disassemble(t, lines) {
		if got != want[i] {
			t.Errorf("%s: %s is %q, the macro says %q", words[i].place, lines[i], got, want[i])
		}
	}
	t.Logf("%d instructions", len(words))
}
