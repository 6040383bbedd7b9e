package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/cpuid/v2"
	"github.com/spf13/cobra"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/internal/atomicfile"
	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/kernels"
	"github.com/featx-go/featx/tools/convert"
	"github.com/featx-go/featx/weights"
)

func newBench() *cobra.Command {
	var b benchmark
	var seeded, asJSON bool
	var size, svg string
	var isas []string
	c := &cobra.Command{
		Use:   "bench [flags] [MODEL]",
		Short: "How fast a network runs here: per layer kernel, time, GFLOP/s, share of the FMA peak",
		Long: `Runs a whole network again and again and shows, for each step: the layer and what is
fused to it, the kernel, multiply-adds, bytes (weights, inputs and results, each once),
time, GFLOP/s (a multiply-add is two), GB/s, and the share of the FMA peak: what the
same cores reach when they do nothing but fused multiply-adds. The peak is measured
before and after every run, as the clock of a CPU moves. Times and shares are medians.
Winograd's algorithm is counted as the convolution that it computes, so its share can
be more than 100 %. The whole network is timed apart, without a clock between the steps.

MODEL is a model file or the embedded model's name (default); with --seeded it is a
stock network by its name, with pseudo-random weights. The picture is random.

Several instruction sets are measured in turns and shown side by side. --svg draws the
roofline: how fast each layer is and could be, by its multiply-adds per byte.`,
		Example: `  featx bench
  featx bench --seeded resnet50
  featx bench --isa avx2,avx512 --threads 2 resnet50.safetensors
  featx bench --seeded --svg vgg16.svg --json vgg16 > vgg16.json`,
		Args: arguments(0, 1, "one model"),
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.BoolVar(&seeded, "seeded", false, "MODEL is the name of a stock network; its weights are pseudo-random")
	flags.StringSliceVar(&isas, "isa", nil, "instruction `set`; may be repeated, or several with commas (default FEATX_ISA, or the best)")
	flags.IntVar(&b.threads, "threads", 1, "threads")
	flags.IntVar(&b.batch, "batch", 1, "pictures of one run")
	flags.StringVar(&size, "size", "", "of the network's input, as of extract")
	flags.IntVar(&b.rounds, "rounds", 20, "runs, after one to warm up")
	flags.DurationVar(&b.limit, "time", 10*time.Second, "begin no further run when an instruction set has taken so long")
	flags.BoolVar(&asJSON, "json", false, "as one JSON object")
	flags.StringVar(&svg, "svg", "", "also draw the roofline to this `file`")
	c.RunE = func(c *cobra.Command, args []string) error {
		for _, f := range []struct {
			name    string
			n, most int
		}{{"threads", b.threads, 1 << 10}, {"batch", b.batch, 1 << 16}, {"rounds", b.rounds, 1 << 20}} {
			if f.n < 1 || f.n > f.most {
				return fmt.Errorf("--%s %d: must be 1 to %d", f.name, f.n, f.most)
			}
		}
		chosen, err := benchISAs(isas)
		if err != nil {
			return err
		}
		if err := checkRoofline(svg, len(chosen)); err != nil {
			return err
		}
		m, err := openBenchModel(strings.Join(args, ""), seeded)
		if err != nil {
			return err
		}
		defer m.close()
		if flags.Changed("size") {
			if err := m.recipe.Set("size", size); err != nil {
				return err
			}
		}
		defer b.close()
		if err := b.prepare(m, chosen); err != nil {
			return err
		}
		if err := b.measure(c.Context(), newProgress(c.ErrOrStderr(), b.rounds*len(chosen))); err != nil {
			return err
		}
		r := b.report(m)
		if svg != "" {
			var picture bytes.Buffer
			drawRoofline(&picture, r)
			if err := writeWhole(c.Context(), svg, picture.Bytes()); err != nil {
				return err
			}
		}
		if asJSON {
			e := json.NewEncoder(c.OutOrStdout())
			e.SetIndent("", " ")
			return e.Encode(r)
		}
		writeBench(c.OutOrStdout(), r)
		return nil
	}
	return c
}

func benchISAs(names []string) ([]kernels.ISA, error) {
	if len(names) == 0 {
		names = []string{""}
	}
	var list []kernels.ISA
	for _, n := range names {
		isa, err := kernels.Select(strings.TrimSpace(n))
		if err != nil {
			return nil, err
		}
		if !slices.Contains(list, isa) {
			list = append(list, isa)
		}
	}
	return list, nil
}

// benchModel is a network with weights, from a file or seeded.
type benchModel struct {
	name   string
	graph  *engine.Graph
	source engine.WeightSource
	recipe image.Recipe
	close  func() error
}

func openBenchModel(name string, seeded bool) (*benchModel, error) {
	if seeded {
		if name == "" {
			return nil, errors.New("--seeded needs the name of a network: " + strings.Join(arch.Names(), ", "))
		}
		g, err := arch.Build(name, arch.Options{})
		if err != nil {
			return nil, err
		}
		w, err := arch.Seeded(g, 0)
		if err != nil {
			return nil, err
		}
		return &benchModel{name + " (seeded weights)", g, w, convert.Recipe(g), func() error { return nil }}, nil
	}
	m, err := weights.Find(name)
	if err != nil && slices.Contains(arch.Names(), name) {
		return nil, fmt.Errorf("%w; or give --seeded for the network of that name with pseudo-random weights", err)
	}
	if err != nil {
		return nil, err
	}
	return &benchModel{cmp.Or(name, featx.EmbeddedName), m.Graph, m, m.Recipe, m.Close}, nil
}

// benchmark runs one network with some instruction sets in turns.
type benchmark struct {
	threads, batch, rounds int
	limit                  time.Duration
	pictures               []float32
	lanes                  []*benchLane
	bandwidth              float64 // bytes per second
}

// benchLane is one instruction set with what was measured, by round.
type benchLane struct {
	isa    kernels.ISA
	plan   *engine.Plan
	runner *engine.Runner
	steps  []engine.StepInfo
	times  [][]time.Duration // by round and step
	whole  []time.Duration
	peaks  []float64 // FLOP per second of all threads
	spent  time.Duration
}

func (b *benchmark) prepare(m *benchModel, isas []kernels.ISA) error {
	for _, isa := range isas {
		model, err := engine.NewModel(m.graph, m.source, isa)
		if err != nil {
			return err
		}
		l := &benchLane{isa: isa}
		if l.plan, err = model.Plan(engine.PlanOptions{Layers: []string{"-1"}, Size: m.recipe.Size, Batch: b.batch}); err != nil {
			return err
		}
		if l.steps, err = l.plan.Steps(b.batch); err != nil {
			return err
		}
		l.runner = l.plan.NewRunner(b.threads)
		b.lanes = append(b.lanes, l)
	}
	r := rand.New(rand.NewPCG(1, 2))
	b.pictures = make([]float32, b.batch*b.lanes[0].plan.InputShape().Elements())
	for i := range b.pictures {
		b.pictures[i] = 4*r.Float32() - 2
	}
	return nil
}

func (b *benchmark) close() {
	for _, l := range b.lanes {
		l.runner.Close()
	}
}

// peakProbe is how long the FMA peak is measured before and after a run: long enough to find a moment without interruption.
const peakProbe = 300 * time.Microsecond

func (b *benchmark) measure(ctx context.Context, p *progress) error {
	defer p.end()
	for round := range b.rounds + 1 {
		for _, l := range b.lanes {
			if err := ctx.Err(); err != nil {
				return err
			}
			if l.spent > b.limit && len(l.whole) > 0 {
				continue
			}
			times := make([]time.Duration, len(l.steps))
			start := time.Now()
			peak := l.isa.FMAPeak(peakProbe)
			whole, err := l.runner.Profile(b.batch, b.pictures, times)
			if err != nil {
				return err
			}
			peak = max(peak, l.isa.FMAPeak(peakProbe))
			l.spent += time.Since(start)
			if round == 0 && l.spent <= b.limit {
				continue // to warm up, unless that already took all the time
			}
			l.times, l.whole, l.peaks = append(l.times, times), append(l.whole, whole), append(l.peaks, peak*float64(b.threads))
			p.add(1)
		}
	}
	b.bandwidth = engine.ReadBandwidth(b.threads) // now that nobody packs weights any more
	return nil
}

// benchReport is what --json prints.
type benchReport struct {
	Model     string     `json:"model"`
	Arch      string     `json:"arch"`
	Size      [2]int     `json:"size"`
	Batch     int        `json:"batch"`
	Threads   int        `json:"threads"`
	CPU       string     `json:"cpu"`
	Date      string     `json:"date"`
	Load      string     `json:"load_average,omitempty"`
	Bandwidth float64    `json:"memory_gb_s"` // read by all threads
	Runs      []benchRun `json:"runs"`
}

// benchRun is one instruction set.
type benchRun struct {
	ISA     string      `json:"isa"`
	Rounds  int         `json:"rounds"`
	Peak    float64     `json:"fma_peak_gflops"` // of all threads, median
	Network benchSpeed  `json:"network"`
	BestMS  float64     `json:"network_best_ms"`
	Steps   []benchStep `json:"steps"`
	Kernels []benchStep `json:"kernels"` // steps of one kernel and algorithm together
	Weights int64       `json:"weights_bytes"`
	Arena   int64       `json:"activations_bytes"`
}

// benchStep is one step, or several together.
type benchStep struct {
	Name      string   `json:"name,omitempty"`
	Nodes     []string `json:"nodes,omitempty"`
	Count     int      `json:"count"`
	Kernel    string   `json:"kernel"`
	Algorithm string   `json:"algorithm"`
	Shape     string   `json:"shape,omitempty"`
	MACs      int64    `json:"multiply_adds"`
	Bytes     int64    `json:"bytes"`
	benchSpeed

	fused string
}

// benchSpeed is medians over the rounds.
type benchSpeed struct {
	MS     float64 `json:"ms"`
	GFLOPS float64 `json:"gflops"`
	GBS    float64 `json:"gb_s"`
	Share  float64 `json:"share_of_peak"`
}

func (b *benchmark) report(m *benchModel) *benchReport {
	r := &benchReport{
		Model: m.name, Arch: m.graph.Arch, Size: m.recipe.Size, Batch: b.batch, Threads: b.threads,
		CPU: cpuid.CPU.BrandName, Date: time.Now().Format(time.RFC3339), Bandwidth: b.bandwidth / 1e9,
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		r.Load, _, _ = strings.Cut(string(load), " ")
	}
	for _, l := range b.lanes {
		r.Runs = append(r.Runs, l.report(m.graph))
	}
	return r
}

func (l *benchLane) report(g *engine.Graph) benchRun {
	op := map[string]string{}
	for _, n := range g.Nodes {
		op[n.Name] = fusedNames[n.Op.Kind()]
	}
	memory := l.plan.Memory()
	run := benchRun{
		ISA: l.isa.String(), Rounds: len(l.whole), Peak: median(l.peaks) / 1e9,
		BestMS: slices.Min(l.whole).Seconds() * 1e3, Weights: memory.Weights, Arena: memory.Activations,
	}
	groups := map[string][]int{}
	var order []string
	var all benchStep
	for i, s := range l.steps {
		step := benchStep{
			Name: s.Name, Nodes: s.Nodes, Count: 1, Kernel: s.Kernel, Algorithm: s.Algorithm, Shape: times(s.Shape.Dims(g.Layout)),
			MACs: s.MACs, Bytes: s.Bytes, benchSpeed: l.speed(s.MACs, s.Bytes, func(r int) time.Duration { return l.times[r][i] }),
		}
		for _, n := range s.Nodes[min(1, len(s.Nodes)):] {
			step.fused += " +" + op[n]
		}
		all.MACs, all.Bytes = all.MACs+s.MACs, all.Bytes+s.Bytes
		run.Steps = append(run.Steps, step)
		key := s.Kernel + " " + s.Algorithm
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], i)
	}
	for _, key := range order {
		sum := benchStep{Kernel: l.steps[groups[key][0]].Kernel, Algorithm: l.steps[groups[key][0]].Algorithm, Count: len(groups[key])}
		for _, i := range groups[key] {
			sum.MACs, sum.Bytes = sum.MACs+l.steps[i].MACs, sum.Bytes+l.steps[i].Bytes
		}
		sum.benchSpeed = l.speed(sum.MACs, sum.Bytes, func(r int) (d time.Duration) {
			for _, i := range groups[key] {
				d += l.times[r][i]
			}
			return d
		})
		run.Kernels = append(run.Kernels, sum)
	}
	slices.SortStableFunc(run.Kernels, func(a, b benchStep) int { return int(b.MS*1e6) - int(a.MS*1e6) })
	run.Network = l.speed(all.MACs, all.Bytes, func(r int) time.Duration { return l.whole[r] })
	return run
}

var fusedNames = map[string]string{"BatchNorm": "bn", "Add": "add", "ReLU": "relu", "ReLU6": "relu6"}

// speed is the medians of a duration that each round has.
func (l *benchLane) speed(macs, bytes int64, at func(round int) time.Duration) benchSpeed {
	var seconds, shares []float64
	for r := range l.whole {
		s := max(at(r).Seconds(), 1e-9)
		seconds, shares = append(seconds, s), append(shares, 2*float64(macs)/s/l.peaks[r])
	}
	s := median(seconds)
	return benchSpeed{MS: s * 1e3, GFLOPS: 2 * float64(macs) / s / 1e9, GBS: float64(bytes) / s / 1e9, Share: median(shares)}
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func writeBench(w io.Writer, r *benchReport) {
	fmt.Fprintf(w, "%s, float32, %d x %d, batch %d, %d thread(s)\n", brief.Plain(r.Model), r.Size[0], r.Size[1], r.Batch, r.Threads)
	fmt.Fprintf(w, "%s, %s", r.CPU, r.Date)
	if r.Load != "" {
		fmt.Fprintf(w, ", load average %s", r.Load)
	}
	fmt.Fprintf(w, "; memory read at %.1f GB/s\n", r.Bandwidth)

	first := r.Runs[0]
	one := len(r.Runs) == 1
	layers := table{left: 3, header: []string{"layer", "kernel", "result", "M mul-adds", "MB"}}
	kinds := table{left: 1, header: []string{"kernel", "steps", "M mul-adds", "MB"}}
	for _, run := range r.Runs {
		columns := []string{"ms", "% time", "GFLOP/s", "GB/s", "% peak"}
		if !one {
			columns = []string{run.ISA + ": ms", "GFLOP/s", "% peak"}
		}
		layers.header, kinds.header = append(layers.header, columns...), append(kinds.header, columns...)
	}
	speeds := func(row []string, at func(run benchRun) benchStep) []string {
		for _, run := range r.Runs {
			s := at(run)
			flops, share := "", ""
			if s.MACs > 0 {
				flops, share = fmt.Sprintf("%.1f", s.GFLOPS), fmt.Sprintf("%.1f", 100*s.Share)
			}
			row = append(row, fmt.Sprintf("%.3f", s.MS))
			if one {
				row = append(row, fmt.Sprintf("%.1f", 100*s.MS/run.stepsMS()), flops, fmt.Sprintf("%.1f", s.GBS), share)
			} else {
				row = append(row, flops, share)
			}
		}
		return row
	}
	mega := func(n int64) string { return fmt.Sprintf("%.2f", float64(n)/1e6) }
	for i, s := range first.Steps {
		layers.add(speeds([]string{brief.Plain(s.Name + s.fused), s.Kernel + " " + s.Algorithm, s.Shape, mega(s.MACs), mega(s.Bytes)}, func(run benchRun) benchStep { return run.Steps[i] })...)
	}
	for _, k := range first.Kernels {
		kinds.add(speeds([]string{k.Kernel + " " + k.Algorithm, fmt.Sprint(k.Count), mega(k.MACs), mega(k.Bytes)}, func(run benchRun) benchStep { return run.kind(k) })...)
	}
	fmt.Fprintln(w)
	layers.write(w)
	fmt.Fprintln(w)
	kinds.write(w)
	fmt.Fprintln(w)
	for _, run := range r.Runs {
		n := run.Network
		fmt.Fprintf(w, "%s: the whole network in %.2f ms (median of %d, best %.2f; its steps %.2f), %.1f GFLOP/s, %.1f %% of the FMA peak of %.1f GFLOP/s; weights %.1f MB, activations %.1f MB\n",
			run.ISA, n.MS, run.Rounds, run.BestMS, run.stepsMS(), n.GFLOPS, 100*n.Share, run.Peak, float64(run.Weights)/1e6, float64(run.Arena)/1e6)
	}
}

func (r benchRun) stepsMS() (sum float64) {
	for _, s := range r.Steps {
		sum += s.MS
	}
	return sum
}

// kind is the steps of the same kernel and algorithm as those of another instruction set.
func (r benchRun) kind(k benchStep) benchStep {
	return r.Kernels[slices.IndexFunc(r.Kernels, func(o benchStep) bool { return o.Kernel == k.Kernel && o.Algorithm == k.Algorithm })]
}

// table aligns its first columns to the left and the others, numbers, to the right.
type table struct {
	left   int
	header []string
	rows   [][]string
}

func (t *table) add(row ...string) { t.rows = append(t.rows, row) }

func (t *table) write(w io.Writer) {
	widths := make([]int, len(t.header))
	all := append([][]string{t.header}, t.rows...)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for _, row := range all {
		var line strings.Builder
		for i, cell := range row {
			width := widths[i]
			if i < t.left {
				width = -width
			}
			fmt.Fprintf(&line, "%*s  ", width, cell)
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// writeWhole writes a file that appears when it is complete.
func writeWhole(ctx context.Context, path string, data []byte) error {
	f, err := atomicfile.Create(ctx, path)
	if err != nil {
		return named(path, err)
	}
	defer f.Abort()
	if _, err = f.Write(data); err == nil {
		err = f.Commit()
	}
	return named(path, atomicfile.Cause(err))
}
