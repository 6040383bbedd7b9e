package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/sink"
)

func newExtract() *cobra.Command {
	var model, output, pool string
	var options featx.Options
	c := &cobra.Command{
		Use:   "extract [flags] PATH...",
		Short: "Features of pictures",
		Long: `Computes layers of a network for pictures.

PATH is a picture (JPEG or PNG), a folder (the .jpg, .jpeg and .png files in it, by
name), or a .npy file: a float32 tensor that is already preprocessed, in the axes of
the model's framework, one row per picture; its rows are called FILE.npy[0], ...

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
		Args: arguments(1, -1, "pictures, folders or .npy files"),
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVarP(&model, "model", "m", featx.EmbeddedName, "model file, or the `name` of an embedded, cached or published model")
	flags.StringSliceVarP(&options.Layers, "layer", "l", nil, "`layer`; may be repeated, or several with commas (default the one before the classifier)")
	flags.StringVar(&pool, "pool", "none", "each map becomes one value per channel: avg, max or gem (generalised mean, p=3)")
	flags.StringVarP(&output, "output", "o", "", "`file` for the features: .npy, .npz, .jsonl or .safetensors (default standard output)")
	flags.IntVar(&options.Batch, "batch", 8, "pictures at a time: more need more memory")
	flags.IntVar(&options.Threads, "threads", 0, "threads of the network; the next batch is decoded meanwhile on as many (default all cores)")
	flags.StringVar(&options.ISA, "isa", "", "instruction set: generic, avx2, avx512 or neon (default FEATX_ISA, or the best)")
	recipe := addRecipeFlags(flags)
	c.RunE = func(c *cobra.Command, paths []string) error {
		for name, n := range map[string]int{"batch": options.Batch, "threads": options.Threads} {
			if flags.Changed(name) && n < 1 {
				return fmt.Errorf("--%s %d: must be at least 1", name, n)
			}
		}
		m, err := openModel(c, model)
		if err != nil {
			return err
		}
		r := m.Recipe()
		if err := recipe.apply(&r); err != nil {
			return err
		}
		options.Recipe, options.Pool = &r, featx.Pool(pool)
		x, err := m.Extractor(options)
		if err != nil {
			return err
		}
		defer x.Close()
		w, err := openSink(c.Context(), output, c.OutOrStdout(), x.Layers())
		if err != nil {
			return err
		}
		defer w.Abort()
		e := &extraction{
			x: x, inputs: inputsOf(paths, x), sink: w, stderr: c.ErrOrStderr(),
			decoders: cmp.Or(options.Threads, runtime.GOMAXPROCS(0)),
		}
		e.progress = newProgress(e.stderr, len(e.inputs), output != "")
		return e.run(c.Context())
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

// extraction is one run: while the network works on a batch, the next one is decoded.
type extraction struct {
	x        *featx.Extractor
	inputs   []input
	sink     sink.Writer
	stderr   io.Writer
	decoders int
	progress *progress

	rows, failed int
}

// batch is a part of the inputs, prepared: rows of pixels for those whose error is nil, without gaps.
type batch struct {
	inputs []input
	errs   []error
	pixels []float32
	rows   int
}

func (e *extraction) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready, free := make(chan *batch), make(chan *batch, 2)
	for range cap(free) {
		free <- &batch{pixels: make([]float32, e.x.Batch()*e.x.InputLen())}
	}
	go e.prepare(ctx, free, ready)
	for b := range ready {
		if err := e.finish(b); err != nil {
			return err
		}
		free <- b
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	e.progress.end()
	if e.rows > 0 {
		if err := e.sink.Close(); err != nil {
			return err
		}
	}
	if e.failed > 0 {
		return errPartly
	}
	return nil
}

// prepare fills batches until the inputs end.
func (e *extraction) prepare(ctx context.Context, free <-chan *batch, ready chan<- *batch) {
	defer close(ready)
	for rest := e.inputs; len(rest) > 0; {
		var b *batch
		select {
		case b = <-free:
		case <-ctx.Done():
			return
		}
		n := min(e.x.Batch(), len(rest))
		b.inputs, rest = rest[:n], rest[n:]
		b.prepare(ctx, e.x, e.decoders)
		if ctx.Err() != nil {
			return // the batch may not be complete
		}
		select {
		case ready <- b:
		case <-ctx.Done():
			return
		}
	}
}

func (b *batch) prepare(ctx context.Context, x *featx.Extractor, decoders int) {
	length := x.InputLen()
	b.errs = make([]error, len(b.inputs))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(decoders, len(b.inputs)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(b.inputs) && ctx.Err() == nil; i = next.Add(1) - 1 {
				b.errs[i] = guarded(b.inputs[i], b.pixels[int(i)*length:][:length], x)
			}
		})
	}
	workers.Wait()
	b.rows = 0
	for i, err := range b.errs {
		if err == nil {
			copy(b.pixels[b.rows*length:], b.pixels[i*length:][:length])
			b.rows++
		}
	}
}

// guarded keeps a fault of a decoder to its own picture.
func guarded(in input, dst []float32, x *featx.Extractor) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: a fault of the program, please report it with this file: %v", in.name, p)
		}
	}()
	return in.prepare(dst, x)
}

// finish runs the network on a batch and writes its rows.
func (e *extraction) finish(b *batch) error {
	var names []string
	for i, err := range b.errs {
		if err == nil {
			names = append(names, b.inputs[i].name)
			continue
		}
		e.failed++
		e.progress.clear()
		report(e.stderr, err)
	}
	if b.rows > 0 {
		out, err := e.x.Run(b.rows, b.pixels[:b.rows*e.x.InputLen()])
		if err != nil {
			return err
		}
		features := make([][]float32, len(out))
		for row, name := range names {
			for l, t := range out {
				length := len(t.Data) / b.rows
				features[l] = t.Data[row*length : (row+1)*length]
			}
			if err := e.sink.Write(name, features); err != nil {
				return err
			}
		}
		e.rows += b.rows
	}
	e.progress.add(len(b.inputs))
	return nil
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
