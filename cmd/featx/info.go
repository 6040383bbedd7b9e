package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/klauspost/cpuid/v2"
	"github.com/spf13/cobra"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/kernels"
)

func newInfo() *cobra.Command {
	var isa string
	var isas bool
	c := &cobra.Command{
		Use:   "info",
		Short: "This CPU, its instruction sets, the kernels chosen, the embedded model",
		Long: `Shows what featx found here: the CPU and those of its features that matter, the
instruction sets that featx can use, the one that it chose and why, the code that each
family of kernels has, and the model inside the program.`,
		Example: `  featx info
  FEATX_ISA=generic featx info`,
		Args: arguments(0, 0, "none"),
		RunE: func(c *cobra.Command, _ []string) error {
			if isas {
				fmt.Fprintln(c.OutOrStdout(), join(kernels.All(), "\n"))
				return nil
			}
			return writeInfo(c.OutOrStdout(), isa)
		},
	}
	c.Flags().StringVar(&isa, "isa", "", "as of extract")
	c.Flags().BoolVar(&isas, "isas", false, "only the names of the instruction sets that can be used here, one per line, slowest first")
	return c
}

func writeInfo(w io.Writer, flag string) error {
	chosen, err := kernels.Select(flag)
	if err != nil {
		return err
	}
	why := "the best that this CPU and this build have"
	switch {
	case flag != "":
		why = "because of --isa"
	case os.Getenv(kernels.EnvISA) != "":
		why = "because of " + kernels.EnvISA
	}
	fmt.Fprintf(w, "featx      %s, %s, %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(w, "CPU        %s\n", cmp.Or(cpuid.CPU.BrandName, "unknown"))
	fmt.Fprintf(w, "cores      %d, of which %d are used by default\n", runtime.NumCPU(), runtime.GOMAXPROCS(0))
	fmt.Fprintf(w, "features   %s\n", cmp.Or(strings.Join(vectorFeatures(), " "), "none that matter"))
	fmt.Fprintf(w, "available  %s\n", join(kernels.All(), ", "))
	fmt.Fprintf(w, "chosen     %s, %s\n", chosen, why)

	fmt.Fprintf(w, "\nkernels (each runs %s where it can, else generic)\n", chosen)
	for _, f := range kernels.Catalogue {
		fmt.Fprintf(w, "  %-12s %-8s of %s: %s\n", f.Name, f.Runs(chosen), join(f.ISAs, ", "), f.Does)
	}

	m, err := featx.Open("")
	if err != nil {
		return err
	}
	defer m.Close()
	g, source := m.Graph(), m.Source()
	fmt.Fprintf(w, "\nembedded model  %s: %s, input %d x %d, %d classes\n", featx.EmbeddedName, g.Arch, g.Input.H, g.Input.W, len(m.Classes()))
	fmt.Fprintf(w, "  from          %s, sha256 %s\n", source.File, source.SHA256)
	return nil
}

// vectorFeatures are the CPU's features that kernels could use.
func vectorFeatures() []string {
	var list []string
	for _, f := range cpuid.CPU.FeatureSet() {
		for _, family := range []string{"AVX", "FMA", "F16C", "AMX", "ASIMD", "FP", "SVE"} {
			if strings.HasPrefix(f, family) {
				list = append(list, f)
				break
			}
		}
	}
	slices.Sort(list)
	return list
}

func join(list []kernels.ISA, separator string) string {
	names := make([]string, len(list))
	for i, isa := range list {
		names[i] = isa.String()
	}
	return strings.Join(names, separator)
}

// release is the version that `make dist` sets (-X main.release=...): what git describe says of the commit.
var release string

// version is the release, the module's version, or the commit that the program was built from.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown version"
	}
	setting := map[string]string{}
	for _, s := range info.Settings {
		setting[s.Key] = s.Value
	}
	version := cmp.Or(info.Main.Version, "(devel)")
	if rev := setting["vcs.revision"]; version == "(devel)" && len(rev) >= 12 {
		version = "commit " + rev[:12]
		if setting["vcs.modified"] == "true" {
			version += ", modified"
		}
	}
	return version
}
