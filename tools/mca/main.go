// Mca asks llvm-mca how many cycles an iteration of each innermost loop of the NEON kernels takes on some cores, and writes
// tables of it into a page (docs/arm.md), between markers. `make mca` builds the binary whose loops are looked at and runs it.
//
// With -peer LABEL=FOLDER the object files of another library are analysed in the same way, and the GEMM kernels are set side by side.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// cores are the processors of the tables: llvm-mca's names, and the 128-bit FMAs that a cycle can begin.
var cores = []core{{"cortex-a55", 1}, {"cortex-a72", 1}, {"neoverse-n1", 2}, {"neoverse-v1", 4}, {"apple-m1", 4}}

type core struct {
	name string
	fmas float64 // by the guides of the makers; of Apple's by what is measured on it
}

const gemmKernel = "gemm16NEON" // what stands beside the peers

type peer struct{ label, folder string }

func main() {
	version := flag.String("llvm", "22", "version of llvm-mca and llvm-objdump; before 22 they lack some of the cores")
	binary := flag.String("binary", "", "a linux/arm64 binary with the kernels and their symbols")
	page := flag.String("page", "", "the page that holds the tables (default: print them)")
	var peers []peer
	flag.Func("peer", "`LABEL=FOLDER` of arm64 object files to compare the GEMM with; may be repeated", func(s string) error {
		label, folder, ok := strings.Cut(s, "=")
		if !ok {
			return errors.New("want LABEL=FOLDER")
		}
		peers = append(peers, peer{label, folder})
		return nil
	})
	flag.Parse()
	if err := run(llvm(*version), *binary, *page, peers); err != nil {
		fmt.Fprintln(os.Stderr, "mca:", err)
		os.Exit(1)
	}
}

func run(tools llvm, binary, page string, peers []peer) error {
	ours, err := tools.loops(binary, regexp.MustCompile(`featx/kernels\.(\w+)\.abi0$`))
	if err != nil {
		return err
	}
	if err := tools.analyse(ours); err != nil {
		return err
	}
	limit, err := tools.limits()
	if err != nil {
		return err
	}
	tables := map[string]string{"loops": loopTable(ours, limit)}
	if len(peers) > 0 {
		rivals := make([][]*loop, len(peers))
		for i, p := range peers {
			if rivals[i], err = tools.folder(p.folder); err != nil {
				return err
			}
		}
		tables["peers"] = peerTable(ours, peers, rivals, limit)
	}
	if page == "" {
		for _, name := range []string{"peers", "loops"} {
			fmt.Println(tables[name])
		}
		return nil
	}
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	for name, table := range tables {
		if text, err = between(text, name, table); err != nil {
			return fmt.Errorf("%s: %w", page, err)
		}
	}
	return os.WriteFile(page, text, 0o644)
}

// between puts a table between its markers.
func between(text []byte, name, table string) ([]byte, error) {
	begin, end := "<!-- mca "+name+" -->\n", "<!-- end -->"
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return nil, fmt.Errorf("no %q with %q behind it", strings.TrimSpace(begin), end)
	}
	return []byte(before + begin + table + end + after), nil
}

// loop is an innermost loop: the instructions from its label to the branch back.
type loop struct {
	kernel string
	code   []string
	fmas   int                // of four float32, by element or not
	cycles map[string]float64 // of one iteration in a steady state, by core
}

// rate is the FMAs of a cycle.
func (l *loop) rate(core string) float64 { return float64(l.fmas) / l.cycles[core] }

// accumulators counts the registers that FMAs add to.
func (l *loop) accumulators() int {
	seen := map[string]bool{}
	for _, c := range l.code {
		if vectorFMA.MatchString(c) {
			register, _, _ := strings.Cut(c, ",")
			seen[register] = true
		}
	}
	return len(seen)
}

// llvm is the version of the tools.
type llvm string

func (v llvm) run(input, tool string, args ...string) (string, error) {
	path, err := exec.LookPath(tool + "-" + string(v))
	if err != nil {
		return "", fmt.Errorf("no %s-%s here: Debian and Ubuntu have it in the package llvm-%s, some releases only in the archive of apt.llvm.org", tool, v, v)
	}
	c := exec.Command(path, args...)
	c.Stdin = strings.NewReader(input)
	c.Stderr = new(strings.Builder)
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", tool, err, c.Stderr)
	}
	return string(out), nil
}

var (
	symbolLine      = regexp.MustCompile(`^([0-9a-f]+) <(.*)>:$`)
	instructionLine = regexp.MustCompile(`^\s*([0-9a-f]+):\s+(\S.*)$`)
	branch          = regexp.MustCompile(`^(?:b|b\.\w+|cbn?z\s+\w+,|tbn?z\s+\w+, #\w+,)\s+0x0*([0-9a-f]+)`)
	vectorFMA       = regexp.MustCompile(`^fml[as]\s+v\d+\.4s,`)
)

// folder lists and analyses the loops of all objects in a folder that could be a GEMM's.
func (v llvm) folder(folder string) (list []*loop, err error) {
	objects, _ := filepath.Glob(filepath.Join(folder, "*.o"))
	if len(objects) == 0 {
		return nil, fmt.Errorf("%s: no object files", folder)
	}
	for _, o := range objects {
		loops, err := v.loops(o, regexp.MustCompile(`^(?:ncnn::)?([^(]*)`))
		if err != nil {
			return nil, err
		}
		for _, l := range loops {
			if l.fmas >= 16 {
				list = append(list, l)
			}
		}
	}
	return list, v.analyse(list)
}

// loops lists the innermost loops of the symbols that match, by the names of their first group.
func (v llvm) loops(file string, symbols *regexp.Regexp) (list []*loop, err error) {
	text, err := v.run("", "llvm-objdump", "-d", "-C", "--no-show-raw-insn", file)
	if err != nil {
		return nil, err
	}
	kernel := ""
	var addresses, code []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := symbolLine.FindStringSubmatch(line); m != nil {
			kernel, addresses, code = "", nil, nil
			if s := symbols.FindStringSubmatch(m[2]); s != nil {
				kernel = s[1]
			}
			continue
		}
		m := instructionLine.FindStringSubmatch(line)
		if m == nil || kernel == "" {
			continue
		}
		instruction, _, _ := strings.Cut(strings.ReplaceAll(strings.TrimSpace(m[2]), "\t", " "), " //")
		instruction, _, _ = strings.Cut(instruction, " <")
		addresses, code = append(addresses, m[1]), append(code, instruction)
		back := branch.FindStringSubmatch(instruction)
		if back == nil {
			continue
		}
		start := slices.Index(addresses, back[1])
		if start < 0 {
			continue // forwards
		}
		path := usualPath(addresses[start:], code[start:])
		if path == nil {
			continue
		}
		l := &loop{kernel: kernel, code: path, cycles: map[string]float64{}}
		for _, c := range l.code {
			if vectorFMA.MatchString(c) {
				l.fmas++
			}
		}
		list = append(list, l)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: no loops of kernels", file)
	}
	return list, nil
}

// usualPath is what a loop runs when no condition leads forwards, which is how the ends of rows are treated; nil if it holds another loop or never comes to its end.
func usualPath(addresses, code []string) (path []string) {
	last := len(code) - 1
	for i := 0; i <= last; i++ {
		path = append(path, code[i])
		m := branch.FindStringSubmatch(code[i])
		if m == nil || i == last {
			continue
		}
		to := slices.Index(addresses, m[1])
		switch {
		case 0 <= to && to <= i:
			return nil
		case strings.HasPrefix(code[i], "b ") && to < 0:
			return nil
		case strings.HasPrefix(code[i], "b "):
			i = to - 1
		}
	}
	return path
}

var (
	target = regexp.MustCompile(`0x[0-9a-f]+\s*$`)
	total  = regexp.MustCompile(`(?s)\[(\d+)\] Code Region.*?Total Cycles:\s+(\d+)`)
)

// analyse fills in the cycles: the difference between a long and a short run, so that the way into the steady state does not count.
func (v llvm) analyse(list []*loop) error {
	var source strings.Builder
	for i, l := range list {
		fmt.Fprintf(&source, "// LLVM-MCA-BEGIN %d\nl%d:\n", i, i)
		for _, c := range l.code {
			if branch.MatchString(c) {
				c = target.ReplaceAllString(c, fmt.Sprintf("l%d", i))
			}
			fmt.Fprintln(&source, c)
		}
		fmt.Fprintln(&source, "// LLVM-MCA-END")
	}
	const short, long = 100, 300
	for _, core := range cores {
		for _, iterations := range []int{short, long} {
			text, err := v.run(source.String(), "llvm-mca", "-mtriple=aarch64-linux-gnu", "-mcpu="+core.name, fmt.Sprintf("-iterations=%d", iterations),
				"-instruction-info=false", "-resource-pressure=false")
			if err != nil {
				return err
			}
			found := total.FindAllStringSubmatch(text, -1)
			if len(found) != len(list) {
				return fmt.Errorf("llvm-mca, %s: %d results for %d loops", core.name, len(found), len(list))
			}
			for i, m := range found {
				var cycles float64
				fmt.Sscan(m[2], &cycles)
				list[i].cycles[core.name] = cycles - list[i].cycles[core.name]
			}
		}
		for _, l := range list {
			l.cycles[core.name] /= long - short
		}
	}
	return nil
}

// limit is what llvm-mca's model of a core, and what the core itself can do.
type limit struct{ model, core float64 }

func (l limit) lower() float64 { return min(l.model, l.core) }

// limits finds what the models allow: FMAs by element and nothing else.
func (v llvm) limits() (map[string]limit, error) {
	l := &loop{fmas: 24, cycles: map[string]float64{}}
	for i := range l.fmas {
		l.code = append(l.code, fmt.Sprintf("fmla v%d.4s, v%d.4s, v%d.s[%d]", i, 24+i%4, 28+i%2, i%4))
	}
	if err := v.analyse([]*loop{l}); err != nil {
		return nil, err
	}
	list := map[string]limit{}
	for _, core := range cores {
		list[core.name] = limit{l.rate(core.name), core.fmas}
	}
	return list, nil
}

func loopTable(ours []*loop, limits map[string]limit) string {
	var b strings.Builder
	b.WriteString("\n| loop | instructions | FMLA | accumulators |")
	for _, core := range cores {
		fmt.Fprintf(&b, " %s |", core.name)
	}
	fmt.Fprintf(&b, "\n|---|---|---|---|%s\n", strings.Repeat("---|", len(cores)))
	ours = slices.Clone(ours)
	slices.SortStableFunc(ours, func(a, b *loop) int {
		return cmp.Or(strings.Compare(a.kernel, b.kernel), cmp.Compare(b.fmas, a.fmas), cmp.Compare(len(b.code), len(a.code)))
	})
	for _, l := range ours {
		fmt.Fprintf(&b, "| %s | %d | %d | %d |", l.kernel, len(l.code), l.fmas, l.accumulators())
		for _, core := range cores {
			fmt.Fprintf(&b, " %.1f", l.cycles[core.name])
			if l.fmas > 0 {
				fmt.Fprintf(&b, ", %.0f %%", 100*l.rate(core.name)/limits[core.name].lower())
			}
			b.WriteString(" |")
		}
		b.WriteString("\n")
	}
	return b.String() + "\n"
}

func peerTable(ours []*loop, peers []peer, rivals [][]*loop, limits map[string]limit) string {
	var b strings.Builder
	b.WriteString("\n| core | FMLA a cycle: model, core | featx |")
	for _, p := range peers {
		fmt.Fprintf(&b, " best of %s | its kernel |", p.label)
	}
	fmt.Fprintf(&b, "\n|---|---|---|%s\n", strings.Repeat("---|---|", len(peers)))
	gemm := slices.DeleteFunc(slices.Clone(ours), func(l *loop) bool { return l.kernel != gemmKernel })
	largest := slices.MaxFunc(gemm, func(a, b *loop) int { return cmp.Compare(a.fmas, b.fmas) })
	for _, core := range cores {
		limit := limits[core.name]
		fmt.Fprintf(&b, "| %s | %.0f, %.0f |", core.name, limit.model, limit.core)
		column := func(l *loop) {
			fmt.Fprintf(&b, " %.2f, %.0f %% |", l.rate(core.name), 100*l.rate(core.name)/limit.lower())
		}
		column(largest)
		for i := range peers {
			best := slices.MaxFunc(rivals[i], func(a, b *loop) int {
				return cmp.Or(cmp.Compare(a.rate(core.name), b.rate(core.name)), cmp.Compare(a.fmas, b.fmas))
			})
			column(best)
			fmt.Fprintf(&b, " %s, %d FMLA |", best.kernel, best.fmas)
		}
		b.WriteString("\n")
	}
	return b.String() + "\n"
}
