package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/tools/convert"
)

func newConvert() *cobra.Command {
	var options convert.Options
	var classes string
	c := &cobra.Command{
		Use:   "convert [flags] SRC DST",
		Short: "Weights of PyTorch, Keras, ONNX or safetensors to a model file",
		Long: `Makes a model file of weights: a .safetensors file that also holds the network and the
recipe for its pictures.

SRC is a PyTorch checkpoint (zip or the older pickle; a state_dict, bare or under
"state_dict"), a Keras file (.h5 and .weights.h5 of Keras 2 and 3, .keras, or the
model.json of TensorFlow.js beside its shards), an ONNX model, a safetensors file, or a
model file whose recipe is to be changed. No code in it is run. ONNX and whole Keras
models hold their network. Weights alone are recognised by the tensors' names and shapes; --arch names the
network where they do not suffice: one of keras.applications as keras/NAME, or one of
  ` + wrapped(arch.Names(), 76, "  ") + `

The recipe is the one that the network's published weights were made with; the flags
change it and are stored. Mean and std are in the order of the channels.

DST appears when it is complete.`,
		Example: `  featx convert resnet50-0676ba61.pth resnet50.safetensors
  featx convert --arch vgg16 --dtype f16 vgg16-397923af.pth vgg16.safetensors
  featx convert my_model.keras my_model.safetensors
  featx convert --resize 232 resnet50-11ad3fa6.pth resnet50-v2.safetensors
  featx convert --classes cat,dog,other mine.pth mine.safetensors`,
		Args: arguments(2, 2, "SRC and DST"),
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&options.Arch, "arch", "", "the network's `name` (default recognised)")
	flags.StringVar(&options.DType, "dtype", "f32", "stored as f32, or as f16 at half the size")
	flags.StringVar(&classes, "classes", "", "`names` of the classifier's outputs in order, with commas; or a file, one name per line")
	recipe := addRecipeFlags(flags)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if !slices.Contains([]string{"f32", "f16"}, options.DType) {
			return fmt.Errorf("--dtype %q: must be f32 or f16", options.DType)
		}
		if options.Classes, err = readClasses(classes); err != nil {
			return err
		}
		options.Recipe = recipe.apply
		report, err := convert.Convert(c.Context(), args[0], args[1], options)
		if err != nil {
			return err
		}
		writeReport(c.OutOrStdout(), args[1], report)
		return nil
	}
	return c
}

// readClasses takes names with commas, or the name of a file with one in a line.
func readClasses(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	separator := ","
	if !strings.Contains(text, ",") {
		data, err := os.ReadFile(text)
		if err != nil {
			return nil, named("--classes: "+text, err)
		}
		separator, text = "\n", strings.TrimRight(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	}
	names := strings.Split(text, separator)
	for i, n := range names {
		if names[i] = strings.TrimSpace(n); names[i] == "" {
			return nil, errors.New("--classes: a name is empty")
		}
	}
	return names, nil
}

func writeReport(w io.Writer, dst string, r *convert.Report) {
	fmt.Fprintf(w, "%s: %s from %s (%s, sha256 %s)\n", dst, brief.Plain(r.Graph.Arch), brief.Plain(r.Source.File), r.Source.Format, r.Source.SHA256)
	fmt.Fprintf(w, "  tensors  %d, %s values, stored as %s, %s bytes\n", r.Tensors, grouped(r.Parameters), r.DType, grouped(r.Bytes))
	if len(r.Dropped) > 0 {
		fmt.Fprintf(w, "  left out %d entries that the network does not use: %s\n", len(r.Dropped), brief.List(r.Dropped, 4))
	}
	p := r.Recipe
	crop := p.Crop
	if p.Flip {
		crop += " and flip"
	}
	fmt.Fprintf(w, "  recipe   size %dx%d, resize %v, %s, crop %s, scale %s, mean %v, std %v, %s\n",
		p.Size[0], p.Size[1], p.Resize, p.Interpolation, crop, p.Scale, p.Mean, p.Std, p.Channels)
	if len(r.Classes) > 0 {
		fmt.Fprintf(w, "  classes  %d: %s\n", len(r.Classes), brief.List(r.Classes, 4))
	}
}

// wrapped lists names in lines of at most width characters.
func wrapped(names []string, width int, indent string) string {
	var b strings.Builder
	column := 0
	for i, n := range names {
		if i > 0 {
			b.WriteByte(',')
			if column += len(n) + 2; column > width {
				b.WriteString("\n" + indent)
				column = len(n)
			} else {
				b.WriteByte(' ')
			}
		}
		b.WriteString(n)
	}
	return b.String()
}
