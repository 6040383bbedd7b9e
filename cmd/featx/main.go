package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/source"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// Exit statuses.
const (
	statusDone        = 0
	statusFailed      = 1
	statusPartly      = 2
	statusInterrupted = 130
)

// errPartly says that some inputs failed; each has been reported.
var errPartly = errors.New("some inputs failed")

// interrupted says what an interruption has left.
type interrupted struct{ text string }

func (i interrupted) Error() string { return i.text }

func run(args []string, stdout, stderr io.Writer) (status int) {
	defer func() {
		// The last resort. What is known to fail is an error long before.
		if p := recover(); p != nil {
			status = report(stderr, fmt.Errorf("a fault of the program, please report it with this command at https://github.com/featx-go/featx/issues: %v", p))
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal ends the program at once

	root := newRoot()
	root.SetArgs(args)
	out := &checked{w: stdout}
	root.SetOut(out)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case out.err != nil:
		return report(stderr, named("standard output", out.err))
	case err == nil:
		return statusDone
	case errors.Is(err, errPartly):
		return statusPartly
	case errors.As(err, new(interrupted)):
		report(stderr, err)
		return statusInterrupted
	case errors.Is(err, context.Canceled):
		report(stderr, errors.New("interrupted: nothing is written"))
		return statusInterrupted
	default:
		return report(stderr, err)
	}
}

// checked remembers the first error of a stream, for those who print without looking.
type checked struct {
	w   io.Writer
	err error
}

func (c *checked) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

var lineEnds = regexp.MustCompile(`\s*[\r\n]\s*`)

// report writes an error in one line, in characters that a terminal only shows.
func report(stderr io.Writer, err error) (status int) {
	fmt.Fprintf(stderr, "featx: %s\n", brief.Plain(lineEnds.ReplaceAllString(err.Error(), " ")))
	return statusFailed
}

// named puts the path before the error's reason.
func named(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", path, source.Reason(err))
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "featx",
		Short: "Features of pictures from pre-trained convolutional networks",
		Long: `featx turns pictures into the activations of pre-trained convolutional networks.

Features go to standard output as JSON Lines, or to the file of -o. Errors go to
standard error, one line each. Exit status: 0 all done; 1 a mistake in the command
or its surroundings; 2 some inputs failed, the rest is done and written;
130 interrupted.

The same model, picture and recipe give the same bytes on every CPU, with any
instruction set, number of threads and batch size. FEATX_ISA=generic|avx2|avx512|neon
chooses the instruction set; "featx info" lists those of this CPU.`,
		Example: `  featx extract photo.jpg
  featx extract -m resnet50 -l layer3 --pool avg -o features.npz photos/
  featx layers resnet50.safetensors
  featx convert --arch resnet50 resnet50-0676ba61.pth resnet50.safetensors`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown verb %q: want extract, show, similar, diff, pca, layers, plan, models, pull, convert, verify, bench, info or help; pictures go to \"featx extract\"", args[0])
			}
			return nil
		},
	}
	root.AddCommand(newPCA())

	// Not cobra's own: a template for it would link all methods of all types, 3 MB of them.
	says := root.Flags().BoolP("version", "v", false, "version for featx")
	root.RunE = func(c *cobra.Command, _ []string) error {
		if *says {
			_, err := fmt.Fprintf(c.OutOrStdout(), "featx %s\n", version())
			return err
		}
		return c.Help()
	}
	root.AddCommand(newExtract(), newShow(), newLayers(), newPlan(), newModels(), newPull(), newConvert(), newVerify(), newDiff(), newSimilar(), newBench(), newInfo())
	complete(root)
	return root
}

// arguments checks the number of a verb's arguments; what names them in the error.
func arguments(least, most int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return fmt.Errorf("%d arguments to %q: want %s; see \"%s --help\"", len(args), c.Name(), what, c.CommandPath())
		}
		return nil
	}
}
