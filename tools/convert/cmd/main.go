// Command cmd converts weights to a model file without the rest of featx; `featx convert` is the same and says more.
//
//	go run ./tools/convert/cmd [-arch NAME] [-dtype f16] [-classes a,b,...] [-size 224 ...] SRC DST
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/tools/convert"
)

func main() {
	var o convert.Options
	flag.StringVar(&o.Arch, "arch", "", "the network; recognised if not given")
	flag.StringVar(&o.DType, "dtype", "f32", "f32 or f16")
	classes := flag.String("classes", "", "names of the classes, separated by commas")
	texts := map[string]*string{}
	for _, f := range image.Fields {
		texts[f.Name] = flag.String(f.Name, "", f.Usage)
	}
	flag.Parse()
	if *classes != "" {
		o.Classes = strings.Split(*classes, ",")
	}
	o.Recipe = func(r *image.Recipe) error {
		for _, f := range image.Fields {
			if text := *texts[f.Name]; text != "" {
				if err := r.Set(f.Name, text); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "convert: give a source and a destination")
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := convert.Convert(ctx, flag.Arg(0), flag.Arg(1), o)
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "convert: interrupted: nothing is written")
		os.Exit(130)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "convert:", err)
		os.Exit(1)
	}
	fmt.Printf("%s: %s from %s (%s), %d tensors, %d parameters, %d bytes\n", flag.Arg(1), r.Graph.Arch, r.Source.File, r.Source.Format, r.Tensors, r.Parameters, r.Bytes)
}
