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

// cores are llvm-mca's names for the processors of the tables.
var cores = []string{"cortex-a55", "cortex-a72", "neoverse-n1", "neoverse-v1", "apple-m1"}

const (
	peakKernel = "fmaRoundsNEON" // independent FMAs alone: its share is the limit
	gemmKernel = "gemm16NEON"    // what stands beside the peers
)

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
	limit, err := limits(ours)
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

// share is how near the loop comes to the limit of FMAs per cycle.
func (l *loop) share(core string, limit map[string]float64) float64 {
	return 100 * float64(l.fmas) / l.cycles[core] / limit[core]
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
	branchBack      = regexp.MustCompile(`^(?:b\.\w+|cbn?z\s+\w+,|tbn?z\s+\w+, #\w+,)\s+0x([0-9a-f]+)`)
	vectorFMA       = regexp.MustCompile(`^fml[as]\s+v\d+\.4s,`)
)

// folder lists and analyses the loops of all objects in a folder that could be a GEMM's.
func (v llvm) folder(folder string) (list []*loop, err error) {
	objects, _ := filepath.Glob(filepath.Join(folder, "*.o"))
	if len(objects) == 0 {
		return nil, fmt.Errorf("%s: no object files", folder)
	}
	for _, o := range objects {
		loops, err := v.loops(o, regexp.MustCompile(`(.*)`))
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
	text, err := v.run("", "llvm-objdump", "-d", "--no-show-raw-insn", file)
	if err != nil {
		return nil, err
	}
	kernel := ""
	var addresses, code []string
	for _, line := range strings.Split(text, "\n") {
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
		instruction := strings.ReplaceAll(strings.TrimSpace(m[2]), "\t", " ")
		instruction, _, _ = strings.Cut(instruction, " //")
		addresses, code = append(addresses, m[1]), append(code, instruction)
		b := branchBack.FindStringSubmatch(instruction)
		if b == nil {
			continue
		}
		start := slices.IndexFunc(addresses, func(a string) bool { return strings.TrimLeft(a, "0") == strings.TrimLeft(b[1], "0") })
		if start < 0 {
			continue // forwards, or out of the kernel
		}
		l := &loop{kernel: kernel, cycles: map[string]float64{}}
		for i, c := range code[start:] {
			if at := start + i; at < len(code)-1 && branchBack.MatchString(c) && inside(c, addresses[start:at+1]) {
				l = nil // holds another loop
				break
			}
			if vectorFMA.MatchString(c) {
				l.fmas++
			}
			c, _, _ = strings.Cut(c, "<")
			l.code = append(l.code, c)
		}
		if l != nil {
			list = append(list, l)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: no loops of kernels", file)
	}
	return list, nil
}

// inside tells whether a branch goes to one of the addresses.
func inside(branch string, addresses []string) bool {
	target := strings.TrimLeft(branchBack.FindStringSubmatch(branch)[1], "0")
	return slices.ContainsFunc(addresses, func(a string) bool { return strings.TrimLeft(a, "0") == target })
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
			if branchBack.MatchString(c) {
				c = target.ReplaceAllString(c, fmt.Sprintf("l%d", i))
			}
			fmt.Fprintln(&source, c)
		}
		fmt.Fprintln(&source, "// LLVM-MCA-END")
	}
	const short, long = 100, 300
	for _, core := range cores {
		for _, iterations := range []int{short, long} {
			text, err := v.run(source.String(), "llvm-mca", "-mtriple=aarch64-linux-gnu", "-mcpu="+core, fmt.Sprintf("-iterations=%d", iterations),
				"-instruction-info=false", "-resource-pressure=false")
			if err != nil {
				return err
			}
			found := total.FindAllStringSubmatch(text, -1)
			if len(found) != len(list) {
				return fmt.Errorf("llvm-mca, %s: %d results for %d loops", core, len(found), len(list))
			}
			for i, m := range found {
				var cycles float64
				fmt.Sscan(m[2], &cycles)
				list[i].cycles[core] = (cycles - list[i].cycles[core])
			}
		}
		for _, l := range list {
			l.cycles[core] /= long - short
		}
	}
	return nil
}

// limits gives each core's FMAs per cycle.
func limits(ours []*loop) (map[string]float64, error) {
	limit := map[string]float64{}
	for _, l := range ours {
		if l.kernel == peakKernel {
			for _, core := range cores {
				limit[core] = float64(l.fmas) / l.cycles[core]
			}
			return limit, nil
		}
	}
	return nil, fmt.Errorf("no kernel %s, whose FMAs are the limit", peakKernel)
}

func loopTable(ours []*loop, limit map[string]float64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n| loop | instructions | FMLA | %s |\n|---|---|---|%s\n", strings.Join(cores, " | "), strings.Repeat("---|", len(cores)))
	slices.SortStableFunc(ours, func(a, b *loop) int {
		return cmp.Or(strings.Compare(a.kernel, b.kernel), cmp.Compare(b.fmas, a.fmas), cmp.Compare(len(b.code), len(a.code)))
	})
	for _, l := range ours {
		fmt.Fprintf(&b, "| %s | %d | %d |", l.kernel, len(l.code), l.fmas)
		for _, core := range cores {
			fmt.Fprintf(&b, " %.1f", l.cycles[core])
			if l.fmas > 0 {
				fmt.Fprintf(&b, ", %.0f %%", l.share(core, limit))
			}
			b.WriteString(" |")
		}
		b.WriteString("\n")
	}
	return b.String() + "\n"
}

// best is the loop with the greatest share on a core.
func best(list []*loop, core string, limit map[string]float64) *loop {
	return slices.MaxFunc(list, func(a, b *loop) int { return cmp.Compare(a.share(core, limit), b.share(core, limit)) })
}

func peerTable(ours []*loop, peers []peer, rivals [][]*loop, limit map[string]float64) string {
	var b strings.Builder
	b.WriteString("\n| core | FMLA a cycle | featx |")
	for _, p := range peers {
		fmt.Fprintf(&b, " best of %s | its kernel |", p.label)
	}
	fmt.Fprintf(&b, "\n|---|---|---|%s\n", strings.Repeat("---|---|", len(peers)))
	var gemm []*loop
	for _, l := range ours {
		if l.kernel == gemmKernel && len(gemm) == 0 || len(gemm) > 0 && l.kernel == gemmKernel && l.fmas > gemm[0].fmas {
			gemm = []*loop{l}
		}
	}
	for _, core := range cores {
		fmt.Fprintf(&b, "| %s | %.1f | ", core, limit[core])
		if len(gemm) > 0 {
			fmt.Fprintf(&b, "%.1f %%", gemm[0].share(core, limit))
		}
		for i := range peers {
			l := best(rivals[i], core, limit)
			fmt.Fprintf(&b, " | %.1f %% | %s, %d FMLA", l.share(core, limit), l.kernel, l.fmas)
		}
		b.WriteString(" |\n")
	}
	return b.String() + "\n"
}
