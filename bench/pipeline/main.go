package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/pipeline"
	"github.com/featx-go/featx/sink"
	"github.com/featx-go/featx/source"
	"github.com/featx-go/featx/tools/convert"
	"github.com/featx-go/featx/weights"
)

func main() {
	b := bench{}
	flag.StringVar(&b.network, "network", "resnet18", "name of a stock network")
	flag.IntVar(&b.n, "pictures", 1000, "how many")
	flag.IntVar(&b.threads, "threads", 0, "threads (default all cores)")
	flag.IntVar(&b.batch, "batch", 8, "pictures in a run of the network")
	rounds := flag.Int("rounds", 3, "how often each is measured")
	flag.BoolVar(&b.decoding, "decode", false, "only decode and prepare, on one thread: milliseconds a picture")
	flag.Parse()
	b.threads = cmp.Or(b.threads, runtime.GOMAXPROCS(0))
	if err := b.run(flag.Arg(0), *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench/pipeline:", err)
		os.Exit(1)
	}
}

type bench struct {
	network           string
	n, threads, batch int
	decoding          bool
	paths             []string
	x                 *featx.Extractor
}

func (b *bench) run(folder string, rounds int) error {
	found, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(found) == 0 {
		return fmt.Errorf("no pictures in the folder %q", folder)
	}
	if b.decoding {
		return decoding(found, rounds)
	}
	for i := range b.n {
		b.paths = append(b.paths, found[i%len(found)])
	}
	m, err := seeded(b.network)
	if err != nil {
		return err
	}
	defer m.Close()
	if b.x, err = m.Extractor(featx.Options{Threads: b.threads, Batch: b.batch}); err != nil {
		return err
	}
	defer b.x.Close()
	works := []struct {
		name string
		do   func(pictures int) error
		rate []float64
	}{{"decode", b.decode, nil}, {"network", b.infer, nil}, {"pipeline", b.both, nil}}
	for round := range rounds + 1 {
		for i := range works {
			n := b.n
			if round == 0 {
				n = 4 * b.batch // only to warm up
			}
			start := time.Now()
			if err := works[i].do(n); err != nil {
				return err
			}
			if rate := float64(n) / time.Since(start).Seconds(); round > 0 {
				works[i].rate = append(works[i].rate, rate)
			}
		}
	}
	fmt.Printf("%s, %d pictures, %d threads, batch %d, median of %d\n", b.network, b.n, b.threads, b.batch, rounds)
	var median [3]float64
	for i, w := range works {
		slices.Sort(w.rate)
		median[i] = w.rate[len(w.rate)/2]
		fmt.Printf("%-9s %7.1f a second  %.1f\n", w.name, median[i], w.rate)
	}
	bound := 1 / (1/median[0] + 1/median[1])
	fmt.Printf("bound     %7.1f: the pipeline has %.1f %% of it, and %.1f %% of min(decode, network)\n", bound, 100*median[2]/bound, 100*median[2]/min(median[0], median[1]))
	return nil
}

// seeded opens a stock network with seeded weights.
func seeded(network string) (*featx.Model, error) {
	g, err := arch.Build(network, arch.Options{})
	if err != nil {
		return nil, err
	}
	w, err := arch.Seeded(g, 0)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "featx-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // the file stays mapped
	path := filepath.Join(dir, network+".safetensors")
	if err := weights.Write(context.Background(), path, weights.Info{Graph: g, Recipe: convert.Recipe(g)}, w, engine.F32); err != nil {
		return nil, err
	}
	return featx.Open(path)
}

// decode decodes and prepares pictures on all threads.
func (b *bench) decode(n int) error {
	var next atomic.Int64
	var workers sync.WaitGroup
	failed := make(chan error, b.threads)
	for range b.threads {
		workers.Go(func() {
			d := b.x.Decoder()
			dst := make([]float32, b.x.InputLen())
			for i := next.Add(1) - 1; int(i) < n; i = next.Add(1) - 1 {
				if err := b.prepare(d, dst, b.paths[i]); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	workers.Wait()
	close(failed)
	return <-failed
}

func (b *bench) prepare(d *image.Decoder, dst []float32, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	picture, err := d.Decode(f)
	if err != nil {
		return err
	}
	return b.x.PrepareImage(dst, picture)
}

// infer runs the network alone.
func (b *bench) infer(n int) error {
	input := make([]float32, b.batch*b.x.InputLen())
	if err := b.prepare(b.x.Decoder(), input[:b.x.InputLen()], b.paths[0]); err != nil {
		return err
	}
	for i := 1; i < b.batch; i++ {
		copy(input[i*b.x.InputLen():], input[:b.x.InputLen()])
	}
	for ; n > 0; n -= b.batch {
		rows := min(n, b.batch)
		if _, err := b.x.Run(rows, input[:rows*b.x.InputLen()]); err != nil {
			return err
		}
	}
	return nil
}

// both is the whole work.
func (b *bench) both(n int) error {
	var rows counter
	items := source.Paths(b.paths[:n], source.Options{Dims: b.x.InputDims()})
	defer items.Close()
	err := pipeline.Run(context.Background(), items, b.x, &rows, pipeline.Options{Limits: pipeline.Limits{Workers: b.threads, Batches: 3}, Stats: new(pipeline.Stats)})
	if err == nil && int(rows) != n {
		err = errors.New("pictures are missing")
	}
	return err
}

// counter is an output that counts rows.
type counter int

func (c *counter) Add(o sink.Outcome) error {
	if o.Failure != nil {
		return o.Failure
	}
	*c++
	return nil
}
