package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/featx-go/featx/features"
	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/pca"
	"github.com/featx-go/featx/sink"
)

func newPCA() *cobra.Command {
	c := &cobra.Command{
		Use:   "pca",
		Short: "Principal components of features, for extract --pca",
		Long: `Fits a principal component analysis on features, for "featx extract --pca", which
projects each picture's features on it: fewer numbers, and with --whiten of equal
variance.`,
		Example: `  featx extract -m resnet50 -o train.npy train/
  featx pca fit --in train.npy -n 128 --whiten --l2 -o resnet50.pca.safetensors
  featx extract -m resnet50 --pca resnet50.pca.safetensors --l2 -o features.npy photos/`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown verb %q: want fit or show; see \"featx pca --help\"", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newPCAFit(), newPCAShow())
	return c
}

func newPCAFit() *cobra.Command {
	var in []string
	var output, layer string
	var l2 bool
	var threads int
	var o pca.Options
	c := &cobra.Command{
		Use:   "fit [flags] --in FILE -o FILE",
		Short: "Fit a PCA on files of features",
		Long: `Fits a principal component analysis on files of features that extract has written (or
another program: .npy, .npz, .safetensors, .jsonl), several as if they were one; FILE.npy
is also FILE-00000.npy, FILE-00001.npy, ... of --rows-per-file. Rows that are not finite,
as those of pictures that failed, are left out.

-n keeps so many components, --variance as many as have that share of the variance;
without either all that have any. --whiten divides what a projection gives by its
standard deviation.

--l2 divides each row by its Euclidean norm first, as is usual in retrieval, and extract
then does the same before the projection; rows that have norm one already are noticed.

The same rows, in the same order, give the same bytes on every CPU and any number of
threads. The file is a .safetensors file, which Python can read and write: docs/pca.md.`,
		Example: `  featx pca fit --in features.npy -n 128 --whiten --l2 -o gem.pca.safetensors
  featx pca fit --in 2024.npz,2025.npz -l avgpool --variance 0.95 -o f.pca.safetensors`,
		Args: arguments(0, 0, "none: files of features go to --in"),
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringSliceVar(&in, "in", nil, "`file` of features; may be repeated, or several with commas")
	flags.StringVarP(&layer, "layer", "l", "", "`layer`, where a file has several or does not tell")
	flags.IntVarP(&o.Components, "components", "n", 0, "how many are kept (default all that have variance)")
	flags.Float64Var(&o.Variance, "variance", 0, "keep as many as have this share of the variance: 0.95")
	flags.BoolVar(&o.Whiten, "whiten", false, "projections of variance one")
	flags.BoolVar(&l2, "l2", false, "divide each row by its Euclidean norm first")
	flags.IntVar(&threads, "threads", 0, "threads (default all cores)")
	flags.StringVarP(&output, "output", "o", "", "`file` for the PCA: .safetensors")
	c.RunE = func(c *cobra.Command, _ []string) error {
		switch {
		case len(in) == 0:
			return errors.New("--in FILE is missing: the features to fit on")
		case output == "":
			return errors.New("-o FILE.pca.safetensors is missing")
		case !strings.EqualFold(filepath.Ext(output), pca.Ending):
			return fmt.Errorf("-o %s: want a name that ends in %s", output, pca.Ending)
		case flags.Changed("threads") && threads < 1:
			return fmt.Errorf("--threads %d: must be at least 1", threads)
		case flags.Changed("components") && o.Components < 1:
			return fmt.Errorf("-n %d: must be at least 1", o.Components)
		case flags.Changed("variance") && !(o.Variance > 0 && o.Variance <= 1):
			return fmt.Errorf("--variance %g: want more than 0 and at most 1", o.Variance)
		case o.Components > 0 && o.Variance > 0:
			return errors.New("-n and --variance exclude each other")
		}
		p, err := fitPCA(c.Context(), in, layer, l2, threads, o)
		if err != nil {
			return err
		}
		if err := p.Write(c.Context(), output); err != nil {
			return err
		}
		return writePCA(c.OutOrStdout(), output, p)
	}
	return c
}

// fitPCA fits on the rows of the files, one after the other.
func fitPCA(ctx context.Context, in []string, layer string, l2 bool, threads int, o pca.Options) (*pca.PCA, error) {
	var f *pca.Fitter
	fitted := pca.Fitted{Program: version()}
	for i, path := range in {
		next, err := addFeatures(ctx, &f, path, layer, l2, threads)
		if err != nil {
			return nil, err
		}
		if i > 0 && (next.Dims != fitted.Dims || next.Layer != fitted.Layer || next.Pool != fitted.Pool || next.Model != fitted.Model) {
			return nil, fmt.Errorf("%s: %s, and %s: %s: want features of one layer of one model", in[0], aboutFitted(fitted), path, aboutFitted(next))
		}
		fitted.Dims, fitted.Layer, fitted.Pool, fitted.Model = next.Dims, next.Layer, next.Pool, next.Model
		fitted.Inputs, fitted.Left = append(fitted.Inputs, next.Inputs...), fitted.Left+next.Left
	}
	p, err := f.Fit(o)
	if err != nil {
		return nil, named(brief.List(in, 3), err)
	}
	fitted.Rows = p.Fitted.Rows
	p.Fitted = fitted
	return p, nil
}

func aboutFitted(f pca.Fitted) string {
	return fmt.Sprintf("%d values of layer %q pooled by %q, model %.12s", f.Dims, f.Layer, f.Pool, f.Model)
}

// addFeatures gives the rows of a file, or of the files that path means, to the fitter, which the first makes.
func addFeatures(ctx context.Context, f **pca.Fitter, path, layer string, l2 bool, threads int) (fitted pca.Fitted, err error) {
	file, err := features.Open(path)
	if err != nil {
		return fitted, err
	}
	defer file.Close()
	column, err := file.Find(layer)
	if err != nil {
		return fitted, err
	}
	l := file.Layers()[column]
	if len(l.Dims) != 1 {
		return fitted, fmt.Errorf("%s: rows of %v: a PCA takes vectors; --pool makes vectors of maps", path, l.Dims)
	}
	if fitted, err = fittedOn(file, cmp.Or(layer, l.Name)); err != nil {
		return fitted, err
	}
	fitted.Dims = l.Dims[0]
	if *f == nil {
		if *f, err = pca.NewFitter(fitted.Dims, l2, threads); err != nil {
			return fitted, named(path, err)
		}
	}
	if (*f).Dims() != fitted.Dims {
		return fitted, nil // the caller says so
	}
	for row, err := range file.Each(column) {
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return fitted, err
		}
		if !(*f).Add(row) {
			fitted.Left++
		}
	}
	return fitted, nil
}

// fittedOn is what the files tell about themselves: those that extract has written have a provenance.
func fittedOn(file *features.File, layer string) (fitted pca.Fitted, err error) {
	fitted.Layer = layer
	for _, path := range file.Files() {
		fitted.Inputs = append(fitted.Inputs, filepath.Base(path))
	}
	p, err := file.Provenance()
	if p == nil {
		return fitted, err
	}
	i := slices.IndexFunc(p.Layers, func(l sink.Layer) bool { return l.Name == layer || layer == "" && len(p.Layers) == 1 })
	if i < 0 {
		return fitted, nil
	}
	if p.Layers[i].PCA != "" {
		return fitted, fmt.Errorf("%s: its rows are what a PCA gave: fit on features without --pca", file.Files()[0])
	}
	fitted.Layer, fitted.Pool, fitted.Model = p.Layers[i].Name, p.Layers[i].Pool, p.Model.SHA256
	return fitted, nil
}

func newPCAShow() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "show FILE",
		Short:   "What a PCA was fitted on, and how much of the variance its components have",
		Long:    `Shows what a PCA was fitted on, and the share of the variance that its components have.`,
		Example: `  featx pca show resnet50.pca.safetensors`,
		Args:    arguments(1, 1, "one file"),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as one JSON object")
	c.RunE = func(c *cobra.Command, args []string) error {
		p, err := pca.Open(args[0])
		if err != nil {
			return err
		}
		if !asJSON {
			return writePCA(c.OutOrStdout(), args[0], p)
		}
		e := json.NewEncoder(c.OutOrStdout())
		e.SetIndent("", " ")
		return e.Encode(struct {
			Components int        `json:"components"`
			Dims       int        `json:"dims"`
			Whiten     bool       `json:"whiten"`
			L2         bool       `json:"l2"`
			SHA256     string     `json:"sha256"`
			Variance   []float64  `json:"explained_variance,omitempty"`
			Ratio      []float64  `json:"explained_variance_ratio,omitempty"`
			Fitted     pca.Fitted `json:"fitted_on"`
		}{p.N(), p.Dims(), p.Whiten, p.L2, p.SHA256, p.Variance, p.Ratio, p.Fitted})
	}
	return c
}

func writePCA(w io.Writer, path string, p *pca.PCA) error {
	whiten, l2 := "", ""
	if p.Whiten {
		whiten = ", whitened"
	}
	if p.L2 {
		l2 = ", of rows of norm one"
	}
	fmt.Fprintf(w, "%s: %d components of %d values%s%s\n", brief.Plain(path), p.N(), p.Dims(), whiten, l2)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(t, "  %s\t%s\n", name, brief.Plain(text))
		}
	}
	if f := p.Fitted; f.Rows > 0 {
		rows := grouped(f.Rows) + " rows"
		if len(f.Inputs) > 0 {
			rows += " of " + brief.List(f.Inputs, 4)
		}
		if f.Left > 0 {
			rows += fmt.Sprintf("; %s were not finite and are left out", grouped(f.Left))
		}
		line("fitted on", rows)
		line("layer", f.Layer)
		line("pooling", f.Pool)
		line("model", f.Model)
	}
	if p.Ratio != nil {
		var shares []string
		sum := 0.0
		for i, r := range p.Ratio {
			sum += r
			if n := i + 1; n&i == 0 || n == len(p.Ratio) { // the powers of two
				shares = append(shares, fmt.Sprintf("%d: %.4g %%", n, 100*sum))
			}
		}
		line("variance", strings.Join(slices.Compact(shares), ", "))
	}
	return t.Flush()
}
