package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/pipeline"
	"github.com/featx-go/featx/sink"
	"github.com/featx-go/featx/source"
)

func newExtract() *cobra.Command {
	var e extraction
	var model string
	var f planFlags
	var address string
	c := &cobra.Command{
		Use:   "extract [flags] PATH...",
		Short: "Features of pictures",
		Long: `Computes layers of a network for pictures.

PATH is
  a picture     ` + image.Formats + `
  a folder      the pictures in it and in its folders, in the order of their names,
                without hidden ones; links are followed, but not in circles
  an archive    .tar (also .tar.gz, .tgz, .tar.zst, .tar.bz2; WebDataset shards) or
                .zip: the pictures in it, in its order, as ARCHIVE/MEMBER
  http(s)://... a picture on a server
  'a pattern'   *, ?, [a-z], {a,b}, ** (folders in folders): the files that match;
                shard-{000..127}.tar counts
  @list.txt     the paths on its lines, of all these kinds; @- reads standard input
  @table.csv    the paths in a column of it (--column); also .tsv
  -             one picture's bytes from standard input
  a .npy file   a float32 tensor that is already preprocessed, in the axes of the
                model's framework, a row per picture, called FILE.npy[0], ...

MODEL is a model file, or a name that "featx models" lists: published weights are
downloaded, verified and converted at their first use, and in the cache from then on.

LAYER is a layer's name, an alias, a pattern like 'layer*.add' or an index (-1 is the
last); "featx layers MODEL" lists them. Without -l it is the one before the classifier.

What becomes of a layer: --pool makes one value per channel of a map (avg, max, gem) or a
vector of all its values (flatten); --pool gem,layer2=max says it for layer2 alone. Then
come --crop five or ten and --flip: the mean of the features of several views of each
picture, as torchvision's FiveCrop, TenCrop and hflip make them after the resize. --pca
projects the layer on what "featx pca fit" has made of such features (the layer that it
was fitted on, or LAYER=FILE), and --l2 divides each row by its Euclidean norm.

The ending of FILE gives the format:
  .npy          one layer, one row per picture; FILE.npy.paths.txt names them
  .npz          one array per layer, and "paths"
  .parquet      a table: path, row (the input's number), a list per layer; zstd
  .arrow        the same as an Arrow IPC file, to be mapped
  .jsonl        a line per picture and layer: path, layer, shape, features
  .safetensors  one tensor per layer; the paths in the metadata
Without -o JSON Lines go to standard output. Rows keep the order of the pictures.
The numbers are float32; with --dtype f16 float16, but in .jsonl.
With --rows-per-file N there are FILE-00000, FILE-00001, ... (before the ending).

FILE appears when it is complete. What is done until then is in the folder
FILE.partial: after an interruption, a power cut or on a full disk that has room
again, the same command goes on, and the file's bytes are the same. It wants the same
model, layers, recipe and inputs; --restart begins anew.

A picture that cannot be read is left out and listed in FILE.errors.jsonl (path, stage:
open, read, decode or prepare, reason), or without -o on standard error; the others
go on, and the exit status is 2. If all fail, no file is written.

The recipe (size, resize, crop, ...) is the model's own; the flags change it for this
run. Mean and std are in the order of the channels. If only --size is given, --resize
follows in proportion. --crops is --crop.`,
		Example: `  featx extract photo.jpg
  featx extract -m vgg16.safetensors -l features.29 --pool max -o features.npy photos/
  featx extract -m resnet50.safetensors -l layer3,avgpool -o features.npz a.jpg b.png
  featx extract -m resnet50.safetensors --rows-per-file 100000 -o features.npy photos/
  featx extract -m resnet50.safetensors --dtype f16 -o features.parquet photos/
  featx extract -m resnet50.safetensors --size 448 --crop center a.jpg
  featx extract -m resnet50 -l layer4 --pool gem --crops ten --l2 -o features.npy photos/
  featx extract -m resnet50 -l layer4 --pool gem --pca gem.pca.safetensors --l2 -o features.npy photos/
  featx extract -m resnet50.safetensors --metrics :9090 -o features.npy photos/
  featx extract -m resnet50.safetensors --fast-decode -o features.npy camera/
  featx extract -m resnet50.safetensors preprocessed.npy`,
		Args: arguments(1, -1, "pictures, folders, archives, lists"),
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVarP(&model, "model", "m", featx.EmbeddedName, "model file, or the `name` of an embedded, cached or published model")
	flags.StringVarP(&e.output, "output", "o", "", "`file` for the features: "+strings.Join(sink.Endings, ", ")+" (default standard output)")
	flags.TextVar(&e.dtype, "dtype", sink.Float32, "`type` of the numbers in FILE: f32, or f16 (the nearest; infinite from 65520 on)")
	flags.Int64Var(&e.job.RowsPerFile, "rows-per-file", 0, "several files of so many rows (default one file)")
	flags.BoolVar(&e.job.Restart, "restart", false, "begin anew instead of going on with what was interrupted")
	flags.DurationVar(&e.job.Every, "checkpoint", 5*time.Second, "how often what is done is recorded: so much work is lost at most")
	flags.StringVar((*string)(&e.options.OnError), "on-error", string(pipeline.Skip), "a picture that cannot be read is left out (skip), has a row of NaN (nan), or ends the run (fail)")
	flags.Var(&e.options.MaxErrors, "max-errors", "stop when more pictures than this fail: a number, or a percentage (default any number)")
	flags.Int64Var(&e.options.MaxPixels, "max-pixels", image.MaxPixels, "larger pictures are refused before they take memory")
	flags.BoolVar(&e.options.ApplyOrientation, "exif-orient", false, "turn pictures upright as their EXIF says (the frameworks do it for TIFF alone)")
	fast := flags.Bool("fast-decode", false, "decode JPEG files at 1/2, 1/4 or 1/8 if that is still twice as large as what the recipe resizes to: quicker, features differ slightly")
	flags.StringVar(&address, "metrics", "", "serve Prometheus metrics at `address` while extracting: :9090, localhost:9090 (path /metrics)")
	f.add(flags)
	e.in = addInputFlags(flags)
	recipe := addRecipeFlags(flags)
	c.RunE = func(c *cobra.Command, paths []string) error {
		releaseProgram()
		for _, least := range []struct {
			name string
			n    int64
		}{{"rows-per-file", e.job.RowsPerFile}, {"max-pixels", e.options.MaxPixels}} {
			if flags.Changed(least.name) && least.n < 1 {
				return fmt.Errorf("--%s %d: must be at least 1", least.name, least.n)
			}
		}
		for _, name := range []string{"dtype", "rows-per-file", "restart", "checkpoint"} {
			if flags.Changed(name) && e.output == "" {
				return fmt.Errorf("--%s is for features in a file: give -o", name)
			}
		}
		if err := e.options.OnError.Check(); err != nil {
			return err
		}
		if err := e.in.of(c, paths); err != nil {
			return err
		}
		var served metrics
		if err := served.listen(address); err != nil {
			return err
		}
		defer served.close()
		m, err := openModel(c, model)
		if err != nil {
			return err
		}
		r := m.Recipe()
		if err := recipe.apply(&r); err != nil {
			return err
		}
		o, err := f.read(&r)
		if err != nil {
			return err
		}
		o.Pictures, o.FastDecode = e.in.few(c.Context()), *fast
		x, err := m.Extractor(o)
		if err != nil {
			return err
		}
		defer x.Close()
		e.x, e.options, e.stderr = x, withinPlan(x.Plan(), e.options), c.ErrOrStderr()
		if url := served.serve(m, x.Plan(), &e.stats); url != "" {
			fmt.Fprintf(e.stderr, "featx: metrics at %s\n", url)
			e.counts = true
		}
		if e.output == "" {
			return e.stream(c.Context(), c.OutOrStdout())
		}
		e.job.Provenance = provenance(m, model, r, o, e.options)
		return e.file(c.Context())
	}
	return c
}

// provenance is what a row depends on beside its layers and its picture.
func provenance(m *featx.Model, name string, r image.Recipe, what featx.Options, o pipeline.Options) sink.Provenance {
	onError := o.OnError
	if onError == pipeline.Fail {
		onError = pipeline.Skip // the same rows, as far as they go
	}
	from := m.Source()
	return sink.Provenance{
		Program: version(), Recipe: r, L2: what.L2, ExifOrient: o.ApplyOrientation, FastDecode: what.FastDecode, MaxPixels: o.MaxPixels, OnError: string(onError),
		Model: sink.Model{Name: filepath.Base(name), SHA256: m.SHA256(), Weights: sink.Weights{File: from.File, SHA256: from.SHA256}},
	}
}

// extraction is one run of the command.
type extraction struct {
	output  string
	dtype   sink.DType
	job     sink.JobOptions
	options pipeline.Options
	in      *inputs
	x       *featx.Extractor
	stderr  io.Writer
	counts  bool // how many inputs there are, even if it is not shown

	stats pipeline.Stats
	watch *watch
}

func (e *extraction) layers() []sink.Layer {
	layers := make([]sink.Layer, len(e.x.Layers()))
	for i, l := range e.x.Layers() {
		layers[i] = sink.Layer{Name: l.Name, Dims: l.Dims, Pool: string(l.Pool), DType: e.dtype}
		if l.PCA != nil {
			layers[i].PCA = l.PCA.SHA256
		}
	}
	return layers
}

// stream writes JSON Lines.
func (e *extraction) stream(ctx context.Context, stdout io.Writer) error {
	items := e.in.open(e.x.InputDims())
	defer items.Close()
	if err := e.run(ctx, items, sink.NewStream(stdout, e.layers())); err != nil {
		return err
	}
	return e.status()
}

// file writes to a file, from where an interrupted run has left it.
func (e *extraction) file(ctx context.Context) (err error) {
	job, err := sink.OpenJob(e.output, e.layers(), e.job)
	if err != nil {
		return err
	}
	defer func() {
		if closing := job.Close(); err == nil {
			err = closing
		}
		if errors.Is(err, context.Canceled) && job.Items() > 0 {
			err = interrupted{fmt.Sprintf("interrupted: %d inputs are done, and the same command goes on (%s)", job.Items(), job.Partial())}
		}
	}()
	e.stats.Before.Store(job.Items())
	e.stats.Done.Store(job.Items())
	e.stats.Failed.Store(job.Failed())
	if job.Items() > 0 {
		fmt.Fprintf(e.stderr, "featx: %s: going on, %d inputs are done\n", e.output, job.Items())
	}
	if !job.Complete() {
		items := e.in.open(e.x.InputDims())
		defer items.Close()
		if err := job.Pass(func() (string, error) { return items.Skip(ctx) }); err != nil {
			return err
		}
		if err := e.run(ctx, items, job); err != nil {
			return err
		}
	}
	if err := job.Finish(ctx); err != nil {
		return err
	}
	if n := job.Failed(); n > 0 {
		fmt.Fprintf(e.stderr, "featx: %d of %d inputs failed: %s says which, and why\n", n, job.Items(), job.Ledger())
	}
	return e.status()
}

// run takes the items through the pipeline.
func (e *extraction) run(ctx context.Context, items source.Source, out pipeline.Output) error {
	releaseProgram()
	e.options.Stats = &e.stats
	e.watch = newWatch(e.stderr, &e.stats, e.output != "")
	defer e.watch.end()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if e.watch.shows || e.counts {
		go func() {
			if n := e.in.count(ctx, e.x.InputDims()); n > 0 {
				e.stats.Total.Store(int64(n))
			}
		}()
	}
	err := pipeline.Run(ctx, items, e.x, &reporter{out: out, e: e}, e.options)
	var f *sink.Failure
	if errors.As(err, &f) {
		return fmt.Errorf("%w; --on-error skip leaves such inputs out", f)
	}
	return err
}

// status is the error that stands for inputs that failed.
func (e *extraction) status() error {
	if e.stats.Failed.Load() > 0 {
		return errPartly
	}
	return nil
}

// reporter says on standard error what fails, beside the output.
type reporter struct {
	out  pipeline.Output
	e    *extraction
	said int
}

// manyFailures is how many failures are said where there is a ledger for them too.
const manyFailures = 20

func (r *reporter) Add(o sink.Outcome) error {
	if o.Failure != nil {
		switch r.said++; {
		case r.e.output == "" || r.said <= manyFailures:
			r.e.watch.say(o.Failure)
		case r.said == manyFailures+1:
			r.e.watch.say(errors.New("more inputs fail: they are listed in the ledger"))
		}
	}
	return r.out.Add(o)
}
