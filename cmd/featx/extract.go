package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/pipeline"
	"github.com/featx-go/featx/sink"
)

func newExtract() *cobra.Command {
	var model, output string
	var f planFlags
	c := &cobra.Command{
		Use:   "extract [flags] PATH...",
		Short: "Features of pictures",
		Long: `Computes layers of a network for pictures.

PATH is
  a picture     JPEG or PNG
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

The ending of FILE gives the format:
  .npy          one layer: float32, one row per picture
  .npz          one array per layer, and "paths"
  .jsonl        a line per picture and layer: path, layer, shape, features
  .safetensors  one tensor per layer; the paths in the metadata
Without -o JSON Lines go to standard output. Rows keep the order of the pictures.
FILE appears when it is complete.

A picture that cannot be read is reported and left out, the others go on, and the
exit status is 2. If all fail, no file is written.

The recipe (size, resize, crop, ...) is the model's own; the flags change it for this
run. Mean and std are in the order of the channels. If only --size is given, --resize
follows in proportion.`,
		Example: `  featx extract photo.jpg
  featx extract -m vgg16.safetensors -l features.29 --pool max -o features.npy photos/
  featx extract -m resnet50.safetensors -l layer3,avgpool -o features.npz a.jpg b.png
  featx extract -m resnet50.safetensors --size 448 --crop center a.jpg
  featx extract -m resnet50.safetensors preprocessed.npy`,
		Args: arguments(1, -1, "pictures, folders, archives, lists"),
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVarP(&model, "model", "m", featx.EmbeddedName, "model file, or the `name` of an embedded, cached or published model")
	flags.StringVarP(&output, "output", "o", "", "`file` for the features: .npy, .npz, .jsonl or .safetensors (default standard output)")
	f.add(flags)
	in := addInputFlags(flags)
	recipe := addRecipeFlags(flags)
	c.RunE = func(c *cobra.Command, paths []string) error {
		if err := in.of(c, paths); err != nil {
			return err
		}
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
		o.Pictures = in.few(c.Context())
		x, err := m.Extractor(o)
		if err != nil {
			return err
		}
		defer x.Close()
		w, err := openSink(c.Context(), output, c.OutOrStdout(), x.Layers())
		if err != nil {
			return err
		}
		defer w.Abort()
		return extract(c.Context(), in, x, w, c.ErrOrStderr(), output != "")
	}
	return c
}

func openSink(ctx context.Context, output string, stdout io.Writer, layers []featx.Layer) (sink.Writer, error) {
	columns := make([]sink.Layer, len(layers))
	for i, l := range layers {
		columns[i] = sink.Layer(l)
	}
	if output == "" {
		return sink.NewJSONL(stdout, columns), nil
	}
	return sink.Create(ctx, output, columns)
}

func extract(ctx context.Context, in *inputs, x *featx.Extractor, w sink.Writer, stderr io.Writer, toFile bool) error {
	items := in.open(x.InputDims())
	defer items.Close()
	var stats pipeline.Stats
	out := &output{sink: w, stderr: stderr}
	if out.progress = newProgress(stderr, 0, toFile); out.progress != nil {
		out.progress.total = in.count(ctx, x.InputDims())
	}
	err := pipeline.Run(ctx, items, x, out, withinPlan(x.Plan(), pipeline.Options{Stats: &stats}))
	if err != nil {
		return err
	}
	out.progress.end()
	if stats.Done.Load() > stats.Failed.Load() {
		if err := w.Close(); err != nil {
			return err
		}
	}
	if stats.Failed.Load() > 0 {
		return errPartly
	}
	return nil
}

type output struct {
	sink     sink.Writer
	stderr   io.Writer
	progress *progress
}

func (o *output) Add(outcome sink.Outcome) error {
	if outcome.Failure != nil {
		o.progress.clear()
		report(o.stderr, outcome.Failure)
	}
	o.progress.add(1)
	if outcome.Features == nil {
		return nil
	}
	return o.sink.Write(outcome.Path, outcome.Features)
}

// isTerminal tells whether people watch the stream.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
