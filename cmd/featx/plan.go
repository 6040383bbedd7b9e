package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/pipeline"
	"github.com/featx-go/featx/tools/convert"
	"github.com/featx-go/featx/weights"
)

// planFlags are the flags of extract that decide what is computed and what memory that takes.
type planFlags struct {
	options featx.Options
	after   afterFlags
	memory  string
	set     *pflag.FlagSet
}

func (f *planFlags) add(set *pflag.FlagSet) {
	f.set = set
	set.StringSliceVarP(&f.options.Layers, "layer", "l", nil, "`layer`; may be repeated, or several with commas (default the one before the classifier)")
	f.after.add(set)
	set.IntVar(&f.options.Batch, "batch", 0, "pictures, or views of them, at a time: more need more memory (default 8, or what there is and fits)")
	set.IntVar(&f.options.Threads, "threads", 0, "threads of the network; the next batch is decoded meanwhile on as many (default all cores)")
	set.StringVar(&f.memory, "max-memory", "", "stay below so many `bytes` (64MB, 1GiB), with smaller batches if need be (default what is free)")
	set.StringVar(&f.options.ISA, "isa", "", "instruction set: generic, avx2, avx512 or neon (default FEATX_ISA, or the best)")
}

// read gives the options.
func (f *planFlags) read(r *image.Recipe) (featx.Options, error) {
	for name, n := range map[string]int{"batch": f.options.Batch, "threads": f.options.Threads} {
		if f.set.Changed(name) && n < 1 {
			return featx.Options{}, fmt.Errorf("--%s %d: must be at least 1", name, n)
		}
	}
	o := f.options
	o.Recipe = r
	err := f.after.apply(&o)
	if err != nil {
		return o, err
	}
	o.MaxMemory, err = parseBytes("max-memory", f.memory)
	return o, err
}

func newPlan() *cobra.Command {
	var asJSON bool
	var dtype, measured string
	var f planFlags
	c := &cobra.Command{
		Use:   "plan [flags] [MODEL]",
		Short: "What an extraction will compute and need of memory, before anything runs",
		Long: `Shows what "featx extract" would do with the same flags: parameters and multiply-adds of
the layers that are computed, bytes of the weights in the file and packed in memory,
memory for the layers in between (activations), for each thread and for the pictures,
bytes of the features of one picture, what the process is expected to take in all, and
the queues that pictures go through, which bound what is in memory at a time.

MODEL is a file or a name, as of extract (default the embedded model). Nothing is
downloaded: of published weights that are not in the cache the network is known.

With --max-memory it shows what is chosen to stay below, or says what is needed. Only
the batch and buffers are chosen so: the features have the same bytes.

--measure extracts the features of a picture, a few batches full, and shows what the
process took of memory beside what was expected (Linux).`,
		Example: `  featx plan resnet50
  featx plan --batch 1 --threads 1 -l layer3 --dtype f16 resnet50
  featx plan --max-memory 160MB resnet50.safetensors
  featx plan --measure photo.jpg resnet50.safetensors`,
		Args: arguments(0, 1, "one model"),
	}
	flags := c.Flags()
	flags.SortFlags = false
	f.add(flags)
	flags.StringVar(&dtype, "dtype", "", "as if the weights were stored as f32 or f16 (default as they are; f32 if they are not downloaded)")
	flags.StringVar(&measured, "measure", "", "also run with this `picture` and measure")
	flags.BoolVar(&asJSON, "json", false, "as one JSON object")
	recipe := addRecipeFlags(flags)
	c.RunE = func(c *cobra.Command, args []string) error {
		name := strings.Join(args, "")
		m, state, err := planModel(name, dtype)
		if err != nil {
			return err
		}
		defer m.Close()
		r := m.Recipe()
		if err := recipe.apply(&r); err != nil {
			return err
		}
		o, err := f.read(&r)
		if err != nil {
			return err
		}
		p, err := m.Plan(o)
		if err != nil {
			return err
		}
		s := newPlanReport(cmp.Or(name, featx.EmbeddedName), state, r, p)
		if measured != "" {
			if state != "" {
				return fmt.Errorf("--measure needs the weights, and %s is %s", name, state)
			}
			if s.Measured, err = measure(c, m, o, measured); err != nil {
				return err
			}
		}
		if asJSON {
			e := json.NewEncoder(c.OutOrStdout())
			e.SetIndent("", " ")
			return e.Encode(s)
		}
		return s.write(c.OutOrStdout())
	}
	return c
}

// planModel opens a model, or a sketch of one whose weights are not there or are to be stored otherwise; state says so.
func planModel(name, dtype string) (m *featx.Model, state string, err error) {
	as := map[string]engine.DType{"": engine.F32, "f32": engine.F32, "f16": engine.F16}[dtype]
	if as == "" {
		return nil, "", fmt.Errorf("--dtype %q: must be f32 or f16", dtype)
	}
	if weights.IsName(name) {
		cache, err := weights.DefaultCache()
		if err != nil {
			return nil, "", err
		}
		if _, ok := cache.Cached(name); !ok {
			g, r, err := publishedNetwork(name)
			if err != nil {
				return nil, "", err
			}
			return featx.Sketch(g, r, as), "not downloaded", nil
		}
	}
	if m, err = featx.Open(name); err != nil || dtype == "" {
		return m, "", err
	}
	defer m.Close()
	return featx.Sketch(m.Graph(), m.Recipe(), as), "as if stored as " + dtype, nil
}

// publishedNetwork builds the network of published weights, or that of a builder's name.
func publishedNetwork(name string) (*engine.Graph, image.Recipe, error) {
	if strings.HasPrefix(name, weights.HubPrefix) {
		return nil, image.Recipe{}, fmt.Errorf("%s is not in the cache, and only its files tell its network: get them with \"featx pull\"", name)
	}
	e, err := weights.Lookup(name)
	if err != nil {
		if !slices.Contains(arch.Names(), name) {
			return nil, image.Recipe{}, err
		}
		g, err := arch.Build(name, arch.Options{})
		if err != nil {
			return nil, image.Recipe{}, err
		}
		return g, convert.Recipe(g), nil
	}
	if why := notConvertible(e); why != "" {
		return nil, image.Recipe{}, errors.New(why)
	}
	g, err := graphOf(e)
	return g, e.Recipe, err
}

// planReport is what --json prints.
type planReport struct {
	Model        string           `json:"model"`
	State        string           `json:"state,omitempty"` // of weights that are not there as planned
	Size         [2]int           `json:"size"`
	Batch        int              `json:"batch"`
	Views        int              `json:"views"`    // of a picture
	Pictures     int              `json:"pictures"` // at a time, all their views
	Threads      int              `json:"threads"`
	Workers      int              `json:"workers"`
	Batches      int              `json:"batches"`
	Compact      bool             `json:"compact"`
	Parameters   int64            `json:"parameters"`
	MultiplyAdds int64            `json:"multiply_adds"`
	Stored       int64            `json:"weights_stored"`
	Layers       []planLayer      `json:"layers"`
	Memory       featx.Memory     `json:"memory"`
	Resident     int64            `json:"resident"`
	Limit        int64            `json:"limit,omitempty"`
	Decoding     int64            `json:"decoding_limit,omitempty"`
	Queues       []pipeline.Queue `json:"queues"`
	Measured     int64            `json:"measured,omitempty"`
}

// planLayer is one layer that is asked for.
type planLayer struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
	Bytes int64  `json:"bytes"` // of one picture
}

func newPlanReport(name, state string, r image.Recipe, p *featx.Plan) *planReport {
	s := &planReport{
		Model: name, State: state, Size: r.Size, Batch: p.Batch, Views: p.Views, Pictures: p.Pictures, Threads: p.Threads, Workers: p.Workers, Batches: p.Batches, Compact: p.Compact,
		Parameters: p.Parameters, MultiplyAdds: p.MultiplyAdds, Stored: p.Stored,
		Memory: p.Memory, Resident: p.Memory.Total(), Limit: p.Limit, Decoding: p.Decoding,
		Queues: limitsOf(*p).Queues(p.Pictures, p.InputLen),
	}
	for _, l := range p.Layers {
		bytes := int64(4)
		for _, d := range l.Dims {
			bytes *= int64(d)
		}
		s.Layers = append(s.Layers, planLayer{l.Name, l.Dims, bytes})
	}
	return s
}

func (s *planReport) write(w io.Writer) error {
	state := ""
	if s.State != "" {
		state = " (" + s.State + ")"
	}
	views := ""
	if s.Views > 1 {
		views = fmt.Sprintf(", %d views of a picture", s.Views)
	}
	fmt.Fprintf(w, "%s%s, input %d x %d (height x width)%s, batch %d, %d thread(s)\n\n", brief.Plain(s.Model), state, s.Size[0], s.Size[1], views, s.Batch, s.Threads)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "layer\tshape\tbytes of one picture")
	for _, l := range s.Layers {
		fmt.Fprintf(t, "%s\t%s\t%s\n", brief.Plain(l.Name), times(l.Shape), grouped(l.Bytes))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	megabytes := func(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
	m := s.Memory
	compact := ""
	if s.Compact {
		compact = ", float16 where it can stay so"
	}
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"parameters", grouped(s.Parameters)},
		{"multiply-adds", grouped(s.MultiplyAdds) + " for a picture"},
		{"weights stored", megabytes(s.Stored)},
		{"", ""},
		{"weights packed", megabytes(m.Weights) + fmt.Sprintf(", of which Winograd's filters %s", megabytes(m.Winograd)) + compact},
		{"file", megabytes(m.File) + " of it, at most, while the weights are packed"},
		{"activations", megabytes(m.Activations) + fmt.Sprintf(" between the layers, for %d picture(s) or views", s.Batch)},
		{"scratch", megabytes(m.Scratch) + fmt.Sprintf(" for %d thread(s)", s.Threads)},
		{"outputs", megabytes(m.Outputs) + fmt.Sprintf(" for %d picture(s)", s.Pictures)},
		{"PCA", megabytes(m.PCA)},
		{"pictures", megabytes(m.Pictures) + fmt.Sprintf(" prepared, %d x %d", s.Batches, s.Pictures*s.Views)},
		{"decoding", megabytes(m.Decoding) + " for pictures of a quarter of a megapixel"},
		{"program", megabytes(m.Program)},
		{"resident", megabytes(s.Resident) + " expected"},
	} {
		if line[0] == "PCA" && m.PCA == 0 {
			continue
		}
		fmt.Fprintf(t, "%s\t%s\n", line[0], line[1])
	}
	if s.Measured > 0 {
		fmt.Fprintf(t, "measured\t%s, %.0f %% of that\n", megabytes(s.Measured), 100*float64(s.Measured)/float64(s.Resident))
	}
	if s.Limit > 0 {
		fmt.Fprintf(t, "limit\t%s, which leaves %s to a picture while it is decoded, %d at a time\n", megabytes(s.Limit), megabytes(s.Decoding), s.Workers)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "queue\tpictures at most")
	for _, q := range s.Queues {
		what := map[string]string{
			pipeline.WaitingQueue:  "for a decoder",
			pipeline.DecodingQueue: "being read, decoded and prepared",
			pipeline.ReadyQueue:    fmt.Sprintf("prepared, %d batches of %d, one of them in the network: %s", s.Batches, s.Pictures, megabytes(q.Bytes)),
		}[q.Name]
		fmt.Fprintf(t, "%s\t%d\t%s\n", q.Name, q.Pictures, what)
	}
	return t.Flush()
}

// measure extracts a picture's features, some batches of it, and gives the most memory that the process has had.
func measure(c *cobra.Command, m *featx.Model, o featx.Options, picture string) (int64, error) {
	releaseProgram()
	x, err := m.Extractor(o)
	if err != nil {
		return 0, err
	}
	defer x.Close()
	paths := slices.Repeat([]string{picture}, 3*x.Batch())
	e := &extraction{x: x, in: &inputs{paths: paths}, options: withinPlan(x.Plan(), pipeline.Options{}), stderr: c.ErrOrStderr()}
	if err := e.stream(c.Context(), io.Discard); err != nil {
		return 0, err
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("--measure needs Linux: %w", err)
	}
	var kB int64
	_, text, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(text, &kB); err != nil {
		return 0, fmt.Errorf("--measure: /proc/self/status has no VmHWM: %w", err)
	}
	return kB << 10, nil
}
