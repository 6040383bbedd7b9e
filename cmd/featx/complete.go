package main

import (
	"cmp"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/engine/arch"
	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/features"
	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/kernels"
	"github.com/featx-go/featx/pca"
	"github.com/featx-go/featx/sink"
	"github.com/featx-go/featx/weights"
)

// flagValues are what the shell offers behind a flag, by its name in any verb. Behind other flags that take text it offers files, behind numbers nothing.
var flagValues = map[string]cobra.CompletionFunc{
	"model":   completeModel,
	"layer":   listed(layersOfModel),
	"pool":    words(poolModes()...),
	"pca":     files(pca.Ending),
	"isa":     listed(func(*cobra.Command, []string) []string { return strings.Split(join(kernels.All(), "\n"), "\n") }),
	"arch":    words(append(arch.Names(), arch.KerasNames()...)...),
	"dtype":   words("f32", "f16"),
	"output":  files(sink.Endings...),
	"svg":     files(".svg"),
	"in":      files(features.Endings...),
	"html":    files(".html"),
	"metric":  words(string(features.Cosine), string(features.L2)),
	"metrics": words(":9090", "localhost:9090"),
	"measure": files(image.Endings...),
	"range":   words("each", "shared"),
	"maps":    words(),

	"size":   words(),
	"resize": words("none"),
	"scale":  words("1", "1/255", "1/127.5"),
	"mean":   words(),
	"std":    words(),
}

// verbArguments are what it offers as the arguments of a verb, by the verb's path.
var verbArguments = map[string]cobra.CompletionFunc{
	"extract": files(append(slices.Clone(image.Endings), ".npy")...),
	"show":    inOrder(files(image.Endings...)),
	"layers":  inOrder(completeModel),
	"plan":    inOrder(completeModel),
	"bench":   inOrder(completeBenchModel),
	"models":  publishedNames,
	"models rm": func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return cachedNames(), noFiles
	},
	"pull":    publishedNames,
	"convert": inOrder(files(sourceEndings...), files(modelEnding)),
	"verify":  inOrder(completeModel, files(".npz")),
	"diff":    inOrder(files(features.Endings...), files(features.Endings...)),
	"similar": files(".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp"),
	"info":    words(),

	"pca":      words(),
	"pca fit":  words(),
	"pca show": inOrder(files(pca.Ending)),
}

// sourceEndings are the usual ones of what convert reads. It looks at the content, not at them.
var sourceEndings = []string{".pth", ".pt", ".bin", ".th", ".ckpt", ".tar", ".h5", ".hdf5", ".keras", ".json", ".onnx", ".safetensors"}

const noFiles = cobra.ShellCompDirectiveNoFileComp

// complete tells cobra what the shell may offer for each verb below root.
func complete(root *cobra.Command) {
	for _, f := range image.Fields {
		if values := image.Choices(f.Name); values != nil {
			flagValues[f.Name] = words(values...)
		}
	}
	var each func(*cobra.Command)
	each = func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			offer, ok := flagValues[f.Name]
			if !ok && !slices.Contains([]string{"bool", "string", "stringSlice"}, f.Value.Type()) {
				offer, ok = words(), true
			}
			if ok {
				if err := c.RegisterFlagCompletionFunc(f.Name, offer); err != nil {
					panic(err) // a flag that exists, once
				}
			}
		})
		_, verb, _ := strings.Cut(c.CommandPath(), " ")
		c.ValidArgsFunction = verbArguments[verb]
		for _, below := range c.Commands() {
			each(below)
		}
	}
	each(root)
}

func words(list ...string) cobra.CompletionFunc { return cobra.FixedCompletions(list, noFiles) }

// files offers those with the endings, and folders.
func files(endings ...string) cobra.CompletionFunc {
	var list []string
	for _, e := range endings {
		e = strings.TrimPrefix(e, ".")
		list = append(list, e, strings.ToUpper(e))
	}
	return cobra.FixedCompletions(list, cobra.ShellCompDirectiveFilterFileExt)
}

// inOrder offers something else for each argument, and nothing behind the last.
func inOrder(each ...cobra.CompletionFunc) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(each) {
			return nil, noFiles
		}
		return each[len(args)](c, args, begun)
	}
}

// listed offers values for a flag that takes several with commas; those that are there already are not offered again.
func listed(values func(*cobra.Command, []string) []string) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		before := begun[:strings.LastIndex(begun, ",")+1]
		var list []string
		for _, v := range values(c, args) {
			name, _, _ := strings.Cut(v, "\t")
			switch {
			case slices.Contains(strings.Split(before, ","), name):
			case before == "":
				list = append(list, v)
			default: // where descriptions are, cobra's script for bash finds nothing that has a comma
				list = append(list, before+name)
			}
		}
		return list, noFiles | cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveKeepOrder
	}
}

// completeModel offers model files, folders that may hold some, and names, without their source until one is begun; before
// anything is begun only those that need no download, and the sources.
func completeModel(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	var list []string
	offer := func(name, about string) {
		if strings.HasPrefix(name, begun) && !slices.ContainsFunc(list, func(v string) bool { return v == name || strings.HasPrefix(v, name+"\t") }) {
			list = append(list, cobra.CompletionWithDesc(name, about))
		}
	}
	offer(featx.EmbeddedName, "embedded")
	for _, name := range cachedNames() {
		offer(name, "cached")
	}
	for _, e := range weights.Registry() {
		source, name, _ := strings.Cut(e.Name, "/")
		switch {
		case notConvertible(e) != "":
		case begun == "":
			offer(source+"/", "published")
		case strings.Contains(begun, "/"):
			offer(e.Name, "published")
		default:
			offer(source+"/", "published")
			offer(name, "published")
		}
	}
	if len(list) == 0 {
		return files(modelEnding)(nil, nil, begun)
	}
	folder, _ := path.Split(begun)
	entries, _ := os.ReadDir(cmp.Or(folder, "."))
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(begun, folder+"."):
		case e.IsDir():
			offer(folder+e.Name()+"/", "folder")
		case path.Ext(e.Name()) == modelEnding:
			offer(folder+e.Name(), "file")
		}
	}
	if slices.ContainsFunc(list, func(v string) bool { return !strings.Contains(v, "/\t") }) {
		return list, noFiles
	}
	return list, noFiles | cobra.ShellCompDirectiveNoSpace
}

const modelEnding = ".safetensors"

// completeBenchModel offers the stock networks with --seeded.
func completeBenchModel(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if seeded, err := c.Flags().GetBool("seeded"); err == nil && seeded {
		return arch.Names(), noFiles
	}
	return completeModel(c, args, begun)
}

// publishedNames are those of the registry, with their sources.
func publishedNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var list []string
	for _, e := range weights.Registry() {
		if notConvertible(e) == "" {
			list = append(list, e.Name)
		}
	}
	return list, noFiles
}

func cachedNames() []string {
	cache, err := weights.DefaultCache()
	if err != nil {
		return nil
	}
	names, _ := cache.Names() // a cache that cannot be read is reported where it is used
	return names
}

// layersOfModel are the layers of the model that --model names, or the first argument, with their aliases. A published model need not be in the cache: its graph is known.
func layersOfModel(c *cobra.Command, args []string) []string {
	name := ""
	if f := c.Flag("model"); f != nil {
		name = f.Value.String()
	} else if len(args) > 0 {
		name = args[0]
	}
	var g *engine.Graph
	if m, err := weights.Find(name); err == nil {
		defer m.Close()
		g = m.Graph
	} else if e, err := weights.Lookup(name); err != nil || !weights.IsName(name) {
		return nil
	} else if g, err = graphOf(e); err != nil {
		return nil
	}
	nodes, err := g.Describe([2]int{})
	if err != nil {
		return nil
	}
	var list []string
	for _, n := range nodes {
		for _, name := range append([]string{n.Name}, n.Aliases...) {
			if brief.Plain(name) == name && !strings.Contains(name, ",") { // else the shell, or the flag, would take it apart
				list = append(list, cobra.CompletionWithDesc(name, n.Op+" "+times(n.Dims)))
			}
		}
	}
	return list
}
