package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/tools/convert"
	"github.com/featx-go/featx/weights"
)

func newPull() *cobra.Command {
	var force, keep bool
	c := &cobra.Command{
		Use:   "pull [flags] NAME...",
		Short: "Published weights, downloaded, verified and converted into the cache",
		Long: `Downloads published weights, verifies them and makes model files of them, so that
"featx extract -m NAME" uses them at once; extract does the same at the first use.

NAME is one that "featx models" lists: torchvision/resnet50, keras/vgg16-notop. Without
the source it is looked for as torchvision spells it (resnet50, inception_v3), then as
Keras does (InceptionV3, xception). Or it is a Hugging Face repository with safetensors,
ONNX or PyTorch weights: hf:OWNER/NAME[@REVISION][/FILE]; its config gives the recipe.

Checked are the SHA-256, its beginning or the MD5, as far as each is published, and the
SHA-256 that the file had at its first use. A download that breaks off is resumed, by the
next pull too. Only what is verified and converted gets into the cache.

Environment:
  FEATX_CACHE    folder of the cache (default featx in the user's cache folder)
  FEATX_MIRROR   a URL or a folder that has the registry's files by their names
  FEATX_OFFLINE  1: nothing is downloaded
  HF_TOKEN, HF_ENDPOINT   for private and gated repositories; another server
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY`,
		Example: `  featx pull resnet50 vgg16
  featx pull keras/inceptionv3-notop
  featx pull hf:timm/resnet18.a1_in1k
  FEATX_MIRROR=/mnt/weights featx pull resnet50-v2`,
		Args: arguments(1, -1, "names of models"),
	}
	flags := c.Flags()
	flags.BoolVar(&force, "force", false, "anew, what is in the cache already too")
	flags.BoolVar(&keep, "keep-source", false, "keep the downloaded file in the cache, beside the model file made of it")
	c.RunE = func(c *cobra.Command, names []string) error {
		p, err := newPuller(c.ErrOrStderr())
		if err != nil {
			return err
		}
		p.Force, p.KeepSource = force, keep
		for _, name := range names { // a typing error should not show after the first gigabyte
			if _, err := weights.Canonical(name); err != nil {
				return err
			}
		}
		for _, name := range names {
			path, err := p.pull(c.Context(), name)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", name, path)
		}
		return nil
	}
	return c
}

// openModel opens a model by its path or name, and pulls it before if it is a published one that is not in the cache.
func openModel(c *cobra.Command, name string) (*featx.Model, error) {
	if weights.IsName(name) {
		p, err := newPuller(c.ErrOrStderr())
		if err != nil {
			return nil, err
		}
		if _, ok := p.Cache.Cached(name); !ok {
			if _, err = p.pull(c.Context(), name); err != nil {
				return nil, err
			}
		}
	}
	return featx.Open(name)
}

// puller shows what it does on standard error.
type puller struct {
	*weights.Puller
	show *download
}

func newPuller(stderr io.Writer) (*puller, error) {
	p, err := weights.NewPuller()
	if err != nil {
		return nil, err
	}
	show := &download{out: stderr, terminal: isTerminal(stderr)}
	p.Convert, p.Beside, p.Notify, p.Progress = convertEntry, convert.Beside, show.say, show.progress
	return &puller{p, show}, nil
}

func (p *puller) pull(ctx context.Context, name string) (path string, err error) {
	canonical, err := weights.Canonical(name)
	if err != nil {
		return "", err
	}
	if e, err := weights.Lookup(canonical); err == nil {
		if why := notConvertible(e); why != "" {
			return "", fmt.Errorf("%s: %s", canonical, why)
		}
	}
	p.show.name = canonical
	if path, err = p.Pull(ctx, canonical); err == nil {
		p.show.end()
	}
	return path, err
}

// notConvertible says why an entry of the registry is of no use yet, or "".
func notConvertible(e weights.Entry) string {
	if knownNetwork(e.Network) {
		return ""
	}
	return fmt.Sprintf("featx does not know the network %s yet", e.Network)
}

func knownNetwork(name string) bool {
	return slices.Contains(arch.Names(), name) || slices.Contains(arch.KerasNames(), name)
}

// convertEntry makes the model file of a download.
func convertEntry(ctx context.Context, src, dst string, e weights.Entry) error {
	o := convert.Options{Origin: e.URL}
	if e.Recipe.Size != [2]int{} {
		o.Recipe = func(r *image.Recipe) error {
			*r = e.Recipe
			return nil
		}
	}
	known := knownNetwork(e.Network)
	if known && !strings.HasPrefix(e.Name, weights.HubPrefix) {
		o.Arch = e.Network
	}
	_, err := convert.Convert(ctx, src, dst, o)
	if err != nil && known && o.Arch == "" { // a repository says its network; its tensors are the better witness, unless they fit two
		o.Arch = e.Network
		if _, again := convert.Convert(ctx, src, dst, o); again == nil {
			return nil
		}
	}
	return err
}

// download shows the progress of one: a line that is written over on a terminal, else a line for each tenth.
type download struct {
	out      io.Writer
	terminal bool
	name     string
	start    time.Time
	first    int64 // bytes that were there before
	last     time.Time
	tenth    int64
	shown    bool
}

// say writes a line of its own.
func (d *download) say(message string) {
	d.clear()
	fmt.Fprintf(d.out, "featx: %s\n", brief.Plain(message))
}

func (d *download) progress(done, total int64) {
	now := time.Now()
	if d.start.IsZero() {
		d.start, d.first, d.tenth = now, done, -1
	}
	if !d.terminal {
		tenth := done >> 27 // of an unknown total: each 128 MB
		if total > 0 {
			tenth = 10 * done / total
		}
		if tenth != d.tenth {
			d.tenth = tenth
			fmt.Fprintf(d.out, "featx: %s: %s\n", d.name, amount(done, total))
		}
		return
	}
	if now.Sub(d.last) < 100*time.Millisecond && done != total {
		return
	}
	d.last, d.shown = now, true
	rate := float64(done-d.first) / max(now.Sub(d.start).Seconds(), 1e-3)
	text := fmt.Sprintf("%s: %s, %.1f MB a second", d.name, amount(done, total), rate/1e6)
	if total > 0 && rate > 0 {
		text += fmt.Sprintf(", %v left", time.Duration(float64(total-done)/rate*float64(time.Second)).Round(time.Second))
	}
	fmt.Fprint(d.out, overwrite, fit(columns(d.out), bar(done, total), text))
}

func (d *download) clear() {
	if d.shown {
		fmt.Fprint(d.out, overwrite)
		d.shown = false
	}
}

func (d *download) end() {
	d.clear()
	d.start = time.Time{}
}

func amount(done, total int64) string {
	if total <= 0 {
		return fmt.Sprintf("%.1f MB", float64(done)/1e6)
	}
	return fmt.Sprintf("%.1f of %.1f MB", float64(done)/1e6, float64(total)/1e6)
}
